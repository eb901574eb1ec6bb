/** What the server says about the values of a form before anything is saved. */

import { useEffect, useRef, useState } from "preact/hooks";
import { api, ask, type FieldProblem, type ProblemError, type Schemas } from "../../../api.ts";
import { jsonProblem } from "../../../json.ts";
import { TYPING_MS, useLoad } from "../../../load.ts";
import { problemInForm } from "./phrases.ts";
import { bodyOf, type Form, notNumbers, repeated } from "./state.ts";

export type Check = Schemas["DeploymentCheck"];

/** The newest answer, and whether the values have changed since. */
export interface Checked {
  readonly check?: Check;
  readonly isOld: boolean;
  /** All that is wrong with the values, each with the pointer to its field. */
  readonly problems: readonly FieldProblem[];
  /** Why there is no answer. */
  readonly failure?: ProblemError;
}

/** Check the values of `form` whenever they change; `edited` is the deployment's name. */
export function useCheck(form: Form, edited?: string): Checked {
  const now = JSON.stringify(bodyOf(form));
  const asked = useSettled(now);
  const loaded = useLoad(
    `check ${edited ?? ""} ${asked}`,
    (signal) => {
      const body = JSON.parse(asked);
      const path = { name: edited ?? "" };
      return edited
        ? ask(api.POST("/api/v1/deployments/{name}/check", { params: { path }, body, signal }))
        : ask(api.POST("/api/v1/deployments/check", { body, signal }));
    },
    ["deployment", "deployment-removed", "model", "model-removed", "alias", "file"],
  );
  const last = useRef<Check | undefined>(undefined);
  last.current = loaded.data ?? last.current;
  const { problem } = loaded;
  // A link can have values of a type that is refused as a whole.
  const isRefused = problem?.status === 400;
  const found = isRefused ? problem.problems : (last.current?.problems ?? []);
  return {
    check: last.current,
    isOld: asked !== now || (!loaded.data && !problem),
    problems: [...localProblems(form), ...found.map(problemInForm)],
    failure: isRefused ? undefined : problem,
  };
}

/** `value` once it has not changed for a moment. */
function useSettled(value: string): string {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(settle, TYPING_MS, value);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** Texts of the form that stand for no value that could be sent. */
export function localProblems(form: Form): FieldProblem[] {
  const { draft } = form;
  const found: FieldProblem[] = [];
  const broken = jsonProblem(draft.golden_request ?? "");
  if (broken) {
    found.push({ pointer: "/golden_request", detail: broken });
  }
  for (const [pointer, text] of notNumbers(form)) {
    found.push({ pointer, detail: `“${text}” is not a number.` });
  }
  const name = repeated(draft);
  if (name) {
    found.push({ pointer: "/env_vars", detail: `${name} is given twice.`, fix: "Remove one." });
  }
  return found;
}
