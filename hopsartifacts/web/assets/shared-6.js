import {
  CheckField,
  TextField
} from "./shared-9.js";
import {
  $,
  A,
  Action,
  Dialog,
  FormDialog,
  Note,
  SameIn,
  Shown,
  Size,
  State,
  Time,
  Waiting,
  a,
  api,
  asProblem,
  ask,
  bytes,
  confirm,
  curl,
  d,
  ended,
  lockedBy,
  many,
  python,
  shell,
  to,
  toast,
  useFolder,
  useLoad,
  y
} from "./shared-1.js";

// src/pages/files/actions.tsx
var MANAGED = "This is managed: change it on the pages of its model or deployment.";
var NOTHING = "Select files or folders first.";
var ONE = "Select one file or folder.";
var MOST_FOLDERS = 1e3;
function FileActions(props) {
  const { folder, selected } = props;
  const reason = lockedBy(useFolder(folder));
  const [first] = selected;
  const isOne = selected.length === 1;
  const locked = selected.some((it) => it.is_managed) ? MANAGED : "";
  const changing = selected.length ? locked : NOTHING;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Action, { scope: "write", disabledBy: reason, onClick: () => open("folder", folder), children: "New folder" }),
    /* @__PURE__ */ a(Action, { scope: "write", disabledBy: reason, onClick: () => open("text", folder), children: "New text file" }),
    selected.length ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(
        Action,
        {
          scope: "write",
          disabledBy: isOne ? locked : ONE,
          onClick: () => open("rename", folder, selected),
          children: "Rename"
        }
      ),
      /* @__PURE__ */ a(
        Action,
        {
          scope: "write",
          disabledBy: changing,
          onClick: () => open("moves", folder, selected),
          children: "Move"
        }
      ),
      /* @__PURE__ */ a(
        Action,
        {
          scope: "write",
          disabledBy: changing,
          onClick: () => open("copies", folder, selected),
          children: "Copy"
        }
      ),
      /* @__PURE__ */ a(Action, { scope: "write", disabledBy: changing, onClick: () => askToDelete(selected), children: "Delete" }),
      isOne && first ? /* @__PURE__ */ a(Download, { of: first }) : null
    ] }) : null,
    /* @__PURE__ */ a(Asked, {})
  ] });
}
function Download({ of, small }) {
  if (of.kind === "folder") {
    return /* @__PURE__ */ a(Action, { small, onClick: () => open("zip", of.path, [of]), children: "Download as zip" });
  }
  return /* @__PURE__ */ a(
    "a",
    {
      class: `button ${small ? "small" : ""}`,
      href: contentOf(of.path),
      download: of.name,
      "aria-label": `Download ${of.name}`,
      children: "Download"
    }
  );
}
function contentOf(path) {
  return `/api/v1/files/${encodeURIComponent(path)}/content`;
}
function archiveOf(path) {
  return `/api/v1/folders/${encodeURIComponent(path)}/archive`;
}
var asked = y(null);
function open(kind, folder, rows = []) {
  asked.value = { kind, folder, rows };
}
function close() {
  asked.value = null;
}
function Asked() {
  if (!asked.value) {
    return null;
  }
  const { kind, folder, rows } = asked.value;
  const [first] = rows;
  switch (kind) {
    case "folder":
      return /* @__PURE__ */ a(NewFolder, { folder });
    case "text":
      return /* @__PURE__ */ a(NewText, { folder });
    case "rename":
      return first ? /* @__PURE__ */ a(Rename, { row: first }) : null;
    case "zip":
      return first ? /* @__PURE__ */ a(Zip, { row: first }) : null;
    default:
      return /* @__PURE__ */ a(Transfer, { verb: kind, folder, rows });
  }
}
function Form(props) {
  const { ways, children, ...form } = props;
  return /* @__PURE__ */ a(FormDialog, { ...form, onClose: close, children: [
    children,
    /* @__PURE__ */ a(SameIn, { ways })
  ] });
}
function NewFolder({ folder }) {
  const [name, setName] = d("");
  const path = joined(folder, name);
  return /* @__PURE__ */ a(
    Form,
    {
      title: `New folder in ${folder}`,
      action: "Make folder",
      isReady: name !== "",
      ways: {
        python: `project.get_dataset_api().mkdir(${python(path)})`,
        curl: curl("PUT", `/api/v1/folders/${encodeURIComponent(path)}`)
      },
      run: async () => {
        await ask(api.PUT("/api/v1/folders/{path}", { params: { path: { path } } }));
        toast(`Created ${path}`);
      },
      children: /* @__PURE__ */ a(TextField, { label: "Name", value: name, onInput: setName })
    }
  );
}
function NewText({ folder }) {
  const [name, setName] = d("");
  const [text, setText] = d("");
  const path = joined(folder, name);
  return /* @__PURE__ */ a(
    Form,
    {
      title: `New text file in ${folder}`,
      action: "Make file",
      isReady: name !== "",
      isWide: true,
      ways: {
        python: `project.get_dataset_api().upload(${python(name)}, ${python(folder)})`,
        cli: `hopsartifacts files upload ${shell(name)} ${shell(folder)}`,
        curl: `${curl("PUT", contentOf(path))} \\
  --data-binary @${shell(name)}`
      },
      run: async () => {
        await write(path, text);
        toast(`Created ${path}`);
      },
      children: [
        /* @__PURE__ */ a(TextField, { label: "Name", value: name, onInput: setName }),
        /* @__PURE__ */ a(TextField, { label: "Text", value: text, onInput: setText, lines: 14, isMono: true })
      ]
    }
  );
}
async function write(path, text) {
  await ask(
    api.PUT("/api/v1/files/{path}/content", {
      params: { path: { path } },
      body: text,
      bodySerializer: (body) => body,
      headers: { "content-type": "application/octet-stream" }
    })
  );
}
function Rename({ row }) {
  const [name, setName] = d(row.name);
  const target = joined(above(row.path), name);
  return /* @__PURE__ */ a(
    Form,
    {
      title: `Rename ${row.name}`,
      action: "Rename",
      isReady: name !== "" && name !== row.name,
      ways: waysOf("moves", [row], above(row.path), [name], false),
      run: async () => {
        await transfer("moves", row.path, target, false);
        toast(`Renamed ${row.name} to ${name}`);
      },
      children: /* @__PURE__ */ a(TextField, { label: "New name", value: name, onInput: setName })
    }
  );
}
var WORDS = {
  moves: { title: "Move", done: "Moved" },
  copies: { title: "Copy", done: "Copied" }
};
function Transfer(props) {
  const { verb, rows } = props;
  const { title, done } = WORDS[verb];
  const [folder, setFolder] = d(props.folder);
  const [overwrite, setOverwrite] = d(false);
  const [left, setLeft] = d(rows);
  const what = rows.length === 1 ? rows[0]?.name ?? "" : many(rows.length, "item");
  const names = left.map((it) => it.name);
  const isElsewhere = folder !== "" && folder !== props.folder;
  return /* @__PURE__ */ a(
    Form,
    {
      title: `${title} ${what}`,
      action: `${title} to ${isElsewhere ? folder : "…"}`,
      isReady: isElsewhere,
      isWide: true,
      ways: waysOf(verb, left, folder, names, overwrite),
      run: async () => {
        let waiting = left;
        for (const it of left) {
          await transfer(verb, it.path, joined(folder, it.name), overwrite);
          waiting = waiting.filter((other) => other !== it);
          setLeft(waiting);
        }
        toast(`${done} ${what} to ${folder}`);
      },
      children: [
        /* @__PURE__ */ a("ul", { class: "names", children: left.map((it) => /* @__PURE__ */ a("li", { children: /* @__PURE__ */ a("b", { children: it.path }) }, it.path)) }),
        /* @__PURE__ */ a(FolderPicker, { value: folder, onChoose: setFolder }),
        /* @__PURE__ */ a(
          CheckField,
          {
            label: "Replace what has the same name there",
            hint: "If a folder is replaced, everything in it is deleted.",
            isOn: overwrite,
            onChange: setOverwrite
          }
        )
      ]
    }
  );
}
function FolderPicker(props) {
  const { value, onChoose } = props;
  const loaded = useLoad(
    `folders ${value}`,
    (signal) => ask(
      api.GET("/api/v1/files", {
        params: { query: { path: value, kind: "folder", limit: MOST_FOLDERS } },
        signal
      })
    )
  );
  const parts = value.split("/").filter(Boolean);
  return /* @__PURE__ */ a("fieldset", { class: "picker", children: [
    /* @__PURE__ */ a("legend", { children: "To the folder" }),
    /* @__PURE__ */ a("nav", { "aria-label": "Chosen folder", class: "crumbs", children: [
      /* @__PURE__ */ a("span", { children: /* @__PURE__ */ a("button", { type: "button", class: "link", onClick: () => onChoose(""), children: "project" }) }),
      parts.map((part, index) => /* @__PURE__ */ a("span", { children: /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: "link",
          "aria-current": index === parts.length - 1 ? "true" : void 0,
          onClick: () => onChoose(parts.slice(0, index + 1).join("/")),
          children: part
        }
      ) }, parts.slice(0, index + 1).join("/")))
    ] }),
    /* @__PURE__ */ a(Shown, { loaded, lines: 3, children: (page) => {
      const free = page.items.filter((it) => !it.is_managed);
      return /* @__PURE__ */ a("ul", { class: "folders", "aria-label": "Folders in this folder", children: [
        free.map((it) => /* @__PURE__ */ a("li", { children: /* @__PURE__ */ a("button", { type: "button", class: "link", onClick: () => onChoose(it.path), children: [
          it.name,
          "/"
        ] }) }, it.path)),
        free.length ? null : /* @__PURE__ */ a("li", { class: "sub", children: "No folders in this folder" }),
        page.next ? /* @__PURE__ */ a("li", { class: "sub", children: [
          "Only the first ",
          MOST_FOLDERS,
          " folders are shown"
        ] }) : null
      ] });
    } })
  ] });
}
async function transfer(verb, source, target, overwrite) {
  const body = { source, target, overwrite };
  const done = verb === "moves" ? await ask(api.POST("/api/v1/moves", { body })) : await ask(api.POST("/api/v1/copies", { body }));
  if ("status" in done) {
    await ended(done);
  }
}
function askToDelete(rows, onDone) {
  const [first] = rows;
  const what = rows.length === 1 && first ? first.name : many(rows.length, "item");
  let left = rows;
  confirm({
    title: `Delete ${what}?`,
    action: `Delete ${what}`,
    isDangerous: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("ul", { class: "names", children: rows.map((it) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a("b", { children: it.path }),
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: content(it) })
      ] }, it.path)) }),
      /* @__PURE__ */ a("p", { class: "sub", children: "Models and deployments are not affected: what they use was copied when they were saved." }),
      /* @__PURE__ */ a(SameIn, { ways: deleting(rows) })
    ] }),
    run: async () => {
      for (const it of left) {
        const params = { path: { path: it.path } };
        await ask(api.DELETE("/api/v1/files/{path}", { params }));
        left = left.filter((other) => other !== it);
      }
      toast(`Deleted ${what}`);
      onDone?.();
    }
  });
}
function content(row) {
  return row.kind === "file" ? bytes(row.size_bytes) : /* @__PURE__ */ a(FolderContent, { path: row.path });
}
function useSize(path) {
  return useLoad(
    `size ${path}`,
    (signal) => ask(api.GET("/api/v1/folders/{path}/size", { params: { path: { path } }, signal }))
  );
}
function FolderContent({ path }) {
  const { data } = useSize(path);
  return data ? /* @__PURE__ */ a($, { children: [
    data.is_whole ? "" : "more than ",
    many(data.files, "file"),
    " in it, ",
    /* @__PURE__ */ a(Size, { of: data.size_bytes })
  ] }) : /* @__PURE__ */ a($, { children: "…" });
}
function Zip({ row }) {
  const loaded = useSize(row.path);
  return /* @__PURE__ */ a(Dialog, { title: `Download ${row.name} as zip`, onClose: close, children: /* @__PURE__ */ a(Shown, { loaded, lines: 2, children: (size) => /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: [
      size.is_whole ? "" : "More than ",
      many(size.files, "file"),
      " in ",
      many(size.folders, "folder"),
      ",",
      " ",
      /* @__PURE__ */ a(Size, { of: size.size_bytes }),
      ".",
      " ",
      size.archive_bytes === null ? "That is too much for one archive: download the folders in it one by one." : /* @__PURE__ */ a($, { children: [
        "The archive has ",
        /* @__PURE__ */ a(Size, { of: size.archive_bytes }),
        "; it is not compressed."
      ] })
    ] }),
    /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: downloading(row.path),
          curl: `${curl("GET", archiveOf(row.path))} \\
  -o ${shell(`${row.name}.zip`)}`
        }
      }
    ),
    /* @__PURE__ */ a("div", { class: "dialog-foot", children: [
      /* @__PURE__ */ a("button", { type: "button", class: "button", onClick: close, children: "Cancel" }),
      size.archive_bytes === null ? null : /* @__PURE__ */ a(
        "a",
        {
          class: "button primary",
          href: archiveOf(row.path),
          download: `${row.name}.zip`,
          onClick: close,
          children: [
            "Download ",
            bytes(size.archive_bytes)
          ]
        }
      )
    ] })
  ] }) }) });
}
function downloading(path) {
  return `api = project.get_dataset_api()
for path in api.list(${python(path)}):
    api.download(path)`;
}
function joined(folder, name) {
  return folder ? `${folder}/${name}` : name;
}
function above(path) {
  return path.split("/").slice(0, -1).join("/");
}
function waysOf(verb, rows, folder, names, overwrite) {
  const method = verb === "moves" ? "move" : "copy";
  const flag = overwrite ? ", overwrite=True" : "";
  const pairs = rows.map((it, index) => [it.path, joined(folder, names[index] ?? "")]);
  return {
    python: `api = project.get_dataset_api()
${pairs.map(([from, to2]) => `api.${method}(${python(from)}, ${python(to2)}${flag})`).join("\n")}`,
    curl: pairs.map(([source, target]) => curl("POST", `/api/v1/${verb}`, { source, target, overwrite })).join("\n")
  };
}
function deleting(rows) {
  return {
    python: `api = project.get_dataset_api()
${rows.map((it) => `api.remove(${python(it.path)})`).join("\n")}`,
    cli: rows.map((it) => `hopsartifacts files remove ${shell(it.path)}`).join("\n"),
    curl: rows.map((it) => curl("DELETE", `/api/v1/files/${encodeURIComponent(it.path)}`)).join("\n")
  };
}

