/** The pages about models, loaded together. */

export { AliasHistory, ModelAliases } from "./alias.tsx";
export { Compare } from "./compare.tsx";
export { ModelHistory, ModelUses } from "./history.tsx";
export { Models } from "./list.tsx";
export { SavePage } from "./save.tsx";
export { ModelVersion } from "./version.tsx";
export { ModelVersions } from "./versions.tsx";
