/** Numbers of equal steps of time, as bars and as lines with axes. */

import { useState } from "preact/hooks";
import { useWidth } from "../../parts/Chart.tsx";
import { count } from "../../words.ts";

const HEIGHT = 150;
const LEFT = 56;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 22;
const NICE = [1, 2, 5, 10];

/** One row of numbers over time. */
export interface Series {
  readonly label: string;
  /** One of the classes `one`, `two`, `three`, `bad`, which have colours. */
  readonly look: string;
  readonly values: readonly (number | null)[];
}

/** A number above `most` that is easy to read, and a third of the way to it. */
function topOf(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most || 1));
  return power * (NICE.find((it) => it * power >= most) ?? 10);
}

/**
 * Series over steps of time, as stacked bars or as lines.
 *
 * The pointer or the arrow keys choose a step, whose numbers are then in words; the same
 * numbers are in the table that the page has below.
 */
export function Steps(props: {
  label: string;
  starts: readonly string[];
  series: readonly Series[];
  kind: "bars" | "lines";
  words: (value: number) => string;
  nameOf: (start: string) => string;
}) {
  const { starts, series, words } = props;
  const { box, width } = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const inner = Math.max(1, width - LEFT - RIGHT);
  const slot = inner / Math.max(1, starts.length);
  const stacked = starts.map((_, index) =>
    props.kind === "bars"
      ? series.reduce((sum, it) => sum + (it.values[index] ?? 0), 0)
      : Math.max(0, ...series.map((it) => it.values[index] ?? 0)),
  );
  const top = topOf(Math.max(...stacked, 0));
  const xOf = (index: number) => LEFT + (index + 0.5) * slot;
  const yOf = (value: number) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const start = at === null ? undefined : starts[at];
  const told =
    start === undefined
      ? ""
      : `${props.nameOf(start)}: ${series
          .map((it) => `${it.label} ${inWords(it.values[at ?? 0], words)}`)
          .join(", ")}`;
  const move = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    const index = Math.floor((event.clientX - left - LEFT) / slot);
    setAt(index >= 0 && index < starts.length ? index : null);
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      const now = at ?? (step < 0 ? starts.length : -1);
      setAt(Math.max(0, Math.min(starts.length - 1, now + step)));
      event.preventDefault();
    }
  };
  return (
    <div class="chart" ref={box}>
      <div
        role="slider"
        tabIndex={0}
        class="plot"
        aria-label={`${props.label}; arrow keys choose a time`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, starts.length - 1)}
        aria-valuenow={at ?? Math.max(0, starts.length - 1)}
        aria-valuetext={told || "no time chosen"}
        onPointerMove={move}
        onPointerLeave={() => setAt(null)}
        onKeyDown={press}
      >
        <svg width={width} height={HEIGHT} aria-hidden="true">
          {[0, top / 2, top].map((it) => (
            <g key={it}>
              <line class="rule" x1={LEFT} x2={width - RIGHT} y1={yOf(it)} y2={yOf(it)} />
              <text x={LEFT - 8} y={yOf(it) + 4} text-anchor="end">
                {words(it)}
              </text>
            </g>
          ))}
          {at === null ? null : (
            <rect
              class="here"
              x={LEFT + at * slot}
              y={TOP}
              width={slot}
              height={HEIGHT - TOP - BOTTOM}
            />
          )}
          {props.kind === "bars"
            ? bars(series, slot, xOf, yOf)
            : series.map((it) => <Line key={it.label} of={it} xOf={xOf} yOf={yOf} />)}
          {[0, starts.length - 1].map((index) =>
            starts[index] === undefined || (index === 0 && starts.length === 1) ? null : (
              <text
                key={index}
                x={index ? width - RIGHT : LEFT}
                y={HEIGHT - 6}
                text-anchor={index ? "end" : "start"}
              >
                {props.nameOf(starts[index] ?? "")}
              </text>
            ),
          )}
        </svg>
      </div>
      <div class="legend">
        {series.map((it) => (
          <span key={it.label} class={`key ${it.look}`}>
            {it.label}
          </span>
        ))}
        <span class="grow" />
        <span class="sub" role="status">
          {told}
        </span>
      </div>
    </div>
  );
}

function inWords(value: number | null | undefined, words: (value: number) => string): string {
  return value === null || value === undefined ? "–" : words(value);
}

function bars(
  series: readonly Series[],
  slot: number,
  xOf: (index: number) => number,
  yOf: (value: number) => number,
) {
  const below: number[] = [];
  const wide = Math.max(1, Math.min(24, slot * 0.8));
  return series.map((it) =>
    it.values.map((value, index) => {
      const base = below[index] ?? 0;
      below[index] = base + (value ?? 0);
      return value ? (
        <rect
          key={`${it.label} ${index}`}
          class={`bar ${it.look}`}
          x={xOf(index) - wide / 2}
          y={yOf(base + value)}
          width={wide}
          height={Math.max(1, yOf(base) - yOf(base + value))}
        />
      ) : null;
    }),
  );
}

/** A line with gaps where there is no number; a number alone is a dot. */
function Line(props: {
  of: Series;
  xOf: (index: number) => number;
  yOf: (value: number) => number;
}) {
  const { values, look } = props.of;
  let path = "";
  const alone: number[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) {
      continue;
    }
    const hasBefore = (values[index - 1] ?? null) !== null;
    const hasAfter = (values[index + 1] ?? null) !== null;
    if (!hasBefore && !hasAfter) {
      alone.push(index);
    }
    path += `${hasBefore ? "L" : "M"}${props.xOf(index).toFixed(1)},${props.yOf(value).toFixed(1)}`;
  }
  return (
    <g class={look}>
      <path class="line" d={path} />
      {alone.map((index) => (
        <circle
          key={index}
          class="dot"
          cx={props.xOf(index)}
          cy={props.yOf(values[index] ?? 0)}
          r="2.5"
        />
      ))}
    </g>
  );
}

/** Numbers on an axis. */
export function onAxis(value: number): string {
  return value >= 10_000
    ? new Intl.NumberFormat("en", { notation: "compact" }).format(value)
    : count(Math.round(value * 10) / 10);
}
