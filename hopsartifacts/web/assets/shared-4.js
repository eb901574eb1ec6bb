import {
  State,
  a
} from "./shared-1.js";

// src/pages/deployments/state.tsx
var TONES = {
  Creating: "busy",
  Created: "off",
  Starting: "busy",
  Failed: "bad",
  Running: "ok",
  Idle: "ok",
  Updating: "busy",
  Stopping: "busy",
  Stopped: "off"
};
function toneOf(state) {
  const tone = TONES[state.status];
  return tone === "ok" && state.condition?.status !== true ? "warn" : tone;
}
function isPassing(state) {
  return TONES[state.status] === "busy";
}
function conditionOf(state) {
  return state.condition?.reason?.split("\n", 1)[0] ?? "";
}
function RunState({ state, href }) {
  const words = conditionOf(state);
  const shown = /* @__PURE__ */ a("span", { class: "condition", title: state.condition?.reason ?? void 0, children: words });
  return /* @__PURE__ */ a(State, { tone: toneOf(state), word: state.status, children: words && href ? /* @__PURE__ */ a("a", { href, children: shown }) : words ? shown : null });
}

export {
  toneOf,
  isPassing,
  conditionOf,
  RunState
};
