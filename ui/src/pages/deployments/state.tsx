/** The state of a deployment: its status with a colour, and its condition in words. */

import type { Schemas } from "../../api.ts";
import { State, type Tone } from "../../parts/Text.tsx";

export type RunStatus = Schemas["RunStatus"];

const TONES: Record<RunStatus["status"], Tone> = {
  Creating: "busy",
  Created: "off",
  Starting: "busy",
  Failed: "bad",
  Running: "ok",
  Idle: "ok",
  Updating: "busy",
  Stopping: "busy",
  Stopped: "off",
};

/** The colour of a state; one that answers requests, but not as it should, is a warning. */
export function toneOf(state: RunStatus): Tone {
  const tone = TONES[state.status];
  return tone === "ok" && state.condition?.status !== true ? "warn" : tone;
}

/** Whether the state goes over into another one by itself. */
export function isPassing(state: RunStatus): boolean {
  return TONES[state.status] === "busy";
}

/** The condition in words, for one line: without the end of the log that may follow. */
export function conditionOf(state: RunStatus): string {
  return state.condition?.reason?.split("\n", 1)[0] ?? "";
}

/** The status as a dot and a word, with the condition in words; `href` is for the words. */
export function RunState({ state, href }: { state: RunStatus; href?: string }) {
  const words = conditionOf(state);
  const shown = (
    <span class="condition" title={state.condition?.reason ?? undefined}>
      {words}
    </span>
  );
  return (
    <State tone={toneOf(state)} word={state.status}>
      {words && href ? <a href={href}>{shown}</a> : words ? shown : null}
    </State>
  );
}
