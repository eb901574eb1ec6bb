import {
  Bars,
  StartStop,
  askToDelete,
  askToStart,
  askToStop,
  lineOf,
  progressOf,
  tabOf
} from "./shared-3.js";
import {
  RunState,
  isPassing,
  toneOf
} from "./shared-5.js";
import {
  Filters,
  filtered,
  optionsOf
} from "./shared-10.js";
import {
  Menu,
  Table,
  sortOf
} from "./shared-12.js";
import {
  $,
  A,
  Action,
  Chip,
  Empty,
  Example,
  F,
  Frame,
  Page,
  Problem,
  ProblemError,
  Q,
  SameIn,
  Time,
  Waiting,
  a,
  api,
  asProblem,
  ask,
  connection,
  count,
  curl,
  d,
  duration,
  go,
  loadMe,
  many,
  matched,
  place,
  setQuery,
  startClock,
  startKeys,
  startLive,
  startRouting,
  to,
  useAgain,
  usePages,
  withQuery
} from "./shared-1.js";

// src/lazy.tsx
var sections = /* @__PURE__ */ new Set();
var loaded = /* @__PURE__ */ new Map();
var LATER_MS = 1500;
async function load(section) {
  const pages = await section();
  loaded.set(section, pages);
  return pages;
}
function lazy(section, name) {
  sections.add(section);
  return function Lazy({ params }) {
    const [problem, setProblem] = d(null);
    const [, draw] = d(0);
    const [attempt, setAttempt] = d(0);
    const Page2 = loaded.get(section)?.[name];
    const { isUp } = connection.value;
    F(() => {
      if (Page2) {
        return;
      }
      load(section).then(
        () => {
          setProblem(null);
          draw((count2) => count2 + 1);
        },
        (cause) => {
          const told = asProblem(cause);
          setProblem(told instanceof ProblemError ? told : null);
        }
      );
    }, [Page2, attempt, isUp]);
    if (Page2) {
      return /* @__PURE__ */ a(Page2, { params });
    }
    return /* @__PURE__ */ a("main", { class: "page", children: problem ? /* @__PURE__ */ a(Problem, { problem, onRetry: () => setAttempt(attempt + 1) }) : /* @__PURE__ */ a(Waiting, {}) });
  };
}
function loadLater() {
  setTimeout(() => {
    for (const section of sections) {
      load(section).catch(() => void 0);
    }
  }, LATER_MS);
}

