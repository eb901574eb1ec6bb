/** The page for each address; the first pattern that fits counts. */

import type { ComponentType } from "preact";
import { DeploymentsPage } from "./deployments/list.tsx";
import { FilesPage } from "./files/browse.tsx";
import { AliasJournal, ModelAliases } from "./models/alias.tsx";
import { Compare } from "./models/compare.tsx";
import { ModelHistory, ModelUses } from "./models/history.tsx";
import { Models } from "./models/list.tsx";
import { SavePage } from "./models/save.tsx";
import { ModelVersion } from "./models/version.tsx";
import { ModelVersions } from "./models/versions.tsx";

/** What a page gets: the parameters of its address. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

export const ROUTES: readonly (readonly [string, ComponentType<PageProps>])[] = [
  // One line for each page.
  ["/models/save", SavePage],
  ["/deployments", DeploymentsPage],
  ["/files", FilesPage],
  ["/files/*", FilesPage],
  ["/models", Models],
  ["/models/:model", ModelVersions],
  ["/models/:model/aliases", ModelAliases],
  ["/models/:model/aliases/:alias", AliasJournal],
  ["/models/:model/uses", ModelUses],
  ["/models/:model/history", ModelHistory],
  ["/models/:model/compare", Compare],
  ["/models/:model/versions/:version", ModelVersion],
];
