/**
 * Files of this tab on their way to the server.
 *
 * They go on while the user looks at other pages, and by themselves after the connection
 * was lost, or after the user has logged in again. After a reload the browser has no file any
 * more: when the user chooses it again, also in another browser, its upload continues where
 * it was.
 */

import { computed, signal } from "@preact/signals";
import { api, ask, asProblem, type Job, ProblemError, problemIn, type Schemas } from "./api.ts";
import { ended, isPassing, pause } from "./jobs.ts";

/**
 * What a file is doing; `lost` waits for the server, `locked` for a login, `taken` asks
 * whether to replace.
 */
export type Stage =
  | "waiting"
  | "sending"
  | "lost"
  | "locked"
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
const NO_LOGIN = 401;
const NOT_FOUND = 404;
const CONFLICT = 409;
const ACTIVE: readonly Stage[] = ["waiting", "sending", "lost", "locked", "saving"];
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
  /** The files that were added while none was sent, and those added to them, are a batch. */
  batch = 0;
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

/** How far a batch is: `files` and `ended` are numbers of files, `share` is of the work. */
export interface Progress {
  readonly files: number;
  readonly ended: number;
  readonly share: number;
  /** Seconds until it is complete; null if that is not known. */
  readonly leftS: number | null;
}

/** What each file counts in addition to its bytes: small ones take time, too. */
const FILE_BYTES = 1024 * 1024;
/** The rate is that of the last seconds, and is not told before some have passed. */
const MEASURED_MS = 20_000;
const FIRST_MS = 4000;
let batch = 0;
let points: { readonly at: number; readonly done: number }[] = [];

/** The progress of all files of the project in the current batch. */
export const progress = computed<Progress>(() => {
  const listed = ofProject.value.filter((it) => it.batch === batch);
  let size = 0;
  let done = 0;
  for (const it of listed) {
    const whole = it.file.size + FILE_BYTES;
    size += whole;
    const sent = it.file.size ? it.sent.value / it.file.size : 0;
    done += whole * (it.isActive ? sent : 1);
  }
  const ended = listed.filter((it) => !it.isActive).length;
  const share = size ? done / size : 0;
  return { files: listed.length, ended, share, leftS: secondsLeft(size, done) };
});

function secondsLeft(size: number, done: number): number | null {
  const at = performance.now();
  const [before] = points.slice(-1);
  // What is sent again, or was cancelled, makes it smaller: then measure anew.
  points = before && done < before.done ? [] : points.filter((it) => at - it.at < MEASURED_MS);
  points.push({ at, done });
  const [first] = points;
  if (!first || at - first.at < FIRST_MS || done <= first.done) {
    return null;
  }
  return ((size - done) * (at - first.at)) / (done - first.done) / 1000;
}

/** Put files into the current batch, or into a new one if nothing is sent now. */
function join(added: readonly Upload[]): void {
  if (!active.value.length) {
    batch += 1;
    points = [];
  }
  for (const it of added) {
    it.batch = batch;
  }
}

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
      continued(made, before);
    }
    return made;
  });
  join(added);
  uploads.value = [...uploads.value, ...added];
  pump();
  return added;
}

function continued(made: Upload, begun: Schemas["FileUpload"]): void {
  made.id = begun.id;
  made.overwrite = begun.overwrite;
  made.sent.value = begun.offset;
}

/** Continue an upload that was begun before this page was loaded. */
export function resume(begun: Schemas["FileUpload"], file: File): void {
  const made = new Upload(file, nameOf(begun), begun.path);
  continued(made, begun);
  join([made]);
  uploads.value = [...uploads.value, made];
  pump();
}

/** Try again, or replace the files that are there. */
export function retry(again: readonly Upload[], { overwrite = false } = {}): void {
  join(again);
  for (const it of again) {
    if (overwrite && !it.overwrite && it.id) {
      drop(it.id);
      it.id = "";
      it.sent.value = 0;
    }
    it.overwrite ||= overwrite;
    it.problem.value = "";
    it.control = new AbortController();
    it.stage.value = "waiting";
  }
  pump();
}

/** Stop sending, and have the server forget what it has. */
export function cancel(gone: readonly Upload[]): void {
  for (const it of gone) {
    const isKnown = it.id && it.stage.value !== "done";
    it.control.abort();
    it.stage.value = "cancelled";
    if (isKnown) {
      drop(it.id);
    }
  }
  forget(gone);
  pump();
}