// src/pages/deployments/list.tsx
var MODELS_SHOWN = 20;
var COUNTS_MS = 1e4;
var FILTERS = [
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
      { value: "false", label: "none" }
    ]
  }
];
function wanted() {
  const { has_errors, ...given } = filtered(FILTERS);
  const errors = has_errors ? { has_errors: has_errors === "true" } : {};
  return { ...given, ...errors };
}
function facet(name) {
  return async (_, signal) => {
    const query = { ...wanted(), facets: true, limit: 1 };
    const page = await ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
    return optionsOf(page.facets?.[name]);
  };
}
async function models(text, signal) {
  const query = { name: text, limit: MODELS_SHOWN };
  const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
  return page.items.map(({ name }) => ({ value: name, label: name }));
}
var COLUMNS = [
  {
    id: "name",
    head: "Name",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("a", { class: "name", href: tabOf(it.name), children: it.name })
  },
  { id: "status", head: "State", isSorted: true, cell: (it) => /* @__PURE__ */ a(StateCell, { of: it }) },
  {
    id: "model",
    head: "Model and artifact",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a(ModelCell, { of: it })
  },
  {
    id: "instances",
    head: "Instances",
    isNumber: true,
    cell: (it) => /* @__PURE__ */ a(Instances, { of: it })
  },
  { id: "requests", head: "Requests, last hour", cell: (it) => /* @__PURE__ */ a(Requests, { of: it }) },
  {
    id: "p95",
    head: "p95",
    isNumber: true,
    cell: ({ last_hour: hour }) => typeof hour?.p95_ms === "number" ? duration(hour.p95_ms) : /* @__PURE__ */ a("span", { class: "muted", children: "–" })
  },
  { id: "error", head: "Last error", cell: (it) => /* @__PURE__ */ a(LastError, { of: it }) },
  {
    id: "framework",
    head: "Framework",
    isSorted: true,
    isOptional: true,
    cell: (it) => it.framework
  },
  { id: "tool", head: "Tool", isOptional: true, cell: (it) => it.serving_tool },
  { id: "protocol", head: "Protocol", isOptional: true, cell: (it) => it.api_protocol },
  {
    id: "version",
    head: "Version",
    isSorted: true,
    isNumber: true,
    isOptional: true,
    cell: (it) => it.version
  },
  {
    id: "creator",
    head: "Creator",
    isSorted: true,
    isOptional: true,
    cell: (it) => /* @__PURE__ */ a("a", { href: withQuery(to("/deployments"), { creator: it.creator }), children: it.creator })
  },
  {
    id: "created",
    head: "Created",
    isSorted: true,
    isOptional: true,
    cell: (it) => /* @__PURE__ */ a(Time, { at: it.created })
  },
  {
    id: "updated",
    head: "Updated",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("a", { class: "quiet", href: tabOf(it.name, "versions"), children: /* @__PURE__ */ a(Time, { at: it.updated }) })
  },
  { id: "actions", head: "", cell: (it) => /* @__PURE__ */ a(RowActions, { of: it }) }
];
function StateCell({ of: { name, state } }) {
  const isOpen = isPassing(state) || toneOf(state) === "bad";
  return /* @__PURE__ */ a(RunState, { state, steps: isOpen ? progressOf(name) : void 0 });
}
function ModelCell({ of: it }) {
  const model = to("/models", it.model);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("a", { href: model, children: it.model }),
    " ",
    /* @__PURE__ */ a("a", { class: "quiet", href: `${model}/versions/${it.model_version}`, children: [
      "version ",
      it.model_version
    ] }),
    it.model_aliases.length ? /* @__PURE__ */ a("div", { class: "chips", children: it.model_aliases.map((alias) => /* @__PURE__ */ a(
      Chip,
      {
        kind: "alias",
        href: `${model}/aliases/${encodeURIComponent(alias)}`,
        children: alias
      },
      alias
    )) }) : null,
    /* @__PURE__ */ a("div", { class: "sub", children: [
      /* @__PURE__ */ a("a", { class: "quiet", href: tabOf(it.name, "artifact"), children: [
        "artifact ",
        it.artifact_version
      ] }),
      it.artifact_version ? "" : " (no scripts)"
    ] })
  ] });
}
function Instances({ of: { state, instances } }) {
  const answering = state.available_predictor_instances;
  if (!state.deployed) {
    return /* @__PURE__ */ a("span", { class: "muted", children: "–" });
  }
  return /* @__PURE__ */ a($, { children: answering === instances ? count(instances) : `${answering} of ${instances}` });
}
function Requests({ of: { name, last_hour: hour } }) {
  if (!hour?.requests.length) {
    return /* @__PURE__ */ a("span", { class: "muted", children: "–" });
  }
  const total = hour.requests.reduce((sum, it) => sum + it, 0);
  return /* @__PURE__ */ a("a", { class: "quiet", href: tabOf(name, "traffic"), children: [
    /* @__PURE__ */ a(Bars, { label: `${many(total, "request")} in the last hour`, values: hour.requests }),
    /* @__PURE__ */ a("div", { class: "sub", children: count(total) })
  ] });
}
function LastError({ of: { name, state, last_hour: hour } }) {
  const error = state.last_error;
  const total = hour?.requests.reduce((sum, it) => sum + it, 0) ?? 0;
  return /* @__PURE__ */ a($, { children: [
    error ? /* @__PURE__ */ a("div", { class: "sub", title: error.message, children: [
      /* @__PURE__ */ a("span", { class: "condition", children: [
        error.type ?? error.message,
        error.file && error.line ? /* @__PURE__ */ a($, { children: [
          " in ",
          /* @__PURE__ */ a("a", { href: lineOf(name, error.file, error.line), children: [
            "line ",
            error.line,
            " of ",
            error.file
          ] })
        ] }) : null
      ] }),
      /* @__PURE__ */ a(Time, { at: error.time })
    ] }) : null,
    hour?.errors ? /* @__PURE__ */ a("div", { class: "sub", children: [
      count(hour.errors),
      " of ",
      many(total, "request"),
      " failed in the last hour"
    ] }) : null
  ] });
}
function RowActions({ of: it }) {
  return /* @__PURE__ */ a("div", { class: "row-actions", children: [
    /* @__PURE__ */ a(StartStop, { of: it, small: true }),
    /* @__PURE__ */ a(Menu, { label: "⋯", name: `More about ${it.name}`, children: [
      /* @__PURE__ */ a("a", { class: "menu-item", href: tabOf(it.name), children: "Open" }),
      /* @__PURE__ */ a("a", { class: "menu-item", href: tabOf(it.name, "edit"), children: "Edit" }),
      /* @__PURE__ */ a("a", { class: "menu-item", href: tabOf(it.name, "logs"), children: "Logs" }),
      /* @__PURE__ */ a("a", { class: "menu-item", href: tabOf(it.name, "versions"), children: "Roll back…" }),
      /* @__PURE__ */ a(Action, { scope: "deploy", kind: "item", onClick: () => askToDelete([it]), children: "Delete…" })
    ] })
  ] });
}
function Picked(props) {
  const { rows, onClear } = props;
  return /* @__PURE__ */ a("fieldset", { class: "picked filters", children: [
    /* @__PURE__ */ a("legend", { class: "hidden", children: "Selected deployments" }),
    /* @__PURE__ */ a("span", { class: "sub", role: "status", children: [
      count(rows.length),
      " selected"
    ] }),
    /* @__PURE__ */ a(Action, { scope: "deploy", small: true, onClick: () => askToStart(rows), children: "Start" }),
    /* @__PURE__ */ a(Action, { scope: "deploy", small: true, onClick: () => askToStop(rows), children: "Stop" }),
    /* @__PURE__ */ a(Action, { scope: "deploy", small: true, onClick: () => askToDelete(rows, onClear), children: "Delete" }),
    /* @__PURE__ */ a(Action, { small: true, kind: "quiet", onClick: onClear, children: "Clear" })
  ] });
}
function DeploymentsPage() {
  const [selected, setSelected] = d(/* @__PURE__ */ new Set());
  const sort = sortOf("name");
  const query = { ...wanted(), sort };
  const list = withQuery("/api/v1/deployments", { ...filtered(FILTERS), sort });
  const pages = usePages(
    list,
    (cursor, limit, signal) => {
      const params = { query: { ...query, cursor, limit } };
      return ask(api.GET("/api/v1/deployments", { params, signal }));
    },
    ["deployment", "deployment-removed", "alias"]
  );
  const isAnswering = (pages.data?.items ?? []).some((it) => it.state.deployed);
  useAgain(pages, isAnswering && !pages.isLoading, COUNTS_MS);
  const picked = (pages.data?.items ?? []).filter((it) => selected.has(it.name));
  const isFiltered = Object.keys(wanted()).length > 0;
  const isEmpty = pages.data?.total === 0 && !isFiltered;
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Deployments" }],
      title: "Deployments",
      actions: /* @__PURE__ */ a(Action, { kind: "primary", scope: "deploy", href: to("/deployments/new"), children: isEmpty ? "New deployment" : "Create new deployment" }),
      children: [
        /* @__PURE__ */ a(
          Table,
          {
            label: "Deployments",
            pages,
            columns: COLUMNS,
            idOf: (it) => it.name,
            hrefOf: (it) => tabOf(it.name),
            selected,
            onSelect: setSelected,
            sort: "name",
            filters: /* @__PURE__ */ a(Filters, { filters: FILTERS }),
            tools: picked.length ? /* @__PURE__ */ a(Picked, { rows: picked, onClear: () => setSelected(/* @__PURE__ */ new Set()) }) : null,
            empty: isFiltered ? /* @__PURE__ */ a(NothingFits, {}) : /* @__PURE__ */ a(Nothing, {})
          }
        ),
        /* @__PURE__ */ a(
          SameIn,
          {
            ways: {
              python: "ms = project.get_model_serving()\nms.get_deployments()",
              cli: "hopsartifacts deployments list",
              curl: curl("GET", list)
            }
          }
        )
      ]
    }
  );
}
function NothingFits() {
  const none = Object.fromEntries(FILTERS.map(({ name }) => [name, void 0]));
  return /* @__PURE__ */ a(Empty, { title: "No deployment fits these filters", children: /* @__PURE__ */ a(Action, { onClick: () => setQuery(none), children: "Remove all filters" }) });
}
function Nothing() {
  return /* @__PURE__ */ a(Empty, { title: "No deployments yet", children: [
    /* @__PURE__ */ a("p", { children: [
      "A deployment answers requests with a version of a model. Choose one of the",
      " ",
      /* @__PURE__ */ a("a", { href: to("/models"), children: "models" }),
      ", here or in Python:"
    ] }),
    /* @__PURE__ */ a(
      Example,
      {
        way: "python",
        code: 'model = project.get_model_registry().get_model("my_model")\nmodel.deploy(script_file="predictor.py").start()'
      }
    )
  ] });
}

