/** What can be done with files: make, rename, move, copy, delete, download. */

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { api, ask, type Job, type Schemas } from "../../api.ts";
import { ended } from "../../jobs.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell, type Ways } from "../../parts/Code.tsx";
import { confirm, Dialog, FormDialog } from "../../parts/Dialog.tsx";
import { CheckField, TextField } from "../../parts/Field.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Size } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { bytes, many } from "../../words.ts";
import { lockedBy, useFolder } from "./upload.tsx";

type FileRow = Schemas["FileRow"];
type Verb = "moves" | "copies";

const MANAGED = "This is managed: change it on the pages of its model or deployment.";
const NOTHING = "Select files or folders first.";
const ONE = "Select one file or folder.";
const MOST_FOLDERS = 1000;

/** The buttons above a folder: for the folder itself, and for what is selected in it. */
export function FileActions(props: { folder: string; selected: readonly FileRow[] }) {
  const { folder, selected } = props;
  const reason = lockedBy(useFolder(folder));
  const [first] = selected;
  const isOne = selected.length === 1;
  const locked = selected.some((it) => it.is_managed) ? MANAGED : "";
  const changing = selected.length ? locked : NOTHING;
  return (
    <>
      <Action scope="write" disabledBy={reason} onClick={() => open("folder", folder)}>
        New folder
      </Action>
      <Action scope="write" disabledBy={reason} onClick={() => open("text", folder)}>
        New text file
      </Action>
      {selected.length ? (
        <>
          <Action
            scope="write"
            disabledBy={isOne ? locked : ONE}
            onClick={() => open("rename", folder, selected)}
          >
            Rename
          </Action>
          <Action
            scope="write"
            disabledBy={changing}
            onClick={() => open("moves", folder, selected)}
          >
            Move
          </Action>
          <Action
            scope="write"
            disabledBy={changing}
            onClick={() => open("copies", folder, selected)}
          >
            Copy
          </Action>
          <Action scope="write" disabledBy={changing} onClick={() => askToDelete(selected)}>
            Delete
          </Action>
          {isOne && first ? <Download of={first} /> : null}
        </>
      ) : null}
      <Asked />
    </>
  );
}

/** A file as a link that saves it; a folder as a button that says its size first. */
export function Download({ of, small }: { of: FileRow; small?: boolean }) {
  if (of.kind === "folder") {
    return (
      <Action small={small} onClick={() => open("zip", of.path, [of])}>
        Download as zip
      </Action>
    );
  }
  return (
    <a
      class={`button ${small ? "small" : ""}`}
      href={contentOf(of.path)}
      download={of.name}
      aria-label={`Download ${of.name}`}
    >
      Download
    </a>
  );
}

/** The address of the bytes of a file. */
export function contentOf(path: string): string {
  return `/api/v1/files/${encodeURIComponent(path)}/content`;
}

function archiveOf(path: string): string {
  return `/api/v1/folders/${encodeURIComponent(path)}/archive`;
}

type Kind = "folder" | "text" | "rename" | Verb | "zip";

const asked = signal<{ kind: Kind; folder: string; rows: readonly FileRow[] } | null>(null);

function open(kind: Kind, folder: string, rows: readonly FileRow[] = []): void {
  asked.value = { kind, folder, rows };
}

function close(): void {
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
      return <NewFolder folder={folder} />;
    case "text":
      return <NewText folder={folder} />;
    case "rename":
      return first ? <Rename row={first} /> : null;
    case "zip":
      return first ? <Zip row={first} /> : null;
    default:
      return <Transfer verb={kind} folder={folder} rows={rows} />;
  }
}

/** A form in a dialog, which also shows the action in the other interfaces. */
function Form(props: {
  title: string;
  action: string;
  ways: Ways;
  isReady?: boolean;
  isWide?: boolean;
  run: () => Promise<unknown>;
  children: preact.ComponentChildren;
}) {
  const { ways, children, ...form } = props;
  return (
    <FormDialog {...form} onClose={close}>
      {children}
      <SameIn ways={ways} />
    </FormDialog>
  );
}

function NewFolder({ folder }: { folder: string }) {
  const [name, setName] = useState("");
  const path = joined(folder, name);
  return (
    <Form
      title={`New folder in ${folder}`}
      action="Make folder"
      isReady={name !== ""}
      ways={{
        python: `project.get_dataset_api().mkdir(${python(path)})`,
        curl: curl("PUT", `/api/v1/folders/${encodeURIComponent(path)}`),
      }}
      run={async () => {
        await ask(api.PUT("/api/v1/folders/{path}", { params: { path: { path } } }));
        toast(`Created ${path}`);
      }}
    >
      <TextField label="Name" value={name} onInput={setName} />
    </Form>
  );
}

