/** A text file of the project with highlighted code, and a link for each line. */

import { useEffect, useRef } from "preact/hooks";
import { api, ask } from "../api.ts";
import { usePages } from "../load.ts";
import { many } from "../words.ts";
import { Shown } from "./Problem.tsx";
import { Note } from "./Text.tsx";

/** A line: its tokens, each a class of Pygments and its text. */
type Line = readonly (readonly [string, string])[];

interface Props {
  /** The path of the file in the project. */
  readonly path: string;
  /** The line to show first; it is marked. */
  readonly line?: number;
  /** What is wrong in a line: it is shown below that line. */
  readonly remark?: { readonly line: number; readonly text: string };
  /** The address of a line. */
  readonly hrefOf: (line: number) => string;
}

export function Source({ path, line, remark, hrefOf }: Props) {
  const pages = usePages<Line>(
    `tokens ${path}`,
    async (cursor, _, signal) => {
      const query = { offset: Number(cursor) };
      const params = { path: { path }, query };
      const found = await ask(api.GET("/api/v1/files/{path}/tokens", { params, signal }));
      const next = found.next === null ? null : String(found.next);
      const items = found.lines as unknown as Line[];
      return { items, next, total: items.length, damaged: found.notes };
    },
    (event) => event.name === "file" && event.data.path === path,
  );
  const { data, more, isReadingMore } = pages;
  const isFurther = line !== undefined && data?.next && data.items.length < line;
  useEffect(() => {
    if (isFurther && !isReadingMore) {
      more();
    }
  }, [isFurther, isReadingMore, more]);
  return (
    <Shown loaded={pages}>
      {({ items, next, damaged = [] }) => (
        <>
          {damaged.map((it) => (
            <Note key={it}>{it}</Note>
          ))}
          <Lines lines={items} line={line} remark={remark} hrefOf={hrefOf} path={path} />
          {next ? (
            <button
              type="button"
              class="button"
              aria-busy={pages.isReadingMore}
              onClick={pages.more}
            >
              Show more than {many(items.length, "line")}
            </button>
          ) : null}
        </>
      )}
    </Shown>
  );
}

function Lines(props: Omit<Props, "path"> & { path: string; lines: readonly Line[] }) {
  const marked = useRef<HTMLSpanElement>(null);
  const { lines, line, remark, hrefOf, path } = props;
  const isThere = line !== undefined && line <= lines.length;
  useEffect(() => {
    if (isThere) {
      marked.current?.scrollIntoView({ block: "center" });
    }
  }, [line, isThere, path]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    <pre class="code source" tabIndex={0}>
      {lines.map((tokens, index) => {
        const number = index + 1;
        const isHere = number === line;
        const isWrong = number === remark?.line;
        return (
          <span
            key={number}
            ref={isHere ? marked : undefined}
            class={`line ${isHere ? "here" : ""} ${isWrong ? "wrong" : ""}`}
          >
            <a
              class="number"
              href={hrefOf(number)}
              aria-label={`Line ${number}`}
              aria-current={isHere ? "location" : undefined}
            >
              {number}
            </a>
            {tokens.length
              ? tokens.map(([kind, text], place) => (
                  <span key={place} class={kind ? `t-${kind}` : undefined}>
                    {text}
                  </span>
                ))
              : " "}
            {isWrong ? <span class="remark">{remark.text}</span> : null}
          </span>
        );
      })}
    </pre>
  );
}