// src/pages/routes.tsx
var deployments = () => import("./deployments.js");
var files = () => import("./files.js");
var forms = () => import("./form.js");
var models2 = () => import("./models.js");
var server = () => import("./server.js");
var ROUTES = [
  // One line for each page.
  ["/deployments/new", lazy(forms, "NewDeployment")],
  ["/deployments/new/advanced", lazy(forms, "NewDeploymentInFull")],
  ["/deployments/:name/edit", lazy(forms, "EditDeployment")],
  ["/login", lazy(server, "Login")],
  ["/keys", lazy(server, "KeysPage")],
  ["/keys/logins", lazy(server, "Logins")],
  ["/health", lazy(server, "HealthPage")],
  ["/health/storage", lazy(server, "StoragePage")],
  ["/health/jobs", lazy(server, "JobsPage")],
  ["/models/save", lazy(models2, "SavePage")],
  ["/deployments", DeploymentsPage],
  ["/deployments/:name", lazy(deployments, "DeploymentPage")],
  ["/deployments/:name/progress", lazy(deployments, "ProgressPage")],
  ["/deployments/:name/:tab", lazy(deployments, "DeploymentPage")],
  ["/files", lazy(files, "FilesPage")],
  ["/files/*", lazy(files, "FilesPage")],
  ["/models", lazy(models2, "Models")],
  ["/models/:model", lazy(models2, "ModelVersions")],
  ["/models/:model/aliases", lazy(models2, "ModelAliases")],
  ["/models/:model/aliases/:alias", lazy(models2, "AliasHistory")],
  ["/models/:model/uses", lazy(models2, "ModelUses")],
  ["/models/:model/history", lazy(models2, "ModelHistory")],
  ["/models/:model/compare", lazy(models2, "Compare")],
  ["/models/:model/versions/:version", lazy(models2, "ModelVersion")]
];

