/**
 * Files of this tab on their way to the server.
 *
 * They go on while the user looks at other pages, and by themselves after the connection
 * was lost. After a reload the browser has no file any more: when the user chooses it again,
 * its upload continues where it was.
 */

import { computed, signal } from "@preact/signals";
import { api, ask, asProblem, type Job, ProblemError, problemIn, type Schemas } from "./api.ts";
import { ended, isPassing, pause } from "./jobs.ts";

/** What a file is doing; `lost` waits for the server, `taken` asks whether to replace. */
export type Stage =
  | "waiting"
  | "sending"
  | "lost"
  | "saving"
  | "taken"
  | "failed"
  | "done"
  | "cancelled";

/** A file that the user chose, and its name with the folders it was in. */
export interface Chosen {
  readonly file: File;
  readonly name: string;
}

const PARALLEL = 3;
const FIRST_CHUNK = 1024 * 1024;
const MOST_CHUNK = 32 * 1024 * 1024;
const CHUNK_S = 1;
const LONGEST_WAIT_MS = 8000;
const CONFLICT = 409;
const ACTIVE: readonly Stage[] = ["waiting", "sending", "lost", "saving"];
let last = 0;

/** One file; `path` is its place in the project, or null for a model version. */
export class Upload {
  readonly key: number;
  readonly stage = signal<Stage>("waiting");
  readonly sent = signal(0);
  /** Bytes per second, smoothed. */
  readonly rate = signal(0);
  readonly problem = signal("");
  id = "";
  overwrite = false;
  mostChunk = MOST_CHUNK;
  control = new AbortController();

  constructor(
    readonly file: File,
    readonly name: string,
    readonly path: string | null,
  ) {
    last += 1;
    this.key = last;
  }

  get isActive(): boolean {
    return ACTIVE.includes(this.stage.value);
  }
}

/** All files of this tab, until they are removed from the list. */
export const uploads = signal<readonly Upload[]>([]);

/** Those that go to the project, and what is left to do. */
export const ofProject = computed(() => uploads.value.filter((it) => it.path !== null));
export const active = computed(() => uploads.value.filter((it) => it.isActive));

/** The uploads that the server knows of this key, and that no tab sends now. */
export async function unfinished(signal?: AbortSignal): Promise<Schemas["FileUpload"][]> {
  const params = { query: { limit: 1000 } };
  const page = await ask(api.GET("/api/v1/uploads", { params, signal }));
  const here = new Set(uploads.value.map((it) => it.id));
  return page.items.filter((it) => !here.has(it.id) && it.status === "open");
}

/** Send files to a folder of the project, or for a model version if it is null. */
export async function add(chosen: readonly Chosen[], folder: string | null): Promise<Upload[]> {
  const begun = await unfinished().catch(() => [] as Schemas["FileUpload"][]);
  const added = chosen.map(({ file, name }) => {
    const path = folder === null ? null : folder ? `${folder}/${name}` : name;
    const made = new Upload(file, name, path);
    const before = begun.find((it) => isSame(it, made));
    if (before) {
      begun.splice(begun.indexOf(before), 1);
      made.id = before.id;
      made.overwrite = before.overwrite;
    }
    return made;
  });
  uploads.value = [...uploads.value, ...added];
  pump();
  return added;
}

/** Continue an upload that was begun before this page was loaded. */
export function resume(begun: Schemas["FileUpload"], file: File): void {
  const made = new Upload(file, nameOf(begun), begun.path);
  made.id = begun.id;
  made.overwrite = begun.overwrite;
  uploads.value = [...uploads.value, made];
  pump();
}

/** Try again, or replace the file that is there. */
export function retry(it: Upload, { overwrite = it.overwrite } = {}): void {
  if (overwrite !== it.overwrite && it.id) {
    drop(it.id);
    it.id = "";
    it.sent.value = 0;
  }
  it.overwrite = overwrite;
  it.problem.value = "";
  it.control = new AbortController();
  it.stage.value = "waiting";
  pump();
}

/** Stop sending, and have the server forget what it has. */
export function cancel(it: Upload): void {
  const isKnown = it.id && it.stage.value !== "done";
  it.control.abort();
  it.stage.value = "cancelled";
  uploads.value = uploads.value.filter((other) => other !== it);
  if (isKnown) {
    drop(it.id);
  }
  pump();
}

/** Remove from the list what has ended. */
export function clearDone(): void {
  uploads.value = uploads.value.filter((it) => it.stage.value !== "done" || it.path === null);
}

/** Remove from the list only: the server keeps what it has. */
export function forget(gone: readonly Upload[]): void {
  uploads.value = uploads.value.filter((it) => !gone.includes(it));
}

/** Whether `file` looks like the one of an upload that was begun before. */
export function isFileOf(begun: Schemas["FileUpload"], file: File): boolean {
  const known = remembered()[begun.id];
  // Another browser may have begun it: then the file is at least no newer.
  const isUnchanged = known
    ? known.modified === file.lastModified
    : file.lastModified <= Date.parse(begun.created);
  return begun.size_bytes === file.size && isUnchanged;
}

/** What an upload is of: its path, or the name of the file that this browser began. */
export function nameOf(begun: Schemas["FileUpload"]): string {
  return begun.path ?? remembered()[begun.id]?.name ?? "a file of a model";
}

function isSame(begun: Schemas["FileUpload"], it: Upload): boolean {
  const known = remembered()[begun.id];
  return begun.path === it.path && known?.name === it.name && isFileOf(begun, it.file);
}

