/** The page for each address; the first pattern that fits counts. */

import type { ComponentType } from "preact";
import { lazy, type PageProps } from "../lazy.tsx";
import { DeploymentsPage } from "./deployments/list.tsx";

export type { PageProps };

const deployments = () => import("./deployments/pages.ts");
const files = () => import("./files/browse.tsx");
const forms = () => import("./deployments/form/page.tsx");
const models = () => import("./models/pages.ts");
const server = () => import("./server/pages.ts");

export const ROUTES: readonly (readonly [string, ComponentType<PageProps>])[] = [
  // One line for each page.
  ["/deployments/new", lazy(forms, "NewDeployment")],
  ["/deployments/new/advanced", lazy(forms, "NewDeploymentInFull")],
  ["/deployments/:name/edit", lazy(forms, "EditDeployment")],
  ["/login", lazy(server, "Login")],
  ["/keys", lazy(server, "KeysPage")],
  ["/keys/logins", lazy(server, "Logins")],
  ["/health", lazy(server, "HealthPage")],
  ["/health/storage", lazy(server, "StoragePage")],
  ["/health/jobs", lazy(server, "JobsPage")],
  ["/models/save", lazy(models, "SavePage")],
  ["/deployments", DeploymentsPage],
  ["/deployments/:name", lazy(deployments, "DeploymentPage")],
  ["/deployments/:name/progress", lazy(deployments, "ProgressPage")],
  ["/deployments/:name/:tab", lazy(deployments, "DeploymentPage")],
  ["/files", lazy(files, "FilesPage")],
  ["/files/*", lazy(files, "FilesPage")],
  ["/models", lazy(models, "Models")],
  ["/models/:model", lazy(models, "ModelVersions")],
  ["/models/:model/aliases", lazy(models, "ModelAliases")],
  ["/models/:model/aliases/:alias", lazy(models, "AliasHistory")],
  ["/models/:model/uses", lazy(models, "ModelUses")],
  ["/models/:model/history", lazy(models, "ModelHistory")],
  ["/models/:model/compare", lazy(models, "Compare")],
  ["/models/:model/versions/:version", lazy(models, "ModelVersion")],
];