// src/main.tsx
function App() {
  const { path } = place.value;
  for (const [pattern, Shown] of ROUTES) {
    const params = matched(pattern, path);
    if (params) {
      return /* @__PURE__ */ a(Shown, { params }, pattern);
    }
  }
  return /* @__PURE__ */ a(NotFound, { path });
}
function NotFound({ path }) {
  A(() => {
    if (path === "/") {
      go(to("/deployments"), { replace: true });
    }
  }, [path]);
  return path === "/" ? null : /* @__PURE__ */ a(Page, { crumbs: [{ label: "No such page" }], title: "No such page", children: /* @__PURE__ */ a(Empty, { title: `There is no page ${path}`, children: /* @__PURE__ */ a("p", { children: /* @__PURE__ */ a("a", { href: to("/deployments"), children: "Go to the deployments" }) }) }) });
}
function Root() {
  return place.value.path === "/login" ? /* @__PURE__ */ a(App, {}) : /* @__PURE__ */ a(Frame, { children: /* @__PURE__ */ a(App, {}) });
}
startRouting();
startKeys();
startClock();
loadLater();
var root = document.getElementById("app");
if (root) {
  Q(/* @__PURE__ */ a(Root, {}), root);
}
if (place.value.path !== "/login") {
  loadMe().catch(() => void 0);
  startLive();
}
