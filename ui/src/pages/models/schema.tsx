/** The schema of a model as tables: its inputs and outputs. */

import { Snippet } from "../../parts/Code.tsx";

type Row = Readonly<Record<string, unknown>>;

const PARTS = [
  ["input_schema", "Inputs"],
  ["output_schema", "Outputs"],
] as const;

/** The rows of a columnar or tensor schema; null if it has another form. */
function rowsOf(part: unknown): Row[] | null {
  if (typeof part !== "object" || !part) {
    return null;
  }
  const { columnar_schema: columns, tensor_schema: tensors } = part as Row;
  const rows = columns ?? tensors;
  const all = Array.isArray(rows) ? rows : rows ? [rows] : null;
  return all?.every((it) => typeof it === "object" && it) ? (all as Row[]) : null;
}

export function Schema({ of }: { of: unknown }) {
  if (typeof of !== "object" || !of) {
    return (
      <p class="muted">
        No schema was saved. If there is one, requests and new versions can be checked against
        it.
      </p>
    );
  }
  const parts = PARTS.map(([key, title]) => ({ title, part: (of as Row)[key] })).filter(
    (it) => it.part,
  );
  if (!parts.length || parts.some((it) => rowsOf(it.part) === null)) {
    return <Snippet text={JSON.stringify(of, null, 1)} label="Schema" />;
  }
  return (
    <>
      {parts.map(({ title, part }) => (
        <Part key={title} title={title} rows={rowsOf(part) ?? []} />
      ))}
    </>
  );
}

function Part({ title, rows }: { title: string; rows: readonly Row[] }) {
  const heads = [...new Set(rows.flatMap((it) => Object.keys(it)))];
  return (
    <>
      <h3>{title}</h3>
      <div class="panel">
        <table class="values" aria-label={title}>
          <thead>
            <tr>
              {heads.map((it) => (
                <th scope="col" key={it}>
                  {it}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                {heads.map((head) => (
                  <td key={head} data-head={head}>
                    {String(row[head] ?? "")}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