function NewText({ folder }: { folder: string }) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const path = joined(folder, name);
  return (
    <Form
      title={`New text file in ${folder}`}
      action="Make file"
      isReady={name !== ""}
      isWide
      ways={{
        python: `project.get_dataset_api().upload(${python(name)}, ${python(folder)})`,
        cli: `hopsartifacts files upload ${shell(name)} ${shell(folder)}`,
        curl: `${curl("PUT", contentOf(path))} \\\n  --data-binary @${shell(name)}`,
      }}
      run={async () => {
        await write(path, text);
        toast(`Created ${path}`);
      }}
    >
      <TextField label="Name" value={name} onInput={setName} />
      <TextField label="Text" value={text} onInput={setText} lines={14} isMono />
    </Form>
  );
}

async function write(path: string, text: string): Promise<void> {
  await ask(
    api.PUT("/api/v1/files/{path}/content", {
      params: { path: { path } },
      body: text,
      bodySerializer: (body: unknown) => body as string,
      headers: { "content-type": "application/octet-stream" },
    }),
  );
}

function Rename({ row }: { row: FileRow }) {
  const [name, setName] = useState(row.name);
  const target = joined(above(row.path), name);
  return (
    <Form
      title={`Rename ${row.name}`}
      action="Rename"
      isReady={name !== "" && name !== row.name}
      ways={waysOf("moves", [row], above(row.path), [name], false)}
      run={async () => {
        await transfer("moves", row.path, target, false);
        toast(`Renamed ${row.name} to ${name}`);
      }}
    >
      <TextField label="New name" value={name} onInput={setName} />
    </Form>
  );
}

const WORDS = {
  moves: { title: "Move", done: "Moved" },
  copies: { title: "Copy", done: "Copied" },
} as const;

function Transfer(props: { verb: Verb; folder: string; rows: readonly FileRow[] }) {
  const { verb, rows } = props;
  const { title, done } = WORDS[verb];
  const [folder, setFolder] = useState(props.folder);
  const [overwrite, setOverwrite] = useState(false);
  const [left, setLeft] = useState(rows);
  const what = rows.length === 1 ? (rows[0]?.name ?? "") : many(rows.length, "item");
  const names = left.map((it) => it.name);
  const isElsewhere = folder !== "" && folder !== props.folder;
  return (
    <Form
      title={`${title} ${what}`}
      action={`${title} to ${isElsewhere ? folder : "…"}`}
      isReady={isElsewhere}
      isWide
      ways={waysOf(verb, left, folder, names, overwrite)}
      run={async () => {
        let waiting = left;
        for (const it of left) {
          await transfer(verb, it.path, joined(folder, it.name), overwrite);
          waiting = waiting.filter((other) => other !== it);
          setLeft(waiting);
        }
        toast(`${done} ${what} to ${folder}`);
      }}
    >
      <ul class="names">
        {left.map((it) => (
          <li key={it.path}>
            <b>{it.path}</b>
          </li>
        ))}
      </ul>
      <FolderPicker value={folder} onChoose={setFolder} />
      <CheckField
        label="Replace what has the same name there"
        hint="If a folder is replaced, everything in it is deleted."
        isOn={overwrite}
        onChange={setOverwrite}
      />
    </Form>
  );
}

/** A folder of the project, chosen by walking through them. */
export function FolderPicker(props: { value: string; onChoose: (path: string) => void }) {
  const { value, onChoose } = props;
  const loaded = useLoad(`folders ${value}`, (signal) =>
    ask(
      api.GET("/api/v1/files", {
        params: { query: { path: value, kind: "folder", limit: MOST_FOLDERS } },
        signal,
      }),
    ),
  );
  const parts = value.split("/").filter(Boolean);
  return (
    <fieldset class="picker">
      <legend>To the folder</legend>
      <nav aria-label="Chosen folder" class="crumbs">
        <span>
          <button type="button" class="link" onClick={() => onChoose("")}>
            project
          </button>
        </span>
        {parts.map((part, index) => (
          <span key={parts.slice(0, index + 1).join("/")}>
            <button
              type="button"
              class="link"
              aria-current={index === parts.length - 1 ? "true" : undefined}
              onClick={() => onChoose(parts.slice(0, index + 1).join("/"))}
            >
              {part}
            </button>
          </span>
        ))}
      </nav>
      <Shown loaded={loaded} lines={3}>
        {(page) => {
          const free = page.items.filter((it) => !it.is_managed);
          return (
            <ul class="folders" aria-label="Folders in this folder">
              {free.map((it) => (
                <li key={it.path}>
                  <button type="button" class="link" onClick={() => onChoose(it.path)}>
                    {it.name}/
                  </button>
                </li>
              ))}
              {free.length ? null : <li class="sub">No folders in this folder</li>}
              {page.next ? (
                <li class="sub">Only the first {MOST_FOLDERS} folders are shown</li>
              ) : null}
            </ul>
          );
        }}
      </Shown>
    </fieldset>
  );
}

