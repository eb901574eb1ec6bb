/** The server's JSON API, with the types of its OpenAPI document. */

import { signal } from "@preact/signals";
import createClient from "openapi-fetch";
import { go, to } from "./route.ts";
import type { components, paths } from "./schema.d.ts";

export type Schemas = components["schemas"];
export type Me = Schemas["Me"];
export type Scope = Me["scopes"][number];

/** A job of the server: what takes longer than a request. */
export type Job =
  paths["/api/v1/jobs/{id}"]["get"]["responses"][200]["content"]["application/json"];

/** One problem with one field of a request; `pointer` is a JSON pointer. */
export interface FieldProblem {
  readonly pointer: string;
  readonly detail: string;
  readonly fix?: string | null;
}

/** The server's answer to a request that failed (RFC 9457). */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly problems: readonly FieldProblem[] = [],
    readonly requestId = "",
  ) {
    super(detail);
  }
}

/** Whether the server answers; `since` is when it last did. */
export const connection = signal<{ isUp: boolean; since: number }>({
  isUp: true,
  since: Date.now(),
});

/** The caller's key; null until it is known. */
export const me = signal<Me | null>(null);

export const api = createClient<paths>({ fetch: (request) => observed(request) });

/** Send a request and note whether the server answers; go to the login if it must. */
export async function observed(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    connection.value = { isUp: true, since: Date.now() };
    if (response.status === 401) {
      toLogin();
    }
    return response;
  } catch (error) {
    if (!request.signal.aborted) {
      connection.value = { isUp: false, since: connection.value.since };
    }
    throw error;
  }
}

/** Go to the login page, and come back after it. */
export function toLogin(): void {
  const login = to("/login");
  if (location.pathname !== login) {
    const next = location.pathname + location.search;
    go(`${login}?next=${encodeURIComponent(next)}`, { replace: true });
  }
}

/** Return the data of an answer; throw a `ProblemError` if it is none. */
export async function ask<Data>(
  answer: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<NonNullable<Data>> {
  const { data, error, response } = await answer.catch((cause) => {
    throw asProblem(cause);
  });
  if (!response.ok) {
    throw problemOf(response, error);
  }
  return data as NonNullable<Data>;
}

/** The problem that `response` tells, whose body is `body`. */
export function problemOf(response: Response, body: unknown): ProblemError {
  const told = (typeof body === "object" && body ? body : {}) as {
    title?: string;
    detail?: string;
    problems?: FieldProblem[];
  };
  return new ProblemError(
    response.status,
    told.title ?? response.statusText,
    told.detail ?? `the server answered ${response.status} without a reason`,
    told.problems ?? [],
    response.headers.get("x-request-id") ?? "",
  );
}

/** Return any failure as a `ProblemError`; a request that was given up stays as it is. */
export function asProblem(cause: unknown): Error {
  if (
    cause instanceof ProblemError ||
    (cause instanceof Error && cause.name === "AbortError")
  ) {
    return cause;
  }
  const words = "The server does not answer. This page tries again by itself.";
  return new ProblemError(0, "No connection", words);
}

/** Return any failure as the problem to show; throw a request that was given up. */
export function problemIn(cause: unknown): ProblemError {
  const problem = asProblem(cause);
  if (!(problem instanceof ProblemError)) {
    throw problem;
  }
  return problem;
}

/** Ask for the caller's key. */
export async function loadMe(): Promise<void> {
  me.value = await ask(api.GET("/api/v1/me"));
}

/** Whether the caller's key allows `scope`. */
export function may(scope: Scope): boolean {
  return me.value?.allows.includes(scope) ?? false;
}
