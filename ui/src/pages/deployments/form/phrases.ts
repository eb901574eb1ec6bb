/** The server's messages for users of a form: they name settings of the API. */

import type { FieldProblem } from "../../../api.ts";

const WORDS: readonly (readonly [RegExp, string])[] = [
  [/give script_file or config_file/g, "choose a predictor script or a configuration file"],
  [/give script_file, (?=a Python file)/g, "choose a predictor script: "],
  [/leave script_file out/g, "remove the predictor script"],
  [/use serving_tool='(\w+)'/g, "use the serving tool $1"],
];

/** `message` in the words of the form. */
export function inForm(message: string): string {
  return WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), message);
}

/** A problem in the words of the form. */
export function problemInForm(problem: FieldProblem): FieldProblem {
  const { detail, fix } = problem;
  return { ...problem, detail: inForm(detail), ...(fix ? { fix: inForm(fix) } : {}) };
}