async function transfer(
  verb: Verb,
  source: string,
  target: string,
  overwrite: boolean,
): Promise<void> {
  const body = { source, target, overwrite };
  const done =
    verb === "moves"
      ? await ask(api.POST("/api/v1/moves", { body }))
      : await ask(api.POST("/api/v1/copies", { body }));
  if ("status" in done) {
    await ended(done as Job);
  }
}

/** Show what will be deleted, with everything in it, and delete it if the user agrees. */
export function askToDelete(rows: readonly FileRow[], onDone?: () => void): void {
  const [first] = rows;
  const what = rows.length === 1 && first ? first.name : many(rows.length, "item");
  let left = rows;
  confirm({
    title: `Delete ${what}?`,
    action: `Delete ${what}`,
    isDangerous: true,
    body: (
      <>
        <ul class="names">
          {rows.map((it) => (
            <li key={it.path}>
              <b>{it.path}</b> <span class="sub">{content(it)}</span>
            </li>
          ))}
        </ul>
        <p class="sub">
          Models and deployments are not affected: what they use was copied when they were
          saved.
        </p>
        <SameIn ways={deleting(rows)} />
      </>
    ),
    run: async () => {
      for (const it of left) {
        const params = { path: { path: it.path } };
        await ask(api.DELETE("/api/v1/files/{path}", { params }));
        left = left.filter((other) => other !== it);
      }
      toast(`Deleted ${what}`);
      onDone?.();
    },
  });
}

function content(row: FileRow) {
  return row.kind === "file" ? bytes(row.size_bytes) : <FolderContent path={row.path} />;
}

function useSize(path: string) {
  return useLoad(`size ${path}`, (signal) =>
    ask(api.GET("/api/v1/folders/{path}/size", { params: { path: { path } }, signal })),
  );
}

function FolderContent({ path }: { path: string }) {
  const { data } = useSize(path);
  return data ? (
    <>
      {data.is_whole ? "" : "more than "}
      {many(data.files, "file")} in it, <Size of={data.size_bytes} />
    </>
  ) : (
    <>…</>
  );
}

function Zip({ row }: { row: FileRow }) {
  const loaded = useSize(row.path);
  return (
    <Dialog title={`Download ${row.name} as zip`} onClose={close}>
      <Shown loaded={loaded} lines={2}>
        {(size) => (
          <>
            <p>
              {size.is_whole ? "" : "More than "}
              {many(size.files, "file")} in {many(size.folders, "folder")},{" "}
              <Size of={size.size_bytes} />.{" "}
              {size.archive_bytes === null ? (
                "That is too much for one archive: download the folders in it one by one."
              ) : (
                <>
                  The archive has <Size of={size.archive_bytes} />; it is not compressed.
                </>
              )}
            </p>
            <SameIn
              ways={{
                python: downloading(row.path),
                curl: `${curl("GET", archiveOf(row.path))} \\\n  -o ${shell(`${row.name}.zip`)}`,
              }}
            />
            <div class="dialog-foot">
              <button type="button" class="button" onClick={close}>
                Cancel
              </button>
              {size.archive_bytes === null ? null : (
                <a
                  class="button primary"
                  href={archiveOf(row.path)}
                  download={`${row.name}.zip`}
                  onClick={close}
                >
                  Download {bytes(size.archive_bytes)}
                </a>
              )}
            </div>
          </>
        )}
      </Shown>
    </Dialog>
  );
}

function downloading(path: string): string {
  return `api = project.get_dataset_api()
for path in api.list(${python(path)}):
    api.download(path)`;
}

function joined(folder: string, name: string): string {
  return folder ? `${folder}/${name}` : name;
}

function above(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

function waysOf(
  verb: Verb,
  rows: readonly FileRow[],
  folder: string,
  names: readonly string[],
  overwrite: boolean,
): Ways {
  const method = verb === "moves" ? "move" : "copy";
  const flag = overwrite ? ", overwrite=True" : "";
  const pairs = rows.map((it, index) => [it.path, joined(folder, names[index] ?? "")] as const);
  return {
    python: `api = project.get_dataset_api()\n${pairs
      .map(([from, to]) => `api.${method}(${python(from)}, ${python(to)}${flag})`)
      .join("\n")}`,
    curl: pairs
      .map(([source, target]) => curl("POST", `/api/v1/${verb}`, { source, target, overwrite }))
      .join("\n"),
  };
}

function deleting(rows: readonly FileRow[]): Ways {
  return {
    python: `api = project.get_dataset_api()\n${rows
      .map((it) => `api.remove(${python(it.path)})`)
      .join("\n")}`,
    cli: rows.map((it) => `hopsartifacts files remove ${shell(it.path)}`).join("\n"),
    curl: rows
      .map((it) => curl("DELETE", `/api/v1/files/${encodeURIComponent(it.path)}`))
      .join("\n"),
  };
}
