/** The files of the project: a folder, and the file in it that is open. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { Page } from "../../frame.tsx";
import type { LiveEvent } from "../../live.ts";
import { useLoad, usePages } from "../../load.ts";
import { type Filter, Filters, filtered } from "../../parts/Filters.tsx";
import { Empty, Problem } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Chip, Note, Size, Time } from "../../parts/Text.tsx";
import { go, place, to, withQuery } from "../../route.ts";
import type { PageProps } from "../routes.tsx";
import { Download, FileActions } from "./actions.tsx";
import { FilePane } from "./file.tsx";
import { Differing, IntegrityMark, Repair, RepairDialog, Verify } from "./integrity.tsx";
import { Names, Owner, Users } from "./owner.tsx";
import { Unfinished, Uploads } from "./upload.tsx";

type FileRow = Schemas["FileRow"];

const FILTERS: readonly Filter[] = [
  { name: "name", label: "Filter this folder" },
  {
    name: "deep",
    label: "Look in",
    options: [{ value: "true", label: "all folders below" }],
  },
];

/** The address of a file or folder; the view of the list stays as it is. */
function pageOf(path: string): string {
  const { query } = place.value;
  const kept = ["sort", "columns", "name", "deep"].map((it) => [it, query.get(it) ?? ""]);
  return withQuery(folderPage(path), Object.fromEntries(kept));
}

function folderPage(path: string): string {
  return path ? to("/files", ...path.split("/")) : to("/files");
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Whether an event may change what is in a folder. */
function concerns(event: LiveEvent, folder: string): boolean {
  if (event.name === "file") {
    const path = String(event.data.path ?? "");
    return folder === "" || path.startsWith(`${folder}/`) || folder.startsWith(path);
  }
  if (event.name === "job") {
    return event.data.status !== "running";
  }
  return event.name !== "reload";
}

export function FilesPage({ params }: PageProps) {
  const path = params.rest ?? "";
  const row = useLoad<FileRow | null>(
    `file ${path}`,
    (signal) =>
      path
        ? ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal }))
        : Promise.resolve(null),
    (event) => concerns(event, parentOf(path)),
  );
  const file = row.data?.kind === "file" ? row.data : null;
  // While it is not known what is there, the list stays that of the folder around.
  const isKnown = row.data !== undefined;
  if (row.problem && !isKnown) {
    return (
      <Page crumbs={crumbsOf(path)} title={<Way path={path} />}>
        <Problem problem={row.problem} onRetry={row.reload} />
        <p>
          <a href={folderPage(parentOf(path))}>Go to the folder above</a>
        </p>
      </Page>
    );
  }
  const folder = file ? parentOf(path) : path;
  return (
    <Folder
      key={isKnown ? folder : "?"}
      path={isKnown ? folder : null}
      shown={path}
      file={file}
      onChange={row.reload}
    />
  );
}

function crumbsOf(path: string) {
  const parts = path ? path.split("/") : [];
  return [
    { label: "Files", href: to("/files") },
    ...parts.map((label, index) => ({
      label,
      href: folderPage(parts.slice(0, index + 1).join("/")),
    })),
  ];
}

/** The title of a folder: its name, and a field to type another path. */
function Way({ path }: { path: string }) {
  const [isOpen, setOpen] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.select();
  }, [isOpen]);
  if (isOpen) {
    return (
      <form
        class="way"
        onSubmit={(event) => {
          event.preventDefault();
          setOpen(false);
          const typed = (field.current?.value ?? "").replace(/^\/+|\/+$/g, "");
          go(folderPage(typed));
        }}
      >
        <input
          ref={field}
          class="input mono"
          aria-label="Path"
          value={path}
          spellcheck={false}
          autocomplete="off"
          onBlur={() => setOpen(false)}
          onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
        />
      </form>
    );
  }
  return (
    <>
      {path ? path.slice(path.lastIndexOf("/") + 1) : "Files"}
      <button type="button" class="button quiet small" onClick={() => setOpen(true)}>
        Go to path
      </button>
    </>
  );
}

