/** What the tabs of a deployment share: what they get, and their addresses. */

import type { Schemas } from "../../api.ts";
import { to, withQuery } from "../../route.ts";

export type Deployment = Schemas["DeploymentDetail"];

/** What each tab gets. */
export interface TabProps {
  readonly name: string;
  readonly deployment: Deployment;
}

/** The last error, if it is one of the active version. */
export function errorIn({ state, version }: Deployment) {
  return state.last_error?.version === version ? state.last_error : null;
}

/** The address of a tab; without an id that of the overview. */
export function tabOf(name: string, id = ""): string {
  return id ? `${to("/deployments", name)}/${id}` : to("/deployments", name);
}

/** The address of a line of a script, in the artifact that has it. */
export function lineOf(name: string, file: string, line: number | string): string {
  return withQuery(tabOf(name, "artifact"), { file, line });
}
