import {
  Chart
} from "./shared-7.js";
import {
  RunState
} from "./shared-5.js";
import {
  FolderPicker,
  IntegrityMark,
  Verify
} from "./shared-6.js";
import {
  Filters,
  filtered
} from "./shared-10.js";
import {
  Combobox
} from "./shared-8.js";
import {
  jsonProblem,
  valueProblem
} from "./shared-2.js";
import {
  Tabs
} from "./shared-14.js";
import {
  Menu,
  Table,
  sortOf
} from "./shared-12.js";
import {
  TextField
} from "./shared-9.js";
import {
  $,
  A,
  Action,
  By,
  Chip,
  Dialog,
  Diff,
  Digest,
  Empty,
  Example,
  Note,
  Page,
  Problem,
  ProblemError,
  SameIn,
  Shown,
  Size,
  Snippet,
  T,
  Time,
  Unfinished,
  UploadRow,
  Waiting,
  a,
  add,
  api,
  ask,
  bytes,
  cancel,
  chosenIn,
  confirm,
  count,
  curl,
  d,
  dropped,
  ended,
  forget,
  go,
  many,
  metric,
  place,
  problemIn,
  problemOf,
  python,
  setQuery,
  shell,
  to,
  toast,
  uploads,
  useComputed,
  useLoad,
  usePages,
  useSignal,
  withQuery,
  y
} from "./shared-1.js";

// src/pages/models/actions.tsx
var aliasPath = (model, alias) => `/api/v1/models/${encodeURIComponent(model)}/aliases/${encodeURIComponent(alias)}`;
function askToSetAlias(model, alias = "", version) {
  const name = y(alias);
  const number = y(version === void 0 ? "" : String(version));
  confirm({
    title: alias ? `Move ${alias} of ${model}` : `Set an alias of ${model}`,
    action: alias ? "Move" : "Set alias",
    asksWhy: true,
    body: /* @__PURE__ */ a(AliasFields, { model, name, number, isNew: !alias }),
    run: async (why) => {
      const body = { version: Number(number.value), why };
      const path = { model, alias: name.value };
      const now = await ask(
        api.PUT("/api/v1/models/{model}/aliases/{alias}", { params: { path }, body })
      );
      toast(`${now.alias} points at version ${now.version} of ${model}`);
    }
  });
}
var MOST_NAMED = 5;
function AliasFields(props) {
  const { model, name, number } = props;
  const versions = useLoad(`newest ${model}`, (signal) => {
    const params = { path: { model }, query: { sort: "-version", limit: 20 } };
    return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
  });
  return /* @__PURE__ */ a($, { children: [
    props.isNew ? /* @__PURE__ */ a("label", { class: "field", children: [
      /* @__PURE__ */ a("span", { children: "Alias" }),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input",
          value: name.value,
          placeholder: "champion",
          onInput: (event) => name.value = event.currentTarget.value
        }
      )
    ] }) : null,
    /* @__PURE__ */ a("label", { class: "field", children: [
      /* @__PURE__ */ a("span", { children: [
        "Version",
        " ",
        /* @__PURE__ */ a("span", { class: "muted", children: versions.data ? `· the newest is ${versions.data.items[0]?.version ?? "none"}` : "" })
      ] }),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input",
          inputMode: "numeric",
          list: "newest-versions",
          value: number.value,
          onInput: (event) => number.value = event.currentTarget.value
        }
      )
    ] }),
    /* @__PURE__ */ a("datalist", { id: "newest-versions", children: versions.data?.items.map((it) => /* @__PURE__ */ a("option", { value: it.version, children: it.aliases.join(", ") }, it.version)) }),
    /* @__PURE__ */ a(DeploymentsStay, { model }),
    /* @__PURE__ */ a(SameIn, { ways: waysToSet(model, name.value, Number(number.value)) })
  ] });
}
function waysToSet(model, alias, version) {
  const given = `${python(model)}, ${python(alias)}, ${version}`;
  return {
    python: `mr = project.get_model_registry()
mr.set_alias(${given}, why="…")`,
    cli: `hopsartifacts aliases set ${shell(model)} ${shell(alias)} ${version} --why "…"`,
    curl: curl("PUT", aliasPath(model, alias), { version, why: "…" })
  };
}
function DeploymentsStay({ model }) {
  const users = useLoad(`deployments of ${model}`, (signal) => {
    const query = { model, limit: MOST_NAMED };
    return ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
  });
  const { items = [], total = 0 } = users.data ?? {};
  const more = total - items.length;
  const names = items.map((it) => `${it.name} stays on version ${it.model_version}`);
  const all = [...names, ...more > 0 ? [`and ${many(more, "more deployment")}`] : []];
  return /* @__PURE__ */ a(Note, { children: [
    "No deployment moves with the alias",
    all.length ? `: ${all.join(", ")}.` : "."
  ] });
}
function noneToRollBack(alias, other) {
  const version = other ? `, such as ${other}` : "";
  return `There is no move left that a roll back could undo. To point ${alias} at another version${version}, press “Move…”.`;
}
async function askToRollBackNamed(model, alias) {
  const path = { model, alias };
  const now = await ask(
    api.GET("/api/v1/models/{model}/aliases/{alias}", { params: { path } })
  );
  if (now.previous === null) {
    throw new ProblemError(409, "Nothing to undo", noneToRollBack(alias));
  }
  askToRollBack(model, now);
}
function askToRollBack(model, of) {
  const { alias, version: now, previous: before } = of;
  confirm({
    title: `Roll back ${alias} of ${model}?`,
    action: `Roll back to ${before}`,
    asksWhy: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        /* @__PURE__ */ a("b", { children: alias }),
        " points at version ",
        now,
        " now, and will point at version ",
        /* @__PURE__ */ a("b", { children: before }),
        " ",
        "again. Both versions stay, and the history shows this change."
      ] }),
      /* @__PURE__ */ a(DeploymentsStay, { model }),
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `mr = project.get_model_registry()
mr.rollback_alias(${python(model)}, ${python(alias)}, why="…")`,
            cli: `hopsartifacts aliases rollback ${shell(model)} ${shell(alias)} --why "…"`,
            curl: curl("POST", `${aliasPath(model, alias)}/rollback`, { why: "…" })
          }
        }
      )
    ] }),
    run: async (why) => {
      const params = { path: { model, alias } };
      const now2 = await ask(
        api.POST("/api/v1/models/{model}/aliases/{alias}/rollback", { params, body: { why } })
      );
      toast(`${alias} points at version ${now2.version} again`);
    }
  });
}
function askToDeleteAlias(model, alias) {
  confirm({
    title: `Delete alias ${alias} of ${model}?`,
    action: "Delete alias",
    isDangerous: true,
    asksWhy: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        "Programs that load ",
        /* @__PURE__ */ a("b", { children: model }),
        " by the alias ",
        /* @__PURE__ */ a("b", { children: alias }),
        " will get an error. The version and the history of the alias stay."
      ] }),
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `mr = project.get_model_registry()
mr.delete_alias(${python(model)}, ${python(alias)})`,
            cli: `hopsartifacts aliases delete ${shell(model)} ${shell(alias)}`,
            curl: curl("DELETE", aliasPath(model, alias))
          }
        }
      )
    ] }),
    run: async (why) => {
      await removeAlias(model, alias, why);
      toast(`Deleted alias ${alias}`);
    }
  });
}
async function removeAlias(model, alias, why) {
  const params = { path: { model, alias }, query: { why } };
  await ask(api.DELETE("/api/v1/models/{model}/aliases/{alias}", { params }));
}
function askToDeleteVersion(it, onDone) {
  const { model, version } = it;
  const users = [...new Set(it.deployments.map((use) => `deployment ${use.deployment}`))];
  const kept = [...it.aliases.map((alias) => `alias ${alias}`), ...users];
  confirm({
    title: `Delete version ${version} of ${model}?`,
    action: `Delete version ${version}`,
    isDangerous: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        many(it.files.length, "file"),
        ", the artifacts, the metrics and tags of this version are deleted. The number ",
        version,
        " is not used again; the history stays."
      ] }),
      kept.length ? /* @__PURE__ */ a(Note, { kind: "warn", children: [
        "It is used by ",
        kept.join(", "),
        ". The server refuses to delete it until these are deleted or use another version."
      ] }) : null,
      /* @__PURE__ */ a(SameIn, { ways: waysToDelete(model, version) })
    ] }),
    run: async () => {
      await removeVersion(model, version);
      toast(`Deleted version ${version} of ${model}`);
      onDone();
    }
  });
}
async function removeVersion(model, version) {
  const params = { path: { model, version: String(version) } };
  await ask(api.DELETE("/api/v1/models/{model}/versions/{version}", { params }));
}
function waysToDelete(model, version) {
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}`;
  return {
    python: `mr = project.get_model_registry()
