/** What a file contains, as the server finds it without reading all of it. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { api, ask, asProblem, observed, type Schemas } from "../api.ts";
import { useLoad } from "../load.ts";
import { place } from "../route.ts";
import { count, many } from "../words.ts";
import { Markdown } from "./Markdown.tsx";
import { Shown } from "./Problem.tsx";
import { Source } from "./Source.tsx";
import { Note, Size, State } from "./Text.tsx";
import { toast } from "./Toast.tsx";

type Content = Schemas["Preview"]["content"];
type TableContent = Schemas["Table"];

const MOST_IMAGE_BYTES = 16 * 1024 * 1024;

/** The content of the file at `path`; `version` changes when the file does. */
export function Preview({ path, version = "" }: { path: string; version?: string }) {
  const [isRaw, setRaw] = useState(false);
  useEffect(() => setRaw(false), [path]);
  const loaded = useLoad(`preview ${path} ${version} ${isRaw}`, (signal) =>
    ask(
      api.GET("/api/v1/files/{path}/preview", {
        params: { path: { path }, query: { raw: isRaw } },
        signal,
      }),
    ),
  );
  return (
    <Shown loaded={loaded} lines={8}>
      {({ content, notes, size_bytes }) => (
        <section class="preview" aria-label="Content">
          {notes.map((it) => (
            <Note key={it}>{it[0]?.toUpperCase() + it.slice(1)}.</Note>
          ))}
          <Drawn path={path} version={version} content={content} size={size_bytes} />
          {hasText(content) || isRaw ? (
            <button type="button" class="link" onClick={() => setRaw(!isRaw)}>
              {isRaw ? "Show it formatted" : "Show its text as it is"}
            </button>
          ) : null}
        </section>
      )}
    </Shown>
  );
}

/** The address of this page with one line marked. */
function lineIn(line: number): string {
  const query = new URLSearchParams(place.value.query);
  query.set("line", String(line));
  return `?${query}`;
}

/** Whether a formatted file is text. */
function hasText(content: Content): boolean {
  return (
    (content.kind === "text" && content.format !== "plain") ||
    content.kind === "notebook" ||
    (content.kind === "table" && content.format === "csv")
  );
}

function Drawn(props: { path: string; version: string; content: Content; size: number }) {
  const { path, version, content } = props;
  switch (content.kind) {
    case "text":
      if (content.format === "plain") {
        return content.text ? (
          <Source
            key={version}
            path={path}
            line={Number(place.value.query.get("line")) || undefined}
            hrefOf={lineIn}
          />
        ) : (
          <p class="sub">This file is empty.</p>
        );
      }
      return content.format === "markdown" ? (
        <Markdown text={content.text} />
      ) : (
        <Plain text={content.text} />
      );
    case "table":
      return <Rows key={path + version} path={path} first={content} />;
    case "notebook":
      return <Cells book={content} />;
    case "image":
      return <Picture path={path} image={content} size={props.size} />;
    case "tensors":
      return <TensorTable found={content} />;
    case "pickle":
      return <Imports of={content} />;
    case "archive":
      return (
        <>
          {content.pickle ? <Imports of={content.pickle} /> : null}
          <p class="sub">{many(content.entries_in_file, "file")} in this archive</p>
          <Grid
            heads={["Name", "Size"]}
            numbers={[1]}
            rows={content.entries.map((it) => [
              it.name,
              <Size key="size" of={it.size_bytes} />,
            ])}
          />
        </>
      );
    case "binary":
      return <Plain text={content.text} />;
    default:
      return <Note kind="warn">No preview: {content.reason}.</Note>;
  }
}

function Plain({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    <pre class="code" tabIndex={0}>
      {text}
    </pre>
  );
}

