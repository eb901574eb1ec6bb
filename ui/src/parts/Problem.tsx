/** What is shown in place of data: a problem, nothing yet, or nothing at all. */

import type { ComponentChildren } from "preact";
import type { ProblemError } from "../api.ts";
import type { Loaded } from "../load.ts";
import { sentence } from "../words.ts";

/** A problem: what it was, what to do, and the number for the server's log. */
export function Problem(props: { problem: ProblemError; onRetry?: () => void }) {
  const { problem } = props;
  return (
    <div class="card problem" role="alert">
      <h2>{problem.title}</h2>
      <p>{sentence(problem.detail)}</p>
      {props.onRetry ? (
        <button type="button" class="button" onClick={props.onRetry}>
          Try again
        </button>
      ) : null}
      {problem.requestId ? (
        <p class="sub request">
          Request <span class="mono">{problem.requestId}</span> in the server's log
        </p>
      ) : null}
    </div>
  );
}

/** Grey bars while data is read for the first time; their number keeps the place. */
export function Waiting({ lines = 6 }: { lines?: number }) {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <div key={index} class="bar-grey" />
      ))}
    </div>
  );
}

/** The data of `loaded` drawn by `children`, or what there is instead. */
export function Shown<Data>(props: {
  loaded: Loaded<Data>;
  lines?: number;
  children: (data: Data) => ComponentChildren;
}) {
  const { data, problem, reload } = props.loaded;
  if (data !== undefined) {
    return (
      <>
        {problem && problem.status !== 0 ? (
          <Problem problem={problem} onRetry={reload} />
        ) : null}
        {props.children(data)}
      </>
    );
  }
  if (problem) {
    return <Problem problem={problem} onRetry={reload} />;
  }
  return <Waiting lines={props.lines} />;
}

/** An empty list: what it would show, and the next step, often as an `Example`. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}