// src/pages/files/integrity.tsx
var MOST_SHOWN = 20;
function toneOf(state) {
  return state === "intact" ? "ok" : state === "not_checked" ? "off" : "bad";
}
function IntegrityMark({ of, isBrief }) {
  return /* @__PURE__ */ a(State, { tone: toneOf(of.state), word: of.state.replaceAll("_", " "), children: of.checked && !isBrief ? /* @__PURE__ */ a($, { children: [
    "verified ",
    /* @__PURE__ */ a(Time, { at: of.checked })
  ] }) : null });
}
async function verify(path) {
  const job = await ended(await ask(api.POST("/api/v1/jobs/verify", { body: { path } })));
  if (job.result?.kind !== "verify") {
    return;
  }
  const { files, findings } = job.result;
  if (findings.length) {
    toast(
      `${many(findings.length, "file differs", "files differ")} from what was saved`,
      "bad"
    );
  } else {
    toast(
      `${many(files, "stored file is", "stored files are")} intact${path ? ` in ${path}` : ""}`
    );
  }
}
function Verify(props) {
  return /* @__PURE__ */ a(
    Action,
    {
      scope: "write",
      small: props.small,
      onClick: async () => {
        await verify(props.path);
        props.onDone();
      },
      children: props.label
    }
  );
}
var asked2 = y(null);
function Repair(props) {
  return /* @__PURE__ */ a(
    Action,
    {
      scope: "admin",
      small: props.small,
      label: `Repair ${props.path}`,
      onClick: () => {
        asked2.value = { path: props.path, onDone: props.onDone };
      },
      children: "Repair…"
    }
  );
}
function RepairDialog() {
  return asked2.value ? /* @__PURE__ */ a(Planned, { ...asked2.value }, asked2.value.path) : null;
}
async function repair(path, isDry) {
  const body = { path, dry_run: isDry };
  const job = await ended(await ask(api.POST("/api/v1/jobs/repair", { body })));
  return job.result;
}
function Planned({ path, onDone }) {
  const [found, setFound] = d(null);
  const [failure, setFailure] = d("");
  const [isBusy, setBusy] = d(false);
  const close2 = () => {
    asked2.value = null;
  };
  const run = (isDry) => {
    setBusy(true);
    setFailure("");
    repair(path, isDry).then(
      (result) => {
        setFound(result);
        if (!isDry) {
          onDone();
        }
      },
      (cause) => setFailure(asProblem(cause).message)
    ).finally(() => setBusy(false));
  };
  A(() => run(true), []);
  const count = (found?.repaired.length ?? 0) + (found?.unrepaired.length ?? 0);
  const isPlan = found?.dry_run ?? false;
  return /* @__PURE__ */ a(
    Dialog,
    {
      title: path ? `Repair ${path}` : "Repair everything",
      onClose: close2,
      isWide: true,
      footer: /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("button", { type: "button", class: "button", onClick: close2, children: isPlan || !found ? "Cancel" : "Close" }),
        isPlan && count ? /* @__PURE__ */ a(Action, { scope: "admin", kind: "primary", onClick: () => run(false), children: isBusy ? "Repairing" : "Repair" }) : null
      ] }),
      children: [
        /* @__PURE__ */ a("div", { role: "alert", children: failure ? /* @__PURE__ */ a(Note, { kind: "bad", children: failure }) : null }),
        found ? /* @__PURE__ */ a("div", { "aria-live": "polite", children: [
          /* @__PURE__ */ a(Plan, { found }),
          /* @__PURE__ */ a(
            SameIn,
            {
              ways: {
                python: `project.repair(path=${python(path)}, dry_run=True)
project.repair(path=${python(path)})`,
                cli: `hopsartifacts repair --path ${shell(path)} --dry-run
hopsartifacts repair --path ${shell(path)}`,
                curl: curl("POST", "/api/v1/jobs/repair", { path, dry_run: false })
              }
            }
          )
        ] }) : failure ? null : /* @__PURE__ */ a($, { children: [
          /* @__PURE__ */ a("p", { children: "Comparing every file with what was saved, and looking for intact copies." }),
          /* @__PURE__ */ a(Waiting, { lines: 3 })
        ] })
      ]
    }
  );
}
function Plan({ found }) {
  const { repaired, unrepaired, dry_run } = found;
  if (!repaired.length && !unrepaired.length) {
    return /* @__PURE__ */ a("p", { children: "Every file is intact: there is nothing to repair." });
  }
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: dry_run ? "Nothing was changed yet. A repair would do the following; it deletes nothing:" : "The repair did the following:" }),
    /* @__PURE__ */ a("ul", { class: "names", children: [
      repaired.map(({ finding, action }) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a("b", { children: finding.path }),
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: finding.kind }),
        /* @__PURE__ */ a("div", { children: action })
      ] }, finding.path)),
      unrepaired.map((it) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a(State, { tone: "bad", word: it.kind }),
        " ",
        /* @__PURE__ */ a("b", { children: it.path }),
        /* @__PURE__ */ a("div", { children: it.detail })
      ] }, it.path))
    ] })
  ] });
}
function Differing({ path, at }) {
  const query = { path, limit: MOST_SHOWN };
  const { data } = useLoad(
    `findings ${path} ${at}`,
    (signal) => ask(api.GET("/api/v1/findings", { params: { query }, signal }))
  );
  if (!data?.total) {
    return null;
  }
  return /* @__PURE__ */ a(Note, { kind: "bad", children: [
    /* @__PURE__ */ a("b", { children: [
      many(data.total, "file differs", "files differ"),
      " from what was saved."
    ] }),
    /* @__PURE__ */ a("ul", { class: "differing", children: data.items.map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("a", { href: to("/files", ...it.path.split("/")), children: path && it.path.startsWith(`${path}/`) ? it.path.slice(path.length + 1) : it.path }),
      " ",
      /* @__PURE__ */ a("span", { class: "sub", children: [
        it.kind,
        ": ",
        it.detail
      ] })
    ] }, it.path)) }),
    data.total > data.items.length ? /* @__PURE__ */ a("a", { href: to("/health"), children: "All of them are on the health page" }) : null
  ] });
}

export {
  FileActions,
  Download,
  FolderPicker,
  IntegrityMark,
  Verify,
  Repair,
  RepairDialog,
  Differing
};
