/** The pages about the server: login, keys and health, loaded together. */

export { HealthPage } from "./health.tsx";
export { JobsPage } from "./jobs.tsx";
export { KeysPage, Logins } from "./keys.tsx";
export { Login } from "./login.tsx";
export { StoragePage } from "./storage.tsx";