mr.get_model(${python(model)}, ${version}).delete()`,
    cli: `hopsartifacts models delete ${shell(model)} ${version}`,
    curl: curl("DELETE", path)
  };
}
function askToDeleteModel(model, onDone) {
  const done = y(0);
  confirm({
    title: `Delete all versions of ${model.name}?`,
    action: "Delete all",
    isDangerous: true,
    typed: model.name,
    body: /* @__PURE__ */ a(WhatGoes, { model, done }),
    run: async () => {
      done.value = 0;
      const path = { model: model.name };
      const now = await ask(api.GET("/api/v1/models/{model}", { params: { path } }));
      if (now.deployments.length) {
        const users = now.deployments.join(", ");
        throw new ProblemError(409, "In use", `Nothing was deleted: it is used by ${users}.`);
      }
      for (const alias of Object.keys(now.aliases)) {
        await removeAlias(model.name, alias, "all versions are deleted");
      }
      for (; ; ) {
        const params = { path: { model: model.name }, query: { sort: "version", limit: 100 } };
        const { items } = await ask(
          api.GET("/api/v1/models/{model}/versions", { params })
        ).catch(noneLeft);
        if (!items.length) {
          break;
        }
        for (const { version } of items) {
          await removeVersion(model.name, version);
          done.value += 1;
        }
      }
      toast(`Deleted all versions of ${model.name}`);
      onDone();
    }
  });
}
function noneLeft(cause) {
  if (cause.status === 404) {
    return { items: [] };
  }
  throw cause;
}
function WhatGoes({ model, done }) {
  const aliases = Object.keys(model.aliases);
  const now = useLoad(`model ${model.name}`, (signal) => {
    const params = { path: { model: model.name } };
    return ask(api.GET("/api/v1/models/{model}", { params, signal }));
  });
  if (now.problem && !done.value) {
    return /* @__PURE__ */ a(Problem, { problem: now.problem, onRetry: now.reload });
  }
  if (!now.data) {
    return /* @__PURE__ */ a(Waiting, { lines: 2 });
  }
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: [
      "This deletes ",
      many(model.versions, "version"),
      " with all files and artifacts",
      aliases.length ? `, and the aliases ${aliases.join(", ")}` : "",
      ". The history stays."
    ] }),
    now.data.deployments.length ? /* @__PURE__ */ a(Note, { kind: "warn", children: [
      model.name,
      " is used by ",
      now.data.deployments.join(", "),
      ": delete these deployments first."
    ] }) : null,
    /* @__PURE__ */ a("p", { class: "sub", role: "status", children: done.value ? `${done.value} of ${model.versions} deleted` : "" })
  ] });
}

// src/pages/models/data.ts
var modelHref = (model) => to("/models", model);
var versionHref = (model, version) => `${to("/models", model)}/versions/${version}`;
var aliasHref = (model, alias) => `${to("/models", model)}/aliases/${encodeURIComponent(alias)}`;
var compareHref = (model, versions) => withQuery(`${to("/models", model)}/compare`, { v: versions.join(",") });
var deploymentHref = (name) => to("/deployments", name);
var fileHref = (path) => to("/files", ...path.split("/"));
var deployHref = (model, version) => withQuery(to("/deployments/new"), { model, version });
var contentHref = (path) => `/api/v1/files/${encodeURIComponent(path)}/content`;
var archiveHref = (path) => `/api/v1/folders/${encodeURIComponent(path)}/archive`;
var about = (model) => ({ name, data }) => name.startsWith("model") && data.name === model || name === "alias" && data.model === model;
var PREFIX = "hopsartifacts:direction:";
var changes = y(0);
function directionOf(metric2) {
  void changes.value;
  const kept = localStorage.getItem(PREFIX + metric2);
  return kept === "higher" || kept === "lower" ? kept : "";
}
function setDirection(metric2, direction) {
  if (direction) {
    localStorage.setItem(PREFIX + metric2, direction);
  } else {
    localStorage.removeItem(PREFIX + metric2);
  }
  changes.value += 1;
}
function betterness(metric2, value, than) {
  const direction = directionOf(metric2);
  if (!direction || typeof value !== "number" || typeof than !== "number" || value === than) {
    return 0;
  }
  return value > than === (direction === "higher") ? 1 : -1;
}
function shownValue(value) {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "–";
}
function typedValue(value) {
  return typeof value === "string" && readValue(value) === value ? value : JSON.stringify(value);
}
function sentValue(text) {
  const problem = valueProblem(text);
  if (problem) {
    throw new ProblemError(422, "Not possible here", problem);
  }
  return readValue(text);
}
function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// src/pages/models/alias-card.tsx
function AliasCard({ model }) {
  const pointing = Object.entries(model.aliases).sort(([, a2], [, b]) => b - a2);
  const names = pointing.map(([name]) => name);
  const wanted = place.value.query.get("shown") ?? "";
  const alias = names.includes(wanted) ? wanted : names[0];
  return /* @__PURE__ */ a("aside", { class: "card", "aria-label": "Alias", children: alias ? /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "head", children: [
      /* @__PURE__ */ a("h2", { children: /* @__PURE__ */ a("a", { href: aliasHref(model.name, alias), children: alias }) }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      names.length > 1 ? /* @__PURE__ */ a(
        "select",
        {
          class: "pick-one",
          "aria-label": "Alias",
          value: alias,
          onChange: (event) => setQuery({ shown: event.currentTarget.value }),
          children: names.map((it) => /* @__PURE__ */ a("option", { children: it }, it))
        }
      ) : null
    ] }),
    /* @__PURE__ */ a(AliasFacts, { model: model.name, alias }, alias)
  ] }) : /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("h2", { children: "No alias yet" }),
    /* @__PURE__ */ a("p", { class: "muted", children: "An alias is a name that points at one version, such as champion. Its history says who moved it when and why." }),
    /* @__PURE__ */ a(Action, { scope: "write", onClick: () => askToSetAlias(model.name, "", model.latest), children: "Set an alias…" })
  ] }) });
}
function AliasFacts({ model, alias }) {
  const path = { model, alias };
  const loaded = useLoad(
    `alias ${model} ${alias}`,
    async (signal) => {
      const [now, history] = await Promise.all([
        ask(api.GET("/api/v1/models/{model}/aliases/{alias}", { params: { path }, signal })),
        ask(
          api.GET("/api/v1/models/{model}/aliases/{alias}/history", {
            params: { path, query: { limit: 2 } },
            signal
          })
        )
      ]);
      return { now, before: history.items[1] };
    },
    about(model)
  );
  return /* @__PURE__ */ a(Shown, { loaded, lines: 4, children: ({ now, before }) => /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("dl", { children: [
      /* @__PURE__ */ a("dt", { children: "Now" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a("a", { href: versionHref(model, now.version ?? 0), children: /* @__PURE__ */ a("b", { children: now.version }) }),
        ", set by ",
        /* @__PURE__ */ a(By, { of: now.by }),
        " ",
        /* @__PURE__ */ a(Time, { at: now.when }),
        now.why ? /* @__PURE__ */ a("div", { class: "quote", children: [
          "“",
          now.why,
          "”"
        ] }) : null
      ] }),
      /* @__PURE__ */ a("dt", { children: "Before" }),
      /* @__PURE__ */ a("dd", { children: before ? /* @__PURE__ */ a($, { children: [
        before.version ?? "deleted",
        ", set by ",
        /* @__PURE__ */ a(By, { of: before.by }),
        " ",
        /* @__PURE__ */ a(Time, { at: before.when })
      ] }) : "none: the alias was set only once" })
    ] }),
    /* @__PURE__ */ a(OnDate, { model, alias }),
    /* @__PURE__ */ a("div", { class: "acts", children: [
      /* @__PURE__ */ a(
        Action,
        {
          small: true,
          scope: "write",
          onClick: () => askToSetAlias(model, alias, now.version ?? void 0),
          children: "Move…"
        }
      ),
      /* @__PURE__ */ a(
        Action,
        {
          small: true,
          scope: "write",
          disabledBy: now.previous === null ? noneToRollBack(alias, before?.version) : "",
          onClick: () => askToRollBack(model, now),
          children: now.previous === null ? "Roll back…" : `Roll back to ${now.previous}…`
        }
      )
    ] })
  ] }) });
}
function OnDate({ model, alias }) {
  const at = place.value.query.get("at") ?? "";
  const moment = at ? new Date(at) : null;
  const time = moment && !Number.isNaN(moment.getTime()) ? moment.toISOString() : "";
  const found = useLoad(
    time ? `alias ${model} ${alias} ${time}` : null,
    (signal) => {
      const params = { path: { model, alias }, query: { at: time } };
      return ask(api.GET("/api/v1/models/{model}/aliases/{alias}", { params, signal }));
    },
    about(model)
  );
  return /* @__PURE__ */ a("label", { class: "field on-date", children: [
    /* @__PURE__ */ a("span", { class: "muted", children: "Show where it pointed at this time" }),
    /* @__PURE__ */ a(
      "input",
      {
        class: "input",
        type: "datetime-local",
        value: at,
        onChange: (event) => setQuery({ at: event.currentTarget.value })
      }
    ),
    /* @__PURE__ */ a("span", { class: "hint", role: "status", children: [
      found.problem ? found.problem.detail : "",
      found.data && !found.problem ? /* @__PURE__ */ a($, { children: [
        "At version",
        " ",
        /* @__PURE__ */ a("a", { href: versionHref(model, found.data.version ?? 0), children: found.data.version }),
        ", set",
        " ",
        /* @__PURE__ */ a(Time, { at: found.data.when }),
        " by ",
        /* @__PURE__ */ a(By, { of: found.data.by }),
        found.data.why ? `: “${found.data.why}”` : ""
      ] }) : null
    ] })
  ] });
}

// src/pages/models/edit.tsx
var CHANGED = 412;
function Editable(props) {
  const [seen, setSeen] = d(null);
  if (seen) {
    return /* @__PURE__ */ a(Editor, { ...props, seen, onSeen: setSeen, onEnd: () => setSeen(null) });
  }
  return /* @__PURE__ */ a("div", { class: "about", children: [
    props.children,
    /* @__PURE__ */ a(
      Action,
      {
        scope: "write",
        kind: "quiet",
        small: true,
        label: `Edit ${props.label}`,
        onClick: async () => setSeen(await props.read()),
        children: "Edit"
      }
    ),
    props.more
  ] });
}
function Editor(props) {
  const { seen, onSeen, onEnd } = props;
  const [text, setText] = d(seen.text);
  const [theirs, setTheirs] = d(null);
  const [failure, setFailure] = d("");
  const [isBusy, setBusy] = d(false);
  const save = async (etag) => {
    setBusy(true);
    setFailure("");
    try {
      await props.write(text, etag);
      toast(`${props.label} saved`);
      onEnd();
    } catch (cause) {
      const problem = problemIn(cause);
      if (problem.status === CHANGED) {
        setTheirs(await props.read());
      } else {
        setFailure(problem.detail);
      }
    } finally {
      setBusy(false);
    }
  };
  return /* @__PURE__ */ a(
    "form",
    {
      class: "editor",
      onSubmit: (event) => {
        event.preventDefault();
        void save((theirs ?? seen).etag);
      },
      children: [
        /* @__PURE__ */ a("label", { class: "field", children: [
          /* @__PURE__ */ a("span", { children: props.label }),
          /* @__PURE__ */ a(
            "textarea",
            {
              class: "input",
              rows: props.lines ?? 4,
              value: text,
              autoFocus: true,
              onInput: (event) => setText(event.currentTarget.value)
            }
          ),
          props.hint ? /* @__PURE__ */ a("span", { class: "hint", children: props.hint }) : null
        ] }),
        /* @__PURE__ */ a("div", { role: "alert", children: [
          failure ? /* @__PURE__ */ a(Note, { kind: "bad", children: failure }) : null,
          theirs ? /* @__PURE__ */ a(BothTexts, { theirs: theirs.text, yours: text }) : null
        ] }),
        /* @__PURE__ */ a("div", { class: "acts", children: [
          /* @__PURE__ */ a("button", { type: "submit", class: "button primary", "aria-busy": isBusy, children: theirs ? "Save my text instead" : "Save" }),
          theirs ? /* @__PURE__ */ a(
            "button",
            {
              type: "button",
              class: "button",
              onClick: () => {
                setText(theirs.text);
                onSeen(theirs);
                setTheirs(null);
              },
              children: "Continue with the other text"
            }
          ) : null,
          /* @__PURE__ */ a("button", { type: "button", class: "button", onClick: onEnd, children: "Cancel" }),
          /* @__PURE__ */ a(SameIn, { ways: props.ways(text) })
        ] })
      ]
    }
  );
}
function BothTexts({ theirs, yours }) {
  return /* @__PURE__ */ a(Note, { kind: "warn", children: [
    /* @__PURE__ */ a("p", { children: "Somebody else changed it in the meantime, so nothing was saved. These lines differ:" }),
    /* @__PURE__ */ a(
      Diff,
      {
        lines: [
          "--- saved in the meantime",
          "+++ yours",
          ...theirs.split("\n").map((line) => `-${line}`),
          ...yours.split("\n").map((line) => `+${line}`)
        ]
      }
    )
  ] });
}

// src/pages/models/description.tsx
function Description(props) {
  const { model, version, text } = props;
  const params = { path: { model, version: String(version) } };
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}/description`;
  const read = async () => {
    const { data, error, response } = await api.GET(
      "/api/v1/models/{model}/versions/{version}/description",
      { params }
    );
    if (!data) {
      throw problemOf(response, error);
    }
    return { text: data.description, etag: response.headers.get("etag") ?? "" };
  };
  return /* @__PURE__ */ a(
    Editable,
    {
      label: `Description of version ${version}`,
      text,
      read,
      write: (description, etag) => ask(
        api.PUT("/api/v1/models/{model}/versions/{version}/description", {
          params: { ...params, header: { "If-Match": etag } },
          body: { description }
        })
      ),
      ways: (description) => ({
        python: `mr = project.get_model_registry()
mr.get_model(${python(model)}, ${version}).set_description(${python(description)})`,
        cli: `hopsartifacts models describe ${shell(model)} ${version} ${shell(description)}`,
        curl: curl("PUT", path, { description })
      }),
      children: /* @__PURE__ */ a("span", { class: "text", children: text || `Version ${version} has no description: say what it is for.` })
    }
  );
}

