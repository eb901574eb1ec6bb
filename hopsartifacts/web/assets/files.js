import {
  Preview
} from "./shared-11.js";
import "./shared-13.js";
import {
  Differing,
  Download,
  FileActions,
  IntegrityMark,
  Repair,
  RepairDialog,
  Verify
} from "./shared-6.js";
import {
  Filters,
  filtered
} from "./shared-10.js";
import {
  Table,
  sortOf
} from "./shared-12.js";
import "./shared-9.js";
import {
  $,
  A,
  Chip,
  Diff,
  Empty,
  Note,
  Page,
  Problem,
  Size,
  T,
  Time,
  Unfinished,
  Uploads,
  a,
  api,
  ask,
  d,
  go,
  isTyping,
  place,
  to,
  useKeys,
  useLoad,
  usePages,
  withQuery
} from "./shared-1.js";

// src/pages/files/owner.tsx
var MOST_SHOWN = 5;
function versionPage(model, version) {
  return `${to("/models", model)}/versions/${version}`;
}
function Owner({ of }) {
  const it = of.belongs_to;
  if (!it) {
    return null;
  }
  return /* @__PURE__ */ a($, { children: [
    it.deployment ? /* @__PURE__ */ a($, { children: [
      "deployment ",
      /* @__PURE__ */ a("a", { href: to("/deployments", it.deployment), children: it.deployment }),
      it.deployment_version ? ` version ${it.deployment_version}` : "",
      it.model ? ", which runs " : ""
    ] }) : null,
    it.artifact ? `artifact ${it.artifact} of ` : "",
    it.model ? /* @__PURE__ */ a($, { children: [
      "model",
      " ",
      it.version ? /* @__PURE__ */ a("a", { href: versionPage(it.model, it.version), children: [
        it.model,
        " version ",
        it.version
      ] }) : /* @__PURE__ */ a("a", { href: to("/models", it.model), children: it.model })
    ] }) : null
  ] });
}
function Users({ of }) {
  if (of.belongs_to?.deployment || !of.belongs_to?.version) {
    return null;
  }
  return of.deployments.length ? /* @__PURE__ */ a("span", { children: [
    "· used by ",
    /* @__PURE__ */ a(Names, { names: of.deployments })
  ] }) : /* @__PURE__ */ a("span", { children: "· no deployment uses it" });
}
function Names({ names }) {
  const shown = names.slice(0, MOST_SHOWN);
  return /* @__PURE__ */ a($, { children: [
    shown.map((name, index) => /* @__PURE__ */ a("span", { children: [
      index ? ", " : "",
      /* @__PURE__ */ a("a", { href: to("/deployments", name), children: name })
    ] }, name)),
    names.length > shown.length ? ` and ${names.length - shown.length} more` : ""
  ] });
}

