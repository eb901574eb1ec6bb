import {
  Changes,
  FileChanges,
  labelOfNumber
} from "./shared-4.js";
import {
  Preview
} from "./shared-11.js";
import "./shared-13.js";
import {
  Combobox
} from "./shared-8.js";
import {
  jsonProblem
} from "./shared-2.js";
import {
  CheckField,
  Field,
  SelectField,
  TextField,
  problemsAt
} from "./shared-9.js";
import {
  $,
  A,
  Action,
  Chip,
  Dialog,
  Digest,
  Note,
  P,
  Page,
  Problem,
  SameIn,
  Shown,
  Size,
  State,
  T,
  TYPING_MS,
  Waiting,
  a,
  api,
  asProblem,
  ask,
  bytes,
  count,
  curl,
  d,
  go,
  many,
  metric,
  observed,
  place,
  problemIn,
  problemOf,
  python,
  sentence,
  shell,
  to,
  toast,
  useLoad,
  usePages
} from "./shared-1.js";

// src/pages/deployments/form/files.tsx
var FOLDER = "Resources";
var COMPARED_BYTES = 4 * 1024 * 1024;
var LISTED = 200;
var contentOf = (path) => `/api/v1/files/${encodeURIComponent(path)}/content`;
function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}
function FileField(props) {
  const { value, onChange, suffixes = [], disabledBy } = props;
  const [isOpen, setOpen] = d(false);
  const [isOver, setOver] = d(false);
  const [clash, setClash] = d(null);
  const [failure, setFailure] = d("");
  const picker = P();
  const upload = async (file) => {
    setFailure("");
    if (!file || disabledBy) {
      return;
    }
    try {
      const path = await uploaded(file, `${FOLDER}/${file.name}`);
      if (path) {
        onChange(path);
      } else {
        setClash({ file, path: `${FOLDER}/${file.name}` });
      }
    } catch (cause) {
      setFailure(asProblem(cause).message);
    }
  };
  const problems = [
    ...failure ? [{ pointer: "", detail: failure }] : [],
    ...props.problems ?? []
  ];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same
    /* @__PURE__ */ a(
      "div",
      {
        class: `file-field ${isOver ? "over" : ""}`,
        onDragOver: (event) => {
          event.preventDefault();
          setOver(!disabledBy);
        },
        onDragLeave: () => setOver(false),
        onDrop: (event) => {
          event.preventDefault();
          setOver(false);
          void upload(event.dataTransfer?.files[0]);
        },
        children: [
          /* @__PURE__ */ a(
            Field,
            {
              label: props.label,
              remark: props.remark,
              hint: disabledBy || props.hint,
              problems,
              children: (ids) => /* @__PURE__ */ a("div", { class: "file-row", children: [
                /* @__PURE__ */ a(
                  Action,
                  {
                    onClick: () => setOpen(true),
                    disabledBy,
                    label: `${props.label}: from project`,
                    children: "From project"
                  }
                ),
                /* @__PURE__ */ a(
                  Action,
                  {
                    scope: "write",
                    disabledBy,
                    label: `${props.label}: upload new file to ${FOLDER}`,
                    onClick: () => document.getElementById(picker)?.click(),
                    children: [
                      "Upload new file to ",
                      FOLDER
                    ]
                  }
                ),
                /* @__PURE__ */ a(
                  "input",
                  {
                    type: "file",
                    id: picker,
                    class: "hidden",
                    tabIndex: -1,
                    "aria-hidden": "true",
                    accept: suffixes.join(",") || void 0,
                    onChange: (event) => {
                      const input = event.currentTarget;
                      void upload(input.files?.[0]).finally(() => {
                        input.value = "";
                      });
                    }
                  }
                ),
                /* @__PURE__ */ a("output", { ...ids, class: "mono file-name", title: value, children: [
                  value ? props.isKept ? nameOf(value) : value : props.noneIs ?? "none",
                  value && props.isKept ? /* @__PURE__ */ a("span", { class: "sub", children: " · unchanged" }) : null
                ] }),
                value ? /* @__PURE__ */ a(
                  "button",
                  {
                    type: "button",
                    class: "button quiet small",
                    "aria-label": `${props.label}: remove`,
                    onClick: () => onChange(""),
                    children: "✕"
                  }
                ) : null
              ] })
            }
          ),
          isOpen ? /* @__PURE__ */ a(
            FileDialog,
            {
              title: props.label,
              suffixes,
              onClose: () => setOpen(false),
              onChoose: (path) => {
                setOpen(false);
                onChange(path);
              }
            }
          ) : null,
          clash ? /* @__PURE__ */ a(
            ClashDialog,
            {
              clash,
              onClose: () => setClash(null),
              onDone: (path) => {
                setClash(null);
                onChange(path);
              }
            }
          ) : null
        ]
      }
    )
  );
}
async function uploaded(file, path, overwrite = false) {
  const url = `${contentOf(path)}${overwrite ? "?overwrite=true" : ""}`;
  const request = new Request(location.origin + url, { method: "PUT", body: file });
  const response = await observed(request);
  if (response.ok) {
    toast(`Uploaded to ${path}`);
    return path;
  }
  const problem = problemOf(response, await response.json().catch(() => null));
  if (problem.status !== 409 || overwrite) {
    throw problem;
  }
  return await isSame(file, path) ? path : null;
}
async function isSame(file, path) {
  const params = { path: { path } };
  const there = await ask(api.GET("/api/v1/files/{path}", { params }));
  if (there.size_bytes !== file.size || file.size > COMPARED_BYTES) {
    return false;
  }
  const response = await observed(new Request(location.origin + contentOf(path)));
  const [ours, theirs] = await Promise.all([file.arrayBuffer(), response.arrayBuffer()]);
  const known2 = new Uint8Array(theirs);
  return response.ok && new Uint8Array(ours).every((it, index) => it === known2[index]);
}
function ClashDialog(props) {
  const { file, path } = props.clash;
  const [name, setName] = d(another(file.name));
  const [failure, setFailure] = d("");
  const attempt = async (target, overwrite) => {
    setFailure("");
    try {
      const done = await uploaded(file, target, overwrite);
      if (done) {
        props.onDone(done);
      } else {
        setFailure(`${target} exists, too: choose another name.`);
      }
    } catch (cause) {
      setFailure(asProblem(cause).message);
    }
  };
  const field = P();
  return /* @__PURE__ */ a(Dialog, { title: `${path} exists already`, onClose: props.onClose, children: [
    /* @__PURE__ */ a("p", { children: [
      "The existing file differs from yours (",
      bytes(file.size),
      ")."
    ] }),
    /* @__PURE__ */ a("div", { class: "field", children: [
      /* @__PURE__ */ a("label", { for: field, children: "Keep both, and store yours as" }),
      /* @__PURE__ */ a(
        "input",
        {
          id: field,
          class: "input mono",
          value: name,
          onInput: (event) => setName(event.currentTarget.value)
        }
      )
    ] }),
    /* @__PURE__ */ a("div", { role: "alert", children: failure ? /* @__PURE__ */ a(Note, { kind: "bad", children: failure }) : null }),
    /* @__PURE__ */ a("div", { class: "dialog-foot", children: [
      /* @__PURE__ */ a(Action, { onClick: () => props.onDone(path), children: "Use the existing file" }),
      /* @__PURE__ */ a(Action, { kind: "danger", onClick: () => attempt(path, true), children: "Replace it" }),
      /* @__PURE__ */ a(Action, { kind: "primary", onClick: () => attempt(`${FOLDER}/${name}`, false), children: "Keep both" })
    ] })
  ] });
}
function another(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}-2${name.slice(dot)}` : `${name}-2`;
}
function FileDialog(props) {
  const [filter, setFilter] = d("");
  const [chosen, choose] = d("");
  const fits = (row) => !props.suffixes.length || props.suffixes.some((it) => row.name.endsWith(it));
  const tree = { fits, chosen, choose, take: props.onChoose };
  return /* @__PURE__ */ a(Dialog, { title: `${props.title}: a file of the project`, onClose: props.onClose, isWide: true, children: [
    /* @__PURE__ */ a(
      "input",
      {
        type: "search",
        class: "input",
        "aria-label": "Filter by name",
        placeholder: `Filter by name${props.suffixes.length ? ` (${props.suffixes.join(", ")})` : ""}`,
        value: filter,
        onInput: (event) => setFilter(event.currentTarget.value)
      }
    ),
    /* @__PURE__ */ a("div", { class: "file-choice", children: [
      /* @__PURE__ */ a("nav", { class: "file-tree", "aria-label": "Files", children: filter ? /* @__PURE__ */ a(Found, { name: filter, tree }) : /* @__PURE__ */ a(Folder, { path: "", tree }) }),
      /* @__PURE__ */ a("div", { children: chosen ? /* @__PURE__ */ a(Preview, { path: chosen }) : /* @__PURE__ */ a("p", { class: "sub", children: "Select a file to see it." }) })
    ] }),
    /* @__PURE__ */ a("div", { class: "dialog-foot", children: [
      /* @__PURE__ */ a(Action, { onClick: props.onClose, children: "Cancel" }),
      /* @__PURE__ */ a(
        Action,
        {
          kind: "primary",
          disabledBy: chosen ? "" : "Select a file first.",
          onClick: () => props.onChoose(chosen),
          children: "Choose"
        }
      )
    ] })
  ] });
}
function Folder({ path, tree }) {
  const pages = usePages(
    `folder ${path}`,
    (cursor, _, signal) => {
      const query = { path, cursor, limit: LISTED };
      return ask(api.GET("/api/v1/files", { params: { query }, signal }));
    },
    ["file"]
  );
  if (!pages.data) {
    return pages.problem ? /* @__PURE__ */ a(Problem, { problem: pages.problem, onRetry: pages.reload }) : /* @__PURE__ */ a(Waiting, { lines: 3 });
  }
  const shown = pages.data.items.filter((it) => it.kind === "folder" || tree.fits(it));
  return /* @__PURE__ */ a("ul", { children: [
    shown.map(
      (it) => it.kind === "folder" ? /* @__PURE__ */ a(Branch, { row: it, tree }, it.path) : /* @__PURE__ */ a(Leaf, { row: it, label: it.name, tree }, it.path)
    ),
    shown.length ? null : /* @__PURE__ */ a("li", { class: "sub", children: "no file here fits" }),
    pages.data.next ? /* @__PURE__ */ a("li", { children: /* @__PURE__ */ a("button", { type: "button", class: "link", onClick: pages.more, children: "Show more" }) }) : null
  ] });
}
function Found({ name, tree }) {
  const loaded = useLoad(
    `found ${name}`,
    (signal) => {
      const query = { name, deep: true, kind: "file", limit: LISTED };
      return ask(api.GET("/api/v1/files", { params: { query }, signal }));
    },
    ["file"]
  );
  return /* @__PURE__ */ a(Shown, { loaded, lines: 3, children: (page) => {
    const rows = page.items.filter(tree.fits);
    return /* @__PURE__ */ a("ul", { children: [
      rows.map((it) => /* @__PURE__ */ a(Leaf, { row: it, label: it.path, tree }, it.path)),
      rows.length ? null : /* @__PURE__ */ a("li", { class: "sub", children: "no file fits" }),
      page.next ? /* @__PURE__ */ a("li", { class: "sub", children: "there are more: type more of the name" }) : null
    ] });
  } });
}
function Leaf({ row, label, tree }) {
  return /* @__PURE__ */ a("li", { children: /* @__PURE__ */ a(
    "button",
    {
      type: "button",
      class: "leaf",
      "aria-pressed": row.path === tree.chosen,
      onClick: () => tree.choose(row.path),
      onDblClick: () => tree.take(row.path),
      children: [
        label,
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: bytes(row.size_bytes) })
      ]
    }
  ) });
}
function Branch({ row, tree }) {
  const [isOpen, setOpen] = d(row.path === FOLDER);
  return /* @__PURE__ */ a("li", { children: [
    /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "leaf branch",
        "aria-expanded": isOpen,
        onClick: () => setOpen(!isOpen),
        children: row.name
      }
    ),
    isOpen ? /* @__PURE__ */ a(Folder, { path: row.path, tree }) : null
  ] });
}

// src/pages/deployments/form/phrases.ts
var WORDS = [
  [/give script_file or config_file/g, "choose a predictor script or a configuration file"],
  [/give script_file, (?=a Python file)/g, "choose a predictor script: "],
  [/leave script_file out/g, "remove the predictor script"],
  [/use serving_tool='(\w+)'/g, "use the serving tool $1"]
];
function inForm(message) {
  return WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), message);
}
function problemInForm(problem) {
  const { detail, fix } = problem;
  return { ...problem, detail: inForm(detail), ...fix ? { fix: inForm(fix) } : {} };
}

// src/pages/deployments/form/rules.ts
function useRules() {
  return useLoad("rules", (signal) => ask(api.GET("/api/v1/rules", { signal })));
}
function labelOf(rules, framework) {
  return rules.frameworks.find((it) => it.framework === framework)?.label ?? framework;
}
function ruleFor(rules, framework, draft) {
  const tool = draft.serving_tool ?? rules.default_tool;
  const known2 = rules.frameworks.find((it) => it.framework === framework);
  return known2?.tools.find((it) => it.serving_tool === tool);
}
function forbiddenBy(rule, setting, isAny = false) {
  const features = rule?.features.filter((it) => it.setting === setting) ?? [];
  const forbidden2 = features.filter((it) => !it.is_allowed);
  const problem = forbidden2[0]?.problem;
  if (!problem || !isAny && forbidden2.length < features.length) {
    return "";
  }
  return inForm(`${sentence(problem.detail)} ${problem.fix ? sentence(problem.fix) : ""}`);
}
function defaultOf(rules, name) {
  const found = rules.settings.find((it) => it.name === name)?.default;
  return found === null || found === void 0 ? "" : String(found);
}
function meaningOf(rules, name) {
  return rules.settings.find((it) => it.name === name)?.meaning ?? "";
}

// src/pages/deployments/form/simple.tsx
var OPTIONS = 20;
var VERSIONS = 200;
function Basics(part) {
  return /* @__PURE__ */ a($, { children: [
    part.isEdit ? null : /* @__PURE__ */ a(FrameworkField, { ...part }),
    part.isEdit ? null : /* @__PURE__ */ a(ModelField, { ...part }),
    /* @__PURE__ */ a("div", { class: "grid2", children: [
      /* @__PURE__ */ a(VersionField, { ...part }),
      /* @__PURE__ */ a(NameField, { ...part })
    ] }),
    /* @__PURE__ */ a(ScriptField, { ...part })
  ] });
}
function FrameworkField({ form, rules, check }) {
  const group = T(null);
  const framework = form.draft.framework ?? check?.model?.framework;
  const counts = useLoad(
    "frameworks",
    async (signal) => {
      const query = { facets: true, limit: 1 };
      const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
      return page.facets?.framework ?? {};
    },
    ["model", "model-removed"]
  );
  const names = rules.frameworks.map((it) => it.framework);
  const choose = (name) => {
    if (name !== framework) {
      form.set({ framework: name, model: void 0, model_version: void 0 });
    }
  };
  const press = (event) => {
    const isNext = event.key === "ArrowRight" || event.key === "ArrowDown";
    if (!isNext && event.key !== "ArrowLeft" && event.key !== "ArrowUp") {
      return;
    }
    event.preventDefault();
    const at = names.indexOf(framework ?? "") + (isNext ? 1 : -1);
    const to2 = (at + names.length) % names.length;
    const chosen = names[to2];
    if (chosen) {
      choose(chosen);
      group.current?.children[to2]?.focus();
    }
  };
  return /* @__PURE__ */ a("div", { class: "field", children: [
    /* @__PURE__ */ a("div", { class: "label", id: "frameworks", children: "Model framework" }),
    /* @__PURE__ */ a(
      "div",
      {
        class: "options",
        role: "radiogroup",
        "aria-labelledby": "frameworks",
        tabIndex: -1,
        ref: group,
        onKeyDown: press,
        children: rules.frameworks.map((it, index) => {
          const isChosen = it.framework === framework;
          const total = counts.data && (counts.data[it.framework] ?? 0);
          return (
            // biome-ignore lint/a11y/useSemanticElements: as above
            /* @__PURE__ */ a(
              "button",
              {
                type: "button",
                class: "option",
                role: "radio",
                "aria-checked": isChosen,
                tabIndex: isChosen || !framework && !index ? 0 : -1,
                onClick: () => choose(it.framework),
                children: [
                  /* @__PURE__ */ a("b", { children: it.label }),
                  /* @__PURE__ */ a("span", { class: "sub", children: total === void 0 ? " " : many(total, "model") })
                ]
              },
              it.framework
            )
          );
        })
      }
    )
  ] });
}
function ModelField({ form, at, check }) {
  const { framework, model } = form.draft;
  const rows = T(/* @__PURE__ */ new Map());
  const search = async (name, signal) => {
    const query = {
      name,
      framework,
      limit: OPTIONS,
      sort: "-updated"
    };
    const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
    for (const row of page.items) {
      rows.current.set(row.name, row);
    }
    return page.items.map((row) => ({ value: row.name, detail: aboutModel(row) }));
  };
  const choose = (name) => {
    const row = rows.current.get(name);
    if (row && name !== model) {
      form.set({ model: name, model_version: row.latest, framework: row.framework });
    }
  };
  const found = check?.model;
  return /* @__PURE__ */ a(
    Combobox,
    {
      label: "Model",
      value: model ?? "",
      placeholder: "Pick a model",
      searchKey: `models ${framework ?? ""}`,
      search,
      onChoose: choose,
      problems: at("/model"),
      hint: found && found.name === model ? `${many(found.latest, "version")} so far` : "Its last version, and a name for the deployment, are filled in for you."
    }
  );
}
function aboutModel(row) {
  const [first] = Object.entries(row.metrics);
  const parts = [
    many(row.versions, "version"),
    first ? `${first[0]} ${metric(first[1])}` : "",
    ...Object.entries(row.aliases).map(([alias, version]) => `${alias} → ${version}`)
  ];
  return parts.filter(Boolean).join(" · ");
}
function VersionField({ form, at, isEdit }) {
  const { model, model_version: chosen } = form.draft;
  const versions = useLoad(
    model ? `versions of ${model}` : null,
    (signal) => {
      const params = {
        path: { model: model ?? "" },
        query: { limit: VERSIONS, sort: "-version" }
      };
      return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
    },
    ["model", "alias"]
  );
  const rows = versions.data?.items ?? [];
  const options = rows.map((row, index) => ({
    value: String(row.version),
    label: aboutVersion(row, index === 0)
  }));
  if (chosen !== void 0 && !options.some((it) => it.value === String(chosen))) {
    options.push({ value: String(chosen), label: String(chosen) });
  }
  const more = (versions.data?.total ?? 0) - rows.length;
  const aliases = rows.find((it) => it.version === chosen)?.aliases ?? [];
  const hint = aliases.length ? `The deployment stays on version ${chosen}, also when ${aliases.join(", ")} moves.` : more > 0 ? `The newest ${count(rows.length)}; deploy one of ${count(more)} older ones from its page.` : "The deployment stays on this version.";
  return /* @__PURE__ */ a(
    SelectField,
    {
      label: "Model version",
      value: chosen === void 0 ? "" : String(chosen),
      options: chosen === void 0 ? [{ value: "", label: "" }, ...options] : options,
      onChange: (value) => form.set({ model_version: value ? Number(value) : void 0 }),
      hint: model ? hint : void 0,
      disabledBy: model ? "" : "Pick a model first.",
      problems: at("/model_version"),
      remark: isEdit ? `of ${model}` : void 0
    }
  );
}
function aboutVersion(row, isLatest) {
  const [first] = Object.entries(row.metrics);
  const parts = [
    isLatest ? `${row.version} (latest)` : String(row.version),
    ...row.aliases,
    first ? `${first[0]} ${metric(first[1])}` : ""
  ];
  return parts.filter(Boolean).join(" · ");
}
function NameField({ form, check, at, isEdit, rules }) {
  return /* @__PURE__ */ a(
    TextField,
    {
      label: "Name",
      value: form.draft.name ?? check?.name?.value ?? "",
      onInput: (name) => form.set({ name }),
      problems: at("/name"),
      hint: sentence(rules.deployment_names.rule),
      disabledBy: isEdit ? "The name cannot be changed, as it is in the address of the deployment." : ""
    }
  );
}
function ScriptField({ form, rules, check, at }) {
  const { draft } = form;
  const framework = check?.model?.framework ?? draft.framework;
  const rule = ruleFor(rules, framework, draft);
  const script = check?.scripts.find((it) => it.component === "predictor");
  const isRefused = rule?.script === "not allowed" && !draft.script_file;
  return /* @__PURE__ */ a(
    FileField,
    {
      label: "Predictor script",
      value: draft.script_file,
      onChange: (script_file) => form.set({ script_file }),
      suffixes: [rules.script_suffix],
      remark: rule && framework ? `${rule.script} for ${labelOf(rules, framework)} models` : "",
      disabledBy: isRefused ? sentence(rule.script_sentence) : "",
      isKept: isKept(form, draft.script_file),
      problems: at("/script_file"),
      hint: script && draft.script_file ? /* @__PURE__ */ a(Outline, { script }) : rule ? sentence(rule.script_sentence) : void 0
    }
  );
}
function isKept(form, path) {
  const { script_file, config_file, environment_lock, transformer, files } = form.base.draft;
  const known2 = [script_file, config_file, environment_lock, transformer?.script_file];
  return Boolean(path) && [...known2, ...files ?? []].includes(path);
}
function Outline({ script }) {
  const missing = script.imports.filter((it) => !it.is_here);
  return /* @__PURE__ */ a($, { children: [
    script.class_name ? /* @__PURE__ */ a($, { children: [
      "class ",
      /* @__PURE__ */ a("b", { children: script.class_name }),
      script.methods.length ? `, ${script.methods.join(", ")}` : ""
    ] }) : null,
    script.imports.length ? ` · imports ${script.imports.map((it) => it.module).join(", ")}` : "",
    missing.length ? /* @__PURE__ */ a("span", { class: "hint bad", children: [
      " ",
      "· ",
      missing.map((it) => it.module).join(", "),
      " ",
      missing.length === 1 ? "is" : "are",
      " ",
      "not installed here"
    ] }) : null
  ] });
}

// src/pages/deployments/form/state.ts
var NOTHING = { draft: {} };
var SHORT = { model_version: "version" };
var TEXTS = /* @__PURE__ */ new Set([
  "framework",
  "model",
  "name",
  "description",
  "script_file",
  "config_file",
  "serving_tool",
  "api_protocol",
  "environment",
  "environment_lock",
  "golden_request",
  "why"
]);
var NAMES = [
  ...TEXTS,
  "model_version",
  "artifact_version",
  "files",
  "resources",
  "transformer",
  "inference_logger",
  "inference_batcher",
  "env_vars",
  "ignore_environment"
];
var FILES = [
  "script_file",
  "config_file",
  "files",
  "transformer",
  "environment_lock"
];
var inUrl = (name) => SHORT[name] ?? name;
function changesIn(query) {
  const found = {};
  for (const name of NAMES) {
    const text = query.get(inUrl(name));
    if (text !== null) {
      found[name] = TEXTS.has(name) ? text : parsed(text);
    }
  }
  return found;
}
function parsed(text) {
  if (text === "") {
    return void 0;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
function inText(name, value) {
  if (value === void 0) {
    return "";
  }
  const isText = typeof value === "string" && (TEXTS.has(name) || parsed(value) === value);
  return isText ? value : JSON.stringify(value);
}
function formOf(base) {
  const changes = changesIn(place.value.query);
  return {
    base,
    draft: { ...base.draft, ...changes },
    set: (more) => write(base.draft, { ...changesIn(place.value.query), ...more }),
    isChanged: Object.keys(changes).some((it) => it !== "framework" && it !== "why"),
    has: (name) => name in changes
  };
}
function write(base, changes) {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    if (!(name in changes)) {
      continue;
    }
    const isSame2 = JSON.stringify(changes[name]) === JSON.stringify(base[name]);
    const text2 = inText(name, changes[name]);
    if (!isSame2 && (text2 !== "" || base[name] !== void 0 || name === "name")) {
      query.set(inUrl(name), text2);
    }
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace: true });
}
function typed(text) {
  const number = Number(text);
  return text.trim() === "" ? void 0 : Number.isFinite(number) ? number : text;
}
function compact(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value === "" ? void 0 : value;
  }
  const members = Object.entries(value).map(([name, it]) => [name, compact(it)]).filter(([, it]) => it !== void 0);
  return members.length ? Object.fromEntries(members) : void 0;
}
function textsIn(value, pointer) {
  if (typeof value === "string") {
    return [[pointer, value]];
  }
  const members = typeof value === "object" && value ? Object.entries(value) : [];
  return members.flatMap(([name, it]) => textsIn(it, `${pointer}/${name}`));
}
function notNumbers({ draft }) {
  return [
    ...textsIn(draft.resources, "/resources"),
    ...textsIn(draft.transformer?.resources, "/transformer/resources"),
    ...textsIn(draft.inference_batcher, "/inference_batcher")
  ];
}
function numbersIn(value) {
  return value && JSON.parse(JSON.stringify(value), (_, it) => typeof it === "string" ? void 0 : it);
}
function bodyOf({ draft, base }) {
  const { framework: _, env_vars, golden_request, files, name, ...plain } = draft;
  const { transformer } = plain;
  const isSame2 = (it) => JSON.stringify(draft[it]) === JSON.stringify(base.draft[it]);
  const isOtherArtifact = FILES.some((it) => !isSame2(it)) || !isSame2("model_version");
  const isKept2 = base.draft.artifact_version !== void 0 && isSame2("artifact_version");
  const variables = (env_vars ?? []).filter(([it, value]) => it || value);
  const sent = {
    ...compact(plain),
    // A number that the user did not choose follows from the files.
    artifact_version: isKept2 && isOtherArtifact ? void 0 : plain.artifact_version,
    resources: compact(numbersIn(plain.resources)),
    transformer: transformer && compact({ ...transformer, resources: numbersIn(transformer.resources) }),
    // Without members these mean their defaults, which is not the same as nothing.
    inference_logger: plain.inference_logger && (compact(plain.inference_logger) ?? {}),
    inference_batcher: plain.inference_batcher && (compact(numbersIn(plain.inference_batcher)) ?? {}),
    name,
    files: files?.length ? files : void 0,
    env_vars: variables.length ? Object.fromEntries(variables) : void 0,
    golden_request: golden(golden_request, base, isSame2("model_version"))
  };
  return known(sent);
}
function golden(text, base, isSameModel) {
  if (!text?.trim()) {
    return void 0;
  }
  const known2 = base.golden;
  if (known2 && text === base.draft.golden_request) {
    return isSameModel ? known2 : { request: known2.request };
  }
  return { request: parsed(text) };
}
function repeated({ env_vars = [] }) {
  const names = env_vars.map(([it]) => it);
  return names.find((it, index) => it && names.indexOf(it) !== index);
}
function filesOf(artifact) {
  const at = (role) => artifact.files.filter((it) => it.role === role).map((it) => `${artifact.path}/${it.name}`);
  const [transformer] = at("transformer");
  const more = at("file");
  return {
    script_file: at("predictor")[0],
    config_file: at("configfile")[0],
    environment_lock: at("environment")[0],
    files: more.length ? more : void 0,
    transformer: transformer ? { script_file: transformer } : void 0
  };
}
function baseOf(detail, artifact) {
  const { specification: sealed } = detail;
  const files = filesOf(artifact);
  const draft = {
    ...files,
    model: sealed.model.name,
    model_version: sealed.model.version,
    name: sealed.name,
    description: sealed.description ?? void 0,
    artifact_version: sealed.artifact.version || void 0,
    serving_tool: sealed.serving_tool,
    api_protocol: sealed.api_protocol,
    resources: sealed.predictor.resources,
    transformer: sealed.transformer ? { ...files.transformer, resources: sealed.transformer.resources } : void 0,
    inference_logger: sealed.inference_logger ?? void 0,
    inference_batcher: sealed.inference_batcher ?? void 0,
    environment: sealed.environment ?? void 0,
    env_vars: Object.entries(sealed.env_vars ?? {}),
    golden_request: sealed.golden_request ? JSON.stringify(sealed.golden_request.request, null, 1) : void 0
  };
  return { draft: known(draft), golden: sealed.golden_request ?? void 0 };
}
function known(values) {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== void 0 && value !== null)
  );
}

// src/pages/deployments/form/advanced.tsx
var ARTIFACTS = 200;
function Section(props) {
  return /* @__PURE__ */ a("fieldset", { children: [
    /* @__PURE__ */ a("legend", { children: props.title }),
    props.sub ? /* @__PURE__ */ a("p", { class: "sub", children: props.sub }) : null,
    props.children
  ] });
}
function Advanced(part) {
  const { form, at, rules } = part;
  const tool = form.draft.serving_tool ?? rules.default_tool;
  const usual = defaultOf(rules, "api_protocol");
  const protocol = form.draft.api_protocol ?? usual;
  const { cores, memory } = rules.resources.here;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Section, { title: "Predictor", children: [
      /* @__PURE__ */ a(Basics, { ...part }),
      /* @__PURE__ */ a(ArtifactFields, { ...part }),
      /* @__PURE__ */ a(
        TextField,
        {
          label: "Description",
          value: form.draft.description ?? "",
          onInput: (description) => form.set({ description }),
          problems: at("/description")
        }
      ),
      /* @__PURE__ */ a(
        SelectField,
        {
          label: "Serving tool",
          value: tool,
          options: rules.serving_tools.map(({ value }) => ({ value, label: value })),
          onChange: (serving_tool) => form.set({ serving_tool }),
          problems: at("/serving_tool"),
          hint: rules.serving_tools.find((it) => it.value === tool)?.meaning
        }
      )
    ] }),
    /* @__PURE__ */ a(TransformerFields, { ...part }),
    /* @__PURE__ */ a(LoggerFields, { ...part }),
    /* @__PURE__ */ a(BatcherFields, { ...part }),
    /* @__PURE__ */ a(
      Section,
      {
        title: "Resources",
        sub: `This machine has ${many(cores, "core")}${memory ? ` and ${count(memory)} MB` : ""}.`,
        children: /* @__PURE__ */ a(
          ResourceFields,
          {
            part,
            pointer: "/resources",
            value: form.draft.resources,
            onChange: (resources) => form.set({ resources })
          }
        )
      }
    ),
    /* @__PURE__ */ a(Section, { title: "API protocol", children: /* @__PURE__ */ a(
      SelectField,
      {
        label: "Protocol",
        value: protocol,
        options: rules.api_protocols.map(({ value }) => ({
          value,
          label: value,
          disabledBy: value === usual ? "" : forbidden(part, "/api_protocol")
        })),
        onChange: (api_protocol) => form.set({ api_protocol }),
        problems: at("/api_protocol"),
        hint: rules.api_protocols.find((it) => it.value === protocol)?.meaning
      }
    ) }),
    /* @__PURE__ */ a(EnvironmentFields, { ...part }),
    /* @__PURE__ */ a(Section, { title: "Golden request", children: /* @__PURE__ */ a(
      TextField,
      {
        label: "Request",
        remark: "rows or a whole request, as JSON",
        value: form.draft.golden_request ?? "",
        onInput: (golden_request) => form.set({ golden_request }),
        lines: 5,
        isMono: true,
        problems: at("/golden_request"),
        hint: goldenHint(part)
      }
    ) })
  ] });
}
function forbidden({ form, rules, check }, setting, isAny = false) {
  const framework = check?.model?.framework ?? form.draft.framework;
  return forbiddenBy(ruleFor(rules, framework, form.draft), setting, isAny);
}
function goldenHint({ form: { base, draft } }) {
  if (base.golden?.answer === void 0 || base.golden.answer === null) {
    return "If the answer to this request is recorded, a version must give the same answer before it is ready.";
  }
  const isSame2 = draft.golden_request === base.draft.golden_request && draft.model_version === base.draft.model_version;
  return isSame2 ? "Its answer is recorded and is kept." : `The answer was recorded for this request with model version ${base.draft.model_version}. This answer is not saved: record it again.`;
}
function ArtifactFields(part) {
  const { form, at, rules } = part;
  const { artifact_version: chosen, model, model_version, files = [] } = form.draft;
  const path = { model: model ?? "", version: String(model_version) };
  const known2 = useLoad(
    model && model_version ? `artifacts of ${model} ${model_version}` : null,
    (signal) => {
      const params = { path, query: { limit: ARTIFACTS, sort: "-version" } };
      return ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts", { params, signal })
      );
    },
    ["deployment"]
  );
  const numbers = (known2.data?.items ?? []).filter((it) => it.version).map((it) => ({
    value: String(it.version),
    label: `${it.version}: ${it.files.join(", ")}`
  }));
  const words = rules.artifact_versions.filter((it) => !it.takes_number).map(({ value }) => ({ value: value ?? "", label: value ?? "Determined by the files" }));
  const isNumber = typeof chosen === "number";
  if (isNumber && !numbers.some((it) => it.value === String(chosen))) {
    numbers.push({ value: String(chosen), label: String(chosen) });
  }
  const choose = async (artifact) => {
    const params = { path: { ...path, artifact: String(artifact) } };
    const found = filesOf(
      await ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", { params })
      )
    );
    const { transformer } = found;
    form.set({
      ...found,
      artifact_version: artifact,
      transformer: transformer && { ...form.draft.transformer, ...transformer }
    });
  };
  const meaning = rules.artifact_versions.find(
    (it) => isNumber ? it.takes_number : !it.takes_number && (it.value ?? "") === (chosen ?? "")
  )?.meaning;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(
      FileField,
      {
        label: "Configuration file",
        value: form.draft.config_file,
        onChange: (config_file) => form.set({ config_file }),
        isKept: isKept(form, form.draft.config_file),
        problems: at("/config_file"),
        hint: "The scripts find it at the path in CONFIG_FILE_PATH."
      }
    ),
    /* @__PURE__ */ a(
      FileField,
      {
        label: "Additional files",
        value: void 0,
        onChange: (path2) => form.set({ files: [...files.filter((it) => it !== path2), path2] }),
        problems: at("/files"),
        hint: "They are in the same folder as the scripts.",
        noneIs: files.length ? "" : "none"
      }
    ),
    files.length ? /* @__PURE__ */ a("ul", { class: "picked", children: files.map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("span", { class: "mono", children: isKept(form, it) ? nameOf(it) : it }),
      /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: "button quiet small",
          "aria-label": `Remove ${nameOf(it)}`,
          onClick: () => form.set({ files: files.filter((other) => other !== it) }),
          children: "✕"
        }
      )
    ] }, it)) }) : null,
    /* @__PURE__ */ a(
      SelectField,
      {
        label: "Artifact version",
        value: chosen === void 0 ? "" : String(chosen),
        options: [...words, ...numbers],
        onChange: (value) => {
          if (numbers.some((it) => it.value === value)) {
            void choose(Number(value));
          } else {
            form.set({ artifact_version: value || void 0 });
          }
        },
        problems: at("/artifact_version"),
        hint: meaning
      }
    )
  ] });
}
function TransformerFields(part) {
  const { form, at, rules, check } = part;
  const { transformer } = form.draft;
  const reason = forbidden(part, "/transformer");
  const script = check?.scripts.find((it) => it.component === "transformer");
  return /* @__PURE__ */ a(Section, { title: "Transformer", children: [
    /* @__PURE__ */ a(
      FileField,
      {
        label: "Transformer script",
        value: transformer?.script_file,
        onChange: (script_file) => form.set({ transformer: script_file ? { ...transformer, script_file } : void 0 }),
        suffixes: [rules.script_suffix],
        disabledBy: transformer?.script_file ? "" : reason,
        isKept: isKept(form, transformer?.script_file),
        problems: at("/transformer"),
        hint: script && transformer?.script_file ? /* @__PURE__ */ a(Outline, { script }) : "It changes requests before the predictor gets them, and answers after it."
      }
    ),
    transformer?.script_file ? /* @__PURE__ */ a(
      ResourceFields,
      {
        part,
        pointer: "/transformer/resources",
        value: transformer.resources,
        onChange: (resources) => form.set({ transformer: { ...transformer, resources } })
      }
    ) : null
  ] });
}
function LoggerFields(part) {
  const { form, at, rules } = part;
  const { inference_logger: logger } = form.draft;
  const [none] = rules.logger_modes;
  const mode = logger ? logger.mode ?? rules.default_logger_mode : none?.value ?? "";
  const isOff = mode === none?.value;
  const modes = forbidden(part, "/inference_logger/mode");
  const all = forbidden(part, "/inference_logger");
  const topic = logger?.kafka_topic;
  const set = (kafka_topic) => form.set({ inference_logger: { ...logger, kafka_topic } });
  return /* @__PURE__ */ a(Section, { title: "Inference logger", children: [
    /* @__PURE__ */ a(
      SelectField,
      {
        label: "What is logged",
        value: mode,
        options: rules.logger_modes.map(({ value }) => ({
          value,
          label: value,
          disabledBy: value === none?.value ? "" : value === rules.default_logger_mode ? all : all || modes
        })),
        onChange: (it) => form.set({
          inference_logger: it === none?.value ? void 0 : { ...logger, mode: it }
        }),
        problems: at("/inference_logger"),
        hint: rules.logger_modes.find((it) => it.value === mode)?.meaning
      }
    ),
    isOff ? null : /* @__PURE__ */ a("div", { class: "grid2", children: [
      /* @__PURE__ */ a(
        TextField,
        {
          label: "Kafka topic",
          remark: "by default the log is stored in the project",
          value: topic?.name ?? "",
          onInput: (name) => set(name || topic?.servers ? { ...topic, name } : void 0)
        }
      ),
      /* @__PURE__ */ a(
        TextField,
        {
          label: "Kafka servers",
          placeholder: "host:port,host:port",
          value: topic?.servers ?? "",
          onInput: (servers) => set({ ...topic, servers }),
          disabledBy: topic?.name ? "" : "Give the topic first."
        }
      )
    ] })
  ] });
}
function BatcherFields(part) {
  const { form, at, rules } = part;
  const { inference_batcher: batcher } = form.draft;
  const finer = forbidden(part, "/inference_batcher", true);
  const set = (name, value) => form.set({ inference_batcher: { ...batcher, [name]: value } });
  return /* @__PURE__ */ a(Section, { title: "Inference batcher", children: [
    /* @__PURE__ */ a(
      CheckField,
      {
        label: "Combine concurrent requests into batches",
        isOn: Boolean(batcher?.enabled),
        onChange: (isOn) => form.set({ inference_batcher: isOn ? { ...batcher, enabled: true } : void 0 }),
        disabledBy: batcher ? "" : forbidden(part, "/inference_batcher")
      }
    ),
    batcher?.enabled ? /* @__PURE__ */ a("div", { class: "grid3", children: rules.batcher.map((it) => /* @__PURE__ */ a(
      NumberField,
      {
        label: labelOfNumber(it.name),
        value: batcher[it.name],
        placeholder: it.default === null ? void 0 : String(it.default),
        onInput: (value) => set(it.name, value),
        disabledBy: batcher[it.name] === void 0 ? finer : "",
        problems: at(`/inference_batcher/${it.name}`),
        hint: it.meaning
      },
      it.name
    )) }) : null
  ] });
}
function NumberField(props) {
  return /* @__PURE__ */ a(
    TextField,
    {
      ...props,
      value: props.value === void 0 ? "" : String(props.value),
      onInput: (text) => props.onInput(typed(text))
    }
  );
}
var UNITS = [
  ["cores", "Cores"],
  ["memory", "Memory (MB)"],
  ["gpus", "GPUs"]
];
function ResourceFields(props) {
  const { part, pointer, value, onChange } = props;
  const { rules, at } = part;
  const zero = pointer === "/resources" ? forbidden(part, "/resources/num_instances") : "";
  const row = (which, label, hint) => /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "label", children: [
      label,
      " ",
      /* @__PURE__ */ a("span", { class: "muted", children: [
        "· of each instance",
        hint ? `; ${hint}` : ""
      ] })
    ] }),
    /* @__PURE__ */ a("div", { class: "grid3", children: UNITS.map(([unit, name]) => /* @__PURE__ */ a(
      NumberField,
      {
        label: name,
        value: value?.[which]?.[unit],
        placeholder: String(rules.resources[which][unit]),
        onInput: (it) => onChange({ ...value, [which]: { ...value?.[which], [unit]: it } }),
        problems: at(`${pointer}/${which}/${unit}`)
      },
      unit
    )) })
  ] });
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(
      NumberField,
      {
        label: "Instances",
        value: value?.num_instances,
        placeholder: String(rules.resources.num_instances),
        onInput: (num_instances) => onChange({ ...value, num_instances }),
        problems: at(`${pointer}/num_instances`),
        hint: zero || "With 0, the deployment stops while there are no requests, and starts again for the next request."
      }
    ),
    row("requests", "Requests"),
    row("limits", "Limits", `${rules.resources.no_limit} is no limit`)
  ] });
}
function EnvironmentFields(part) {
  const { form, at, rules } = part;
  const { environment, environment_lock, env_vars = [], ignore_environment } = form.draft;
  const rows = [...env_vars, ["", ""]];
  const set = (index, name, value) => {
    const next = rows.map((it, other) => other === index ? [name, value] : it);
    form.set({ env_vars: next.filter(([one, two]) => one || two) });
  };
  const problems = at("/env_vars");
  return /* @__PURE__ */ a(Section, { title: "Environment", children: [
    /* @__PURE__ */ a(
      TextField,
      {
        label: "Python environment",
        value: environment ?? "",
        onInput: (it) => form.set({ environment: it }),
        problems: at("/environment"),
        hint: meaningOf(rules, "environment")
      }
    ),
    /* @__PURE__ */ a(
      FileField,
      {
        label: "Environment lock",
        value: environment_lock,
        onChange: (it) => form.set({ environment_lock: it }),
        isKept: isKept(form, environment_lock),
        problems: at("/environment_lock"),
        hint: "A lock file with the packages that must be installed where it starts."
      }
    ),
    environment_lock ? /* @__PURE__ */ a(
      CheckField,
      {
        label: "Save even if the packages here differ from the lock",
        isOn: Boolean(ignore_environment),
        onChange: (isOn) => form.set({ ignore_environment: isOn || void 0 })
      }
    ) : null,
    /* @__PURE__ */ a("div", { class: "label", children: [
      "Variables ",
      /* @__PURE__ */ a("span", { class: "muted", children: "· stored unencrypted: no secrets" })
    ] }),
    rows.map(([name, value], index) => /* @__PURE__ */ a("div", { class: "pair", children: [
      /* @__PURE__ */ a(
        "input",
        {
          class: "input mono",
          "aria-label": `Name of variable ${index + 1}`,
          "aria-invalid": problems.length > 0 && Boolean(name),
          placeholder: "NAME",
          value: name,
          autocomplete: "off",
          spellcheck: false,
          onInput: (event) => set(index, event.currentTarget.value, value)
        }
      ),
      /* @__PURE__ */ a(
        "input",
        {
          class: "input mono",
          "aria-label": `Value of variable ${index + 1}`,
          placeholder: "value",
          value,
          autocomplete: "off",
          spellcheck: false,
          onInput: (event) => set(index, name, event.currentTarget.value)
        }
      )
    ] }, index)),
    /* @__PURE__ */ a("div", { "aria-live": "polite", children: problems.map((it) => /* @__PURE__ */ a("div", { class: "hint bad", children: [
      it.detail,
      " ",
      it.fix ?? ""
    ] }, it.detail)) })
  ] });
}

// src/pages/deployments/form/check.ts
function useCheck(form, edited) {
  const now = JSON.stringify(bodyOf(form));
  const asked = useSettled(now);
  const loaded = useLoad(
    `check ${edited ?? ""} ${asked}`,
    (signal) => {
      const body = JSON.parse(asked);
      const path = { name: edited ?? "" };
      return edited ? ask(api.POST("/api/v1/deployments/{name}/check", { params: { path }, body, signal })) : ask(api.POST("/api/v1/deployments/check", { body, signal }));
    },
    ["deployment", "deployment-removed", "model", "model-removed", "alias", "file"]
  );
  const last = T(void 0);
  last.current = loaded.data ?? last.current;
  const { problem } = loaded;
  const isRefused = problem?.status === 400;
  const found = isRefused ? problem.problems : last.current?.problems ?? [];
  return {
    check: last.current,
    isOld: asked !== now || !loaded.data && !problem,
    problems: [...localProblems(form), ...found.map(problemInForm)],
    failure: isRefused ? void 0 : problem
  };
}
function useSettled(value) {
  const [settled, settle] = d(value);
  A(() => {
    const timer = setTimeout(settle, TYPING_MS, value);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
function localProblems(form) {
  const { draft } = form;
  const found = [];
  const broken = jsonProblem(draft.golden_request ?? "");
  if (broken) {
    found.push({ pointer: "/golden_request", detail: broken });
  }
  for (const [pointer, text] of notNumbers(form)) {
    found.push({ pointer, detail: `“${text}” is not a number.` });
  }
  const name = repeated(draft);
  if (name) {
    found.push({ pointer: "/env_vars", detail: `${name} is given twice.`, fix: "Remove one." });
  }
  return found;
}

// src/pages/deployments/form/outcome.tsx
function Outcome(props) {
  const { check, isOld, failure } = props.checked;
  const problems = props.checked.problems.filter(({ pointer }) => props.isShown(pointer));
  return /* @__PURE__ */ a("aside", { "aria-label": "What will happen", children: [
    /* @__PURE__ */ a("div", { class: "card", "aria-busy": isOld, children: [
      /* @__PURE__ */ a("h2", { children: [
        "What will happen ",
        /* @__PURE__ */ a("span", { class: "sub", children: isOld ? "checking…" : "" })
      ] }),
      /* @__PURE__ */ a("div", { "aria-live": "polite", children: [
        failure ? /* @__PURE__ */ a(Problem, { problem: failure }) : null,
        check ? /* @__PURE__ */ a(
          What,
          {
            check,
            edited: props.edited,
            form: props.form,
            isPossible: !problems.length
          }
        ) : null,
        check || failure || !isOld ? null : /* @__PURE__ */ a(Waiting, { lines: 5 })
      ] })
    ] }),
    /* @__PURE__ */ a(Before, { problems, check })
  ] });
}
function What(props) {
  const { draft } = props.form.base;
  const { artifact, model, runs_here, model_server, difference, scripts } = props.check;
  if (!model) {
    return /* @__PURE__ */ a("p", { class: "muted", children: "Pick a model: then this box says what saving would do." });
  }
  return /* @__PURE__ */ a($, { children: [
    props.edited && difference ? /* @__PURE__ */ a(Changes2, { difference, of: props.edited }) : null,
    artifact ? /* @__PURE__ */ a(
      ArtifactNote,
      {
        artifact,
        model: model.name,
        version: model.version,
        kept: draft.model_version === model.version ? Number(draft.artifact_version) : void 0
      }
    ) : null,
    /* @__PURE__ */ a("dl", { children: [
      /* @__PURE__ */ a("dt", { children: "Model files" }),
      /* @__PURE__ */ a("dd", { children: [
        many(model.files, "file"),
        ", ",
        /* @__PURE__ */ a(Size, { of: model.size_bytes }),
        ",",
        " ",
        /* @__PURE__ */ a(Digest, { of: model.manifest })
      ] }),
      model_server ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("dt", { children: "Model server" }),
        /* @__PURE__ */ a("dd", { class: "mono", children: model_server })
      ] }) : null,
      scripts.length ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("dt", { children: "Imports" }),
        /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a(Imports, { scripts }) })
      ] }) : null,
      runs_here && props.isPossible ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("dt", { children: "Runs here" }),
        /* @__PURE__ */ a("dd", { children: runs_here.is_possible ? /* @__PURE__ */ a(State, { tone: "ok", word: "yes" }) : /* @__PURE__ */ a(State, { tone: "bad", word: "no", children: "it can be saved, and started on a machine that has what is missing here" }) })
      ] }) : null
    ] })
  ] });
}
function Imports({ scripts }) {
  const all = new Map(scripts.flatMap((it) => it.imports.map((one) => [one.module, one])));
  return all.size ? /* @__PURE__ */ a("span", { class: "chips", children: [...all.values()].map((it) => /* @__PURE__ */ a(Chip, { children: [
    it.module,
    it.is_here ? null : /* @__PURE__ */ a("b", { class: "missing", children: "missing" })
  ] }, it.module)) }) : /* @__PURE__ */ a($, { children: "none" });
}
var HEADS = {
  create: (number) => `Artifact version ${number} will be created.`,
  reuse: (number) => `Artifact version ${number} will be reused.`,
  keep: (number) => `Artifact version ${number} is kept.`,
  none: (number) => `Artifact version ${number}, without files.`,
  unknown: () => "The artifact version is not known yet."
};
function ArtifactNote(props) {
  const { artifact, model, version } = props;
  const { nearest, used_by, files, compared } = artifact;
  const isSame2 = props.kept !== void 0 && artifact.version === props.kept;
  const action = isSame2 && artifact.action === "reuse" ? "keep" : artifact.action;
  const link = (number) => {
    const folder = `Models/${model}/${version}/Artifacts/${number}`;
    return /* @__PURE__ */ a("a", { href: to("/files", ...folder.split("/")), children: [
      "version ",
      number
    ] });
  };
  let why = artifact.sentence;
  if (action === "create" && nearest) {
    why = /* @__PURE__ */ a($, { children: [
      "No artifact version has these files. The most similar is ",
      link(nearest.version),
      /* @__PURE__ */ a(Users, { names: nearest.used_by }),
      nearest.lines ? `; ${many(nearest.lines, "line")} differ` : "",
      "."
    ] });
  } else if (action === "create" && !compared) {
    why = `It will have ${files.join(", ")}.`;
  } else if (artifact.action === "reuse" && artifact.version) {
    why = /* @__PURE__ */ a($, { children: [
      "The files are those of ",
      link(artifact.version),
      /* @__PURE__ */ a(Users, { names: used_by }),
      "."
    ] });
  }
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Note, { children: [
      /* @__PURE__ */ a("b", { title: artifact.sentence, children: HEADS[action](artifact.version) }),
      /* @__PURE__ */ a("br", {}),
      why
    ] }),
    nearest && nearest.version !== props.kept ? /* @__PURE__ */ a(FileChanges, { files: nearest.files }) : null
  ] });
}
function Users({ names }) {
  return names.length ? /* @__PURE__ */ a($, { children: [
    ", used by ",
    names.map((it, index) => /* @__PURE__ */ a("span", { children: [
      index ? ", " : "",
      /* @__PURE__ */ a("a", { href: to("/deployments", it), children: it })
    ] }, it))
  ] }) : null;
}
function Changes2(props) {
  const { difference, of } = props;
  const isSame2 = !difference.settings.length && !difference.files.files.length;
  return /* @__PURE__ */ a(Note, { kind: isSame2 ? void 0 : "warn", children: [
    /* @__PURE__ */ a("b", { children: isSame2 ? `Nothing differs from version ${of.version}.` : `Differs from version ${of.version}, which is active:` }),
    isSame2 ? /* @__PURE__ */ a("div", { children: "Saving would not create another version." }) : /* @__PURE__ */ a(Changes, { of: difference, none: "" })
  ] });
}
function Before({ problems, check }) {
  const reasons = check?.runs_here?.reasons ?? [];
  if (!problems.length && !reasons.length) {
    return null;
  }
  return /* @__PURE__ */ a("div", { class: "card", children: [
    /* @__PURE__ */ a("h2", { children: problems.length ? "Fix this first" : "Before it can start here" }),
    problems.map((it) => /* @__PURE__ */ a(Note, { kind: "bad", children: [
      sentence(it.detail),
      " ",
      it.fix ? sentence(it.fix) : ""
    ] }, it.pointer + it.detail)),
    reasons.map((it) => /* @__PURE__ */ a(Note, { kind: "warn", children: sentence(it) }, it))
  ] });
}

// src/pages/deployments/form/same.ts
var PATHS = ["script_file", "config_file", "environment_lock"];
function same(form, project, edited) {
  const body = bodyOf(form);
  return edited ? changing(form, body, project, edited) : creating(body, project);
}
function creating(body, project) {
  const { model, model_version, why, ignore_environment, ...settings } = inProject(
    body,
    project
  );
  const lines = [
    `model = project.get_model_registry().get_model(${args([model, model_version])})`,
    "ms = project.get_model_serving()",
    call("predictor = ms.create_predictor", "model", settings),
    "deployment = ms.create_deployment(predictor)",
    `deployment.save(${keywords({ why, ignore_environment, adopt: false }).join(", ")})`
  ];
  const words = ["hopsartifacts deployments create", shell(model ?? ""), String(model_version)];
  return {
    python: lines.join("\n"),
    cli: isPossible(body, false) ? command(words, settings, { why, ignore_environment }, false) : void 0,
    curl: curl("POST", "/api/v1/deployments", body)
  };
}
function changing(form, body, project, name) {
  const { base } = form;
  const before = bodyOf({ ...form, draft: base.draft });
  const now = inProject(body, project);
  const names = /* @__PURE__ */ new Set([...Object.keys(body), ...Object.keys(before)]);
  for (const it of ["name", "model", "model_version", "why", "ignore_environment"]) {
    names.delete(it);
  }
  const isOther = (it) => JSON.stringify(body[it]) !== JSON.stringify(before[it]);
  const isFollowing = (it) => it === "artifact_version" && now[it] === void 0;
  const changed = Object.fromEntries(
    [...names].filter((it) => isOther(it) && !isFollowing(it)).map((it) => [it, now[it] ?? null])
  );
  const { why, ignore_environment } = body;
  const isMoved = body.model_version !== before.model_version;
  const lines = [
    `deployment = project.get_model_serving().get_deployment(${python(name)})`,
    ...isMoved ? [`deployment.model_version = ${body.model_version}`] : [],
    ...Object.keys(changed).length ? [call("deployment.change", "", changed)] : [],
    `deployment.save(${keywords({ why, ignore_environment }).join(", ")})`
  ];
  const words = ["hopsartifacts deployments update", shell(name)];
  if (isMoved) {
    words.push(`--model-version ${body.model_version}`);
  }
  const { name: _, ...settings } = body;
  return {
    python: lines.join("\n"),
    cli: isPossible(changed, true) ? command(words, changed, { why, ignore_environment }, true) : void 0,
    curl: curl("PUT", `/api/v1/deployments/${encodeURIComponent(name)}`, settings)
  };
}
function inProject(body, project) {
  const full = (path) => `/Projects/${project}/${path}`;
  const changes = {};
  for (const it of PATHS) {
    const path = body[it];
    if (path) {
      changes[it] = full(path);
    }
  }
  if (body.files) {
    changes.files = body.files.map(full);
  }
  if (body.transformer) {
    changes.transformer = {
      ...body.transformer,
      script_file: full(body.transformer.script_file)
    };
  }
  return { ...body, ...changes };
}
function args(values) {
  return values.map(python).join(", ");
}
function keywords(values) {
  return Object.entries(values).filter(([name, value]) => value !== void 0 && (value !== false || name === "adopt")).map(([name, value]) => `${name}=${literal(name, value)}`);
}
function literal(name, value) {
  if (name === "golden_request" && value) {
    return `hopsartifacts.GoldenRequest(${keywords(value).join(", ")})`;
  }
  return python(value);
}
function call(name, first, settings) {
  const all = [...first ? [first] : [], ...keywords(settings)];
  return all.length < 2 ? `${name}(${all.join("")})` : `${name}(
${all.map((it) => `    ${it},
`).join("")})`;
}
var OPTIONS2 = {
  description: "description",
  serving_tool: "serving-tool",
  api_protocol: "api-protocol",
  environment: "environment",
  script_file: "script",
  config_file: "config",
  environment_lock: "environment-lock",
  artifact_version: "artifact-version"
};
var BATCHES = {
  max_batch_size: "batch-size",
  max_latency: "batch-latency",
  timeout: "batch-timeout"
};
function command(words, settings, more, isUpdate) {
  const options = [];
  const add = (name, value) => {
    if (value !== void 0) {
      options.push(`--${name} ${shell(value === null ? "" : String(value)) || "''"}`);
    }
  };
  add("name", settings.name);
  for (const [name, option] of Object.entries(OPTIONS2)) {
    add(option, settings[name]);
  }
  for (const path of settings.files ?? []) {
    add("file", path);
  }
  const { resources, transformer, inference_logger: logger, inference_batcher } = settings;
  add("transformer", transformer === null ? null : transformer?.script_file);
  add("instances", resources?.num_instances);
  for (const name of ["requests", "limits"]) {
    for (const [unit, amount] of Object.entries(resources?.[name] ?? {})) {
      add(name.slice(0, -1), `${unit}=${amount}`);
    }
  }
  add("logger", logger?.mode);
  add("kafka-topic", logger?.kafka_topic?.name);
  add("kafka-servers", logger?.kafka_topic?.servers ?? void 0);
  if (inference_batcher) {
    options.push(inference_batcher.enabled ? "--batcher" : "--no-batcher");
  }
  for (const [name, option] of Object.entries(BATCHES)) {
    add(option, inference_batcher?.[name] ?? void 0);
  }
  if (settings.env_vars !== void 0 && isUpdate) {
    add("env", null);
  }
  for (const [name, value] of Object.entries(settings.env_vars ?? {})) {
    add("env", `${name}=${value}`);
  }
  add("why", more.why);
  if (more.ignore_environment) {
    options.push("--ignore-environment");
  }
  const golden2 = settings.golden_request;
  const text = golden2 ? JSON.stringify(golden2.request) : "";
  options.push(...golden2 ? ["--golden-request - <<'JSON'"] : []);
  const line = [words.join(" "), ...options].join(" \\\n  ");
  return golden2 ? `${line}
