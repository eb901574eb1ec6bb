import {
  a,
  place
} from "./shared-1.js";

// src/parts/Tabs.tsx
function Tabs({ tabs, label }) {
  const here = `/ui${place.value.path}`;
  return /* @__PURE__ */ a("nav", { class: "tabs", "aria-label": label, children: tabs.map((it) => /* @__PURE__ */ a("a", { href: it.href, "aria-current": it.href === here ? "page" : void 0, children: it.label }, it.href)) });
}

export {
  Tabs
};