// src/pages/files/file.tsx
function FilePane(props) {
  const { row, before, after } = props;
  useKeys((event) => {
    const there = { ArrowLeft: before, ArrowRight: after }[event.key];
    const isScrolling = event.target.closest?.(".source, .sheet, .code");
    if (there && !isTyping(event) && !isScrolling && !event.shiftKey) {
      event.preventDefault();
      go(there, { replace: true });
    }
  });
  const { integrity } = row;
  const isThere = integrity?.state !== "missing";
  const version = `${row.modified} ${row.size_bytes} ${integrity?.state} ${integrity?.checked}`;
  return /* @__PURE__ */ a("article", { class: "card file", "aria-label": row.name, children: [
    /* @__PURE__ */ a("div", { class: "file-head", children: [
      /* @__PURE__ */ a("h2", { children: row.name }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      isThere ? /* @__PURE__ */ a(Download, { of: row, small: true }) : null,
      /* @__PURE__ */ a(Step, { href: before, label: "Previous file", sign: "←" }),
      /* @__PURE__ */ a(Step, { href: after, label: "Next file", sign: "→" }),
      /* @__PURE__ */ a("a", { class: "button small", href: props.onClose, "aria-label": "Close the file", children: "✕" })
    ] }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      /* @__PURE__ */ a(Size, { of: row.size_bytes }),
      " · ",
      /* @__PURE__ */ a(Time, { at: row.modified }),
      row.is_managed ? /* @__PURE__ */ a($, { children: [
        " ",
        "· ",
        /* @__PURE__ */ a(Owner, { of: row }),
        " ",
        /* @__PURE__ */ a(Users, { of: row })
      ] }) : null
    ] }),
    integrity ? /* @__PURE__ */ a("div", { class: "file-tools", children: [
      /* @__PURE__ */ a(IntegrityMark, { of: integrity }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a(Verify, { path: row.stored, label: "Verify this file", small: true, onDone: props.onChange }),
      integrity.detail ? /* @__PURE__ */ a(Repair, { path: row.stored, small: true, onDone: props.onChange }) : null
    ] }) : null,
    integrity?.detail ? /* @__PURE__ */ a(Note, { kind: "bad", children: integrity.detail }) : null,
    integrity?.state === "changed" ? /* @__PURE__ */ a(Changed, { path: row.path, at: integrity.checked }) : null,
    isThere ? /* @__PURE__ */ a(Preview, { path: row.path, version }) : null
  ] });
}
function Step(props) {
  return props.href ? /* @__PURE__ */ a("a", { class: "button small", href: props.href, "aria-label": props.label, children: props.sign }) : /* @__PURE__ */ a("span", { class: "button small", "aria-disabled": "true", children: props.sign });
}
function Changed({ path, at }) {
  const { data } = useLoad(
    `changes ${path} ${at}`,
    (signal) => ask(api.GET("/api/v1/files/{path}/changes", { params: { path: { path } }, signal }))
  );
  return data?.lines?.length ? /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("h3", { children: "As saved → as it is stored now" }),
    /* @__PURE__ */ a(Diff, { lines: data.lines }),
    /* @__PURE__ */ a("h3", { children: "As it is stored now" })
  ] }) : null;
}

