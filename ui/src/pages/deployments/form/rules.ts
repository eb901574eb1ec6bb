/** The rules of the server for deployments: what may be combined, and all defaults. */

import { api, ask, type Schemas } from "../../../api.ts";
import { type Loaded, useLoad } from "../../../load.ts";
import { sentence } from "../../../words.ts";
import { inForm } from "./phrases.ts";
import type { Draft } from "./state.ts";

export type Rules = Schemas["DeploymentRules"];
type ToolRule = Schemas["ToolRule"];

export function useRules(): Loaded<Rules> {
  return useLoad("rules", (signal) => ask(api.GET("/api/v1/rules", { signal })));
}

/** The name of a framework for people. */
export function labelOf(rules: Rules, framework: string): string {
  return rules.frameworks.find((it) => it.framework === framework)?.label ?? framework;
}

/** The rule for models of a framework on the serving tool of the form. */
export function ruleFor(
  rules: Rules,
  framework: string | undefined,
  draft: Draft,
): ToolRule | undefined {
  const tool = draft.serving_tool ?? rules.default_tool;
  const known = rules.frameworks.find((it) => it.framework === framework);
  return known?.tools.find((it) => it.serving_tool === tool);
}

/**
 * Why the rules forbid a setting; empty if they allow it.
 *
 * Several features may be used by one setting: with `isAny` it is forbidden if one of
 * them is, else only if all are.
 */
export function forbiddenBy(
  rule: ToolRule | undefined,
  setting: string,
  isAny = false,
): string {
  const features = rule?.features.filter((it) => it.setting === setting) ?? [];
  const forbidden = features.filter((it) => !it.is_allowed);
  const problem = forbidden[0]?.problem;
  if (!problem || (!isAny && forbidden.length < features.length)) {
    return "";
  }
  return inForm(`${sentence(problem.detail)} ${problem.fix ? sentence(problem.fix) : ""}`);
}

/** What stands for a plain setting that is not given. */
export function defaultOf(rules: Rules, name: string): string {
  const found = rules.settings.find((it) => it.name === name)?.default;
  return found === null || found === undefined ? "" : String(found);
}

/** What a plain setting means. */
export function meaningOf(rules: Rules, name: string): string {
  return rules.settings.find((it) => it.name === name)?.meaning ?? "";
}
