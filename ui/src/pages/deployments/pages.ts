/** The pages about one deployment, loaded together. */

export { ProgressPage } from "./progress.tsx";
