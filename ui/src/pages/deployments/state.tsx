/** The state of a deployment: its status with a colour, and its condition in words. */

import type { Schemas } from "../../api.ts";
import { State, type Tone } from "../../parts/Text.tsx";
import { firstLine } from "../../words.ts";

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
  return firstLine(state.condition?.reason ?? "");
}

/** The condition in words, for a page that shows the last error: without its message. */
export function conditionBesideError(state: RunStatus): string {
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

/** The status as a dot and a word, with the condition in words; `steps` is the progress. */
export function RunState({ state, steps }: { state: RunStatus; steps?: string }) {
  const words = conditionOf(state);
  return (
    <State tone={toneOf(state)} word={state.status}>
      {words ? (
        <span class="condition" title={state.condition?.reason ?? undefined}>
          {words}
        </span>
      ) : null}
      {steps ? <a href={steps}>Show the steps</a> : null}
    </State>
  );
}