// src/pages/models/list.tsx
var CODE = `mr = project.get_model_registry()
mr.python.create_model("my_model", metrics={"accuracy": 0.9}).save("model.pkl")`;
var MOST_METRICS = 3;
var COLUMNS = [
  {
    id: "name",
    head: "Name",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("a", { href: modelHref(it.name), children: /* @__PURE__ */ a("b", { children: it.name }) }),
      it.description ? /* @__PURE__ */ a("div", { class: "sub clip", children: it.description }) : null
    ] })
  },
  {
    id: "latest",
    head: "Latest",
    isNumber: true,
    cell: (it) => /* @__PURE__ */ a("a", { href: versionHref(it.name, it.latest), children: it.latest })
  },
  {
    id: "framework",
    head: "Framework",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("span", { class: "word", children: it.framework })
  },
  { id: "aliases", head: "Aliases", cell: (it) => /* @__PURE__ */ a(AliasChips, { of: it }) },
  { id: "metrics", head: "Metrics of the latest", cell: (it) => /* @__PURE__ */ a(Metrics, { of: it.metrics }) },
  {
    id: "versions",
    head: "Versions",
    isSorted: true,
    isNumber: true,
    cell: (it) => count(it.versions)
  },
  {
    id: "size_bytes",
    head: "Size",
    isSorted: true,
    isNumber: true,
    cell: (it) => /* @__PURE__ */ a(Size, { of: it.size_bytes })
  },
  { id: "deployments", head: "Used by", cell: (it) => /* @__PURE__ */ a(Users, { of: it.deployments }) },
  { id: "updated", head: "Updated", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.updated }) },
  {
    id: "created",
    head: "Created",
    isSorted: true,
    isOptional: true,
    cell: (it) => /* @__PURE__ */ a(Time, { at: it.created })
  }
];
function AliasChips({ of }) {
  const pointing = Object.entries(of.aliases);
  return /* @__PURE__ */ a("span", { class: "chips", children: pointing.map(([alias, version]) => /* @__PURE__ */ a(Chip, { kind: "alias", href: aliasHref(of.name, alias), children: [
    alias,
    " → ",
    version
  ] }, alias)) });
}
function Metrics({ of }) {
  const all = Object.entries(of);
  return /* @__PURE__ */ a("span", { class: "sub", children: [
    all.slice(0, MOST_METRICS).map(([name, value], index) => /* @__PURE__ */ a("span", { children: [
      index ? " · " : "",
      name,
      " ",
      /* @__PURE__ */ a("span", { class: "num", children: metric(value) })
    ] }, name)),
    all.length > MOST_METRICS ? ` · ${all.length - MOST_METRICS} more` : ""
  ] });
}
function Users({ of }) {
  return /* @__PURE__ */ a($, { children: of.map((name, index) => /* @__PURE__ */ a("span", { children: [
    index ? ", " : "",
    /* @__PURE__ */ a("a", { href: deploymentHref(name), children: name })
  ] }, name)) });
}
function metricColumns(rows) {
  const names = [...new Set(rows.flatMap((it) => Object.keys(it.metrics)))].sort();
  return names.map((name) => ({
    id: `metric:${name}`,
    head: name,
    isNumber: true,
    isOptional: true,
    cell: (it) => metric(it.metrics[name])
  }));
}
function Models() {
  const filters = [
    { name: "name", label: "Name" },
    { name: "framework", label: "Framework", options: [] },
    {
      name: "deployed",
      label: "Deployed",
      options: [
        { value: "true", label: "used by a deployment" },
        { value: "false", label: "used by none" }
      ]
    }
  ];
  const { name, framework, deployed } = filtered(filters);
  const sort = sortOf("-updated");
  const query = {
    sort,
    name,
    framework,
    deployed: deployed ? deployed === "true" : void 0,
    facets: true
  };
  const pages = usePages(
    `models ${JSON.stringify(query)}`,
    (cursor, limit, signal) => ask(
      api.GET("/api/v1/models", { params: { query: { ...query, cursor, limit } }, signal })
    ),
    ["model", "model-removed", "alias"]
  );
  const facets = pages.data?.facets;
  const frameworks = Object.entries(facets?.framework ?? {});
  const shown = filters.map(
    (it) => it.name === "framework" ? {
      ...it,
      options: frameworks.map(([value, n]) => ({ value, label: `${value} · ${n}` }))
    } : it
  );
  const isFiltered = Boolean(name || framework || deployed);
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Models" }],
      title: "Models",
      actions: /* @__PURE__ */ a(Action, { href: to("/models/save"), kind: "primary", scope: "write", children: "Save a version" }),
      children: /* @__PURE__ */ a(
        Table,
        {
          label: "Models",
          pages,
          columns: [...COLUMNS, ...metricColumns(pages.data?.items ?? [])],
          idOf: (it) => it.name,
          hrefOf: (it) => modelHref(it.name),
          sort: "-updated",
          filters: /* @__PURE__ */ a(Filters, { filters: shown }),
          empty: isFiltered ? /* @__PURE__ */ a(Empty, { title: "No model fits these filters", children: "Remove a filter to see more." }) : /* @__PURE__ */ a(Empty, { title: "There are no models yet", children: [
            "Save a version with the button above, or in Python:",
            /* @__PURE__ */ a(Example, { way: "python", code: CODE })
          ] })
        }
      )
    }
  );
}

// src/pages/models/frame.tsx
function useModel(model) {
  return useLoad(
    `model ${model}`,
    (signal) => ask(api.GET("/api/v1/models/{model}", { params: { path: { model } }, signal })),
    about(model)
  );
}
function ModelPage(props) {
  const { model } = props;
  const loaded = useModel(model);
  const data = loaded.data;
  const href = modelHref(model);
  const uses = data ? many(data.deployments.length, "deployment") : "deployments";
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Models", href: to("/models") }, { label: model }],
      title: /* @__PURE__ */ a($, { children: [
        model,
        data ? /* @__PURE__ */ a(Chip, { children: data.framework }) : null,
        data ? /* @__PURE__ */ a(AliasChips, { of: data }) : null
      ] }),
      actions: data ? /* @__PURE__ */ a(Actions, { model: data }) : null,
      children: /* @__PURE__ */ a(Shown, { loaded, lines: 12, children: (it) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(Description, { model, version: it.latest, text: it.description }),
        /* @__PURE__ */ a(
          Tabs,
          {
            label: `Pages of ${model}`,
            tabs: [
              { label: "Versions", href },
              { label: "Aliases", href: `${href}/aliases` },
              { label: `Used by ${uses}`, href: `${href}/uses` },
              { label: "History", href: `${href}/history` }
            ]
          }
        ),
        props.children(it)
      ] }) })
    }
  );
}
function Actions({ model }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Menu, { label: "More", children: [
      /* @__PURE__ */ a(
        Action,
        {
          kind: "quiet",
          small: true,
          scope: "write",
          onClick: () => askToSetAlias(model.name, "", model.latest),
          children: "Set an alias…"
        }
      ),
      /* @__PURE__ */ a(
        Action,
        {
          kind: "quiet",
          small: true,
          scope: "write",
          onClick: () => askToDeleteModel(model, () => go(to("/models"))),
          children: "Delete all versions…"
        }
      )
    ] }),
    /* @__PURE__ */ a(Action, { href: withQuery(to("/models/save"), { model: model.name }), scope: "write", children: "Save a version" }),
    /* @__PURE__ */ a(Action, { href: deployHref(model.name, model.latest), kind: "primary", scope: "deploy", children: [
      "Deploy version ",
      model.latest
    ] })
  ] });
}

// src/pages/models/alias.tsx
var whyOf = (it) => it.why ? /* @__PURE__ */ a("span", { class: "quote", children: [
  "“",
  it.why,
  "”"
] }) : null;
var shared = (model) => [
  {
    id: "version",
    head: "Points at",
    isSorted: true,
    cell: (it) => it.version === null ? /* @__PURE__ */ a("span", { class: "muted", children: "none: the alias was deleted" }) : /* @__PURE__ */ a("a", { href: versionHref(model, it.version), children: [
      "version ",
      it.version
    ] })
  },
  { id: "why", head: "Why", cell: whyOf },
  { id: "by", head: "By", cell: (it) => /* @__PURE__ */ a(By, { of: it.by }) },
  { id: "when", head: "When", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.when }) }
];
function ModelAliases({ params }) {
  const model = params.model ?? "";
  const sort = sortOf("alias");
  const pages = usePages(
    `aliases ${model} ${sort}`,
    (cursor, limit, signal) => {
      const params2 = { path: { model }, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/aliases", { params: params2, signal }));
    },
    about(model)
  );
  const columns = [
    {
      id: "alias",
      head: "Alias",
      isSorted: true,
      cell: (it) => /* @__PURE__ */ a("a", { href: aliasHref(model, it.alias), children: /* @__PURE__ */ a("b", { children: it.alias }) })
    },
    ...shared(model),
    {
      id: "actions",
      head: "",
      cell: (it) => /* @__PURE__ */ a("span", { class: "acts", children: [
        /* @__PURE__ */ a(
          Action,
          {
            small: true,
            scope: "write",
            label: `Move ${it.alias}`,
            onClick: () => askToSetAlias(model, it.alias, it.version ?? void 0),
            children: "Move…"
          }
        ),
        /* @__PURE__ */ a(
          Action,
          {
            small: true,
            scope: "write",
            label: `Roll back ${it.alias}`,
            onClick: () => askToRollBackNamed(model, it.alias),
            children: "Roll back…"
          }
        ),
        /* @__PURE__ */ a(Action, { small: true, href: aliasHref(model, it.alias), label: `History of ${it.alias}`, children: "History" })
      ] })
    }
  ];
  return /* @__PURE__ */ a(ModelPage, { model, children: (it) => /* @__PURE__ */ a(
    Table,
    {
      label: `Aliases of ${model}`,
      pages,
      columns,
      idOf: (it2) => it2.alias,
      hrefOf: (it2) => aliasHref(model, it2.alias),
      sort: "alias",
      tools: /* @__PURE__ */ a(Action, { small: true, scope: "write", onClick: () => askToSetAlias(model, "", it.latest), children: "Set an alias…" }),
      empty: /* @__PURE__ */ a(Empty, { title: `${model} has no aliases`, children: [
        "With an alias, programs can load a version without knowing its number.",
        /* @__PURE__ */ a(
          Example,
          {
            way: "python",
            code: `mr = project.get_model_registry()
mr.set_alias(${python(model)}, "champion", ${it.latest}, why="the best so far")`
          }
        )
      ] })
    }
  ) });
}
function AliasHistory({ params }) {
  const { model = "", alias = "" } = params;
  const sort = sortOf("-entry");
  const path = { model, alias };
  const pages = usePages(
    `alias history ${model} ${alias} ${sort}`,
    (cursor, limit, signal) => {
      const params2 = { path, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/aliases/{alias}/history", { params: params2, signal }));
    },
    about(model)
  );
  const now = useLoad(
    `aliases of ${model}`,
    (signal) => ask(api.GET("/api/v1/models/{model}", { params: { path: { model } }, signal })),
    about(model)
  );
  const columns = shared(model).map(
    (it) => it.id === "when" ? { ...it, id: "entry" } : { ...it, isSorted: false }
  );
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: "aliases", href: `${modelHref(model)}/aliases` },
        { label: alias }
      ],
      title: `Alias ${alias} of ${model}`,
      children: /* @__PURE__ */ a("div", { class: "split wide-left", children: [
        /* @__PURE__ */ a("div", { children: /* @__PURE__ */ a(
          Table,
          {
            label: `History of ${alias}`,
            pages,
            columns,
            idOf: (it) => String(it.entry),
            sort: "-entry",
            empty: /* @__PURE__ */ a(Empty, { title: `${alias} was never set`, children: [
              model,
              " has no such alias yet."
            ] })
          }
        ) }),
        /* @__PURE__ */ a("aside", { class: "card", "aria-label": "Alias", children: /* @__PURE__ */ a(Shown, { loaded: now, lines: 4, children: (it) => alias in it.aliases ? /* @__PURE__ */ a($, { children: [
          /* @__PURE__ */ a(AliasFacts, { model, alias }),
          /* @__PURE__ */ a("div", { class: "acts below", children: /* @__PURE__ */ a(
            Action,
            {
              small: true,
              kind: "danger",
              scope: "write",
              onClick: () => askToDeleteAlias(model, alias),
              children: "Delete alias…"
            }
          ) })
        ] }) : /* @__PURE__ */ a($, { children: [
          /* @__PURE__ */ a("p", { children: "It points at no version now." }),
          /* @__PURE__ */ a(Action, { scope: "write", onClick: () => askToSetAlias(model, alias, it.latest), children: "Set it again…" })
        ] }) }) })
      ] })
    }
  );
}

