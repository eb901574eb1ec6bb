import {
  State,
  a,
  firstLine
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
  return firstLine(state.condition?.reason ?? "");
}
function conditionBesideError(state) {
  const words = conditionOf(state);
  const { message = "", type } = state.last_error ?? {};
  const first = firstLine(message);
  const [before = "", ...rest] = first ? words.split(first) : [];
  if (!rest.length) {
    return words;
  }
  const end = type ? `${type}: ` : "";
  const cut = before.endsWith(end) ? before.length - end.length : before.length;
  return before.slice(0, cut).replace(/: $/, "");
}
function RunState({ state, steps }) {
  const words = conditionOf(state);
  return /* @__PURE__ */ a(State, { tone: toneOf(state), word: state.status, children: [
    words ? /* @__PURE__ */ a("span", { class: "condition", title: state.condition?.reason ?? void 0, children: words }) : null,
    steps ? /* @__PURE__ */ a("a", { href: steps, children: "Show the steps" }) : null
  ] });
}

export {
  toneOf,
  isPassing,
  conditionOf,
  conditionBesideError,
  RunState
};
