/** Values over versions as a line, with marks; and a small line for a row of a table. */

import { useEffect, useRef, useState } from "preact/hooks";
import { go } from "../route.ts";
import { metric } from "../words.ts";

/** One point; a null value leaves a gap. */
export interface Point {
  readonly x: number;
  readonly y: number | null;
}

/** A name at a point; `isPast` if it is not there any more. */
export interface Mark {
  readonly x: number;
  readonly label: string;
  readonly isPast?: boolean;
}

type Drawn = Point & { readonly y: number };

const HEIGHT = 220;
const LEFT = 58;
const RIGHT = 18;
const TOP = 26;
const BOTTOM = 26;
const STEPS = [1, 2, 5, 10];
const CLOSE = 120;

/** Numbers between `low` and `high` that are easy to read. */
function ticksOf(low: number, high: number): number[] {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((it) => it * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** The lowest and the highest point of each column of pixels: the line looks the same. */
function thinned(points: readonly Drawn[], xOf: (x: number) => number): Drawn[] {
  const columns = new Map<number, Drawn[]>();
  for (const it of points) {
    const column = Math.round(xOf(it.x));
    columns.set(column, [...(columns.get(column) ?? []), it]);
  }
  return [...columns.values()].flatMap((all) => {
    const sorted = [...all].sort((a, b) => a.y - b.y);
    const [low, high] = [sorted[0], sorted.at(-1)];
    return [low, high].filter((it, index) => it && (index === 0 || it !== low)) as Drawn[];
  });
}

function pathOf(points: readonly Drawn[], at: (it: Drawn) => string): string {
  return points.map((it, index) => `${index ? "L" : "M"}${at(it)}`).join("");
}

function rangeOf(points: readonly Drawn[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { y } of points) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  if (low === high) {
    const room = Math.abs(low) / 10 || 1;
    return [low - room, high + room];
  }
  const room = (high - low) / 20;
  return [low - room, high + room];
}

function valued(points: readonly Point[]): Drawn[] {
  return points.filter((it): it is Drawn => it.y !== null);
}

/** The width of an element, as it changes. */
export function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([it]) => setWidth(it?.contentRect.width ?? 0));
    if (box.current) {
      watch.observe(box.current);
    }
    return () => watch.disconnect();
  }, []);
  return { box, width };
}

/**
 * A line over versions. Pointer or arrow keys choose a point, a click or Enter opens it.
 *
 * `nameOf` says what a point is, `hrefOf` is the page of it.
 */