function Folder(props: {
  path: string | null;
  shown: string;
  file: FileRow | null;
  onChange: () => void;
}) {
  const { path, file } = props;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const about = useLoad<FileRow | null>(
    path === null ? null : `folder ${path}`,
    (signal) =>
      path
        ? ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal }))
        : Promise.resolve(null),
    (event) => concerns(event, path ?? ""),
  );
  const given = filtered(FILTERS);
  const sort = sortOf();
  const pages = usePages<FileRow>(
    path === null ? null : `files ${path} ${JSON.stringify(given)} ${sort}`,
    (cursor, limit, signal) =>
      ask(
        api.GET("/api/v1/files", {
          params: {
            query: {
              path: path ?? "",
              name: given.name,
              deep: given.deep === "true",
              sort,
              cursor,
              limit,
            },
          },
          signal,
        }),
      ),
    (event) => concerns(event, path ?? ""),
  );
  const rows = pages.data?.items ?? [];
  const isManaged = about.data?.is_managed ?? false;
  const whole = useLoad(
    path === "" ? "integrity" : null,
    (signal) => ask(api.GET("/api/v1/integrity", { signal })),
    (event) => concerns(event, ""),
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
  const beside = (step: number) => {
    const other = at < 0 ? undefined : files[at + step];
    return other && pageOf(other.path);
  };
  const chosen = rows.filter((it) => selected.has(it.path));
  return (
    <Page
      crumbs={crumbsOf(props.shown)}
      title={
        <>
          <Way path={path ?? props.shown} />
          {isManaged ? <Chip>managed</Chip> : null}
          {about.data?.aliases.map((it) => (
            <Chip key={it} kind="alias">
              {it}
            </Chip>
          ))}
        </>
      }
      actions={
        path === null ? null : isManaged || path === "" ? (
          <>
            <Verify
              path={path}
              label={path ? "Verify this folder" : "Verify everything"}
              onDone={change}
            />
            {integrity?.detail ? <Repair path={path} onDone={change} /> : null}
            {about.data && path.includes("/") ? <Download of={about.data} /> : null}
          </>
        ) : (
          <>
            <FileActions folder={path} selected={chosen} />
            <Uploads folder={path} />
          </>
        )
      }
    >
      <RepairDialog />
      {about.data && isManaged ? (
        <Note kind="warn">
          Managed: this can only be changed through <Through of={about.data} />.{" "}
          {about.data.belongs_to ? (
            <>
              It belongs to <Owner of={about.data} /> <Users of={about.data} />
            </>
          ) : null}
        </Note>
      ) : null}
      {path === "" && integrity ? (
        <div class="file-tools">
          Managed files: <IntegrityMark of={integrity} />
        </div>
      ) : null}
      {path !== null && !file && (isManaged || path === "") ? (
        <Differing path={path} at={integrity?.checked ?? ""} />
      ) : null}
      {isManaged ? null : <Unfinished />}
      <div class={file ? "browser with-file" : "browser"}>
        <div class="listing">
          {path === null ? null : (
            <Table
              label={path ? `Files in ${path}` : "Files of the project"}
              pages={pages}
              columns={columnsOf(path, isManaged, file, change)}
              idOf={(row) => row.path}
              hrefOf={(row) => pageOf(row.path)}
              selected={isManaged || path === "" ? undefined : selected}
              onSelect={setSelected}
              sort="name"
              filters={<Filters filters={FILTERS} />}
              empty={<Nothing isFiltered={Object.keys(given).length > 0} />}
            />
          )}
          {pages.data?.is_whole === false ? (
            <Note kind="warn">
              Not all files below this folder were searched, as there are too many: open a
              folder in it and search there.
            </Note>
          ) : null}
        </div>
        {file ? (
          <FilePane
            key={file.path}
            row={file}
            before={beside(-1)}
            after={beside(1)}
            onClose={pageOf(path ?? "")}
            onChange={change}
          />
        ) : null}
      </div>
    </Page>
  );
}

/** The pages where a managed folder is changed. */
function Through({ of }: { of: FileRow }) {
  const owner = of.belongs_to;
  const models = <a href={to("/models")}>models</a>;
  const deployments = <a href={to("/deployments")}>deployments</a>;
  return owner?.deployment ? (
    deployments
  ) : owner ? (
    models
  ) : (
    <>
      {models} and {deployments}
    </>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty
      title={isFiltered ? "No file or folder here has such a name" : "This folder is empty"}
    />
  );
}

function columnsOf(
  folder: string,
  isManaged: boolean,
  file: FileRow | null,
  onChange: () => void,
): Column<FileRow>[] {
  const start = folder ? folder.length + 1 : 0;
  const columns: Column<FileRow>[] = [
    {
      id: "name",
      head: "Name",
      isSorted: true,
      cell: (row) => (
        <>
          <a
            class={row.kind === "folder" ? "name" : ""}
            href={pageOf(row.path)}
            aria-current={row.path === file?.path ? "true" : undefined}
          >
            {row.path.slice(start)}
            {row.kind === "folder" ? "/" : ""}
          </a>{" "}
          {row.aliases.map((it) => (
            <Chip key={it} kind="alias">
              {it}
            </Chip>
          ))}
          {row.is_managed && !isManaged ? <Chip>managed</Chip> : null}
        </>
      ),
    },
    {
      id: "size_bytes",
      head: "Size",
      isSorted: true,
      isNumber: true,
      cell: (row) =>
        row.kind === "folder" ? <span class="muted">–</span> : <Size of={row.size_bytes} />,
    },
  ];
  const modified: Column<FileRow> = {
    id: "modified",
    head: isManaged ? "Saved" : "Modified",
    isSorted: true,
    isOptional: file !== null,
    cell: (row) => <Time at={row.modified} />,
  };
  if (!isManaged) {
    return [...columns, modified];
  }
  return [
    ...columns,
    {
      id: "integrity",
      head: "Integrity",
      cell: (row) =>
        row.integrity ? (
          <div class="integrity">
            <div>
              <IntegrityMark of={row.integrity} isBrief={file !== null} />
            </div>
            {row.integrity.detail && !file ? (
              <Repair path={row.stored} small onDone={onChange} />
            ) : null}
          </div>
        ) : null,
    },
    {
      id: "used",
      head: "Used by",
      isOptional: file !== null,
      cell: (row) =>
        row.deployments.length ? (
          <Names names={row.deployments} />
        ) : (
          <span class="muted">–</span>
        ),
    },
    modified,
  ];
}