/** Stop sending, and remove everything from the list; the server keeps what it has. */
export function stopAll(): void {
  for (const it of uploads.value) {
    it.control.abort();
  }
  uploads.value = [];
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
  // Programs need not say when the file was changed: then it is at least no newer.
  const isUnchanged = begun.modified
    ? Date.parse(begun.modified) === file.lastModified
    : file.lastModified <= Date.parse(begun.created);
  return begun.size_bytes === file.size && isUnchanged;
}

/** What an upload is of: its path, or the name of the file that this browser began. */
export function nameOf(begun: Schemas["FileUpload"]): string {
  return begun.path ?? remembered()[begun.id] ?? "a file of a model";
}

/** Whether to continue an upload with a file that was chosen for the same place. */
function isSame(begun: Schemas["FileUpload"], it: Upload): boolean {
  const isPlace =
    begun.path === null
      ? it.path === null && remembered()[begun.id] === it.name
      : begun.path === it.path;
  return isPlace && begun.modified !== null && isFileOf(begun, it.file);
}

function pump(): void {
  const running = active.value.filter((it) => it.stage.value !== "waiting");
  const waiting = active.value
    .filter((it) => it.stage.value === "waiting")
    .sort((one, other) => one.file.size - other.file.size);
  for (const it of waiting.slice(0, Math.max(0, PARALLEL - running.length))) {
    it.stage.value = "sending";
    void run(it).finally(pump);
  }
}

async function run(it: Upload): Promise<void> {
  const { control } = it;
  try {
    await attempt(it).catch((cause) => {
      if (!(cause instanceof ProblemError && cause.status === NOT_FOUND && it.id)) {
        throw cause;
      }
      // The server has given it up, or another key began it.
      it.id = "";
      it.sent.value = 0;
      return attempt(it);
    });
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

async function attempt(it: Upload): Promise<void> {
  await begin(it);
  await send(it);
  if (it.path !== null) {
    it.stage.value = "saving";
    await patiently(it, () => finish(it));
  }
}

async function begin(it: Upload): Promise<void> {
  const { signal } = it.control;
  if (it.id) {
    await look(it);
    await checkFree(it);
    return;
  }
  const body = {
    path: it.path,
    size: it.file.size,
    overwrite: it.overwrite,
    modified: modifiedOf(it.file),
  };
  const made = await patiently(it, () => ask(api.POST("/api/v1/uploads", { body, signal })));
  it.id = made.id;
  it.mostChunk = Math.min(MOST_CHUNK, made.max_chunk_bytes);
  remember(it);
}

/** Check, before the rest is sent, that no other file has come to its path meanwhile. */
async function checkFree(it: Upload): Promise<void> {
  if (it.path === null || it.overwrite) {
    return;
  }
  const params = { path: { path: it.path } };
  const { signal } = it.control;
  const found = await patiently(it, () =>
    ask(api.GET("/api/v1/files/{path}", { params, signal })).catch((cause) => {
      if (cause instanceof ProblemError && cause.status === NOT_FOUND) {
        return null;
      }
      throw cause;
    }),
  );
  if (found) {
    throw new ProblemError(CONFLICT, "File exists", `${it.path} exists`);
  }
}

/** When a file was last changed; null for what the API cannot express. */
function modifiedOf(file: File): string | null {
  const at = new Date(file.lastModified).toISOString();
  return /^\d{4}-/.test(at) ? at : null;
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
        await waitFor(it, 1, cause);
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
    await ended(done as Job).catch((cause) => {
      if (cause instanceof ProblemError && cause.status === NOT_FOUND) {
        // A restart of the server ends its jobs: finish it again.
        throw new ProblemError(0, "No connection", cause.detail);
      }
      throw cause;
    });
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
      await waitFor(it, count, problem);
    }
  }
}

async function waitFor(it: Upload, count: number, cause: unknown): Promise<void> {
  it.control.signal.throwIfAborted();
  const isLocked = cause instanceof ProblemError && cause.status === NO_LOGIN;
  it.stage.value = isLocked ? "locked" : "lost";
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

const STORE = "hopsartifacts-uploads";

/** The names of files of models, which the server does not know, by the id of the upload. */
function remembered(): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(STORE) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}

function keep(known: Record<string, string>): void {
  try {
    localStorage.setItem(STORE, JSON.stringify(known));
  } catch {
    // Without room, a file of a model is only not recognised after a reload.
  }
}

function remember(it: Upload): void {
  if (it.path === null) {
    keep({ ...remembered(), [it.id]: it.name });
  }
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
