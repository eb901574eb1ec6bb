/** Lists as tables: sorted and filtered by the server, with the state in the URL. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isTyping, useKeys } from "../keyboard.ts";
import type { Pages } from "../load.ts";
import { go, place, setQuery } from "../route.ts";
import { count } from "../words.ts";
import { Menu } from "./Menu.tsx";
import { Problem, Waiting } from "./Problem.tsx";

/** One column of a table. */
export interface Column<Row> {
  /** Its name in the URL; also the field to sort by, if `isSorted`. */
  readonly id: string;
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  readonly isSorted?: boolean;
  readonly isNumber?: boolean;
  /** Whether it is shown only if it was chosen. */
  readonly isOptional?: boolean;
}

interface Props<Row> {
  /** What the rows are: `Deployments`. */
  readonly label: string;
  readonly pages: Pages<Row>;
  readonly columns: readonly Column<Row>[];
  readonly idOf: (row: Row) => string;
  readonly hrefOf?: (row: Row) => string;
  /** The ids of the selected rows; without it rows cannot be selected. */
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  /** The order if the URL has none, such as `-updated`. */
  readonly sort?: string;
  readonly empty: ComponentChildren;
  /** Buttons above the table, beside the number of rows. */
  readonly tools?: ComponentChildren;
  readonly filters?: ComponentChildren;
}

/** The columns that the URL asks for; by default those that are not optional. */
export function chosenColumns<Row>(columns: readonly Column<Row>[]): readonly Column<Row>[] {
  const chosen = place.value.query.get("columns")?.split(",");
  return columns.filter((it) => (chosen ? chosen.includes(it.id) : !it.isOptional));
}

/** The order that the URL asks for. */
export function sortOf(fallback = ""): string {
  return place.value.query.get("sort") || fallback;
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}

