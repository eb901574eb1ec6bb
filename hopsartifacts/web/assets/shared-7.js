import {
  A,
  T,
  a,
  d,
  go,
  metric
} from "./shared-1.js";

// src/parts/Chart.tsx
var HEIGHT = 220;
var LEFT = 58;
var RIGHT = 18;
var TOP = 26;
var BOTTOM = 26;
var STEPS = [1, 2, 5, 10];
var CLOSE = 120;
function ticksOf(low, high) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * (STEPS.find((it) => it * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}
function thinned(points, xOf) {
  const columns = /* @__PURE__ */ new Map();
  for (const it of points) {
    const column = Math.round(xOf(it.x));
    columns.set(column, [...columns.get(column) ?? [], it]);
  }
  return [...columns.values()].flatMap((all) => {
    const sorted = [...all].sort((a2, b) => a2.y - b.y);
    const [low, high] = [sorted[0], sorted.at(-1)];
    return [low, high].filter((it, index) => it && (index === 0 || it !== low));
  });
}
function pathOf(points, at) {
  return points.map((it, index) => `${index ? "L" : "M"}${at(it)}`).join("");
}
function rangeOf(points) {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { y } of points) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  if (low === high) {
    const room2 = Math.abs(low) / 10 || 1;
    return [low - room2, high + room2];
  }
  const room = (high - low) / 20;
  return [low - room, high + room];
}
function valued(points) {
  return points.filter((it) => it.y !== null);
}
function useWidth() {
  const box = T(null);
  const [width, setWidth] = d(0);
  A(() => {
    const watch = new ResizeObserver(([it]) => setWidth(it?.contentRect.width ?? 0));
    if (box.current) {
      watch.observe(box.current);
    }
    return () => watch.disconnect();
  }, []);
  return { box, width };
}
function Chart(props) {
  const { box, width } = useWidth();
  const [chosen, setChosen] = d(null);
  const points = valued(props.points);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) {
    return /* @__PURE__ */ a("p", { class: "muted", children: "No version has a number for this metric." });
  }
  const [low, high] = rangeOf(points);
  const span = last.x - first.x || 1;
  const inner = Math.max(width - LEFT - RIGHT, 1);
  const xOf = (x) => LEFT + (x - first.x) / span * inner;
  const yOf = (y) => TOP + (high - y) / (high - low) * (HEIGHT - TOP - BOTTOM);
  const place = (it) => `${xOf(it.x).toFixed(1)},${yOf(it.y).toFixed(1)}`;
  const at = points.find((it) => it.x === chosen);
  const move = (event) => {
    const left = event.currentTarget.getBoundingClientRect().left;
    const wanted = first.x + (event.clientX - left - LEFT) / inner * span;
    setChosen(nearest(points, wanted).x);
  };
  const press = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    const step = steps[event.key];
    if (step) {
      const now = at ? points.indexOf(at) : points.length - (step < 0 ? 0 : 1);
      setChosen(points[Math.max(0, Math.min(points.length - 1, now + step))]?.x ?? null);
      event.preventDefault();
    }
  };
  const words = at ? `${props.nameOf(at.x)}: ${metric(at.y)}` : "";
  return /* @__PURE__ */ a("div", { class: "chart", ref: box, children: [
    /* @__PURE__ */ a("svg", { width, height: HEIGHT, "aria-hidden": "true", children: [
      ticksOf(low, high).map((it) => /* @__PURE__ */ a("g", { children: [
        /* @__PURE__ */ a("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: yOf(it), y2: yOf(it) }),
        /* @__PURE__ */ a("text", { x: LEFT - 8, y: yOf(it) + 4, "text-anchor": "end", children: metric(Number(it.toPrecision(6))) })
      ] }, it)),
      /* @__PURE__ */ a("text", { x: LEFT, y: HEIGHT - 6, children: props.nameOf(first.x) }),
      last !== first ? /* @__PURE__ */ a("text", { x: width - RIGHT, y: HEIGHT - 6, "text-anchor": "end", children: last.x }) : null,
      /* @__PURE__ */ a("path", { class: "line", d: pathOf(thinned(points, xOf), place) }),
      points.length <= 60 ? points.map((it) => /* @__PURE__ */ a("circle", { class: "dot", cx: xOf(it.x), cy: yOf(it.y), r: "2.5" }, it.x)) : null,
      flagsOf(props.marks, points, xOf).map(({ mark, point, isBelow }) => /* @__PURE__ */ a(
        Flag,
        {
          mark,
          x: xOf(point.x),
          y: yOf(point.y),
          isBelow,
          width
        },
        mark.label
      )),
      at ? /* @__PURE__ */ a("g", { children: [
        /* @__PURE__ */ a("line", { class: "rule", x1: xOf(at.x), x2: xOf(at.x), y1: TOP, y2: HEIGHT - BOTTOM }),
        /* @__PURE__ */ a("circle", { class: "mark", cx: xOf(at.x), cy: yOf(at.y), r: "5" }),
        /* @__PURE__ */ a("text", { class: "chosen", x: xOf(at.x), y: 14, "text-anchor": anchorOf(xOf(at.x), width), children: words })
      ] }) : null
    ] }),
    /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        "aria-label": `${props.label}; arrow keys choose a point, Enter opens it`,
        onPointerMove: move,
        onPointerLeave: () => setChosen(null),
        onKeyDown: press,
        onClick: () => go(props.hrefOf((at ?? last).x))
      }
    ),
    /* @__PURE__ */ a("span", { class: "hidden", role: "status", children: words })
  ] });
}
function nearest(points, wanted) {
  return points.reduce(
    (best, it) => Math.abs(it.x - wanted) < Math.abs(best.x - wanted) ? it : best
  );
}
function anchorOf(x, width) {
  if (x > width * 0.75) {
    return "end";
  }
  return x < width * 0.25 ? "start" : "middle";
}
function flagsOf(marks, points, xOf) {
  const placed = [];
  for (const mark of [...marks].sort((a2, b) => a2.x - b.x)) {
    const point = points.find((it) => it.x === mark.x);
    const before = placed.at(-1);
    if (point) {
      const isClose = before && xOf(point.x) - xOf(before.point.x) < CLOSE;
      placed.push({ mark, point, isBelow: Boolean(isClose && !before.isBelow) });
    }
  }
  return placed;
}
function Flag(props) {
  const { mark, x, y } = props;
  return /* @__PURE__ */ a("g", { class: mark.isPast ? "past" : "now", children: [
    /* @__PURE__ */ a("circle", { class: "mark", cx: x, cy: y, r: mark.isPast ? 4 : 5 }),
    /* @__PURE__ */ a("text", { x, y: props.isBelow ? y + 20 : y - 10, "text-anchor": anchorOf(x, props.width), children: mark.label })
  ] });
}

export {
  useWidth,
  Chart
};