// src/pages/models/versions.tsx
var SHOWN_METRICS = 3;
var MOST_COMPARED = 8;
var BY_METRIC = "metric:";
function ModelVersions({ params }) {
  const model = params.model ?? "";
  return /* @__PURE__ */ a(ModelPage, { model, children: (it) => /* @__PURE__ */ a(Versions, { model: it }) });
}
function Versions({ model }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "split wide-left", children: [
      /* @__PURE__ */ a(MetricCard, { model }),
      /* @__PURE__ */ a(AliasCard, { model })
    ] }),
    /* @__PURE__ */ a(VersionTable, { model })
  ] });
}
function MetricCard({ model }) {
  const { name } = model;
  const wanted = place.value.query.get("metric") ?? "";
  const all = useLoad(
    `metrics ${name} ${wanted}`,
    async (signal) => {
      const path = { model: name };
      const get = (query) => ask(api.GET("/api/v1/models/{model}/metrics", { params: { path, query }, signal }));
      const found = await get({});
      return wanted && !(wanted in found.metrics) ? {
        ...found,
        metrics: { ...found.metrics, ...(await get({ metric: wanted })).metrics }
      } : found;
    },
    about(name)
  );
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Metric over versions", children: /* @__PURE__ */ a(Shown, { loaded: all, lines: 7, children: (it) => {
    const names = [.../* @__PURE__ */ new Set([...Object.keys(it.metrics), ...it.others])];
    const shown = wanted || names[0];
    if (!shown) {
      return /* @__PURE__ */ a("p", { class: "muted", children: "No version has metrics. If you save metrics with a version, this chart shows how they change." });
    }
    const values = it.metrics[shown] ?? [];
    const points = it.versions.map((x, index) => ({ x, y: values[index] ?? null }));
    return /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("div", { class: "head", children: [
        /* @__PURE__ */ a("h2", { children: [
          shown,
          " over versions"
        ] }),
        /* @__PURE__ */ a("span", { class: "grow" }),
        /* @__PURE__ */ a(
          "select",
          {
            class: "pick-one",
            "aria-label": "Metric",
            value: shown,
            onChange: (event) => setQuery({ metric: event.currentTarget.value }),
            children: names.map((it2) => /* @__PURE__ */ a("option", { children: it2 }, it2))
          }
        ),
        /* @__PURE__ */ a(DirectionChoice, { metric: shown })
      ] }),
      /* @__PURE__ */ a(
        Chart,
        {
          label: `${shown} of ${count(it.versions.length)} versions`,
          points,
          marks: marksOf(it.aliases),
          nameOf: (x) => `version ${x}`,
          hrefOf: (x) => versionHref(name, x)
        }
      ),
      it.total > it.versions.length ? /* @__PURE__ */ a("p", { class: "sub", children: [
        "The newest ",
        count(it.versions.length),
        " of ",
        count(it.total),
        " versions."
      ] }) : null,
      /* @__PURE__ */ a(ValueTable, { metric: shown, points, model: name })
    ] });
  } }) });
}
function marksOf(aliases) {
  const byVersion = /* @__PURE__ */ new Map();
  for (const [alias, version] of Object.entries(aliases)) {
    byVersion.set(version, [...byVersion.get(version) ?? [], alias]);
  }
  return [...byVersion].map(([x, names]) => ({ x, label: `${names.join(", ")} ${x}` }));
}
var MOST_VALUES = 200;
function ValueTable(props) {
  const newest = [...props.points].reverse().slice(0, MOST_VALUES);
  return /* @__PURE__ */ a("details", { children: [
    /* @__PURE__ */ a("summary", { class: "sub", children: "As a table" }),
    /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { class: "values", "aria-label": `${props.metric} of each version`, children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: "Version" }),
        /* @__PURE__ */ a("th", { scope: "col", class: "num", children: props.metric })
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: newest.map((it) => /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("td", { children: /* @__PURE__ */ a("a", { href: versionHref(props.model, it.x), children: it.x }) }),
        /* @__PURE__ */ a("td", { class: "num", children: metric(it.y) })
      ] }, it.x)) })
    ] }) })
  ] });
}
function DirectionChoice(props) {
  return /* @__PURE__ */ a(
    "select",
    {
      class: "pick-one",
      "aria-label": `Which ${props.metric} is better`,
      value: directionOf(props.metric),
      onChange: (event) => setDirection(props.metric, event.currentTarget.value),
      children: [
        /* @__PURE__ */ a("option", { value: "", children: "which is better?" }),
        /* @__PURE__ */ a("option", { value: "higher", children: "higher is better" }),
        /* @__PURE__ */ a("option", { value: "lower", children: "lower is better" })
      ]
    }
  );
}
var columnsOf = (metrics) => [
  {
    id: "version",
    head: "Version",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("span", { class: "named", children: [
      /* @__PURE__ */ a("a", { href: versionHref(it.model, it.version), children: /* @__PURE__ */ a("b", { children: it.version }) }),
      /* @__PURE__ */ a("span", { class: "chips", children: it.aliases.map((alias) => /* @__PURE__ */ a(Chip, { kind: "alias", href: aliasHref(it.model, alias), children: alias }, alias)) })
    ] })
  },
  ...metrics.map((name, index) => ({
    id: BY_METRIC + name,
    head: name,
    isSorted: true,
    isNumber: true,
    isOptional: index >= SHOWN_METRICS,
    cell: (it) => metric(it.metrics[name])
  })),
  {
    id: "tags",
    head: "Tags",
    cell: (it) => /* @__PURE__ */ a("span", { class: "chips", children: Object.entries(it.tags).map(([tag, value]) => /* @__PURE__ */ a(Chip, { children: /* @__PURE__ */ a("span", { class: "clip", title: shownValue(value), children: [
      tag,
      ": ",
      shownValue(value)
    ] }) }, tag)) })
  },
  { id: "deployments", head: "Used by", cell: (it) => /* @__PURE__ */ a(Users, { of: it.deployments }) },
  {
    id: "files",
    head: "Files",
    isSorted: true,
    isNumber: true,
    isOptional: true,
    cell: (it) => count(it.files)
  },
  {
    id: "size_bytes",
    head: "Size",
    isSorted: true,
    isNumber: true,
    cell: (it) => /* @__PURE__ */ a(Size, { of: it.size_bytes })
  },
  {
    id: "creator",
    head: "Creator",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("span", { class: "sub", children: it.creator })
  },
  {
    id: "description",
    head: "Description",
    isOptional: true,
    cell: (it) => /* @__PURE__ */ a("div", { class: "sub clip", children: it.description })
  },
  { id: "created", head: "Saved", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.created }) },
  {
    id: "deploy",
    head: "",
    cell: (it) => /* @__PURE__ */ a(
      Action,
      {
        small: true,
        scope: "deploy",
        href: deployHref(it.model, it.version),
        label: `Deploy version ${it.version}`,
        children: "Deploy"
      }
    )
  }
];
function VersionTable({ model }) {
  const { name } = model;
  const [selected, setSelected] = d(/* @__PURE__ */ new Set());
  const filters = [
    {
      name: "alias",
      label: "Alias",
      options: Object.keys(model.aliases).map((value) => ({ value, label: value }))
    },
    { name: "tag", label: "Tag" },
    { name: "creator", label: "Creator" },
    {
      name: "deployed",
      label: "Deployed",
      options: [
        { value: "true", label: "used by a deployment" },
        { value: "false", label: "used by none" }
      ]
    }
  ];
  const { deployed, ...others } = filtered(filters);
  const sort = sortOf("-version");
  const order = orderOf(sort);
  const query = { ...order, ...others, deployed: deployed ? deployed === "true" : void 0 };
  const pages = usePages(
    `versions ${name} ${JSON.stringify(query)}`,
    (cursor, limit, signal) => {
      const params = { path: { model: name }, query: { ...query, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
    },
    about(name)
  );
  const items = pages.data?.items ?? [];
  const metrics = [...new Set(items.slice(0, 50).flatMap((it) => Object.keys(it.metrics)))];
  const chosen = [...selected].map(Number).sort((a2, b) => a2 - b);
  const reason = chosen.length < 2 ? "Select two or more versions first." : chosen.length > MOST_COMPARED ? `At most ${MOST_COMPARED} versions fit side by side.` : "";
  return /* @__PURE__ */ a("section", { class: "below", "aria-label": "Versions", children: /* @__PURE__ */ a(
    Table,
    {
      label: `Versions of ${name}`,
      pages,
      columns: columnsOf(metrics),
      idOf: (it) => String(it.version),
      hrefOf: (it) => versionHref(name, it.version),
      sort: "-version",
      selected,
      onSelect: setSelected,
      filters: /* @__PURE__ */ a(Filters, { filters }),
      tools: /* @__PURE__ */ a(Action, { small: true, disabledBy: reason, href: compareHref(name, chosen), children: [
        "Compare ",
        chosen.length || "",
        " selected"
      ] }),
      empty: /* @__PURE__ */ a(Empty, { title: "No version fits these filters", children: "Remove a filter." })
    }
  ) });
}
function orderOf(sort) {
  const sign = sort.startsWith("-") ? "-" : "";
  const field = sort.slice(sign.length);
  return field.startsWith(BY_METRIC) ? { sort: `${sign}metric`, metric: field.slice(BY_METRIC.length) } : { sort };
}

// src/pages/models/compare.tsx
function Compare({ params }) {
  const model = params.model ?? "";
  const given = (place.value.query.get("v") ?? "").split(",").filter(Boolean);
  const versions = [...new Set(given.map(Number).filter((it) => it > 0))];
  const loaded = useLoad(
    versions.length ? `compare ${model} ${versions.join()}` : null,
    async (signal) => {
      const [first = 0, ...others] = versions;
      const [details, differences] = await Promise.all([
        Promise.all(
          versions.map((version) => {
            const params2 = { path: { model, version: String(version) } };
            return ask(
              api.GET("/api/v1/models/{model}/versions/{version}", { params: params2, signal })
            );
          })
        ),
        Promise.all(
          others.map((other) => {
            const path = { model, version: String(first), other: String(other) };
            return ask(
              api.GET("/api/v1/models/{model}/versions/{version}/diff/{other}", {
                params: { path },
                signal
              })
            );
          })
        )
      ]);
      return { details, differences };
    },
    about(model)
  );
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: "compare" }
      ],
      title: `Versions of ${model} compared`,
      actions: /* @__PURE__ */ a(AddVersion, { model, versions }),
      children: versions.length ? /* @__PURE__ */ a(Shown, { loaded, lines: 12, children: (it) => /* @__PURE__ */ a(Comparison, { model, ...it }) }) : /* @__PURE__ */ a(Empty, { title: "Choose versions to compare", children: [
        "Give a number above, or select versions on",
        " ",
        /* @__PURE__ */ a("a", { href: modelHref(model), children: [
          "the page of ",
          model
        ] }),
        "."
      ] })
    }
  );
}
function AddVersion({ model, versions }) {
  const [text, setText] = d("");
  return /* @__PURE__ */ a(
    "form",
    {
      class: "acts",
      onSubmit: (event) => {
        event.preventDefault();
        const number = Number(text);
        if (number > 0) {
          setText("");
          go(compareHref(model, [...versions, number]));
        }
      },
      children: [
        /* @__PURE__ */ a(
          "input",
          {
            class: "input filter",
            inputMode: "numeric",
            "aria-label": "Number of a version",
            placeholder: "Number of a version",
            value: text,
            onInput: (event) => setText(event.currentTarget.value)
          }
        ),
        /* @__PURE__ */ a(Action, { type: "submit", children: "Add" })
      ]
    }
  );
}
function Comparison(props) {
  const { model, details, differences } = props;
  const isAll = place.value.query.get("all") === "1";
  const versions = details.map((it) => it.version);
  const parts = [
    ["Metrics", metricsOf(details)],
    ["Tags and settings", [...settingsOf(details), ...tagsOf(details)]],
    ["Files", filesOf(details)]
  ];
  const count2 = parts.flatMap(([, facts]) => facts).filter(differs).length;
  const [first = 0, second] = versions;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      /* @__PURE__ */ a("span", { class: "sub", role: "status", children: count2 ? `${count2} facts differ` : "No difference" }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a("label", { class: "sub", children: [
        /* @__PURE__ */ a(
          "input",
          {
            type: "checkbox",
            checked: isAll,
            onChange: () => setQuery({ all: isAll ? void 0 : "1" })
          }
        ),
        "show all"
      ] }),
      second ? /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `mr = project.get_model_registry()
print(mr.get_model(${python(model)}, ${second}).diff(${first}))`,
            cli: `hopsartifacts models diff ${shell(model)} ${first} ${second}`,
            curl: curl(
              "GET",
              `/api/v1/models/${encodeURIComponent(model)}/versions/${first}/diff/${second}`
            )
          }
        }
      ) : null
    ] }),
    differences.map((it) => /* @__PURE__ */ a(SchemaCard, { difference: it }, it.second)),
    /* @__PURE__ */ a("section", { class: "panel scroll", "aria-label": "Comparison", tabIndex: 0, children: /* @__PURE__ */ a("table", { class: "compare", children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: /* @__PURE__ */ a("span", { class: "hidden", children: "Fact" }) }),
        details.map(({ version: it, created }) => /* @__PURE__ */ a("th", { scope: "col", children: [
          /* @__PURE__ */ a("a", { href: versionHref(model, it), children: [
            "version ",
            it
          ] }),
          " ",
          /* @__PURE__ */ a(Time, { at: created }),
          " ",
          /* @__PURE__ */ a(
            "button",
            {
              type: "button",
              class: "link",
              "aria-label": `Leave version ${it} out`,
              onClick: () => go(
                compareHref(
                  model,
                  versions.filter((other) => other !== it)
                )
              ),
              children: "✕"
            }
          )
        ] }, it))
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: parts.map(([title, facts]) => /* @__PURE__ */ a(
        Part,
        {
          title,
          facts: isAll ? sorted(facts) : facts.filter(differs),
          columns: versions.length + 1
        },
        title
      )) })
    ] }) })
  ] });
}
function differs({ values }) {
  return new Set(values.map((it) => JSON.stringify(it ?? null))).size > 1;
}
function sorted(facts) {
  return [...facts.filter(differs), ...facts.filter((it) => !differs(it))];
}
function Part(props) {
  if (!props.facts.length) {
    return null;
  }
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("tr", { class: "part", children: /* @__PURE__ */ a("th", { scope: "rowgroup", colSpan: props.columns, children: props.title }) }),
    props.facts.map((it) => /* @__PURE__ */ a("tr", { class: differs(it) ? "differs" : "", children: [
      /* @__PURE__ */ a("th", { scope: "row", children: it.head ?? it.name }),
      it.cells.map((cell, index) => /* @__PURE__ */ a("td", { children: cell }, index))
    ] }, it.name))
  ] });
}
function namesOf(details, of) {
  return [...new Set(details.flatMap((it) => Object.keys(of(it))))].sort();
}
function metricsOf(details) {
  return namesOf(details, (it) => it.metrics).map((name) => {
    const values = details.map((it) => it.metrics[name]);
    return {
      name,
      values,
      head: /* @__PURE__ */ a($, { children: [
        name,
        " ",
        /* @__PURE__ */ a(DirectionChoice, { metric: name })
      ] }),
      cells: values.map((value, index) => /* @__PURE__ */ a(MetricCell, { metric: name, value, than: index ? values[0] : void 0 }))
    };
  });
}
function MetricCell(props) {
  const tone = betterness(props.metric, props.value, props.than);
  const words = tone > 0 ? "better" : "worse";
  const change = props.value === void 0 || props.than === void 0 ? 0 : props.value - props.than;
  return /* @__PURE__ */ a($, { children: [
    metric(props.value),
    " ",
    change ? /* @__PURE__ */ a("span", { class: "sub", children: [
      change > 0 ? "+" : "−",
      metric(Math.abs(change))
    ] }) : null,
    " ",
    tone ? /* @__PURE__ */ a("span", { class: words, children: [
      tone > 0 ? "▲" : "▼",
      " ",
      words
    ] }) : null
  ] });
}
function tagsOf(details) {
  return namesOf(details, (it) => it.tags).map((name) => {
    const values = details.map((it) => it.tags[name]);
    return {
      name: `tag ${name}`,
      values,
      cells: values.map((it) => it === void 0 ? "–" : shownValue(it))
    };
  });
}
function settingsOf(details) {
  const fact = (name, value, cell) => ({ name, values: details.map(value), cells: details.map(cell) });
  return [
    fact(
      "framework",
      (it) => it.framework,
      (it) => it.framework
    ),
    fact(
      "aliases",
      (it) => it.aliases,
      (it) => /* @__PURE__ */ a("span", { class: "chips", children: it.aliases.map((alias) => /* @__PURE__ */ a(Chip, { kind: "alias", children: alias }, alias)) })
    ),
    fact(
      "description",
      (it) => it.description,
      (it) => it.description || "–"
    ),
    fact(
      "input example",
      (it) => it.input_example,
      (it) => json(it.input_example)
    ),
    fact(
      "size",
      (it) => it.size_bytes,
      (it) => /* @__PURE__ */ a(Size, { of: it.size_bytes })
    ),
    fact(
      "creator",
      (it) => it.creator,
      (it) => it.creator
    ),
    fact(
      "used by",
      (it) => [...new Set(it.deployments.map((use) => use.deployment))],
      (it) => [...new Set(it.deployments.map((use) => use.deployment))].join(", ") || "–"
    )
  ];
}
function json(value) {
  return value === null ? "–" : /* @__PURE__ */ a("span", { class: "mono", children: JSON.stringify(value) });
}
function filesOf(details) {
  const files = details.map((it) => new Map(it.files.map((file) => [file.path, file.digest])));
  const paths = [...new Set(files.flatMap((it) => [...it.keys()]))].sort();
  return paths.map((path) => {
    const digests = files.map((it) => it.get(path));
    const first = digests[0]?.sha256;
    return {
      name: path,
      values: digests.map((it) => it?.sha256),
      cells: digests.map(
        (it, index) => it ? /* @__PURE__ */ a($, { children: [
          /* @__PURE__ */ a("a", { href: fileHref2(details[index], path), children: /* @__PURE__ */ a(Size, { of: it.size_bytes }) }),
          " ",
          /* @__PURE__ */ a(Digest, { of: it.sha256 }),
          /* @__PURE__ */ a("div", { class: "sub", children: [
            index ? wordOf(first, it.sha256) : "",
            " ",
            index && first && first !== it.sha256 ? /* @__PURE__ */ a(ShowLines, { first: details[0], second: details[index], path }) : null
          ] })
        ] }) : /* @__PURE__ */ a("span", { class: "muted", children: first ? "removed" : "–" })
      )
    };
  });
}
function pathOf(of, path) {
  return `Models/${of?.model}/${of?.version}/Files/${path}`;
}
function fileHref2(of, path) {
  return to("/files", ...pathOf(of, path).split("/"));
}
function ShowLines(props) {
  const { first, second, path } = props;
  const [isOpen, setOpen] = d(false);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("button", { type: "button", class: "link", onClick: () => setOpen(true), children: [
      "show the lines",
      /* @__PURE__ */ a("span", { class: "hidden", children: [
        " of ",
        path
      ] })
    ] }),
    isOpen ? /* @__PURE__ */ a(
      Dialog,
      {
        title: `${path}, version ${first?.version} → ${second?.version}`,
        onClose: () => setOpen(false),
        isWide: true,
        children: /* @__PURE__ */ a(FileLines, { since: pathOf(first, path), path: pathOf(second, path) })
      }
    ) : null
  ] });
}
function FileLines({ since, path }) {
  const loaded = useLoad(`changes ${path} since ${since}`, (signal) => {
    const params = { path: { path }, query: { since } };
    return ask(api.GET("/api/v1/files/{path}/changes", { params, signal }));
  });
  return /* @__PURE__ */ a(Shown, { loaded, children: ({ lines }) => lines?.[0]?.startsWith("---") ? /* @__PURE__ */ a(Diff, { lines: lines.slice(2) }) : /* @__PURE__ */ a("p", { children: lines?.[0] ? `The lines cannot be shown: ${lines[0].replace(/[()]/g, "")}.` : "Only texts of at most 64 KiB and 2,000 lines are compared line by line." }) });
}
function wordOf(first, digest) {
  if (first === void 0) {
    return "added";
  }
  return first === digest ? "same" : "changed";
}
var EFFECTS = {
  same: "takes and returns the same",
  compatible: "can be called as before",
  incompatible: "cannot be called as before",
  unknown: "may take or return something else"
};
function SchemaCard({ difference }) {
  const { effect, reasons } = difference.model_schema;
  if (effect === "same") {
    return null;
  }
  return /* @__PURE__ */ a(
    "div",
    {
      class: `note ${effect === "incompatible" ? "bad" : effect === "unknown" ? "warn" : ""}`,
      children: [
        /* @__PURE__ */ a("b", { children: [
          "Version ",
          difference.second,
          " ",
          EFFECTS[effect]
        ] }),
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: [
          "compared with version ",
          difference.first
        ] }),
        /* @__PURE__ */ a("ul", { class: "names", children: reasons.map((it) => /* @__PURE__ */ a("li", { children: it }, it)) })
      ]
    }
  );
}