export function Table<Row>(props: Props<Row>) {
  const { pages, columns, idOf, selected, onSelect } = props;
  const shown = chosenColumns(columns);
  const sort = sortOf(props.sort);
  const [at, setAt] = useState(-1);
  const body = useRef<HTMLTableSectionElement>(null);
  const end = useRef<HTMLDivElement>(null);
  const rows = pages.data?.items ?? [];

  useRowKeys(body, rows, at, setAt, props);
  useEffect(() => {
    const last = end.current;
    if (!last) {
      return;
    }
    const watch = new IntersectionObserver(
      (seen) => seen.some((it) => it.isIntersecting) && pages.more(),
      { rootMargin: "400px" },
    );
    watch.observe(last);
    return () => watch.disconnect();
  }, [pages.more]);

  if (!pages.data) {
    return (
      <>
        <div class="tools">{props.filters}</div>
        {pages.problem ? (
          <Problem problem={pages.problem} onRetry={pages.reload} />
        ) : (
          <Waiting lines={10} />
        )}
      </>
    );
  }
  const { total, next, damaged = [] } = pages.data;
  const all = rows.length > 0 && rows.every((row) => selected?.has(idOf(row)));
  return (
    <>
      <div class="tools">
        {props.filters}
        <span class="grow" />
        <span class="sub" role="status">
          {rows.length ? `1–${count(rows.length)} of ${count(total)}` : "none"}
        </span>
        {props.tools}
        <ColumnChoice columns={columns} shown={shown} />
      </div>
      {damaged.length ? (
        <div class="note bad" role="alert">
          The logs of {damaged.join(", ")} cannot be read, so this list does not show them. To
          find out why, press “Verify everything” on the health page.
        </div>
      ) : null}
      {pages.problem && pages.problem.status !== 0 ? (
        <Problem problem={pages.problem} onRetry={pages.reload} />
      ) : null}
      {rows.length ? (
        <div class="panel">
          <table aria-label={props.label} aria-busy={pages.isLoading}>
            <thead>
              <tr>
                {selected ? (
                  <th class="tick">
                    <input
                      type="checkbox"
                      aria-label="Select all shown"
                      checked={all}
                      onChange={() => onSelect?.(new Set(all ? [] : rows.map(idOf)))}
                    />
                  </th>
                ) : null}
                {shown.map((it) => (
                  <Head key={it.id} column={it} sort={sort} />
                ))}
              </tr>
            </thead>
            <tbody ref={body}>
              {rows.map((row, index) => {
                const id = idOf(row);
                return (
                  <tr
                    key={id}
                    class={index === at ? "at" : ""}
                    aria-selected={selected ? selected.has(id) : undefined}
                  >
                    {selected ? (
                      <td class="tick">
                        <input
                          type="checkbox"
                          aria-label={`Select ${id}`}
                          checked={selected.has(id)}
                          onChange={() => onSelect?.(toggled(selected, id))}
                        />
                      </td>
                    ) : null}
                    {shown.map((it, place) => (
                      <td
                        key={it.id}
                        data-head={it.head}
                        class={`${it.isNumber ? "num" : ""} ${place ? "" : "first"}`}
                      >
                        {it.cell(row)}
                      </td>
                    ))}
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      ) : (
        props.empty
      )}
      {next ? (
        <div class="more" ref={end}>
          <button
            type="button"
            class="button"
            onClick={pages.more}
            aria-busy={pages.isReadingMore}
          >
            Show more
          </button>
        </div>
      ) : null}
    </>
  );
}

function Head<Row>({ column, sort }: { column: Column<Row>; sort: string }) {
  const isUp = sort === column.id;
  const isDown = sort === `-${column.id}`;
  const name = column.isNumber ? "num" : "";
  if (!column.isSorted) {
    return (
      <th scope="col" class={name}>
        {column.head}
      </th>
    );
  }
  const first = column.isNumber ? `-${column.id}` : column.id;
  const other = isUp ? `-${column.id}` : column.id;
  return (
    <th
      scope="col"
      class={name}
      aria-sort={isUp ? "ascending" : isDown ? "descending" : undefined}
    >
      <button
        type="button"
        class="sort"
        onClick={() => setQuery({ sort: isUp || isDown ? other : first })}
      >
        {column.head}
        {isUp ? " ↑" : isDown ? " ↓" : ""}
      </button>
    </th>
  );
}

function ColumnChoice<Row>(props: {
  columns: readonly Column<Row>[];
  shown: readonly Column<Row>[];
}) {
  const shown = new Set(props.shown.map((it) => it.id));
  const named = props.columns.filter((it) => it.head);
  const choose = (id: string) => {
    const next = toggled(shown, id);
    const isDefault = props.columns.every((it) => next.has(it.id) === !it.isOptional);
    const ids = props.columns.map((it) => it.id).filter((it) => next.has(it));
    setQuery({ columns: isDefault ? undefined : ids.join(",") });
  };
  return (
    <Menu label="Columns">
      {named.map((it) => (
        <label key={it.id} class="choice">
          <input type="checkbox" checked={shown.has(it.id)} onChange={() => choose(it.id)} />
          {it.head}
        </label>
      ))}
    </Menu>
  );
}

/** `j` and `k` move over the rows, `Enter` opens one, `x` selects it. */
function useRowKeys<Row>(
  body: { current: HTMLTableSectionElement | null },
  rows: readonly Row[],
  at: number,
  setAt: (at: number) => void,
  props: Props<Row>,
): void {
  // The next key may come before the table is drawn with the row of this one.
  const now = useRef(at);
  now.current = at;
  useKeys((event) => {
    if (isTyping(event) || !rows.length) {
      return;
    }
    const row = rows[now.current];
    if (event.key === "j" || event.key === "k") {
      const step = event.key === "j" ? 1 : -1;
      const next = Math.max(0, Math.min(rows.length - 1, now.current + step));
      now.current = next;
      setAt(next);
      body.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && row && props.hrefOf && isLoose(event)) {
      go(props.hrefOf(row));
    } else if (event.key === "x" && row && props.selected) {
      props.onSelect?.(toggled(props.selected, props.idOf(row)));
    } else {
      return;
    }
    event.preventDefault();
  });
}

/** Whether nothing that reacts to `Enter` by itself has the focus. */
function isLoose(event: KeyboardEvent): boolean {
  return !(event.target as HTMLElement).closest?.("a, button, input, summary");
}