export function Chart(props: {
  label: string;
  points: readonly Point[];
  marks: readonly Mark[];
  nameOf: (x: number) => string;
  hrefOf: (x: number) => string;
}) {
  const { box, width } = useWidth();
  const [chosen, setChosen] = useState<number | null>(null);
  const points = valued(props.points);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) {
    return <p class="muted">No version has a number for this metric.</p>;
  }
  const [low, high] = rangeOf(points);
  const span = last.x - first.x || 1;
  const inner = Math.max(width - LEFT - RIGHT, 1);
  const xOf = (x: number) => LEFT + ((x - first.x) / span) * inner;
  const yOf = (y: number) => TOP + ((high - y) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const place = (it: Drawn) => `${xOf(it.x).toFixed(1)},${yOf(it.y).toFixed(1)}`;
  const at = points.find((it) => it.x === chosen);
  const move = (event: PointerEvent) => {
    const left = (event.currentTarget as Element).getBoundingClientRect().left;
    const wanted = first.x + ((event.clientX - left - LEFT) / inner) * span;
    setChosen(nearest(points, wanted).x);
  };
  const press = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step) {
      const now = at ? points.indexOf(at) : points.length - (step < 0 ? 0 : 1);
      setChosen(points[Math.max(0, Math.min(points.length - 1, now + step))]?.x ?? null);
      event.preventDefault();
    }
  };
  const words = at ? `${props.nameOf(at.x)}: ${metric(at.y)}` : "";
  return (
    <div class="chart" ref={box}>
      <svg width={width} height={HEIGHT} aria-hidden="true">
        {ticksOf(low, high).map((it) => (
          <g key={it}>
            <line class="rule" x1={LEFT} x2={width - RIGHT} y1={yOf(it)} y2={yOf(it)} />
            <text x={LEFT - 8} y={yOf(it) + 4} text-anchor="end">
              {metric(Number(it.toPrecision(6)))}
            </text>
          </g>
        ))}
        <text x={LEFT} y={HEIGHT - 6}>
          {props.nameOf(first.x)}
        </text>
        {last !== first ? (
          <text x={width - RIGHT} y={HEIGHT - 6} text-anchor="end">
            {last.x}
          </text>
        ) : null}
        <path class="line" d={pathOf(thinned(points, xOf), place)} />
        {points.length <= 60
          ? points.map((it) => (
              <circle key={it.x} class="dot" cx={xOf(it.x)} cy={yOf(it.y)} r="2.5" />
            ))
          : null}
        {flagsOf(props.marks, points, xOf).map(({ mark, point, isBelow }) => (
          <Flag
            key={mark.label}
            mark={mark}
            x={xOf(point.x)}
            y={yOf(point.y)}
            isBelow={isBelow}
            width={width}
          />
        ))}
        {at ? (
          <g>
            <line class="rule" x1={xOf(at.x)} x2={xOf(at.x)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <circle class="mark" cx={xOf(at.x)} cy={yOf(at.y)} r="5" />
            <text class="chosen" x={xOf(at.x)} y={14} text-anchor={anchorOf(xOf(at.x), width)}>
              {words}
            </text>
          </g>
        ) : null}
      </svg>
      <button
        type="button"
        aria-label={`${props.label}; arrow keys choose a point, Enter opens it`}
        onPointerMove={move}
        onPointerLeave={() => setChosen(null)}
        onKeyDown={press}
        onClick={() => go(props.hrefOf((at ?? last).x))}
      />
      <span class="hidden" role="status">
        {words}
      </span>
    </div>
  );
}

function nearest(points: readonly Drawn[], wanted: number): Drawn {
  return points.reduce((best, it) =>
    Math.abs(it.x - wanted) < Math.abs(best.x - wanted) ? it : best,
  );
}

function anchorOf(x: number, width: number): "start" | "middle" | "end" {
  if (x > width * 0.75) {
    return "end";
  }
  return x < width * 0.25 ? "start" : "middle";
}

interface Placed {
  readonly mark: Mark;
  readonly point: Drawn;
  readonly isBelow: boolean;
}

/** Where the names of marks go: below the line if there is one above, close by. */
function flagsOf(
  marks: readonly Mark[],
  points: readonly Drawn[],
  xOf: (x: number) => number,
): Placed[] {
  const placed: Placed[] = [];
  for (const mark of [...marks].sort((a, b) => a.x - b.x)) {
    const point = points.find((it) => it.x === mark.x);
    const before = placed.at(-1);
    if (point) {
      const isClose = before && xOf(point.x) - xOf(before.point.x) < CLOSE;
      placed.push({ mark, point, isBelow: Boolean(isClose && !before.isBelow) });
    }
  }
  return placed;
}

function Flag(props: { mark: Mark; x: number; y: number; isBelow: boolean; width: number }) {
  const { mark, x, y } = props;
  return (
    <g class={mark.isPast ? "past" : "now"}>
      <circle class="mark" cx={x} cy={y} r={mark.isPast ? 4 : 5} />
      <text x={x} y={props.isBelow ? y + 20 : y - 10} text-anchor={anchorOf(x, props.width)}>
        {mark.label}
      </text>
    </g>
  );
}

/** A small line without axes; `label` says what it shows. */
export function Sparkline(props: { label: string; values: readonly (number | null)[] }) {
  const points = valued(props.values.map((y, x) => ({ x, y })));
  if (points.length < 2) {
    return null;
  }
  const [low, high] = rangeOf(points);
  const last = props.values.length - 1;
  const place = (it: Drawn) =>
    `${((it.x / last) * 80).toFixed(1)},${(((high - it.y) / (high - low)) * 22 + 1).toFixed(1)}`;
  return (
    <svg class="spark" width="80" height="24" role="img" aria-label={props.label}>
      <path class="line" d={pathOf(points, place)} />
    </svg>
  );
}
