/** The page for each address; the first pattern that fits counts. */

import type { ComponentType } from "preact";
import {
  EditDeployment,
  NewDeployment,
  NewDeploymentInFull,
} from "./deployments/form/page.tsx";

/** What a page gets: the parameters of its address. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

export const ROUTES: readonly (readonly [string, ComponentType<PageProps>])[] = [
  ["/deployments/new", NewDeployment],
  ["/deployments/new/advanced", NewDeploymentInFull],
  ["/deployments/:name/edit", EditDeployment],
];