// src/pages/models/history.tsx
function ModelHistory({ params }) {
  const model = params.model ?? "";
  const sort = sortOf("-entry");
  const pages = usePages(
    `history ${model} ${sort}`,
    (cursor, limit, signal) => {
      const params2 = { path: { model }, query: { sort, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/history", { params: params2, signal }));
    },
    about(model)
  );
  const columns = [
    { id: "entry", head: "When", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.when }) },
    {
      id: "what",
      head: "What",
      cell: (it) => /* @__PURE__ */ a("span", { class: "in-text", children: [
        it.alias ? /* @__PURE__ */ a("a", { href: aliasHref(model, it.alias), children: it.alias }) : null,
        " ",
        it.kind
      ] })
    },
    {
      id: "version",
      head: "Version",
      isNumber: true,
      cell: (it) => it.version === null ? null : /* @__PURE__ */ a("a", { href: versionHref(model, it.version), children: it.version })
    },
    { id: "change", head: "Change", cell: (it) => /* @__PURE__ */ a(BeforeAfter, { of: it }) },
    {
      id: "why",
      head: "Why",
      cell: (it) => it.why ? /* @__PURE__ */ a("span", { class: "quote", children: [
        "“",
        it.why,
        "”"
      ] }) : null
    },
    { id: "by", head: "By", cell: (it) => /* @__PURE__ */ a(By, { of: it.by }) }
  ];
  return /* @__PURE__ */ a(ModelPage, { model, children: () => /* @__PURE__ */ a(
    Table,
    {
      label: `History of ${model}`,
      pages,
      columns,
      idOf: (it) => String(it.entry),
      sort: "-entry",
      empty: /* @__PURE__ */ a(Empty, { title: "Nothing happened yet" })
    }
  ) });
}
function BeforeAfter({ of: { before, after } }) {
  if (before === null && after === null) {
    return null;
  }
  return /* @__PURE__ */ a("span", { class: "sub", children: [
    before === null ? "" : `${shownValue(before)} `,
    "→",
    " ",
    after === null ? "nothing" : shownValue(after)
  ] });
}
var COLUMNS2 = [
  {
    id: "name",
    head: "Deployment",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("a", { href: deploymentHref(it.name), children: /* @__PURE__ */ a("b", { children: it.name }) })
  },
  { id: "status", head: "State", isSorted: true, cell: (it) => /* @__PURE__ */ a(RunState, { state: it.state }) },
  {
    id: "model_version",
    head: "Model version",
    isNumber: true,
    cell: (it) => /* @__PURE__ */ a("a", { href: versionHref(it.model, it.model_version), children: it.model_version })
  },
  {
    id: "model_aliases",
    head: "Aliases of it",
    cell: (it) => /* @__PURE__ */ a("span", { class: "chips", children: it.model_aliases.map((alias) => /* @__PURE__ */ a(Chip, { kind: "alias", href: aliasHref(it.model, alias), children: alias }, alias)) })
  },
  {
    id: "artifact_version",
    head: "Artifact",
    isSorted: true,
    isNumber: true,
    cell: (it) => it.artifact_version
  },
  { id: "creator", head: "Creator", isSorted: true, cell: (it) => it.creator },
  { id: "updated", head: "Updated", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.updated }) }
];
function ModelUses({ params }) {
  const model = params.model ?? "";
  return /* @__PURE__ */ a(ModelPage, { model, children: (it) => /* @__PURE__ */ a(Uses, { model: it }) });
}
function Uses({ model }) {
  const sort = sortOf("name");
  const pages = usePages(
    `uses ${model.name} ${sort}`,
    (cursor, limit, signal) => {
      const query = { model: model.name, sort, cursor, limit };
      return ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
    },
    ["deployment", "deployment-removed", "model", "alias"]
  );
  return /* @__PURE__ */ a(
    Table,
    {
      label: `Deployments of ${model.name}`,
      pages,
      columns: COLUMNS2,
      idOf: (it) => it.name,
      hrefOf: (it) => deploymentHref(it.name),
      sort: "name",
      empty: /* @__PURE__ */ a(Empty, { title: `No deployment runs ${model.name}`, children: "Deploy a version with the button above." })
    }
  );
}

