/** The rows of a request as a form, for a model whose columns are known. */

import type { Schemas } from "../../api.ts";
import { CheckField, TextField } from "../../parts/Field.tsx";

type Column = Schemas["InputColumn"];
type Cell = unknown;

/** The rows of a request, and how they are written. */
export interface Rows {
  readonly request: Readonly<Record<string, unknown>>;
  readonly key: "instances" | "inputs";
  readonly cells: readonly (readonly Cell[])[];
  /** Whether a row is an object with the names of the columns, or a list. */
  readonly isNamed: boolean;
}

const MOST_ROWS = 20;
const TEXT = "BYTES";
const TRUTH = "BOOL";

/** The rows of `value`; null if they are not rows of these columns, or too many. */
export function rowsOf(value: unknown, columns: readonly Column[]): Rows | null {
  const request = value as Record<string, unknown>;
  const key = (["instances", "inputs"] as const).find((it) => Array.isArray(request[it]));
  if (!key || !columns.length) {
    return null;
  }
  const rows = request[key] as unknown[];
  const names = columns.map((it) => it.name);
  const isNamed = !rows.some(Array.isArray);
  const cells: Cell[][] = [];
  for (const row of rows) {
    const found = isNamed ? named(row, names) : Array.isArray(row) ? row : null;
    if (found?.length !== names.length || found.some(isNested)) {
      return null;
    }
    cells.push(found);
  }
  return cells.length > MOST_ROWS ? null : { request, key, cells, isNamed };
}

function isNested(cell: Cell): boolean {
  return typeof cell === "object" && cell !== null;
}

function named(row: unknown, names: readonly string[]): Cell[] | null {
  if (typeof row !== "object" || row === null) {
    return null;
  }
  const members = row as Record<string, Cell>;
  const isKnown = Object.keys(members).every((it) => names.includes(it));
  return isKnown ? names.map((it) => members[it] ?? null) : null;
}

function requestOf(
  rows: Rows,
  cells: readonly (readonly Cell[])[],
  columns: readonly Column[],
) {
  const written = rows.isNamed
    ? cells.map((row) => Object.fromEntries(columns.map((it, at) => [it.name, row[at]])))
    : cells;
  return { ...rows.request, [rows.key]: written };
}

export function RowForm(props: {
  rows: Rows;
  columns: readonly Column[];
  onChange: (request: unknown) => void;
}) {
  const { rows, columns } = props;
  const change = (cells: readonly (readonly Cell[])[]) =>
    props.onChange(requestOf(rows, cells, columns));
  return (
    <>
      {rows.cells.map((row, index) => (
        <fieldset key={index} class="row-form">
          <legend>Row {index + 1}</legend>
          {columns.map((column, at) => (
            <Input
              key={column.name}
              column={column}
              value={row[at]}
              onChange={(value) =>
                change(rows.cells.map((it, here) => (here === index ? it.with(at, value) : it)))
              }
            />
          ))}
          {rows.cells.length > 1 ? (
            <button
              type="button"
              class="button small quiet"
              onClick={() => change(rows.cells.filter((_, here) => here !== index))}
            >
              Remove row {index + 1}
            </button>
          ) : null}
        </fieldset>
      ))}
      <div class="tools">
        <button
          type="button"
          class="button small"
          disabled={rows.cells.length >= MOST_ROWS}
          onClick={() =>
            change([...rows.cells, rows.cells.at(-1) ?? columns.map((): Cell => null)])
          }
        >
          Add a row
        </button>
      </div>
    </>
  );
}

function Input(props: { column: Column; value: Cell; onChange: (value: Cell) => void }) {
  const { column, value, onChange } = props;
  if (column.datatype === TRUTH) {
    return <CheckField label={column.name} isOn={value === true} onChange={onChange} />;
  }
  const isText = column.datatype === TEXT;
  return (
    <TextField
      label={column.name}
      remark={column.datatype}
      type={isText ? "text" : "number"}
      value={value === null || value === undefined ? "" : String(value)}
      onInput={(given) => {
        const number = given === "" ? null : Number(given);
        onChange(isText ? given : number);
      }}
    />
  );
}
