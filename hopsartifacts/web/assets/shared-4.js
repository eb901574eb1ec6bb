import {
  $,
  Diff,
  Digest,
  a
} from "./shared-1.js";

// src/pages/deployments/batcher.ts
var UNITS = { max_latency: "ms", timeout: "s" };
function labelOfNumber(name) {
  const words = name.slice(0, 1).toUpperCase() + name.slice(1).replaceAll("_", " ");
  return UNITS[name] ? `${words} (${UNITS[name]})` : words;
}

// src/parts/Changes.tsx
var SHORT = 40;
var DIGEST = /^sha256:[0-9a-f]{64}$/;
var IDENTIFIERS = ["artifact.identity", "model.id", "model.manifest"];
function Changes(props) {
  const { settings, files } = props.of;
  const rows = settings.filter((it) => !IDENTIFIERS.includes(it.name));
  const hidden = settings.filter((it) => IDENTIFIERS.includes(it.name));
  return settings.length || files.files.length ? /* @__PURE__ */ a($, { children: [
    rows.length ? /* @__PURE__ */ a(Values, { rows, heads: props.heads }) : null,
    /* @__PURE__ */ a(FileChanges, { files: files.files }),
    hidden.length ? /* @__PURE__ */ a("details", { children: [
      /* @__PURE__ */ a("summary", { class: "sub", children: "Digests and ids that differ" }),
      /* @__PURE__ */ a(Values, { rows: hidden, heads: props.heads })
    ] }) : null
  ] }) : /* @__PURE__ */ a("p", { children: props.none });
}
function Values(props) {
  const { rows, heads: [before, after] = ["Before", "After"] } = props;
  return /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { "aria-label": "Settings that differ", class: "changes", children: [
    /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
      /* @__PURE__ */ a("th", { scope: "col", children: "Setting" }),
      /* @__PURE__ */ a("th", { scope: "col", children: before }),
      /* @__PURE__ */ a("th", { scope: "col", children: after })
    ] }) }),
    /* @__PURE__ */ a("tbody", { children: rows.map((it) => /* @__PURE__ */ a("tr", { children: [
      /* @__PURE__ */ a("td", { class: "mono first", "data-head": "Setting", children: it.name }),
      /* @__PURE__ */ a("td", { "data-head": before, children: /* @__PURE__ */ a(Value, { of: it.before, name: "del" }) }),
      /* @__PURE__ */ a("td", { "data-head": after, children: /* @__PURE__ */ a(Value, { of: it.after, name: "add" }) })
    ] }, it.name)) })
  ] }) });
}
function Value({ of, name }) {
  if (of === null || of === void 0) {
    return /* @__PURE__ */ a("span", { class: "muted", children: "–" });
  }
  if (typeof of === "string" && DIGEST.test(of)) {
    return /* @__PURE__ */ a("span", { class: name, children: /* @__PURE__ */ a(Digest, { of }) });
  }
  return /* @__PURE__ */ a("span", { class: `mono ${name}`, children: typeof of === "string" ? of : JSON.stringify(of) });
}
function FileChanges({ files }) {
  return /* @__PURE__ */ a($, { children: files.map((it) => /* @__PURE__ */ a(
    "details",
    {
      class: "file-change",
      open: it.change === "changed" && it.lines.length <= SHORT,
      children: [
        /* @__PURE__ */ a("summary", { children: [
          /* @__PURE__ */ a("span", { class: "mono", children: it.before_path ? `${it.before_path} → ${it.path}` : it.path }),
          " ",
          /* @__PURE__ */ a("span", { class: "sub", children: it.change })
        ] }),
        /* @__PURE__ */ a(Lines, { of: it })
      ]
    },
    it.path
  )) });
}
function Lines({ of: { lines } }) {
  const isDiff = lines[0]?.startsWith("---");
  if (!isDiff) {
    return /* @__PURE__ */ a("p", { class: "sub", children: lines[0] ?? "The file is empty." });
  }
  return /* @__PURE__ */ a(Diff, { lines: lines.slice(2) });
}

export {
  labelOfNumber,
  Changes,
  FileChanges
};