// src/pages/models/save.tsx
var EMPTY = {
  framework: "",
  description: "",
  metrics: [],
  tags: [],
  example: "",
  schema: ""
};
var entered = y(EMPTY);
function SavePage() {
  const query = place.value.query;
  const name = query.get("model") ?? "";
  const source = query.get("source");
  const failure = useSignal(null);
  const progress = useSignal("");
  const rules = useLoad("rules", (signal) => ask(api.GET("/api/v1/rules", { signal })));
  const known = useModel2(name);
  const files = useComputed(() => uploads.value.filter((it) => it.path === null)).value;
  const set = (changes2) => {
    entered.value = { ...entered.value, ...changes2 };
  };
  const framework = entered.value.framework || known?.framework || "";
  const missing = (name ? "" : "Name the model.") || (framework ? "" : "Choose the framework.") || (files.length || source ? "" : "Choose the files of the model.");
  const save = async () => {
    failure.value = null;
    try {
      const body = bodyOf(entered.value, framework, source);
      if (source === null) {
        progress.value = "Waiting for the uploads";
        await allSent(files);
        body.uploads = named(files).map(([path, it]) => ({ path, upload: it.id }));
      }
      progress.value = "Saving";
      const params = { path: { model: name } };
      const job = await ask(api.POST("/api/v1/models/{model}/saves", { params, body }));
      const done = await ended(job, ({ progress: at }) => {
        progress.value = at?.size_bytes ? `Saving: ${bytes(at.done_bytes)} of ${bytes(at.size_bytes)}` : "Saving";
      });
      const result = done.result;
      forget(files);
      entered.value = EMPTY;
      toast(`Saved version ${result.version} of ${result.model}`);
      go(to("/models", result.model, "versions", result.version));
    } catch (cause) {
      failure.value = problemIn(cause);
    } finally {
      progress.value = "";
    }
  };
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Models", href: to("/models") }, { label: "Save a version" }],
      title: "Save a version",
      children: /* @__PURE__ */ a("div", { class: "split", children: [
        /* @__PURE__ */ a(
          "form",
          {
            class: "card",
            onSubmit: (event) => {
              event.preventDefault();
            },
            children: [
              /* @__PURE__ */ a(ModelField, { name }),
              /* @__PURE__ */ a(Shown, { loaded: rules, lines: 2, children: (it) => /* @__PURE__ */ a(
                Frameworks,
                {
                  rules: it.frameworks,
                  value: framework,
                  onChoose: (value) => set({ framework: value })
                }
              ) }),
              /* @__PURE__ */ a(Files, { source, files }),
              /* @__PURE__ */ a(
                TextField,
                {
                  label: "Description",
                  remark: "optional",
                  value: entered.value.description,
                  lines: 2,
                  onInput: (description) => set({ description })
                }
              ),
              /* @__PURE__ */ a(
                Pairs,
                {
                  title: "Metrics",
                  hint: "Numbers by which you compare versions.",
                  of: entered.value.metrics,
                  onChange: (metrics) => set({ metrics })
                }
              ),
              /* @__PURE__ */ a(
                Pairs,
                {
                  title: "Tags",
                  hint: "Text or JSON.",
                  of: entered.value.tags,
                  onChange: (tags) => set({ tags })
                }
              ),
              /* @__PURE__ */ a(
                TextField,
                {
                  label: "Input example",
                  remark: "optional, JSON",
                  value: entered.value.example,
                  lines: 4,
                  isMono: true,
                  hint: "One input of the model. The page “Try it” of a deployment starts with this input.",
                  problems: jsonProblems(entered.value.example),
                  onInput: (example) => set({ example })
                }
              ),
              /* @__PURE__ */ a(
                TextField,
                {
                  label: "Schema",
                  remark: "optional, JSON",
                  value: entered.value.schema,
                  lines: 4,
                  isMono: true,
                  hint: "What the model takes and returns.",
                  problems: jsonProblems(entered.value.schema),
                  onInput: (schema) => set({ schema })
                }
              ),
              failure.value ? /* @__PURE__ */ a(Problem, { problem: failure.value }) : null
            ]
          }
        ),
        /* @__PURE__ */ a("aside", { class: "card", "aria-label": "What will happen", children: [
          /* @__PURE__ */ a("h2", { children: "What will happen" }),
          /* @__PURE__ */ a(Outcome, { name, known, files, source }),
          /* @__PURE__ */ a("p", { children: /* @__PURE__ */ a(
            Action,
            {
              scope: "write",
              kind: "primary",
              disabledBy: missing || jsonIn(entered.value),
              onClick: save,
              children: "Save version"
            }
          ) }),
          /* @__PURE__ */ a("p", { class: "sub", role: "status", children: progress.value || missing }),
          /* @__PURE__ */ a(SameIn, { ways: waysOf(name, framework, entered.value, source) })
        ] })
      ] })
    }
  );
}
function useModel2(name) {
  const loaded = useLoad(
    name ? `model or none ${name}` : null,
    async (signal) => {
      const params = { query: { name, limit: 1e3 } };
      const page = await ask(api.GET("/api/v1/models", { params, signal }));
      return page.items.find((it) => it.name === name) ?? null;
    },
    ["model", "model-removed"]
  );
  return name ? loaded.data : void 0;
}
function ModelField({ name }) {
  return /* @__PURE__ */ a(
    Combobox,
    {
      label: "Model",
      value: name,
      placeholder: "The name of a model, or of a new one",
      searchKey: "models to save",
      search: async (text, signal) => {
        const params = { query: { name: text, limit: 20 } };
        const page = await ask(api.GET("/api/v1/models", { params, signal }));
        const found = page.items.map((it) => ({
          value: it.name,
          detail: `${it.framework}, latest version ${it.latest}`
        }));
        const isNew = text && !found.some((it) => it.value === text);
        return isNew ? [...found, { value: text, detail: "a new model" }] : found;
      },
      onChoose: (model) => setQuery({ model })
    }
  );
}
function Frameworks(props) {
  return /* @__PURE__ */ a("fieldset", { children: [
    /* @__PURE__ */ a("legend", { children: "Framework" }),
    /* @__PURE__ */ a("div", { class: "options", children: props.rules.map((it) => /* @__PURE__ */ a("label", { class: "option", children: [
      /* @__PURE__ */ a(
        "input",
        {
          type: "radio",
          name: "framework",
          checked: props.value === it.framework,
          onChange: () => props.onChoose(it.framework)
        }
      ),
      " ",
      it.label
    ] }, it.framework)) })
  ] });
}
function Files(props) {
  const { source, files } = props;
  return /* @__PURE__ */ a("fieldset", { children: [
    /* @__PURE__ */ a("legend", { children: "Files" }),
    /* @__PURE__ */ a("div", { class: "chips", children: [
      /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: `chip pick ${source === null ? "on" : ""}`,
          "aria-pressed": source === null,
          onClick: () => setQuery({ source: void 0 }),
          children: "From this computer"
        }
      ),
      /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: `chip pick ${source === null ? "" : "on"}`,
          "aria-pressed": source !== null,
          onClick: () => setQuery({ source: source ?? "Resources" }),
          children: "From the project"
        }
      )
    ] }),
    source === null ? /* @__PURE__ */ a(FromComputer, { files }) : /* @__PURE__ */ a(FolderPicker, { value: source, onChoose: (path) => setQuery({ source: path || "/" }) })
  ] });
}
function FromComputer({ files }) {
  const isOver = useSignal(false);
  const file = T(null);
  const folder = T(null);
  A(() => {
    if (folder.current) {
      folder.current.webkitdirectory = true;
    }
  }, []);
  const take = (found) => void add(found, null);
  const choose = (input) => {
    take(chosenIn(input));
    input.value = "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same
    /* @__PURE__ */ a(
      "div",
      {
        class: `drop-here ${isOver.value ? "over" : ""}`,
        onDragOver: (event) => {
          event.preventDefault();
          isOver.value = true;
        },
        onDragLeave: () => {
          isOver.value = false;
        },
        onDrop: (event) => {
          event.preventDefault();
          isOver.value = false;
          if (event.dataTransfer) {
            void dropped(event.dataTransfer).then(take);
          }
        },
        children: [
          /* @__PURE__ */ a("p", { children: [
            "Drop files or a folder here, or",
            " ",
            /* @__PURE__ */ a(Action, { small: true, scope: "write", onClick: () => file.current?.click(), children: "Choose files" }),
            " ",
            /* @__PURE__ */ a(Action, { small: true, scope: "write", onClick: () => folder.current?.click(), children: "Choose a folder" })
          ] }),
          /* @__PURE__ */ a(
            "input",
            {
              ref: file,
              type: "file",
              hidden: true,
              multiple: true,
              "aria-label": "Files of the model",
              onChange: (event) => choose(event.currentTarget)
            }
          ),
          /* @__PURE__ */ a(
            "input",
            {
              ref: folder,
              type: "file",
              hidden: true,
              "aria-label": "Folder of the model",
              onChange: (event) => choose(event.currentTarget)
            }
          ),
          /* @__PURE__ */ a("ul", { class: "tray-list", children: files.map((it) => /* @__PURE__ */ a(UploadRow, { of: it }, it.key)) }),
          files.length > 1 ? /* @__PURE__ */ a(Action, { small: true, kind: "quiet", onClick: () => cancel(files), children: "Remove all" }) : null,
          /* @__PURE__ */ a(Unfinished, { isForModel: true })
        ]
      }
    )
  );
}
function Pairs(props) {
  const rows = [...props.of, { name: "", value: "" }];
  const change = (at, changes2) => {
    const changed = rows.map((it, index) => index === at ? { ...it, ...changes2 } : it);
    props.onChange(changed.filter((it) => it.name || it.value));
  };
  const one = props.title.replace(/s$/, "");
  return /* @__PURE__ */ a("fieldset", { class: "pairs", children: [
    /* @__PURE__ */ a("legend", { children: props.title }),
    rows.map((it, index) => /* @__PURE__ */ a("div", { class: "pair", children: [
      /* @__PURE__ */ a(
        "input",
        {
          class: "input",
          "aria-label": `${one} ${index + 1}: name`,
          placeholder: "name",
          autocomplete: "off",
          value: it.name,
          onInput: (event) => change(index, { name: event.currentTarget.value })
        }
      ),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input mono",
          "aria-label": `${one} ${index + 1}: value`,
          placeholder: "value",
          autocomplete: "off",
          value: it.value,
          onInput: (event) => change(index, { value: event.currentTarget.value })
        }
      )
    ] }, index)),
    /* @__PURE__ */ a("div", { class: "hint", children: props.hint })
  ] });
}
function Outcome(props) {
  const { known, files, source } = props;
  if (!props.name) {
    return /* @__PURE__ */ a("p", { class: "sub", children: "If a save fails, nothing is saved." });
  }
  const size = files.reduce((sum, it) => sum + it.file.size, 0);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: known ? /* @__PURE__ */ a($, { children: [
      "The next version of ",
      /* @__PURE__ */ a("a", { href: to("/models", known.name), children: known.name }),
      " is saved, after version ",
      known.latest,
      "."
    ] }) : /* @__PURE__ */ a($, { children: [
      "A new model ",
      /* @__PURE__ */ a("b", { children: props.name }),
      " is created, with version 1."
    ] }) }),
    /* @__PURE__ */ a("p", { children: source === null ? /* @__PURE__ */ a($, { children: [
      many(files.length, "file"),
      ", ",
      /* @__PURE__ */ a(Size, { of: size })
    ] }) : /* @__PURE__ */ a($, { children: [
      "All files of ",
      /* @__PURE__ */ a("b", { children: source }),
      " are copied; the folder is not changed."
    ] }) }),
    known ? /* @__PURE__ */ a("p", { class: "sub", children: [
      "Version ",
      known.latest,
      " has",
      " ",
      Object.entries(known.metrics).map(([name, value]) => /* @__PURE__ */ a(Chip, { children: [
        name,
        " ",
        metric(value)
      ] }, name)),
      Object.keys(known.metrics).length ? null : "no metrics"
    ] }) : null,
    files.some((it) => it.stage.value === "failed") ? /* @__PURE__ */ a(Note, { kind: "bad", children: "A file was not uploaded: try it again, or remove it." }) : null
  ] });
}
function named(files) {
  const [first] = files;
  const top = first?.name.includes("/") ? first.name.slice(0, first.name.indexOf("/") + 1) : "";
  const isAll = top !== "" && files.every((it) => it.name.startsWith(top));
  return files.map((it) => [isAll ? it.name.slice(top.length) : it.name, it]);
}
function allSent(files) {
  return new Promise((resolve, reject) => {
    const stops = [];
    const look = () => {
      const stages = files.map((it) => it.stage.value);
      const isOver = stages.every((it) => it === "done");
      if (isOver || stages.some((it) => it === "failed" || it === "cancelled")) {
        for (const stop of stops) {
          stop();
        }
        const bad = files.find((it) => it.stage.value !== "done");
        const words = `“${bad?.name}” was not uploaded: ${bad?.problem.value || "removed"}`;
        return isOver ? resolve() : reject(new ProblemError(1, "Not all files were uploaded", words));
      }
    };
    for (const it of files) {
      stops.push(it.stage.subscribe(() => queueMicrotask(look)));
    }
    look();
  });
}
function bodyOf(it, framework, source) {
  const optional = (text) => text.trim() ? JSON.parse(text) : null;
  return {
    framework,
    version: null,
    description: it.description || null,
    metrics: members(it.metrics, asNumber),
    tags: members(it.tags, asValue),
    input_example: optional(it.example),
    model_schema: optional(it.schema),
    uploads: [],
    source
  };
}
function members(pairs, read) {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, read(value)]));
}
function asNumber(text) {
  const value = Number(text);
  return text.trim() && Number.isFinite(value) ? value : text;
}
function asValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
function jsonProblems(text) {
  const detail = jsonProblem(text);
  return detail ? [{ pointer: "", detail }] : [];
}
function jsonIn(it) {
  const values = [...it.metrics, ...it.tags].map(({ value }) => valueProblem(value));
  return jsonProblem(it.example) || jsonProblem(it.schema) || values.find(Boolean) || "";
}
function waysOf(name, framework, it, source) {
  const body = jsonIn(it) ? null : bodyOf(it, framework, source);
  const given = Object.entries({
    metrics: body?.metrics,
    description: body?.description,
    input_example: body?.input_example,
    model_schema: body?.model_schema,
    tags: body?.tags
  }).filter(([, value]) => value && Object.keys(value).length);
  const options = given.map(([key, value]) => `, ${key}=${python(value)}`).join("");
  const lines = [
    "mr = project.get_model_registry()",
    `model = mr.${framework.toLowerCase()}.create_model(${python(name)}${options})`,
    `model.save("model_dir")`
  ];
  const words = [
    ...it.metrics.map((pair) => ` --metric ${shell(`${pair.name}=${pair.value}`)}`),
    ...it.tags.map((pair) => ` --tag ${shell(`${pair.name}=${pair.value}`)}`),
    it.description ? ` --description ${shell(it.description)}` : "",
    it.example ? " --input-example example.json" : "",
    it.schema ? " --schema schema.json" : ""
  ].join("");
  const flag = framework ? ` --framework ${framework.toLowerCase()}` : "";
  return {
    // Only the server can read a folder of the project.
    python: source === null ? lines.join("\n") : "",
    cli: source !== null ? void 0 : `hopsartifacts models save ${shell(name)} model_dir${flag}${words}`,
    curl: curl("POST", `/api/v1/models/${encodeURIComponent(name)}/saves`, {
      ...body,
      uploads: source === null ? [{ path: "model.bin", upload: "…" }] : []
    })
  };
}

