/** All deployments, with their states: the page that the web UI starts with. */

import { useState } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useAgain, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Bars } from "../../parts/Bars.tsx";
import { curl, Example, SameIn } from "../../parts/Code.tsx";
import { type Filter, Filters, filtered, optionsOf } from "../../parts/Filters.tsx";
import { Menu } from "../../parts/Menu.tsx";
import { Empty } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Chip, Time } from "../../parts/Text.tsx";
import { setQuery, to, withQuery } from "../../route.ts";
import type { paths } from "../../schema.d.ts";
import { count, duration, many } from "../../words.ts";
import { askToDelete, askToStart, askToStop, progressOf, StartStop } from "./actions.tsx";
import { isPassing, RunState, toneOf } from "./state.tsx";
import { lineOf, tabOf } from "./tab.ts";

type Row = Schemas["DeploymentRow"];
type Query = NonNullable<paths["/api/v1/deployments"]["get"]["parameters"]["query"]>;
type Facet = "status" | "framework" | "serving_tool" | "creator";

const MODELS_SHOWN = 20;
/** No event says that requests came. */
const COUNTS_MS = 10_000;

const FILTERS: readonly Filter[] = [
  { name: "name", label: "Name" },
  { name: "status", label: "State", find: facet("status") },
  { name: "model", label: "Model", find: models, isSearched: true },
  { name: "framework", label: "Framework", find: facet("framework") },
  { name: "serving_tool", label: "Tool", find: facet("serving_tool") },
  { name: "creator", label: "Creator", find: facet("creator") },
  {
    name: "has_errors",
    label: "Errors",
    options: [
      { value: "true", label: "has errors" },
      { value: "false", label: "none" },
    ],
  },
];

/** The filters in the address, as a query of the API. */
function wanted(): Query {
  const { has_errors, ...given } = filtered(FILTERS);
  const errors = has_errors ? { has_errors: has_errors === "true" } : {};
  return { ...(given as Query), ...errors };
}

/** Return a search for the values of a field, with the number of deployments for each. */
function facet(name: Facet) {
  return async (_: string, signal: AbortSignal) => {
    const query = { ...wanted(), facets: true, limit: 1 };
    const page = await ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
    return optionsOf(page.facets?.[name]);
  };
}

async function models(text: string, signal: AbortSignal) {
  const query = { name: text, limit: MODELS_SHOWN };
  const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
  return page.items.map(({ name }) => ({ value: name, label: name }));
}

const COLUMNS: readonly Column<Row>[] = [
  {
    id: "name",
    head: "Name",
    isSorted: true,
    cell: (it) => (
      <a class="name" href={tabOf(it.name)}>
        {it.name}
      </a>
    ),
  },
  { id: "status", head: "State", isSorted: true, cell: (it) => <StateCell of={it} /> },
  {
    id: "model",
    head: "Model and artifact",
    isSorted: true,
    cell: (it) => <ModelCell of={it} />,
  },
  {
    id: "instances",
    head: "Instances",
    isNumber: true,
    cell: (it) => <Instances of={it} />,
  },
  { id: "requests", head: "Requests, last hour", cell: (it) => <Requests of={it} /> },
  {
    id: "p95",
    head: "p95",
    isNumber: true,
    cell: ({ last_hour: hour }) =>
      typeof hour?.p95_ms === "number" ? duration(hour.p95_ms) : <span class="muted">–</span>,
  },
  { id: "error", head: "Last error", cell: (it) => <LastError of={it} /> },
  {
    id: "framework",
    head: "Framework",
    isSorted: true,
    isOptional: true,
    cell: (it) => it.framework,
  },
  { id: "tool", head: "Tool", isOptional: true, cell: (it) => it.serving_tool },
  { id: "protocol", head: "Protocol", isOptional: true, cell: (it) => it.api_protocol },
  {
    id: "version",
    head: "Version",
    isSorted: true,
    isNumber: true,
    isOptional: true,
    cell: (it) => it.version,
  },
  {
    id: "creator",
    head: "Creator",
    isSorted: true,
    isOptional: true,
    cell: (it) => (
      <a href={withQuery(to("/deployments"), { creator: it.creator })}>{it.creator}</a>
    ),
  },
  {
    id: "created",
    head: "Created",
    isSorted: true,
    isOptional: true,
    cell: (it) => <Time at={it.created} />,
  },
  {
    id: "updated",
    head: "Updated",
    isSorted: true,
    cell: (it) => (
      <a class="quiet" href={tabOf(it.name, "versions")}>
        <Time at={it.updated} />
      </a>
    ),
  },
  { id: "actions", head: "", cell: (it) => <RowActions of={it} /> },
];

function StateCell({ of: { name, state } }: { of: Row }) {
  const isOpen = isPassing(state) || toneOf(state) === "bad";
  return <RunState state={state} steps={isOpen ? progressOf(name) : undefined} />;
}

function ModelCell({ of: it }: { of: Row }) {
  const model = to("/models", it.model);
  return (
    <>
      <a href={model}>{it.model}</a>{" "}
      <a class="quiet" href={`${model}/versions/${it.model_version}`}>
        version {it.model_version}
      </a>
      {it.model_aliases.length ? (
        <div class="chips">
          {it.model_aliases.map((alias) => (
            <Chip
              key={alias}
              kind="alias"
              href={`${model}/aliases/${encodeURIComponent(alias)}`}
            >
              {alias}
            </Chip>
          ))}
        </div>
      ) : null}
      <div class="sub">
        <a class="quiet" href={tabOf(it.name, "artifact")}>
          artifact {it.artifact_version}
        </a>
        {it.artifact_version ? "" : " (no scripts)"}
      </div>
    </>
  );
}

