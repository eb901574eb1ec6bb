/** The page for each address; the first pattern that fits counts. */

import type { ComponentType } from "preact";
import { DeploymentPage } from "./deployments/deployment.tsx";
import { lazy, type PageProps } from "../lazy.tsx";
import {
  EditDeployment,
  NewDeployment,
  NewDeploymentInFull,
} from "./deployments/form/page.tsx";
import { DeploymentsPage } from "./deployments/list.tsx";
import { ProgressPage } from "./deployments/progress.tsx";

export type { PageProps };

const models = () => import("./models/pages.ts");
const files = () => import("./files/browse.tsx");
const forms = () => import("./deployments/form/page.tsx");

/** The sections that are loaded after the first page. */
export const SECTIONS = [models, files, forms];
const server = () => import("./server/pages.ts");

/** The sections that are loaded after the first page. */
export const SECTIONS = [models, server];
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
  // One line for each page.
  ["/login", lazy(server, "Login")],
  ["/keys", lazy(server, "KeysPage")],
  ["/keys/logins", lazy(server, "Logins")],
  ["/health", lazy(server, "HealthPage")],
  ["/health/storage", lazy(server, "StoragePage")],
  ["/health/jobs", lazy(server, "JobsPage")],
  ["/models/save", lazy(models, "SavePage")],
  ["/deployments", DeploymentsPage],
  ["/deployments/:name", DeploymentPage],
  ["/deployments/:name/try", DeploymentPage],
  ["/deployments/:name/logs", DeploymentPage],
  ["/deployments/:name/traffic", DeploymentPage],
  ["/deployments/:name/progress", ProgressPage],
  ["/deployments/:name/progress", lazy(deployments, "ProgressPage")],
  ["/files", lazy(files, "FilesPage")],
  ["/files/*", lazy(files, "FilesPage")],
  ["/models", lazy(models, "Models")],
  ["/models/:model", lazy(models, "ModelVersions")],
  ["/models/:model/aliases", lazy(models, "ModelAliases")],
  ["/models/:model/aliases/:alias", lazy(models, "AliasJournal")],
  ["/models/:model/uses", lazy(models, "ModelUses")],
  ["/models/:model/history", lazy(models, "ModelHistory")],
  ["/models/:model/compare", lazy(models, "Compare")],
  ["/models/:model/versions/:version", lazy(models, "ModelVersion")],
];
