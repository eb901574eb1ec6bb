/** The page for each address; the first pattern that fits counts. */

import type { ComponentType } from "preact";
import { DeploymentPage } from "./deployments/deployment.tsx";
import { DeploymentsPage } from "./deployments/list.tsx";

/** What a page gets: the parameters of its address. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

export const ROUTES: readonly (readonly [string, ComponentType<PageProps>])[] = [
  // One line for each page.
  ["/deployments", DeploymentsPage],
  ["/deployments/:name", DeploymentPage],
  ["/deployments/:name/try", DeploymentPage],
  ["/deployments/:name/logs", DeploymentPage],
  ["/deployments/:name/traffic", DeploymentPage],
];
