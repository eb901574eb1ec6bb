/** All models: one row for each, with what its newest version is. */

import { api, ask, type Schemas } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Example } from "../../parts/Code.tsx";
import { type Filter, Filters, filtered } from "../../parts/Filters.tsx";
import { Empty } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Chip, Size, Time } from "../../parts/Text.tsx";
import { to } from "../../route.ts";
import { count, metric } from "../../words.ts";
import { aliasHref, deploymentHref, type Model, modelHref, versionHref } from "./data.ts";

const CODE = `mr = project.get_model_registry()
mr.python.create_model("my_model", metrics={"accuracy": 0.9}).save("model.pkl")`;

const MOST_METRICS = 3;

const COLUMNS: readonly Column<Model>[] = [
  {
    id: "name",
    head: "Name",
    isSorted: true,
    cell: (it) => (
      <>
        <a href={modelHref(it.name)}>
          <b>{it.name}</b>
        </a>
        {it.description ? <div class="sub clip">{it.description}</div> : null}
      </>
    ),
  },
  {
    id: "latest",
    head: "Latest",
    isNumber: true,
    cell: (it) => <a href={versionHref(it.name, it.latest)}>{it.latest}</a>,
  },
  {
    id: "framework",
    head: "Framework",
    isSorted: true,
    cell: (it) => <span class="word">{it.framework}</span>,
  },
  { id: "aliases", head: "Aliases", cell: (it) => <AliasChips of={it} /> },
  { id: "metrics", head: "Metrics of the latest", cell: (it) => <Metrics of={it.metrics} /> },
  {
    id: "versions",
    head: "Versions",
    isSorted: true,
    isNumber: true,
    cell: (it) => count(it.versions),
  },
  {
    id: "size_bytes",
    head: "Size",
    isSorted: true,
    isNumber: true,
    cell: (it) => <Size of={it.size_bytes} />,
  },
  { id: "deployments", head: "Used by", cell: (it) => <Users of={it.deployments} /> },
  { id: "updated", head: "Updated", isSorted: true, cell: (it) => <Time at={it.updated} /> },
  {
    id: "created",
    head: "Created",
    isSorted: true,
    isOptional: true,
    cell: (it) => <Time at={it.created} />,
  },
];

/** The aliases of a model, each with the version that it points at. */
export function AliasChips({ of }: { of: Model }) {
  const pointing = Object.entries(of.aliases);
  return (
    <span class="chips">
      {pointing.map(([alias, version]) => (
        <Chip key={alias} kind="alias" href={aliasHref(of.name, alias)}>
          {alias} → {version}
        </Chip>
      ))}
    </span>
  );
}

function Metrics({ of }: { of: Model["metrics"] }) {
  const all = Object.entries(of);
  return (
    <span class="sub">
      {all.slice(0, MOST_METRICS).map(([name, value], index) => (
        <span key={name}>
          {index ? " · " : ""}
          {name} <span class="num">{metric(value)}</span>
        </span>
      ))}
      {all.length > MOST_METRICS ? ` · ${all.length - MOST_METRICS} more` : ""}
    </span>
  );
}

/** The names of deployments as links. */
export function Users({ of }: { of: readonly string[] }) {
  return (
    <>
      {of.map((name, index) => (
        <span key={name}>
          {index ? ", " : ""}
          <a href={deploymentHref(name)}>{name}</a>
        </span>
      ))}
    </>
  );
}

/** A column for each metric of the rows; they are shown if they are chosen. */
function metricColumns(rows: readonly Model[]): Column<Model>[] {
  const names = [...new Set(rows.flatMap((it) => Object.keys(it.metrics)))].sort();
  return names.map((name) => ({
    id: `metric:${name}`,
    head: name,
    isNumber: true,
    isOptional: true,
    cell: (it) => metric(it.metrics[name]),
  }));
}

export function Models() {
  const filters: Filter[] = [
    { name: "name", label: "Name" },
    { name: "framework", label: "Framework", options: [] },
    {
      name: "deployed",
      label: "Deployed",
      options: [
        { value: "true", label: "used by a deployment" },
        { value: "false", label: "used by none" },
      ],
    },
  ];
  const { name, framework, deployed } = filtered(filters);
  const sort = sortOf("-updated");
  const query = {
    sort,
    name,
    framework: framework as Model["framework"] | undefined,
    deployed: deployed ? deployed === "true" : undefined,
    facets: true,
  };
  const pages = usePages<Model>(
    `models ${JSON.stringify(query)}`,
    (cursor, limit, signal) =>
      ask(
        api.GET("/api/v1/models", { params: { query: { ...query, cursor, limit } }, signal }),
      ),
    ["model", "model-removed", "alias"],
  );
  const facets = (pages.data as Schemas["Page_ModelRow_"] | undefined)?.facets;
  const frameworks = Object.entries(facets?.framework ?? {});
  const shown = filters.map((it) =>
    it.name === "framework"
      ? {
          ...it,
          options: frameworks.map(([value, n]) => ({ value, label: `${value} · ${n}` })),
        }
      : it,
  );
  const isFiltered = Boolean(name || framework || deployed);
  return (
    <Page
      crumbs={[{ label: "Models" }]}
      title="Models"
      actions={
        <Action href={to("/models/save")} kind="primary" scope="write">
          Save a version
        </Action>
      }
    >
      <Table
        label="Models"
        pages={pages}
        columns={[...COLUMNS, ...metricColumns(pages.data?.items ?? [])]}
        idOf={(it) => it.name}
        hrefOf={(it) => modelHref(it.name)}
        sort="-updated"
        filters={<Filters filters={shown} />}
        empty={
          isFiltered ? (
            <Empty title="No model fits these filters">Remove a filter to see more.</Empty>
          ) : (
            <Empty title="There are no models yet">
              Save a version with the button above, or in Python:
              <Example way="python" code={CODE} />
            </Empty>
          )
        }
      />
    </Page>
  );
}
