/** Fields whose value is a file of the project: chosen there, or uploaded now. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import {
  api,
  ask,
  asProblem,
  type FieldProblem,
  observed,
  problemOf,
  type Schemas,
} from "../../../api.ts";
import { useLoad, usePages } from "../../../load.ts";
import { Action } from "../../../parts/Action.tsx";
import { Dialog } from "../../../parts/Dialog.tsx";
import { Field } from "../../../parts/Field.tsx";
import { Preview } from "../../../parts/Preview.tsx";
import { Problem, Shown, Waiting } from "../../../parts/Problem.tsx";
import { Note } from "../../../parts/Text.tsx";
import { toast } from "../../../parts/Toast.tsx";
import { bytes } from "../../../words.ts";

type Row = Schemas["FileRow"];

/** The user's folder for scripts; uploads go there. */
const FOLDER = "Resources";
const COMPARED_BYTES = 4 * 1024 * 1024;
const LISTED = 200;

const contentOf = (path: string): string => `/api/v1/files/${encodeURIComponent(path)}/content`;

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** A field for one file. `suffixes` are the ends of names that fit; none for any. */
export function FileField(props: {
  label: string;
  value: string | undefined;
  onChange: (path: string) => void;
  suffixes?: readonly string[];
  remark?: string;
  hint?: ComponentChildren;
  problems?: readonly FieldProblem[];
  disabledBy?: string;
  /** Whether a file was kept from the version that is edited. */
  isKept?: boolean;
  /** What is shown if there is no file. */
  noneIs?: string;
}) {
  const { value, onChange, suffixes = [], disabledBy } = props;
  const [isOpen, setOpen] = useState(false);
  const [isOver, setOver] = useState(false);
  const [clash, setClash] = useState<Clash | null>(null);
  const [failure, setFailure] = useState("");
  const picker = useId();

  const upload = async (file: File | undefined) => {
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
    ...(failure ? [{ pointer: "", detail: failure }] : []),
    ...(props.problems ?? []),
  ];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same
    <div
      class={`file-field ${isOver ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(!disabledBy);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void upload(event.dataTransfer?.files[0]);
      }}
    >
      <Field
        label={props.label}
        remark={props.remark}
        hint={disabledBy || props.hint}
        problems={problems}
      >
        {(ids) => (
          <div class="file-row">
            <Action
              onClick={() => setOpen(true)}
              disabledBy={disabledBy}
              label={`${props.label}: from project`}
            >
              From project
            </Action>
            <Action
              scope="write"
              disabledBy={disabledBy}
              label={`${props.label}: upload new file to ${FOLDER}`}
              onClick={() => document.getElementById(picker)?.click()}
            >
              Upload new file to {FOLDER}
            </Action>
            <input
              type="file"
              id={picker}
              class="hidden"
              tabIndex={-1}
              aria-hidden="true"
              accept={suffixes.join(",") || undefined}
              onChange={(event) => {
                const input = event.currentTarget;
                void upload(input.files?.[0]).finally(() => {
                  input.value = "";
                });
              }}
            />
            <output {...ids} class="mono file-name" title={value}>
              {value ? (props.isKept ? nameOf(value) : value) : (props.noneIs ?? "none")}
              {value && props.isKept ? <span class="sub"> · unchanged</span> : null}
            </output>
            {value ? (
              <button
                type="button"
                class="button quiet small"
                aria-label={`${props.label}: remove`}
                onClick={() => onChange("")}
              >
                ✕
              </button>
            ) : null}
          </div>
        )}
      </Field>
      {isOpen ? (
        <FileDialog
          title={props.label}
          suffixes={suffixes}
          onClose={() => setOpen(false)}
          onChoose={(path) => {
            setOpen(false);
            onChange(path);
          }}
        />
      ) : null}
      {clash ? (
        <ClashDialog
          clash={clash}
          onClose={() => setClash(null)}
          onDone={(path) => {
            setClash(null);
            onChange(path);
          }}
        />
      ) : null}
    </div>
  );
}

/** A file that is to be uploaded to a path where there is another one. */
interface Clash {
  readonly file: File;
  readonly path: string;
}

/** Store `file`; return its path, or null if there is another file, which stays. */
async function uploaded(file: File, path: string, overwrite = false): Promise<string | null> {
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
  // The same file may be there from the last time: then there is nothing to ask.
  return (await isSame(file, path)) ? path : null;
}

async function isSame(file: File, path: string): Promise<boolean> {
  const params = { path: { path } };
  const there = await ask(api.GET("/api/v1/files/{path}", { params }));
  if (there.size_bytes !== file.size || file.size > COMPARED_BYTES) {
    return false;
  }
  const response = await observed(new Request(location.origin + contentOf(path)));
  const [ours, theirs] = await Promise.all([file.arrayBuffer(), response.arrayBuffer()]);
  const known = new Uint8Array(theirs);
  return response.ok && new Uint8Array(ours).every((it, index) => it === known[index]);
}

/** Asks what to do with a file whose name is taken: no file is replaced without asking. */
function ClashDialog(props: {
  clash: Clash;
  onClose: () => void;
  onDone: (path: string) => void;
}) {
  const { file, path } = props.clash;
  const [name, setName] = useState(another(file.name));
  const [failure, setFailure] = useState("");
  const attempt = async (target: string, overwrite: boolean) => {
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
  const field = useId();
  return (
    <Dialog title={`${path} exists already`} onClose={props.onClose}>
      <p>The existing file differs from yours ({bytes(file.size)}).</p>
      <div class="field">
        <label for={field}>Keep both, and store yours as</label>
        <input
          id={field}
          class="input mono"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div role="alert">{failure ? <Note kind="bad">{failure}</Note> : null}</div>
      <div class="dialog-foot">
        <Action onClick={() => props.onDone(path)}>Use the existing file</Action>
        <Action kind="danger" onClick={() => attempt(path, true)}>
          Replace it
        </Action>
        <Action kind="primary" onClick={() => attempt(`${FOLDER}/${name}`, false)}>
          Keep both
        </Action>
      </div>
    </Dialog>
  );
}

/** `predictor-2.py` for `predictor.py`. */
function another(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? `${name.slice(0, dot)}-2${name.slice(dot)}` : `${name}-2`;
}

/** The files of the project that fit, as a tree, with a preview. */
export function FileDialog(props: {
  title: string;
  suffixes: readonly string[];
  onChoose: (path: string) => void;
  onClose: () => void;
}) {
  const [filter, setFilter] = useState("");
  const [chosen, choose] = useState("");
  const fits = (row: Row) =>
    !props.suffixes.length || props.suffixes.some((it) => row.name.endsWith(it));
  const tree = { fits, chosen, choose, take: props.onChoose };
  return (
    <Dialog title={`${props.title}: a file of the project`} onClose={props.onClose} isWide>
      <input
        type="search"
        class="input"
        aria-label="Filter by name"
        placeholder={`Filter by name${props.suffixes.length ? ` (${props.suffixes.join(", ")})` : ""}`}
        value={filter}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      <div class="file-choice">
        <nav class="file-tree" aria-label="Files">
          {filter ? <Found name={filter} tree={tree} /> : <Folder path="" tree={tree} />}
        </nav>
        <div>
          {chosen ? <Preview path={chosen} /> : <p class="sub">Select a file to see it.</p>}
        </div>
      </div>
      <div class="dialog-foot">
        <Action onClick={props.onClose}>Cancel</Action>
        <Action
          kind="primary"
          disabledBy={chosen ? "" : "Select a file first."}
          onClick={() => props.onChoose(chosen)}
        >
          Choose
        </Action>
      </div>
    </Dialog>
  );
}

interface Tree {
  readonly fits: (row: Row) => boolean;
  readonly chosen: string;
  readonly choose: (path: string) => void;
  readonly take: (path: string) => void;
}

function Folder({ path, tree }: { path: string; tree: Tree }) {
  const pages = usePages<Row>(
    `folder ${path}`,
    (cursor, _, signal) => {
      const query = { path, cursor, limit: LISTED };
      return ask(api.GET("/api/v1/files", { params: { query }, signal }));
    },
    ["file"],
  );
  if (!pages.data) {
    return pages.problem ? (
      <Problem problem={pages.problem} onRetry={pages.reload} />
    ) : (
      <Waiting lines={3} />
    );
  }
  const shown = pages.data.items.filter((it) => it.kind === "folder" || tree.fits(it));
  return (
    <ul>
      {shown.map((it) =>
        it.kind === "folder" ? (
          <Branch key={it.path} row={it} tree={tree} />
        ) : (
          <Leaf key={it.path} row={it} label={it.name} tree={tree} />
        ),
      )}
      {shown.length ? null : <li class="sub">no file here fits</li>}
      {pages.data.next ? (
        <li>
          <button type="button" class="link" onClick={pages.more}>
            Show more
          </button>
        </li>
      ) : null}
    </ul>
  );
}

/** The files of all folders whose name has `name` in it. */
function Found({ name, tree }: { name: string; tree: Tree }) {
  const loaded = useLoad(
    `found ${name}`,
    (signal) => {
      const query = { name, deep: true, kind: "file", limit: LISTED } as const;
      return ask(api.GET("/api/v1/files", { params: { query }, signal }));
    },
    ["file"],
  );
  return (
    <Shown loaded={loaded} lines={3}>
      {(page) => {
        const rows = page.items.filter(tree.fits);
        return (
          <ul>
            {rows.map((it) => (
              <Leaf key={it.path} row={it} label={it.path} tree={tree} />
            ))}
            {rows.length ? null : <li class="sub">no file fits</li>}
            {page.next ? <li class="sub">there are more: type more of the name</li> : null}
          </ul>
        );
      }}
    </Shown>
  );
}

function Leaf({ row, label, tree }: { row: Row; label: string; tree: Tree }) {
  return (
    <li>
      <button
        type="button"
        class="leaf"
        aria-pressed={row.path === tree.chosen}
        onClick={() => tree.choose(row.path)}
        onDblClick={() => tree.take(row.path)}
      >
        {label} <span class="sub">{bytes(row.size_bytes)}</span>
      </button>
    </li>
  );
}

function Branch({ row, tree }: { row: Row; tree: Tree }) {
  const [isOpen, setOpen] = useState(row.path === FOLDER);
  return (
    <li>
      <button
        type="button"
        class="leaf branch"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {row.name}
      </button>
      {isOpen ? <Folder path={row.path} tree={tree} /> : null}
    </li>
  );
}
