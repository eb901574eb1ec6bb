/** The pages about one deployment, loaded together. */

export { DeploymentPage } from "./deployment.tsx";
export { ProgressPage } from "./progress.tsx";