/** How many instances answer, of those that were asked for. */
function Instances({ of: { state, instances } }: { of: Row }) {
  const answering = state.available_predictor_instances;
  if (!state.deployed) {
    return <span class="muted">–</span>;
  }
  return <>{answering === instances ? count(instances) : `${answering} of ${instances}`}</>;
}

/** How many requests came in each minute of the last hour, and in all. */
function Requests({ of: { name, last_hour: hour } }: { of: Row }) {
  if (!hour?.requests.length) {
    return <span class="muted">–</span>;
  }
  const total = hour.requests.reduce((sum, it) => sum + it, 0);
  return (
    <a class="quiet" href={tabOf(name, "traffic")}>
      <Bars label={`${many(total, "request")} in the last hour`} values={hour.requests} />
      <div class="sub">{count(total)}</div>
    </a>
  );
}

/** The last error of the run, with its line, or how many requests were refused. */
function LastError({ of: { name, state, last_hour: hour } }: { of: Row }) {
  const error = state.last_error;
  const total = hour?.requests.reduce((sum, it) => sum + it, 0) ?? 0;
  return (
    <>
      {error ? (
        <div class="sub" title={error.message}>
          <span class="condition">
            {error.type ?? error.message}
            {error.file && error.line ? (
              <>
                {" in "}
                <a href={lineOf(name, error.file, error.line)}>
                  line {error.line} of {error.file}
                </a>
              </>
            ) : null}
          </span>
          <Time at={error.time} />
        </div>
      ) : null}
      {hour?.errors ? (
        <div class="sub">
          {count(hour.errors)} of {many(total, "request")} failed in the last hour
        </div>
      ) : null}
    </>
  );
}

function RowActions({ of: it }: { of: Row }) {
  return (
    <div class="row-actions">
      <StartStop of={it} small />
      <Menu label="⋯" name={`More about ${it.name}`}>
        <a class="menu-item" href={tabOf(it.name)}>
          Open
        </a>
        <a class="menu-item" href={tabOf(it.name, "edit")}>
          Edit
        </a>
        <a class="menu-item" href={tabOf(it.name, "logs")}>
          Logs
        </a>
        <a class="menu-item" href={tabOf(it.name, "versions")}>
          Roll back…
        </a>
        <Action scope="deploy" kind="item" onClick={() => askToDelete([it])}>
          Delete…
        </Action>
      </Menu>
    </div>
  );
}

/** The buttons for all selected rows. */
function Picked(props: { rows: readonly Row[]; onClear: () => void }) {
  const { rows, onClear } = props;
  return (
    <fieldset class="picked filters">
      <legend class="hidden">Selected deployments</legend>
      <span class="sub" role="status">
        {count(rows.length)} selected
      </span>
      <Action scope="deploy" small onClick={() => askToStart(rows)}>
        Start
      </Action>
      <Action scope="deploy" small onClick={() => askToStop(rows)}>
        Stop
      </Action>
      <Action scope="deploy" small onClick={() => askToDelete(rows, onClear)}>
        Delete
      </Action>
      <Action small kind="quiet" onClick={onClear}>
        Clear
      </Action>
    </fieldset>
  );
}

export function DeploymentsPage() {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const sort = sortOf("name");
  const query = { ...wanted(), sort };
  const list = withQuery("/api/v1/deployments", { ...filtered(FILTERS), sort });
  const pages = usePages<Row>(
    list,
    (cursor, limit, signal) => {
      const params = { query: { ...query, cursor, limit } };
      return ask(api.GET("/api/v1/deployments", { params, signal }));
    },
    ["deployment", "deployment-removed", "alias"],
  );
  const isAnswering = (pages.data?.items ?? []).some((it) => it.state.deployed);
  useAgain(pages, isAnswering && !pages.isLoading, COUNTS_MS);
  const picked = (pages.data?.items ?? []).filter((it) => selected.has(it.name));
  const isFiltered = Object.keys(wanted()).length > 0;
  const isEmpty = pages.data?.total === 0 && !isFiltered;
  return (
    <Page
      crumbs={[{ label: "Deployments" }]}
      title="Deployments"
      actions={
        <Action kind="primary" scope="deploy" href={to("/deployments/new")}>
          {isEmpty ? "New deployment" : "Create new deployment"}
        </Action>
      }
    >
      <Table
        label="Deployments"
        pages={pages}
        columns={COLUMNS}
        idOf={(it) => it.name}
        hrefOf={(it) => tabOf(it.name)}
        selected={selected}
        onSelect={setSelected}
        sort="name"
        filters={<Filters filters={FILTERS} />}
        tools={
          picked.length ? <Picked rows={picked} onClear={() => setSelected(new Set())} /> : null
        }
        empty={isFiltered ? <NothingFits /> : <Nothing />}
      />
      <SameIn
        ways={{
          python: "ms = project.get_model_serving()\nms.get_deployments()",
          cli: "hopsartifacts deployments list",
          curl: curl("GET", list),
        }}
      />
    </Page>
  );
}

function NothingFits() {
  const none = Object.fromEntries(FILTERS.map(({ name }) => [name, undefined]));
  return (
    <Empty title="No deployment fits these filters">
      <Action onClick={() => setQuery(none)}>Remove all filters</Action>
    </Empty>
  );
}

function Nothing() {
  return (
    <Empty title="No deployments yet">
      <p>
        A deployment answers requests with a version of a model. Choose one of the{" "}
        <a href={to("/models")}>models</a>, here or in Python:
      </p>
      <Example
        way="python"
        code={
          'model = project.get_model_registry().get_model("my_model")\n' +
          'model.deploy(script_file="predictor.py").start()'
        }
      />
    </Empty>
  );
}