/** A table that scrolls sideways, with the columns `numbers` to the right. */
function Grid(props: {
  heads: readonly ComponentChildren[];
  rows: readonly (readonly ComponentChildren[])[];
  numbers?: readonly number[];
}) {
  const name = (index: number) => (props.numbers?.includes(index) ? "num" : "");
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    <section class="sheet" tabIndex={0} aria-label="Rows">
      <table>
        <thead>
          <tr>
            {props.heads.map((it, index) => (
              <th key={index} scope="col" class={name(index)}>
                {it}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.rows.map((row, index) => (
            <tr key={index}>
              {row.map((it, place) => (
                <td key={place} class={name(place)}>
                  {it ?? <span class="muted">null</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Rows({ path, first }: { path: string; first: TableContent }) {
  const [pages, setPages] = useState([first]);
  const [isBusy, setBusy] = useState(false);
  const last = pages.at(-1) ?? first;
  const rows = pages.flatMap((it) => it.rows);
  const more = async () => {
    setBusy(true);
    try {
      const { content } = await ask(
        api.GET("/api/v1/files/{path}/preview", {
          params: { path: { path }, query: { offset: last.next ?? 0, rows: 200 } },
        }),
      );
      setPages(content.kind === "table" ? [...pages, content] : pages);
    } catch (cause) {
      toast(asProblem(cause).message, "bad");
    } finally {
      setBusy(false);
    }
  };
  const total = first.rows_in_file;
  const { columns } = first;
  return (
    <>
      <p class="sub" role="status">
        {total == null
          ? many(rows.length, "row")
          : `${count(rows.length)} of ${many(total, "row")}`}
        {", "}
        {many(first.columns_in_file, "column")}
        {total == null && last.next ? " so far" : ""}
      </p>
      <Grid
        heads={columns.map((it) => (
          <>
            {it.name}
            {it.type ? <span class="type">{it.type}</span> : null}
          </>
        ))}
        numbers={columns.flatMap((it, index) => (it.is_number ? [index] : []))}
        rows={rows}
      />
      {last.next ? (
        <div class="more">
          <button type="button" class="button" aria-busy={isBusy} onClick={() => void more()}>
            Show more rows
          </button>
        </div>
      ) : null}
    </>
  );
}

function Cells({ book }: { book: Schemas["Notebook"] }) {
  return (
    <div class="notebook">
      {book.cells.map((cell, index) => (
        <div key={index} class="cell">
          {cell.kind === "markdown" ? (
            <Markdown text={cell.source} />
          ) : (
            <>
              {cell.kind === "code" ? <span class="sub">[{cell.number ?? " "}]</span> : null}
              <Plain text={cell.source} />
            </>
          )}
          {cell.outputs.map((it, place) =>
            it.kind !== "image" ? (
              <pre key={place} class={it.kind === "error" ? "output bad" : "output"}>
                {it.text}
              </pre>
            ) : it.data ? (
              <img
                key={place}
                alt={`Output ${place + 1} of cell ${index + 1}`}
                src={`data:${it.text};base64,${it.data}`}
              />
            ) : (
              <p key={place} class="sub">
                This image is too large for a preview
              </p>
            ),
          )}
        </div>
      ))}
    </div>
  );
}

/** An image. It is read here, as the server never sends a stored file as an image. */
function Picture(props: { path: string; image: Schemas["Image"]; size: number }) {
  const { path, image } = props;
  const isSmall = props.size <= MOST_IMAGE_BYTES;
  const [source, setSource] = useState("");
  const loaded = useLoad(isSmall ? `image ${path} ${props.size}` : null, async (signal) => {
    const place = `${location.origin}/api/v1/files/${encodeURIComponent(path)}/content`;
    return (await observed(new Request(place, { signal }))).blob();
  });
  useEffect(() => {
    if (loaded.data) {
      const made = URL.createObjectURL(new Blob([loaded.data], { type: image.media_type }));
      setSource(made);
      return () => URL.revokeObjectURL(made);
    }
  }, [loaded.data, image.media_type]);
  return (
    <>
      <p class="sub">
        {image.width ? `${count(image.width)} × ${count(image.height ?? 0)} pixels, ` : ""}
        {image.media_type}
      </p>
      {source ? <img class="picture" src={source} alt={path} /> : null}
      {isSmall ? null : <Note>This image is too large to be shown here: download it.</Note>}
    </>
  );
}

function TensorTable({ found }: { found: Schemas["Tensors"] }) {
  return (
    <>
      <p class="sub">
        {many(found.tensors_in_file, "tensor")}, {many(found.parameters, "parameter")}
      </p>
      {Object.keys(found.metadata).length ? (
        <Grid heads={["Metadata", ""]} rows={Object.entries(found.metadata)} />
      ) : null}
      <Grid
        heads={["Tensor", "Type", "Shape", "Size"]}
        numbers={[3]}
        rows={found.tensors.map((it) => [
          it.name,
          it.type,
          it.shape.join(" × ") || "scalar",
          <Size key="size" of={it.size_bytes} />,
        ])}
      />
    </>
  );
}

/** What a pickle imports; those that can do harm come first. */
function Imports({ of }: { of: Schemas["Pickle"] }) {
  const sorted = [...of.imports].sort(
    (a, b) => Number(b.is_dangerous) - Number(a.is_dangerous),
  );
  const bad = sorted.filter((it) => it.is_dangerous).length;
  return (
    <>
      <p>
        When this pickle is loaded, it imports {many(of.imports.length, "name")}
        {of.is_complete ? "" : " or more"}. To find this out, it was read and not loaded.
      </p>
      {bad ? (
        <Note kind="bad">
          {bad === 1 ? "One of them" : `${count(bad)} of them`} can run commands, or reach files
          or the network. Load the pickle only if you trust its source.
        </Note>
      ) : null}
      <ul class="imports mono">
        {sorted.map((it) => (
          <li key={it.name}>
            {it.is_dangerous ? <State tone="bad" word={it.name} /> : it.name}
          </li>
        ))}
      </ul>
    </>
  );
}
