/** The artifact versions of a model version: their files, users and differences. */

import { useState } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Diff } from "../../parts/Code.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Digest, Size } from "../../parts/Text.tsx";
import { about, fileHref } from "./data.ts";
import { Users } from "./list.tsx";

type Artifact = Schemas["ArtifactRow"];

const columnsOf = (
  folder: string,
  compare: (it: Artifact) => void,
): readonly Column<Artifact>[] => [
  {
    id: "version",
    head: "Artifact version",
    isSorted: true,
    cell: (it) =>
      it.files.length ? (
        <a href={fileHref(`${folder}/${it.version}`)}>
          <b>{it.version}</b>
        </a>
      ) : (
        <>
          <b>{it.version}</b> <span class="sub">without scripts</span>
        </>
      ),
  },
  {
    id: "files",
    head: "Files",
    cell: (it) =>
      it.files.map((file, index) => (
        <span key={file}>
          {index ? ", " : ""}
          <a href={fileHref(`${folder}/${it.version}/${file}`)}>{file}</a>
        </span>
      )),
  },
  { id: "size", head: "Size", isNumber: true, cell: (it) => <Size of={it.size_bytes} /> },
  { id: "identity", head: "Identity", cell: (it) => <Digest of={it.identity} /> },
  { id: "deployments", head: "Used by", cell: (it) => <Users of={it.deployments} /> },
  {
    id: "compare",
    head: "",
    cell: (it) =>
      it.version > 1 ? (
        <Action
          small
          label={`What changed in artifact version ${it.version}`}
          onClick={() => compare(it)}
        >
          What changed
        </Action>
      ) : null,
  },
];

/** The same scripts are the same version; version 0 is without any. */
export function Artifacts({ model, version }: { model: string; version: number }) {
  const [compared, setCompared] = useState<Artifact | null>(null);
  const sort = sortOf("-version");
  const path = { model, version: String(version) };
  const folder = `Models/${model}/${version}/Artifacts`;
  const pages = usePages<Artifact>(
    `artifacts ${model} ${version} ${sort}`,
    (cursor, limit, signal) => {
      const params = { path, query: { sort, cursor, limit } };
      return ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts", { params, signal }),
      );
    },
    (event) => about(model)(event) || event.name.startsWith("deployment"),
  );
  return (
    <section aria-label="Artifacts">
      <h2>Artifacts</h2>
      <Table
        label="Artifact versions"
        pages={pages}
        columns={columnsOf(folder, setCompared)}
        idOf={(it) => String(it.version)}
        sort="-version"
        empty={<Empty title="There are no artifact versions" />}
      />
      {compared ? (
        <ArtifactDiff
          path={{
            ...path,
            artifact: String(compared.version - 1),
            other: String(compared.version),
          }}
          onClose={() => setCompared(null)}
        />
      ) : null}
    </section>
  );
}

function ArtifactDiff(props: {
  path: { model: string; version: string; artifact: string; other: string };
  onClose: () => void;
}) {
  const { path } = props;
  const loaded = useLoad(`artifact diff ${Object.values(path).join(" ")}`, (signal) =>
    ask(
      api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}/diff/{other}", {
        params: { path },
        signal,
      }),
    ),
  );
  return (
    <Dialog
      title={`From artifact version ${path.artifact} to ${path.other}`}
      onClose={props.onClose}
      isWide
    >
      <Shown loaded={loaded} lines={6}>
        {(it) => (
          <>
            {it.files.length ? null : <p>The files are the same.</p>}
            {it.files.map((file) => (
              <section key={file.path} aria-label={file.path}>
                <h3>
                  {file.path} <span class="sub">{file.change}</span>
                </h3>
                {file.lines.length ? <Diff lines={file.lines} /> : null}
              </section>
            ))}
          </>
        )}
      </Shown>
    </Dialog>
  );
}