${text}
JSON` : line;
}
function isPossible(settings, isUpdate) {
  const { transformer, golden_request: golden2, inference_batcher: batcher } = settings;
  const isPlain = !transformer?.resources && golden2?.answer === void 0;
  if (!isUpdate) {
    return isPlain && (!batcher || batcher.enabled || Object.keys(batcher).length === 1);
  }
  const parts = ["resources", "inference_logger", "inference_batcher", "files"];
  return isPlain && golden2 !== null && parts.every((it) => !(it in settings));
}

// src/pages/deployments/form/page.tsx
var DEPLOYMENTS = { label: "Deployments", href: to("/deployments") };
function NewDeployment() {
  return /* @__PURE__ */ a(FormPage, { base: NOTHING, isFull: false });
}
function NewDeploymentInFull() {
  return /* @__PURE__ */ a(FormPage, { base: NOTHING, isFull: true });
}
function EditDeployment({ params: { name = "" } }) {
  const loaded = useLoad(
    `edit ${name}`,
    async (signal) => {
      const params = { path: { name } };
      const detail = await ask(api.GET("/api/v1/deployments/{name}", { params, signal }));
      const { model, artifact } = detail.specification;
      const path = {
        model: model.name,
        version: String(model.version),
        artifact: String(artifact.version)
      };
      const files = await ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", {
          params: { path },
          signal
        })
      );
      const edited = { name, version: detail.version, isRunning: detail.state.deployed };
      return { base: baseOf(detail, files), edited };
    },
    (event) => event.name.startsWith("deployment") && event.data.name === name
  );
  return loaded.data ? /* @__PURE__ */ a(FormPage, { base: loaded.data.base, edited: loaded.data.edited, isFull: true }) : /* @__PURE__ */ a(Page, { crumbs: [DEPLOYMENTS, { label: name }], title: `Edit ${name}`, children: /* @__PURE__ */ a(Shown, { loaded, lines: 12, children: () => null }) });
}
var EMPTY_AT_FIRST = ["model", "model_version", "script_file"];
function FormPage(props) {
  const { edited, isFull } = props;
  const form = formOf(props.base);
  const rules = useRules();
  const checked = useCheck(form, edited?.name);
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const [isTried, setTried] = d(false);
  const [refused, setRefused] = d(null);
  const body = bodyOf(form);
  const refusal = refused?.body === JSON.stringify(body) ? refused.problem : void 0;
  const problems = [...checked.problems, ...(refusal?.problems ?? []).map(problemInForm)];
  const isShown = (pointer) => isTried || !EMPTY_AT_FIRST.some((it) => pointer === `/${it}` && !form.draft[it]);
  const at = (pointer) => isShown(pointer) ? problemsAt(problems, pointer) : [];
  const isStuck = localProblems(form).length > 0 || !checked.isOld && problems.length > 0;
  const save = async (isStarted) => {
    setTried(true);
    if (isStuck) {
      requestAnimationFrame(focusFirstProblem);
      return;
    }
    const name = await saved(body, edited).catch((cause) => {
      const problem = problemIn(cause);
      setRefused({ body: JSON.stringify(body), problem });
      requestAnimationFrame(focusFirstProblem);
    });
    if (name) {
      const isMoving = isStarted || Boolean(edited?.isRunning);
      if (isStarted) {
        await started(name);
      }
      go(isMoving ? to("/deployments", name, "progress") : to("/deployments", name));
    }
  };
  const title = edited ? `Edit ${edited.name}` : "Create a deployment";
  const crumbs = edited ? [
    DEPLOYMENTS,
    { label: edited.name, href: to("/deployments", edited.name) },
    { label: "Edit" }
  ] : [DEPLOYMENTS, { label: "New" }];
  const other = isFull ? to("/deployments/new") : to("/deployments/new/advanced");
  const projectName = project.data?.name;
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs,
      title,
      actions: edited ? null : /* @__PURE__ */ a(Action, { kind: "quiet", href: other + location.search, children: isFull ? "Fewer options" : "Advanced options" }),
      children: /* @__PURE__ */ a("div", { class: "split", children: [
        /* @__PURE__ */ a("form", { class: "card", noValidate: true, onSubmit: (event) => event.preventDefault(), children: [
          /* @__PURE__ */ a(Shown, { loaded: rules, lines: 8, children: (known2) => {
            const part = {
              form,
              rules: known2,
              check: checked.check,
              at,
              isEdit: Boolean(edited)
            };
            return /* @__PURE__ */ a($, { children: [
              isFull ? /* @__PURE__ */ a(Advanced, { ...part }) : /* @__PURE__ */ a(Basics, { ...part }),
              isFull ? /* @__PURE__ */ a(
                TextField,
                {
                  label: "Why",
                  remark: "the history shows it",
                  value: form.draft.why ?? "",
                  onInput: (why) => form.set({ why }),
                  problems: at("/why")
                }
              ) : null
            ] });
          } }),
          /* @__PURE__ */ a("div", { role: "alert", children: refusal ? /* @__PURE__ */ a(Note, { kind: "bad", children: inForm(refusal.detail) }) : null }),
          /* @__PURE__ */ a("div", { class: "form-foot", children: [
            /* @__PURE__ */ a(Buttons, { edited, onSave: save, isChanged: form.isChanged }),
            /* @__PURE__ */ a("span", { class: "grow" }),
            projectName && body.model ? /* @__PURE__ */ a(SameIn, { ways: same(form, projectName, edited?.name) }) : null
          ] })
        ] }),
        /* @__PURE__ */ a(
          Outcome,
          {
            checked,
            form,
            edited,
            isShown: (pointer) => pointer === "/script_file" || isShown(pointer)
          }
        )
      ] })
    }
  );
}
function Buttons(props) {
  const { edited, isChanged, onSave } = props;
  const scope = "deploy";
  if (!edited) {
    return /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(Action, { kind: "primary", scope, onClick: () => onSave(true), children: "Create and start" }),
      /* @__PURE__ */ a(Action, { scope, onClick: () => onSave(false), children: "Create new deployment" })
    ] });
  }
  const disabledBy = isChanged ? "" : "Nothing was changed.";
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Action, { kind: "primary", ...{ scope, disabledBy }, onClick: () => onSave(false), children: edited.isRunning ? "Save and update" : "Save" }),
    edited.isRunning ? null : /* @__PURE__ */ a(Action, { ...{ scope, disabledBy }, onClick: () => onSave(true), children: "Save and start" })
  ] });
}
async function saved(body, edited) {
  if (!edited) {
    return (await ask(api.POST("/api/v1/deployments", { body }))).name;
  }
  const { name, ...settings } = body;
  const params = { path: { name: edited.name } };
  await ask(api.PUT("/api/v1/deployments/{name}", { params, body: settings }));
  return edited.name;
}
async function started(name) {
  const params = { path: { name } };
  try {
    await ask(api.POST("/api/v1/deployments/{name}/start", { params }));
  } catch (cause) {
    toast(asProblem(cause).message, "bad");
  }
}
function focusFirstProblem() {
  const found = document.querySelector('[aria-invalid="true"]');
  found?.scrollIntoView({ block: "center" });
  found?.focus();
}
export {
  EditDeployment,
  NewDeployment,
  NewDeploymentInFull
};
