/** All aliases of a model, and the history of one. */

import { api, ask } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Example, python } from "../../parts/Code.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { By, Time } from "../../parts/Text.tsx";
import { to } from "../../route.ts";
import type { PageProps } from "../routes.tsx";
import { askToDeleteAlias, askToRollBackNamed, askToSetAlias } from "./actions.tsx";
import { AliasFacts } from "./alias-card.tsx";
import { type Alias, about, aliasHref, modelHref, versionHref } from "./data.ts";
import { ModelPage } from "./frame.tsx";

const whyOf = (it: Alias) => (it.why ? <span class="quote">“{it.why}”</span> : null);

const shared = (model: string): Column<Alias>[] => [
  {
    id: "version",
    head: "Points at",
    isSorted: true,
    cell: (it) =>
      it.version === null ? (
        <span class="muted">none: the alias was deleted</span>
      ) : (
        <a href={versionHref(model, it.version)}>version {it.version}</a>
      ),
  },
  { id: "why", head: "Why", cell: whyOf },
  { id: "by", head: "By", cell: (it) => <By of={it.by} /> },
  { id: "when", head: "When", isSorted: true, cell: (it) => <Time at={it.when} /> },
];

/** `/ui/models/:model/aliases`. */
export function ModelAliases({ params }: PageProps) {
  const model = params.model ?? "";
  const sort = sortOf("alias");
  const pages = usePages<Alias>(
    `aliases ${model} ${sort}`,
    (cursor, limit, signal) => {
      const params = { path: { model }, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/aliases", { params, signal }));
    },
    about(model),
  );
  const columns: Column<Alias>[] = [
    {
      id: "alias",
      head: "Alias",
      isSorted: true,
      cell: (it) => (
        <a href={aliasHref(model, it.alias)}>
          <b>{it.alias}</b>
        </a>
      ),
    },
    ...shared(model),
    {
      id: "actions",
      head: "",
      cell: (it) => (
        <span class="acts">
          <Action
            small
            scope="write"
            label={`Move ${it.alias}`}
            onClick={() => askToSetAlias(model, it.alias, it.version ?? undefined)}
          >
            Move…
          </Action>
          <Action
            small
            scope="write"
            label={`Roll back ${it.alias}`}
            onClick={() => askToRollBackNamed(model, it.alias)}
          >
            Roll back…
          </Action>
          <Action small href={aliasHref(model, it.alias)} label={`History of ${it.alias}`}>
            History
          </Action>
        </span>
      ),
    },
  ];
  return (
    <ModelPage model={model}>
      {(it) => (
        <Table
          label={`Aliases of ${model}`}
          pages={pages}
          columns={columns}
          idOf={(it) => it.alias}
          hrefOf={(it) => aliasHref(model, it.alias)}
          sort="alias"
          tools={
            <Action small scope="write" onClick={() => askToSetAlias(model, "", it.latest)}>
              Set an alias…
            </Action>
          }
          empty={
            <Empty title={`${model} has no aliases`}>
              With an alias, programs can load a version without knowing its number.
              <Example
                way="python"
                code={`mr = project.get_model_registry()\nmr.set_alias(${python(model)}, "champion", ${it.latest}, why="the best so far")`}
              />
            </Empty>
          }
        />
      )}
    </ModelPage>
  );
}

/** `/ui/models/:model/aliases/:alias`: the history of one alias. */
export function AliasHistory({ params }: PageProps) {
  const { model = "", alias = "" } = params;
  const sort = sortOf("-entry");
  const path = { model, alias };
  const pages = usePages<Alias>(
    `alias history ${model} ${alias} ${sort}`,
    (cursor, limit, signal) => {
      const params = { path, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/aliases/{alias}/history", { params, signal }));
    },
    about(model),
  );
  const now = useLoad(
    `aliases of ${model}`,
    (signal) => ask(api.GET("/api/v1/models/{model}", { params: { path: { model } }, signal })),
    about(model),
  );
  const columns = shared(model).map((it) =>
    it.id === "when" ? { ...it, id: "entry" } : { ...it, isSorted: false },
  );
  return (
    <Page
      crumbs={[
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: "aliases", href: `${modelHref(model)}/aliases` },
        { label: alias },
      ]}
      title={`Alias ${alias} of ${model}`}
    >
      <div class="split wide-left">
        <div>
          <Table
            label={`History of ${alias}`}
            pages={pages}
            columns={columns}
            idOf={(it) => String(it.entry)}
            sort="-entry"
            empty={
              <Empty title={`${alias} was never set`}>{model} has no such alias yet.</Empty>
            }
          />
        </div>
        <aside class="card" aria-label="Alias">
          <Shown loaded={now} lines={4}>
            {(it) =>
              alias in it.aliases ? (
                <>
                  <AliasFacts model={model} alias={alias} />
                  <div class="acts below">
                    <Action
                      small
                      kind="danger"
                      scope="write"
                      onClick={() => askToDeleteAlias(model, alias)}
                    >
                      Delete alias…
                    </Action>
                  </div>
                </>
              ) : (
                <>
                  <p>It points at no version now.</p>
                  <Action scope="write" onClick={() => askToSetAlias(model, alias, it.latest)}>
                    Set it again…
                  </Action>
                </>
              )
            }
          </Shown>
        </aside>
      </div>
    </Page>
  );
}