// src/pages/models/artifacts.tsx
var columnsOf2 = (folder, compare) => [
  {
    id: "version",
    head: "Artifact version",
    isSorted: true,
    cell: (it) => it.files.length ? /* @__PURE__ */ a("a", { href: fileHref(`${folder}/${it.version}`), children: /* @__PURE__ */ a("b", { children: it.version }) }) : /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("b", { children: it.version }),
      " ",
      /* @__PURE__ */ a("span", { class: "sub", children: "without scripts" })
    ] })
  },
  {
    id: "files",
    head: "Files",
    cell: (it) => it.files.map((file, index) => /* @__PURE__ */ a("span", { children: [
      index ? ", " : "",
      /* @__PURE__ */ a("a", { href: fileHref(`${folder}/${it.version}/${file}`), children: file })
    ] }, file))
  },
  { id: "size", head: "Size", isNumber: true, cell: (it) => /* @__PURE__ */ a(Size, { of: it.size_bytes }) },
  { id: "identity", head: "Identity", cell: (it) => /* @__PURE__ */ a(Digest, { of: it.identity }) },
  { id: "deployments", head: "Used by", cell: (it) => /* @__PURE__ */ a(Users, { of: it.deployments }) },
  {
    id: "compare",
    head: "",
    cell: (it) => it.version > 1 ? /* @__PURE__ */ a(
      Action,
      {
        small: true,
        label: `What changed in artifact version ${it.version}`,
        onClick: () => compare(it),
        children: "What changed"
      }
    ) : null
  }
];
function Artifacts({ model, version }) {
  const [compared, setCompared] = d(null);
  const sort = sortOf("-version");
  const path = { model, version: String(version) };
  const folder = `Models/${model}/${version}/Artifacts`;
  const pages = usePages(
    `artifacts ${model} ${version} ${sort}`,
    (cursor, limit, signal) => {
      const params = { path, query: { sort, cursor, limit } };
      return ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts", { params, signal })
      );
    },
    (event) => about(model)(event) || event.name.startsWith("deployment")
  );
  return /* @__PURE__ */ a("section", { "aria-label": "Artifacts", children: [
    /* @__PURE__ */ a("h2", { children: "Artifacts" }),
    /* @__PURE__ */ a(
      Table,
      {
        label: "Artifact versions",
        pages,
        columns: columnsOf2(folder, setCompared),
        idOf: (it) => String(it.version),
        sort: "-version",
        empty: /* @__PURE__ */ a(Empty, { title: "There are no artifact versions" })
      }
    ),
    compared ? /* @__PURE__ */ a(
      ArtifactDiff,
      {
        path: {
          ...path,
          artifact: String(compared.version - 1),
          other: String(compared.version)
        },
        onClose: () => setCompared(null)
      }
    ) : null
  ] });
}
function ArtifactDiff(props) {
  const { path } = props;
  const loaded = useLoad(
    `artifact diff ${Object.values(path).join(" ")}`,
    (signal) => ask(
      api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}/diff/{other}", {
        params: { path },
        signal
      })
    )
  );
  return /* @__PURE__ */ a(
    Dialog,
    {
      title: `From artifact version ${path.artifact} to ${path.other}`,
      onClose: props.onClose,
      isWide: true,
      children: /* @__PURE__ */ a(Shown, { loaded, lines: 6, children: (it) => /* @__PURE__ */ a($, { children: [
        it.files.length ? null : /* @__PURE__ */ a("p", { children: "The files are the same." }),
        it.files.map((file) => /* @__PURE__ */ a("section", { "aria-label": file.path, children: [
          /* @__PURE__ */ a("h3", { children: [
            file.path,
            " ",
            /* @__PURE__ */ a("span", { class: "sub", children: file.change })
          ] }),
          file.lines.length ? /* @__PURE__ */ a(Diff, { lines: file.lines }) : null
        ] }, file.path))
      ] }) })
    }
  );
}

// src/pages/models/schema.tsx
var PARTS = [
  ["input_schema", "Inputs"],
  ["output_schema", "Outputs"]
];
function rowsOf(part) {
  if (typeof part !== "object" || !part) {
    return null;
  }
  const { columnar_schema: columns, tensor_schema: tensors } = part;
  const rows = columns ?? tensors;
  const all = Array.isArray(rows) ? rows : rows ? [rows] : null;
  return all?.every((it) => typeof it === "object" && it) ? all : null;
}
function Schema({ of }) {
  if (typeof of !== "object" || !of) {
    return /* @__PURE__ */ a("p", { class: "muted", children: "No schema was saved. If there is one, requests and new versions can be checked against it." });
  }
  const parts = PARTS.map(([key, title]) => ({ title, part: of[key] })).filter(
    (it) => it.part
  );
  if (!parts.length || parts.some((it) => rowsOf(it.part) === null)) {
    return /* @__PURE__ */ a(Snippet, { text: JSON.stringify(of, null, 1), label: "Schema" });
  }
  return /* @__PURE__ */ a($, { children: parts.map(({ title, part }) => /* @__PURE__ */ a(Part2, { title, rows: rowsOf(part) ?? [] }, title)) });
}
function Part2({ title, rows }) {
  const heads = [...new Set(rows.flatMap((it) => Object.keys(it)))];
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("h3", { children: title }),
    /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { class: "values", "aria-label": title, children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: heads.map((it) => /* @__PURE__ */ a("th", { scope: "col", children: it }, it)) }) }),
      /* @__PURE__ */ a("tbody", { children: rows.map((row, index) => /* @__PURE__ */ a("tr", { children: heads.map((head) => /* @__PURE__ */ a("td", { "data-head": head, children: String(row[head] ?? "") }, head)) }, index)) })
    ] }) })
  ] });
}

