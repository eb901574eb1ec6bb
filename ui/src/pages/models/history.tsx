/** Everything that happened to a model, and which deployments use it. */

import { api, ask, type Schemas } from "../../api.ts";
import { usePages } from "../../load.ts";
import { Empty } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { By, Chip, Time } from "../../parts/Text.tsx";
import { RunState } from "../deployments/state.tsx";
import type { PageProps } from "../routes.tsx";
import {
  about,
  aliasHref,
  deploymentHref,
  type Model,
  shownValue,
  versionHref,
} from "./data.ts";
import { ModelPage } from "./frame.tsx";

type Change = Schemas["ModelChange"];
type Deployment = Schemas["DeploymentRow"];

/** `/ui/models/:model/history`. */
export function ModelHistory({ params }: PageProps) {
  const model = params.model ?? "";
  const sort = sortOf("-entry");
  const pages = usePages<Change>(
    `history ${model} ${sort}`,
    (cursor, limit, signal) => {
      const params = { path: { model }, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/history", { params, signal }));
    },
    about(model),
  );
  const columns: Column<Change>[] = [
    { id: "entry", head: "When", isSorted: true, cell: (it) => <Time at={it.when} /> },
    {
      id: "what",
      head: "What",
      cell: (it) => (
        <span class="in-text">
          {it.alias ? <a href={aliasHref(model, it.alias)}>{it.alias}</a> : null} {it.kind}
        </span>
      ),
    },
    {
      id: "version",
      head: "Version",
      isNumber: true,
      cell: (it) =>
        it.version === null ? null : <a href={versionHref(model, it.version)}>{it.version}</a>,
    },
    { id: "change", head: "Change", cell: (it) => <BeforeAfter of={it} /> },
    {
      id: "why",
      head: "Why",
      cell: (it) => (it.why ? <span class="quote">“{it.why}”</span> : null),
    },
    { id: "by", head: "By", cell: (it) => <By of={it.by} /> },
  ];
  return (
    <ModelPage model={model}>
      {() => (
        <Table
          label={`History of ${model}`}
          pages={pages}
          columns={columns}
          idOf={(it) => String(it.entry)}
          sort="-entry"
          empty={<Empty title="Nothing happened yet" />}
        />
      )}
    </ModelPage>
  );
}

function BeforeAfter({ of: { before, after } }: { of: Change }) {
  if (before === null && after === null) {
    return null;
  }
  return (
    <span class="sub">
      {before === null ? "" : `${shownValue(before)} `}→{" "}
      {after === null ? "nothing" : shownValue(after)}
    </span>
  );
}

const COLUMNS: readonly Column<Deployment>[] = [
  {
    id: "name",
    head: "Deployment",
    isSorted: true,
    cell: (it) => (
      <a href={deploymentHref(it.name)}>
        <b>{it.name}</b>
      </a>
    ),
  },
  { id: "status", head: "State", isSorted: true, cell: (it) => <RunState state={it.state} /> },
  {
    id: "model_version",
    head: "Model version",
    isNumber: true,
    cell: (it) => <a href={versionHref(it.model, it.model_version)}>{it.model_version}</a>,
  },
  {
    id: "model_aliases",
    head: "Aliases of it",
    cell: (it) => (
      <span class="chips">
        {it.model_aliases.map((alias) => (
          <Chip key={alias} kind="alias" href={aliasHref(it.model, alias)}>
            {alias}
          </Chip>
        ))}
      </span>
    ),
  },
  {
    id: "artifact_version",
    head: "Artifact",
    isSorted: true,
    isNumber: true,
    cell: (it) => it.artifact_version,
  },
  { id: "creator", head: "Creator", isSorted: true, cell: (it) => it.creator },
  { id: "updated", head: "Updated", isSorted: true, cell: (it) => <Time at={it.updated} /> },
];

/** `/ui/models/:model/uses`. */
export function ModelUses({ params }: PageProps) {
  const model = params.model ?? "";
  return <ModelPage model={model}>{(it) => <Uses model={it} />}</ModelPage>;
}

function Uses({ model }: { model: Model }) {
  const sort = sortOf("name");
  const pages = usePages<Deployment>(
    `uses ${model.name} ${sort}`,
    (cursor, limit, signal) => {
      const query = { model: model.name, sort, cursor, limit };
      return ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
    },
    ["deployment", "deployment-removed", "model", "alias"],
  );
  return (
    <Table
      label={`Deployments of ${model.name}`}
      pages={pages}
      columns={COLUMNS}
      idOf={(it) => it.name}
      hrefOf={(it) => deploymentHref(it.name)}
      sort="name"
      empty={
        <Empty title={`No deployment runs ${model.name}`}>
          Deploy a version with the button above.
        </Empty>
      }
    />
  );
}
