/** The text of a file with line numbers and highlighted words. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, ask } from "../api.ts";
import { useLoad } from "../load.ts";
import { place, setQuery } from "../route.ts";
import { Shown } from "./Problem.tsx";
import { Note } from "./Text.tsx";

/** The lines of a file; each is a list of pairs: the kind of a word, and the word. */
interface Tokens {
  readonly lines: readonly (readonly (readonly string[])[])[];
  readonly next?: number | null;
  readonly notes: readonly string[];
}

const MOST_PARTS = 40;

/**
 * The lines of the file at `path`, read part by part.
 *
 * A click on a number puts the line into the address, as `line`; that line is marked.
 * `version` changes when the file does.
 */
export function Source({ path, version = "" }: { path: string; version?: string }) {
  const wanted = Number(place.value.query.get("line")) || 0;
  const [lines, setLines] = useState(wanted);
  const key = `tokens ${path} ${version} ${lines}`;
  const loaded = useLoad(key, (signal) => tokensOf(path, lines, signal));
  return (
    <Shown loaded={loaded} lines={8}>
      {(data) => (
        <>
          {data.notes.map((it) => (
            <Note key={it}>{it}</Note>
          ))}
          <Lines lines={data.lines} at={wanted} label={path} />
          {data.next ? (
            <div class="more">
              <button
                type="button"
                class="button"
                aria-busy={loaded.isLoading}
                onClick={() => setLines(data.lines.length + 1)}
              >
                Show more lines
              </button>
            </div>
          ) : null}
        </>
      )}
    </Shown>
  );
}

/** The first lines of a file: at least `least`, if it has so many. */
async function tokensOf(path: string, least: number, signal: AbortSignal): Promise<Tokens> {
  const read = (offset: number) =>
    ask(
      api.GET("/api/v1/files/{path}/tokens", {
        params: { path: { path }, query: { offset } },
        signal,
      }),
    );
  let found: Tokens = await read(0);
  for (
    let part = 1;
    found.next != null && found.lines.length < least && part < MOST_PARTS;
    part++
  ) {
    const next = await read(found.next ?? 0);
    found = { ...next, lines: [...found.lines, ...next.lines] };
  }
  return found;
}

function Lines(props: { lines: Tokens["lines"]; at: number; label: string }) {
  const { lines, at } = props;
  const marked = useRef<HTMLTableRowElement>(null);
  useEffect(() => marked.current?.scrollIntoView({ block: "nearest" }), [at, lines.length]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    <section class="source" tabIndex={0} aria-label={`Text of ${props.label}`}>
      <table>
        <tbody>
          {lines.map((line, index) => (
            <tr
              key={index}
              class={index + 1 === at ? "marked" : ""}
              ref={index + 1 === at ? marked : undefined}
            >
              <td class="number">
                <button
                  type="button"
                  aria-label={`Line ${index + 1}`}
                  data-number={index + 1}
                  onClick={() =>
                    setQuery({ line: index + 1 === at ? undefined : `${index + 1}` })
                  }
                />
              </td>
              <td>
                <code>
                  {line.map(([kind, text], place) => (
                    <span key={place} class={kind ? `t-${kind}` : undefined}>
                      {text}
                    </span>
                  ))}
                </code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