// src/pages/files/browse.tsx
var FILTERS = [
  { name: "name", label: "Filter this folder" },
  {
    name: "deep",
    label: "Look in",
    options: [{ value: "true", label: "all folders below" }]
  }
];
function pageOf(path) {
  const { query } = place.value;
  const kept = ["sort", "columns", "name", "deep"].map((it) => [it, query.get(it) ?? ""]);
  return withQuery(folderPage(path), Object.fromEntries(kept));
}
function folderPage(path) {
  return path ? to("/files", ...path.split("/")) : to("/files");
}
function parentOf(path) {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
function concerns(event, folder) {
  if (event.name === "file") {
    const path = String(event.data.path ?? "");
    return folder === "" || path.startsWith(`${folder}/`) || folder.startsWith(path);
  }
  if (event.name === "job") {
    return event.data.status !== "running";
  }
  return event.name !== "reload";
}
function FilesPage({ params }) {
  const path = params.rest ?? "";
  const row = useLoad(
    `file ${path}`,
    (signal) => path ? ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal })) : Promise.resolve(null),
    (event) => concerns(event, parentOf(path))
  );
  const file = row.data?.kind === "file" ? row.data : null;
  const isKnown = row.data !== void 0;
  if (row.problem && !isKnown) {
    return /* @__PURE__ */ a(Page, { crumbs: crumbsOf(path), title: /* @__PURE__ */ a(Way, { path }), children: [
      /* @__PURE__ */ a(Problem, { problem: row.problem, onRetry: row.reload }),
      /* @__PURE__ */ a("p", { children: /* @__PURE__ */ a("a", { href: folderPage(parentOf(path)), children: "Go to the folder above" }) })
    ] });
  }
  const folder = file ? parentOf(path) : path;
  return /* @__PURE__ */ a(
    Folder,
    {
      path: isKnown ? folder : null,
      shown: path,
      file,
      onChange: row.reload
    },
    isKnown ? folder : "?"
  );
}
function crumbsOf(path) {
  const parts = path ? path.split("/") : [];
  return [
    { label: "Files", href: to("/files") },
    ...parts.map((label, index) => ({
      label,
      href: folderPage(parts.slice(0, index + 1).join("/"))
    }))
  ];
}
function Way({ path }) {
  const [isOpen, setOpen] = d(false);
  const field = T(null);
  A(() => {
    field.current?.select();
  }, [isOpen]);
  if (isOpen) {
    return /* @__PURE__ */ a(
      "form",
      {
        class: "way",
        onSubmit: (event) => {
          event.preventDefault();
          setOpen(false);
          const typed = (field.current?.value ?? "").replace(/^\/+|\/+$/g, "");
          go(folderPage(typed));
        },
        children: /* @__PURE__ */ a(
          "input",
          {
            ref: field,
            class: "input mono",
            "aria-label": "Path",
            value: path,
            spellcheck: false,
            autocomplete: "off",
            onBlur: () => setOpen(false),
            onKeyDown: (event) => event.key === "Escape" && setOpen(false)
          }
        )
      }
    );
  }
  return /* @__PURE__ */ a($, { children: [
    path ? path.slice(path.lastIndexOf("/") + 1) : "Files",
    /* @__PURE__ */ a("button", { type: "button", class: "button quiet small", onClick: () => setOpen(true), children: "Go to path" })
  ] });
}
function Folder(props) {
  const { path, file } = props;
  const [selected, setSelected] = d(/* @__PURE__ */ new Set());
  const about = useLoad(
    path === null ? null : `folder ${path}`,
    (signal) => path ? ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal })) : Promise.resolve(null),
    (event) => concerns(event, path ?? "")
  );
  const given = filtered(FILTERS);
  const sort = sortOf();
  const pages = usePages(
    path === null ? null : `files ${path} ${JSON.stringify(given)} ${sort}`,
    (cursor, limit, signal) => ask(
      api.GET("/api/v1/files", {
        params: {
          query: {
            path: path ?? "",
            name: given.name,
            deep: given.deep === "true",
            sort,
            cursor,
            limit
          }
        },
        signal
      })
    ),
    (event) => concerns(event, path ?? "")
  );
  const rows = pages.data?.items ?? [];
  const isManaged = about.data?.is_managed ?? false;
  const whole = useLoad(
    path === "" ? "integrity" : null,
    (signal) => ask(api.GET("/api/v1/integrity", { signal })),
    (event) => concerns(event, "")
  );
  const integrity = path === "" ? whole.data : about.data?.integrity;
  const change = () => {
    about.reload();
    whole.reload();
    pages.reload();
    props.onChange();
  };
  const files = rows.filter((it) => it.kind === "file");
  const at = files.findIndex((it) => it.path === file?.path);
  const beside = (step) => {
    const other = at < 0 ? void 0 : files[at + step];
    return other && pageOf(other.path);
  };
  const chosen = rows.filter((it) => selected.has(it.path));
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: crumbsOf(props.shown),
      title: /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(Way, { path: path ?? props.shown }),
        isManaged ? /* @__PURE__ */ a(Chip, { children: "managed" }) : null,
        about.data?.aliases.map((it) => /* @__PURE__ */ a(Chip, { kind: "alias", children: it }, it))
      ] }),
      actions: path === null ? null : isManaged || path === "" ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(
          Verify,
          {
            path,
            label: path ? "Verify this folder" : "Verify everything",
            onDone: change
          }
        ),
        integrity?.detail ? /* @__PURE__ */ a(Repair, { path, onDone: change }) : null,
        about.data && path.includes("/") ? /* @__PURE__ */ a(Download, { of: about.data }) : null
      ] }) : /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(FileActions, { folder: path, selected: chosen }),
        /* @__PURE__ */ a(Uploads, { folder: path })
      ] }),
      children: [
        /* @__PURE__ */ a(RepairDialog, {}),
        about.data && isManaged ? /* @__PURE__ */ a(Note, { kind: "warn", children: [
          "Managed: this can only be changed through ",
          /* @__PURE__ */ a(Through, { of: about.data }),
          ".",
          " ",
          about.data.belongs_to ? /* @__PURE__ */ a($, { children: [
            "It belongs to ",
            /* @__PURE__ */ a(Owner, { of: about.data }),
            " ",
            /* @__PURE__ */ a(Users, { of: about.data })
          ] }) : null
        ] }) : null,
        path === "" && integrity ? /* @__PURE__ */ a("div", { class: "file-tools", children: [
          "Managed files: ",
          /* @__PURE__ */ a(IntegrityMark, { of: integrity })
        ] }) : null,
        path !== null && !file && (isManaged || path === "") ? /* @__PURE__ */ a(Differing, { path, at: integrity?.checked ?? "" }) : null,
        isManaged ? null : /* @__PURE__ */ a(Unfinished, {}),
        /* @__PURE__ */ a("div", { class: file ? "browser with-file" : "browser", children: [
          /* @__PURE__ */ a("div", { class: "listing", children: [
            path === null ? null : /* @__PURE__ */ a(
              Table,
              {
                label: path ? `Files in ${path}` : "Files of the project",
                pages,
                columns: columnsOf(path, isManaged, file, change),
                idOf: (row) => row.path,
                hrefOf: (row) => pageOf(row.path),
                selected: isManaged || path === "" ? void 0 : selected,
                onSelect: setSelected,
                sort: "name",
                filters: /* @__PURE__ */ a(Filters, { filters: FILTERS }),
                empty: /* @__PURE__ */ a(Nothing, { isFiltered: Object.keys(given).length > 0 })
              }
            ),
            pages.data?.is_whole === false ? /* @__PURE__ */ a(Note, { kind: "warn", children: "Not all files below this folder were searched, as there are too many: open a folder in it and search there." }) : null
          ] }),
          file ? /* @__PURE__ */ a(
            FilePane,
            {
              row: file,
              before: beside(-1),
              after: beside(1),
              onClose: pageOf(path ?? ""),
              onChange: change
            },
            file.path
          ) : null
        ] })
      ]
    }
  );
}
function Through({ of }) {
  const owner = of.belongs_to;
  const models = /* @__PURE__ */ a("a", { href: to("/models"), children: "models" });
  const deployments = /* @__PURE__ */ a("a", { href: to("/deployments"), children: "deployments" });
  return owner?.deployment ? deployments : owner ? models : /* @__PURE__ */ a($, { children: [
    models,
    " and ",
    deployments
  ] });
}
function Nothing({ isFiltered }) {
  return /* @__PURE__ */ a(
    Empty,
    {
      title: isFiltered ? "No file or folder here has such a name" : "This folder is empty"
    }
  );
}
function columnsOf(folder, isManaged, file, onChange) {
  const start = folder ? folder.length + 1 : 0;
  const columns = [
    {
      id: "name",
      head: "Name",
      isSorted: true,
      cell: (row) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(
          "a",
          {
            class: row.kind === "folder" ? "name" : "",
            href: pageOf(row.path),
            "aria-current": row.path === file?.path ? "true" : void 0,
            children: [
              row.path.slice(start),
              row.kind === "folder" ? "/" : ""
            ]
          }
        ),
        " ",
        row.aliases.map((it) => /* @__PURE__ */ a(Chip, { kind: "alias", children: it }, it)),
        row.is_managed && !isManaged ? /* @__PURE__ */ a(Chip, { children: "managed" }) : null
      ] })
    },
    {
      id: "size_bytes",
      head: "Size",
      isSorted: true,
      isNumber: true,
      cell: (row) => row.kind === "folder" ? /* @__PURE__ */ a("span", { class: "muted", children: "–" }) : /* @__PURE__ */ a(Size, { of: row.size_bytes })
    }
  ];
  const modified = {
    id: "modified",
    head: isManaged ? "Saved" : "Modified",
    isSorted: true,
    isOptional: file !== null,
    cell: (row) => /* @__PURE__ */ a(Time, { at: row.modified })
  };
  if (!isManaged) {
    return [...columns, modified];
  }
  return [
    ...columns,
    {
      id: "integrity",
      head: "Integrity",
      cell: (row) => row.integrity ? /* @__PURE__ */ a("div", { class: "integrity", children: [
        /* @__PURE__ */ a("div", { children: /* @__PURE__ */ a(IntegrityMark, { of: row.integrity, isBrief: file !== null }) }),
        row.integrity.detail && !file ? /* @__PURE__ */ a(Repair, { path: row.stored, small: true, onDone: onChange }) : null
      ] }) : null
    },
    {
      id: "used",
      head: "Used by",
      isOptional: file !== null,
      cell: (row) => row.deployments.length ? /* @__PURE__ */ a(Names, { names: row.deployments }) : /* @__PURE__ */ a("span", { class: "muted", children: "–" })
    },
    modified
  ];
}
export {
  FilesPage
};