function pump(): void {
  const running = active.value.filter((it) => it.stage.value !== "waiting");
  const waiting = active.value.filter((it) => it.stage.value === "waiting");
  for (const it of waiting.slice(0, Math.max(0, PARALLEL - running.length))) {
    it.stage.value = "sending";
    void run(it).finally(pump);
  }
}

async function run(it: Upload): Promise<void> {
  const { control } = it;
  try {
    await begin(it);
    await send(it);
    if (it.path !== null) {
      it.stage.value = "saving";
      await patiently(it, () => finish(it));
    }
    it.stage.value = "done";
    forgetFile(it.id, it.path !== null);
  } catch (cause) {
    if (control.signal.aborted) {
      return;
    }
    const problem = problemIn(cause);
    const isTaken = problem.status === CONFLICT && it.path !== null && !it.overwrite;
    it.problem.value = problem.detail;
    it.stage.value = isTaken ? "taken" : "failed";
  }
}

async function begin(it: Upload): Promise<void> {
  if (it.id) {
    await look(it);
    return;
  }
  const body = { path: it.path, size: it.file.size, overwrite: it.overwrite };
  const { signal } = it.control;
  const made = await patiently(it, () => ask(api.POST("/api/v1/uploads", { body, signal })));
  it.id = made.id;
  it.mostChunk = Math.min(MOST_CHUNK, made.max_chunk_bytes);
  remember(it);
}

async function send(it: Upload): Promise<void> {
  let chunk = FIRST_CHUNK;
  while (it.sent.value < it.file.size) {
    const at = it.sent.value;
    const start = performance.now();
    try {
      it.sent.value = await part(it, at, chunk);
      const seconds = (performance.now() - start) / 1000;
      const rate = (it.sent.value - at) / Math.max(seconds, 0.001);
      it.rate.value = it.rate.value ? it.rate.value * 0.7 + rate * 0.3 : rate;
      chunk = seconds < CHUNK_S ? Math.min(chunk * 2, it.mostChunk) : chunk;
    } catch (cause) {
      const isElsewhere = cause instanceof ProblemError && cause.status === CONFLICT;
      if (!isElsewhere && !isPassing(cause)) {
        throw cause;
      }
      await readable(it);
      chunk = FIRST_CHUNK;
      if (!isElsewhere) {
        await waitFor(it, 1);
      }
      await look(it);
    }
  }
}

/** Send the bytes from `at` on; return how many the server has now. */
async function part(it: Upload, at: number, chunk: number): Promise<number> {
  const answer = await ask(
    api.PUT("/api/v1/uploads/{id}", {
      params: { path: { id: it.id }, query: { offset: at } },
      body: it.file.slice(at, at + chunk) as unknown as string,
      bodySerializer: (body: unknown) => body as Blob,
      headers: { "content-type": "application/octet-stream" },
      signal: it.control.signal,
    }),
  );
  return answer.offset;
}

/** Ask the server how many bytes it has. */
async function look(it: Upload): Promise<void> {
  const params = { path: { id: it.id } };
  const { signal } = it.control;
  const now = await patiently(it, () =>
    ask(api.GET("/api/v1/uploads/{id}", { params, signal })),
  );
  it.sent.value = now.offset;
  it.mostChunk = Math.min(MOST_CHUNK, now.max_chunk_bytes);
  it.stage.value = "sending";
}

async function finish(it: Upload): Promise<void> {
  const params = { path: { id: it.id } };
  const { signal } = it.control;
  const done = await ask(
    api.POST("/api/v1/uploads/{id}/finish", { params, body: { sha256: null }, signal }),
  );
  if ("status" in done) {
    await ended(done as Job);
  }
}

/** Do it again, with pauses, until the server answers. */
async function patiently<Data>(it: Upload, act: () => Promise<Data>): Promise<Data> {
  const before = it.stage.value;
  for (let count = 1; ; count += 1) {
    try {
      const data = await act();
      it.stage.value = before;
      return data;
    } catch (cause) {
      const problem = asProblem(cause);
      if (!isPassing(problem)) {
        throw cause;
      }
      await waitFor(it, count);
    }
  }
}

async function waitFor(it: Upload, count: number): Promise<void> {
  it.control.signal.throwIfAborted();
  it.stage.value = "lost";
  it.rate.value = 0;
  await pause(Math.min(500 * 2 ** count, LONGEST_WAIT_MS));
  it.control.signal.throwIfAborted();
}

/** Check that the file can still be read: requests with others fail without a reason. */
async function readable(it: Upload): Promise<void> {
  try {
    await it.file.slice(0, 1).arrayBuffer();
  } catch {
    const words = `“${it.name}” was changed, moved or deleted on this computer: choose it again.`;
    throw new ProblemError(CONFLICT + 1, "File not readable", words);
  }
}

function drop(id: string): void {
  void api.DELETE("/api/v1/uploads/{id}", { params: { path: { id } } }).catch(() => undefined);
  forgetFile(id, true);
}

interface Known {
  readonly name: string;
  readonly modified: number;
}

const STORE = "hopsartifacts-uploads";

function remembered(): Record<string, Known> {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "{}") as Record<string, Known>;
  } catch {
    return {};
  }
}

function keep(known: Record<string, Known>): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(known));
  } catch {
    // Without room, an upload is only not recognised after a reload.
  }
}

function remember(it: Upload): void {
  keep({ ...remembered(), [it.id]: { name: it.name, modified: it.file.lastModified } });
}

function forgetFile(id: string, isOver: boolean): void {
  if (isOver) {
    const { [id]: _, ...others } = remembered();
    keep(others);
  }
}

addEventListener("beforeunload", (event) => {
  if (active.value.length) {
    event.preventDefault();
  }
});
