/** Lines of a log in the browser: their levels, what they link to, and chunks of them. */

import type { Schemas } from "../../api.ts";

export type Level = "error" | "warn" | "other";

/** One line, with its place in the log. */
export interface Line {
  readonly text: string;
  readonly position: string;
  readonly level: Level;
}

/** Some lines in a row, drawn together; a chunk is replaced when it grows. */
export interface Chunk {
  readonly id: number;
  readonly lines: readonly Line[];
}

const CHUNK_LINES = 100;
/** Older lines are dropped when there are more; they can be read again. */
const MOST_LINES = 250_000;
const LOOKED_AT = 160;
const ERROR = /\b(?:ERROR|CRITICAL|FATAL)\b/;
const WARN = /\bWARN(?:ING)?\b|\b\w*Warning: /;
const TRACEBACK =
  /^\s*(?:Traceback \(most recent call last\)|[+|\s]*Exception Group Traceback)/;
const EXCEPTION = /^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Iteration)(?::|$)/;
let lastId = 0;

/** A log as far as it was read. */
export class LogLines {
  chunks: readonly Chunk[] = [];
  /** Whether the last line belongs to a traceback, whose lines have no level. */
  private inTraceback = false;

  get count(): number {
    return this.chunks.reduce((sum, it) => sum + it.lines.length, 0);
  }

  get last(): Line | undefined {
    return this.chunks.at(-1)?.lines.at(-1);
  }

  /** Add lines at the end; return how many old ones were dropped for them. */
  append(given: readonly Schemas["LogLine"][]): number {
    const state = { inTraceback: this.inTraceback };
    const lines = given.map((it) => leveled(it, state));
    this.inTraceback = state.inTraceback;
    const chunks = [...this.chunks];
    const open = chunks.at(-1);
    let rest = lines;
    if (open && open.lines.length < CHUNK_LINES) {
      const room = CHUNK_LINES - open.lines.length;
      chunks[chunks.length - 1] = {
        id: open.id,
        lines: [...open.lines, ...lines.slice(0, room)],
      };
      rest = lines.slice(room);
    }
    chunks.push(...chunked(rest));
    let dropped = 0;
    const much = chunks.reduce((sum, it) => sum + it.lines.length, 0);
    while (much - dropped > MOST_LINES) {
      dropped += chunks.shift()?.lines.length ?? 0;
    }
    this.chunks = chunks;
    return dropped;
  }

  /** Add earlier lines before all others. */
  prepend(given: readonly Schemas["LogLine"][]): void {
    const state = { inTraceback: false };
    const lines = given.map((it) => leveled(it, state));
    this.chunks = [...chunked(lines), ...this.chunks];
  }

  /** The lines that have `text`, in any case. */
  find(text: string): Line[] {
    const wanted = text.toLowerCase();
    return this.chunks.flatMap((chunk) =>
      chunk.lines.filter((it) => it.text.toLowerCase().includes(wanted)),
    );
  }
}

function chunked(lines: readonly Line[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < lines.length; at += CHUNK_LINES) {
    lastId += 1;
    chunks.push({ id: lastId, lines: lines.slice(at, at + CHUNK_LINES) });
  }
  return chunks;
}

function leveled(line: Schemas["LogLine"], state: { inTraceback: boolean }): Line {
  const { text } = line;
  if (TRACEBACK.test(text)) {
    state.inTraceback = true;
    return { ...line, level: "error" };
  }
  if (state.inTraceback) {
    // It ends with the line of the exception, the first one that is not indented.
    state.inTraceback = text === "" || /^[\s+|]/.test(text);
    return { ...line, level: "error" };
  }
  const start = text.slice(0, LOOKED_AT);
  if (ERROR.test(start) || EXCEPTION.test(start)) {
    return { ...line, level: "error" };
  }
  return { ...line, level: WARN.test(start) ? "warn" : "other" };
}

/** A part of a line: text, and the script's line that it leads to. */
export interface Part {
  readonly text: string;
  readonly file?: string;
  readonly line?: string;
}

const PLACE = /File "[^"]*\/artifact\/([^"]+)", line (\d+)|\(([\w.-]+\.py), line (\d+)\)/g;

/** The parts of a text that name a line of the artifact's files, and what is between. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const found of text.matchAll(PLACE)) {
    parts.push({ text: text.slice(end, found.index) });
    parts.push({ text: found[0], file: found[1] ?? found[3], line: found[2] ?? found[4] });
    end = found.index + found[0].length;
  }
  parts.push({ text: text.slice(end) });
  return parts.filter((it) => it.text);
}
