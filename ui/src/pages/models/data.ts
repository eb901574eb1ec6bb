/** What the pages of models share: types, addresses, choices kept in this browser. */

import { signal } from "@preact/signals";
import { ProblemError, type Schemas } from "../../api.ts";
import { valueProblem } from "../../json.ts";
import type { LiveEvent } from "../../live.ts";
import { to, withQuery } from "../../route.ts";

export type Model = Schemas["ModelRow"];
export type Version = Schemas["VersionRow"];
export type Detail = Schemas["VersionDetail"];
export type Alias = Schemas["Alias"];

export const modelHref = (model: string): string => to("/models", model);

export const versionHref = (model: string, version: number): string =>
  `${to("/models", model)}/versions/${version}`;

export const aliasHref = (model: string, alias: string): string =>
  `${to("/models", model)}/aliases/${encodeURIComponent(alias)}`;

export const compareHref = (model: string, versions: readonly number[]): string =>
  withQuery(`${to("/models", model)}/compare`, { v: versions.join(",") });

export const deploymentHref = (name: string): string => to("/deployments", name);

export const fileHref = (path: string): string => to("/files", ...path.split("/"));

export const deployHref = (model: string, version: number): string =>
  withQuery(to("/deployments/new"), { model, version });

/** The URL of the bytes of a file. */
export const contentHref = (path: string): string =>
  `/api/v1/files/${encodeURIComponent(path)}/content`;

/** The URL of all files of a folder as a zip archive. */
export const archiveHref = (path: string): string =>
  `/api/v1/folders/${encodeURIComponent(path)}/archive`;

/** Whether an event is about this model. */
export const about =
  (model: string) =>
  ({ name, data }: LiveEvent): boolean =>
    (name.startsWith("model") && data.name === model) ||
    (name === "alias" && data.model === model);

/** Whether more of a metric is better; empty until it was said. */
export type Direction = "higher" | "lower" | "";

const PREFIX = "hopsartifacts:direction:";
const changes = signal(0);

/** Which direction the user of this browser said is better. */
export function directionOf(metric: string): Direction {
  void changes.value;
  const kept = localStorage.getItem(PREFIX + metric);
  return kept === "higher" || kept === "lower" ? kept : "";
}

export function setDirection(metric: string, direction: Direction): void {
  if (direction) {
    localStorage.setItem(PREFIX + metric, direction);
  } else {
    localStorage.removeItem(PREFIX + metric);
  }
  changes.value += 1;
}

/** `value` is better than `than` (1), worse (-1), or neither is known (0). */
export function betterness(
  metric: string,
  value: number | null | undefined,
  than: number | null | undefined,
): -1 | 0 | 1 {
  const direction = directionOf(metric);
  if (!direction || typeof value !== "number" || typeof than !== "number" || value === than) {
    return 0;
  }
  return value > than === (direction === "higher") ? 1 : -1;
}

/** A value of a tag or an example as text: texts as they are, the rest as JSON. */
export function shownValue(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "–");
}

/** The same for a field: a text that would be read as JSON is quoted. */
export function typedValue(value: unknown): string {
  return typeof value === "string" && readValue(value) === value
    ? value
    : JSON.stringify(value);
}

/** The same to send it; throws if a number in it would become another one. */
export function sentValue(text: string): unknown {
  const problem = valueProblem(text);
  if (problem) {
    throw new ProblemError(422, "Not possible here", problem);
  }
  return readValue(text);
}

/** What a field means: JSON if it is JSON, else the text. */
export function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
