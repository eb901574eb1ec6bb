import {
  F,
  T,
  a,
  place
} from "./shared-1.js";

// src/parts/Tabs.tsx
var EDGE_PX = 40;
function Tabs({ tabs, label }) {
  const here = `/ui${place.value.path}`;
  const bar = T(null);
  F(() => {
    const shown = bar.current?.querySelector("[aria-current]");
    if (bar.current && shown instanceof HTMLElement) {
      bar.current.scrollLeft = shown.offsetLeft - bar.current.offsetLeft - EDGE_PX;
    }
  }, [here]);
  return /* @__PURE__ */ a("nav", { class: "tabs", "aria-label": label, ref: bar, children: tabs.map((it) => /* @__PURE__ */ a("a", { href: it.href, "aria-current": it.href === here ? "page" : void 0, children: it.label }, it.href)) });
}

export {
  Tabs
};