// src/pages/models/version.tsx
var IMAGES = /^images\/[^/]+\.(png|jpe?g|gif|webp|svg)$/i;
var MOST_FILES = 200;
var SHORT = 100;
function ModelVersion({ params }) {
  const { model = "", version = "" } = params;
  const loaded = useLoad(
    `version ${model} ${version}`,
    (signal) => {
      const params2 = { path: { model, version } };
      return ask(api.GET("/api/v1/models/{model}/versions/{version}", { params: params2, signal }));
    },
    (event) => about(model)(event) || event.name.startsWith("deployment")
  );
  const data = loaded.data;
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: `version ${version}` }
      ],
      title: /* @__PURE__ */ a($, { children: [
        model,
        " version ",
        version,
        data ? /* @__PURE__ */ a(Chip, { children: data.framework }) : null,
        data?.aliases.map((alias) => /* @__PURE__ */ a(Chip, { kind: "alias", href: aliasHref(model, alias), children: alias }, alias))
      ] }),
      actions: data ? /* @__PURE__ */ a(Actions2, { of: data }) : null,
      children: /* @__PURE__ */ a(Shown, { loaded, lines: 14, children: (it) => /* @__PURE__ */ a(About, { of: it }) })
    }
  );
}
function Actions2({ of }) {
  const { model, version } = of;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Menu, { label: "More", children: [
      /* @__PURE__ */ a(
        Action,
        {
          kind: "quiet",
          small: true,
          scope: "write",
          onClick: () => askToSetAlias(model, "", version),
          children: "Set an alias…"
        }
      ),
      /* @__PURE__ */ a(
        Action,
        {
          kind: "quiet",
          small: true,
          scope: "write",
          onClick: () => askToDeleteVersion(of, () => go(modelHref(model))),
          children: [
            "Delete version ",
            version,
            "…"
          ]
        }
      )
    ] }),
    /* @__PURE__ */ a(CompareMenu, { of }),
    /* @__PURE__ */ a(Action, { href: deployHref(model, version), kind: "primary", scope: "deploy", children: "Deploy" })
  ] });
}
function CompareMenu({ of: { model, version } }) {
  const found = useModel(model).data;
  const named2 = Object.entries(found?.aliases ?? {});
  const latest = found ? [["latest", found.latest]] : [];
  const others = [...named2, ...latest].filter(([, other]) => other !== version);
  return /* @__PURE__ */ a(Menu, { label: "Compare", children: [
    others.map(([name, other]) => /* @__PURE__ */ a("a", { class: "menu-item", href: compareHref(model, [other, version]), children: [
      "with ",
      name,
      ", version ",
      other
    ] }, name)),
    /* @__PURE__ */ a("a", { class: "menu-item", href: compareHref(model, [version]), children: "with another…" })
  ] });
}
function About({ of }) {
  const images = of.files.filter((it) => IMAGES.test(it.path));
  const files = `${of.path}/Files`;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Description, { model: of.model, version: of.version, text: of.description }),
    /* @__PURE__ */ a("div", { class: "split wide-left below", children: [
      /* @__PURE__ */ a("div", { class: "stack", children: [
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Metrics", children: [
          /* @__PURE__ */ a("h2", { children: "Metrics" }),
          /* @__PURE__ */ a(Metrics2, { of })
        ] }),
        images.length ? /* @__PURE__ */ a("section", { class: "card", "aria-label": "Images", children: [
          /* @__PURE__ */ a("h2", { children: "Images" }),
          /* @__PURE__ */ a("div", { class: "images", children: images.map((it) => /* @__PURE__ */ a("figure", { children: [
            /* @__PURE__ */ a("a", { href: fileHref(`${files}/${it.path}`), children: /* @__PURE__ */ a(
              "img",
              {
                src: contentHref(`${files}/${it.path}`),
                alt: it.path,
                loading: "lazy"
              }
            ) }),
            /* @__PURE__ */ a("figcaption", { class: "sub", children: it.path.replace(/^images\//, "") })
          ] }, it.path)) })
        ] }) : null,
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Schema", children: [
          /* @__PURE__ */ a("h2", { children: "Schema" }),
          /* @__PURE__ */ a(Schema, { of: of.model_schema })
        ] }),
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Input example", children: [
          /* @__PURE__ */ a("h2", { children: "Input example" }),
          of.input_example === null ? /* @__PURE__ */ a("p", { class: "muted", children: "No input example was saved. If there is one, the page of a deployment can send it as a request." }) : /* @__PURE__ */ a(Snippet, { text: exampleText(of.input_example), label: "Example as JSON" })
        ] }),
        /* @__PURE__ */ a(Files2, { of, folder: files }),
        /* @__PURE__ */ a(Artifacts, { model: of.model, version: of.version })
      ] }),
      /* @__PURE__ */ a("aside", { class: "stack", children: [
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Facts", children: [
          /* @__PURE__ */ a("h2", { children: "Facts" }),
          /* @__PURE__ */ a(Facts, { of, folder: files })
        ] }),
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Tags", children: [
          /* @__PURE__ */ a("h2", { children: "Tags" }),
          /* @__PURE__ */ a(Tags, { of })
        ] }),
        /* @__PURE__ */ a("section", { class: "card", "aria-label": "Used by", children: [
          /* @__PURE__ */ a("h2", { children: "Used by" }),
          /* @__PURE__ */ a(Uses2, { of })
        ] }),
        /* @__PURE__ */ a("section", { class: "card aside-code", "aria-label": "Load it", children: [
          /* @__PURE__ */ a("h2", { children: "Load it" }),
          /* @__PURE__ */ a(LoadCode, { of })
        ] })
      ] })
    ] })
  ] });
}
function exampleText(value) {
  const short = JSON.stringify(value);
  return short.length <= SHORT ? short : JSON.stringify(value, null, 1);
}
function Metrics2({ of }) {
  const all = Object.entries(of.metrics);
  if (!all.length) {
    return /* @__PURE__ */ a("p", { class: "muted", children: "No metrics were saved." });
  }
  return /* @__PURE__ */ a("dl", { class: "pairs", children: all.map(([name, value]) => /* @__PURE__ */ a("div", { children: [
    /* @__PURE__ */ a("dt", { children: /* @__PURE__ */ a("a", { href: `${modelHref(of.model)}?metric=${encodeURIComponent(name)}`, children: name }) }),
    /* @__PURE__ */ a("dd", { title: String(value), children: metric(value) })
  ] }, name)) });
}
function Facts({ of, folder }) {
  return /* @__PURE__ */ a("dl", { children: [
    /* @__PURE__ */ a("dt", { children: "Saved" }),
    /* @__PURE__ */ a("dd", { children: [
      /* @__PURE__ */ a(Time, { at: of.created }),
      " by ",
      of.creator
    ] }),
    /* @__PURE__ */ a("dt", { children: "Framework" }),
    /* @__PURE__ */ a("dd", { children: of.framework }),
    /* @__PURE__ */ a("dt", { children: "Size" }),
    /* @__PURE__ */ a("dd", { children: [
      /* @__PURE__ */ a(Size, { of: of.size_bytes }),
      " in ",
      many(of.files.length, "file")
    ] }),
    /* @__PURE__ */ a("dt", { children: "Folder" }),
    /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a("a", { class: "mono", href: fileHref(folder), children: folder }) }),
    /* @__PURE__ */ a("dt", { children: "Id" }),
    /* @__PURE__ */ a("dd", { class: "mono", children: of.id }),
    /* @__PURE__ */ a("dt", { children: "History" }),
    /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a("a", { href: `${modelHref(of.model)}/history`, children: [
      "everything that happened to ",
      of.model
    ] }) })
  ] });
}
function Uses2({ of }) {
  if (!of.deployments.length) {
    return /* @__PURE__ */ a("p", { class: "muted", children: "No deployment uses it." });
  }
  return /* @__PURE__ */ a("ul", { class: "names", children: of.deployments.map((it) => /* @__PURE__ */ a("li", { children: [
    /* @__PURE__ */ a("a", { href: deploymentHref(it.deployment), children: it.deployment }),
    " ",
    /* @__PURE__ */ a("span", { class: "sub", children: [
      "version ",
      it.version,
      it.is_active ? ", active" : ", not active: it can be rolled back to"
    ] })
  ] }, `${it.deployment} ${it.version}`)) });
}
function Files2({ of, folder }) {
  const [isAll, setAll] = d(false);
  const shown = isAll ? of.files : of.files.slice(0, MOST_FILES);
  return /* @__PURE__ */ a("section", { "aria-label": "Files", children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      /* @__PURE__ */ a("h2", { children: many(of.files.length, "file") }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a(Integrity, { folder: of.path }),
      /* @__PURE__ */ a("a", { class: "button small", href: archiveHref(folder), download: true, children: "Download as zip" })
    ] }),
    /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: "File" }),
        /* @__PURE__ */ a("th", { scope: "col", class: "num", children: "Size" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "SHA-256" })
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: shown.map((it) => /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("td", { children: /* @__PURE__ */ a("a", { href: fileHref(`${folder}/${it.path}`), children: it.path }) }),
        /* @__PURE__ */ a("td", { class: "num", "data-head": "Size", children: /* @__PURE__ */ a(Size, { of: it.digest.size_bytes }) }),
        /* @__PURE__ */ a("td", { "data-head": "SHA-256", children: /* @__PURE__ */ a(Digest, { of: it.digest.sha256 }) })
      ] }, it.path)) })
    ] }) }),
    shown.length < of.files.length ? /* @__PURE__ */ a("div", { class: "more", children: /* @__PURE__ */ a("button", { type: "button", class: "button", onClick: () => setAll(true), children: [
      "Show all ",
      many(of.files.length, "file")
    ] }) }) : null
  ] });
}
function Integrity({ folder }) {
  const { data, reload } = useLoad(
    `row ${folder}`,
    (signal) => ask(api.GET("/api/v1/files/{path}", { params: { path: { path: folder } }, signal }))
  );
  return /* @__PURE__ */ a($, { children: [
    data?.integrity ? /* @__PURE__ */ a("span", { role: "status", children: [
      /* @__PURE__ */ a(IntegrityMark, { of: data.integrity, isBrief: true }),
      " ",
      data.integrity.checked ? /* @__PURE__ */ a("span", { class: "sub", children: /* @__PURE__ */ a(Time, { at: data.integrity.checked }) }) : null
    ] }) : null,
    /* @__PURE__ */ a(Verify, { path: folder, label: "Verify", small: true, onDone: reload })
  ] });
}
function LoadCode({ of }) {
  const { model, version } = of;
  const alias = of.aliases[0];
  const lines = [
    "mr = project.get_model_registry()",
    `model = mr.get_model(${python(model)}, version=${version})`,
    ...alias ? [`# or: mr.get_model(${python(model)}, alias=${python(alias)})`] : [],
    "folder = model.download()"
  ];
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Snippet, { text: lines.join("\n"), label: "Python" }),
    /* @__PURE__ */ a("h3", { children: "Command line" }),
    /* @__PURE__ */ a(
      Snippet,
      {
        text: `hopsartifacts models download ${shell(model)} ${version}`,
        label: "Shell"
      }
    )
  ] });
}
function Tags({ of }) {
  const all = Object.entries(of.tags);
  return /* @__PURE__ */ a($, { children: [
    all.length ? null : /* @__PURE__ */ a("p", { class: "muted", children: "No tags yet." }),
    all.map(([tag, value]) => /* @__PURE__ */ a(Tag, { of, tag, value }, tag)),
    /* @__PURE__ */ a(NewTag, { of })
  ] });
}
var TAG = "/api/v1/models/{model}/versions/{version}/tags/{tag}";
var HINT = "Text, or JSON such as 3, true or a list.";
function waysToTag({ model, version }, tag, value) {
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}/tags/${encodeURIComponent(tag)}`;
  return {
    python: `mr = project.get_model_registry()
mr.get_model(${python(model)}, ${version}).set_tag(${python(tag)}, ${python(value)})`,
    cli: `hopsartifacts models tag ${shell(model)} ${version} ${shell(`${tag}=${typedValue(value)}`)}`,
    curl: curl("PUT", path, value)
  };
}
function Tag({ of, tag, value }) {
  const path = { model: of.model, version: String(of.version), tag };
  const read = async () => {
    const { data, error, response } = await api.GET(TAG, { params: { path } });
    if (!response.ok) {
      throw problemOf(response, error);
    }
    return { text: typedValue(data), etag: response.headers.get("etag") ?? "" };
  };
  const write = async (text, etag) => ask(
    api.PUT(TAG, {
      params: { path, header: { "If-Match": etag } },
      body: sentValue(text)
    })
  );
  return /* @__PURE__ */ a(
    Editable,
    {
      label: `Tag ${tag}`,
      text: typedValue(value),
      lines: 2,
      hint: HINT,
      read,
      write,
      ways: (text) => waysToTag(of, tag, readValue(text)),
      more: /* @__PURE__ */ a(
        Action,
        {
          kind: "quiet",
          small: true,
          scope: "write",
          label: `Delete tag ${tag}`,
          onClick: () => askToDeleteTag(of, tag, value),
          children: "Delete"
        }
      ),
      children: /* @__PURE__ */ a("span", { class: "text", children: [
        /* @__PURE__ */ a("b", { children: tag }),
        " ",
        shownValue(value)
      ] })
    }
  );
}
function askToDeleteTag(of, tag, value) {
  const { model, version } = of;
  confirm({
    title: `Delete tag ${tag} of version ${version}?`,
    action: "Delete tag",
    isDangerous: true,
    body: /* @__PURE__ */ a("p", { children: [
      "Its value ",
      /* @__PURE__ */ a("b", { children: shownValue(value) }),
      " stays in the history of ",
      model,
      "."
    ] }),
    run: async () => {
      const path = { model, version: String(version), tag };
      await ask(api.DELETE(TAG, { params: { path } }));
      toast(`Deleted tag ${tag}`);
    }
  });
}
function NewTag({ of }) {
  const [isOpen, setOpen] = d(false);
  const [tag, setTag] = d("");
  const [text, setText] = d("");
  if (!isOpen) {
    return /* @__PURE__ */ a(Action, { kind: "quiet", small: true, scope: "write", onClick: () => setOpen(true), children: "Add a tag" });
  }
  const path = { model: of.model, version: String(of.version), tag };
  const add2 = async () => {
    await ask(
      api.PUT(TAG, {
        params: { path, header: { "If-None-Match": "*" } },
        body: sentValue(text)
      })
    );
    toast(`Tag ${tag} added`);
    setTag("");
    setText("");
    setOpen(false);
  };
  return /* @__PURE__ */ a("fieldset", { children: [
    /* @__PURE__ */ a("legend", { children: "New tag" }),
    /* @__PURE__ */ a("label", { class: "field", children: [
      /* @__PURE__ */ a("span", { children: "Name" }),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input",
          value: tag,
          onInput: (event) => setTag(event.currentTarget.value)
        }
      )
    ] }),
    /* @__PURE__ */ a("label", { class: "field", children: [
      /* @__PURE__ */ a("span", { children: "Value" }),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input",
          value: text,
          onInput: (event) => setText(event.currentTarget.value)
        }
      ),
      /* @__PURE__ */ a("span", { class: "hint", children: HINT })
    ] }),
    /* @__PURE__ */ a("div", { class: "acts", children: [
      /* @__PURE__ */ a(
        Action,
        {
          kind: "primary",
          small: true,
          scope: "write",
          disabledBy: tag ? "" : "Give it a name first.",
          onClick: add2,
          children: "Add"
        }
      ),
      /* @__PURE__ */ a(Action, { small: true, onClick: () => setOpen(false), children: "Cancel" }),
      /* @__PURE__ */ a(SameIn, { ways: waysToTag(of, tag || "name", readValue(text)) })
    ] })
  ] });
}
export {
  AliasHistory,
  Compare,
  ModelAliases,
  ModelHistory,
  ModelUses,
  ModelVersion,
  ModelVersions,
  Models,
  SavePage
};
