/** Data of the server for a part of a page, kept up to date by events. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { asProblem, ProblemError } from "./api.ts";
import { type EventName, type LiveEvent, listen } from "./live.ts";

/** What a part shows: data, a problem, or neither while it is read for the first time. */
export interface Loaded<Data> {
  readonly data: Data | undefined;
  readonly problem: ProblemError | undefined;
  readonly isLoading: boolean;
  /** Read it again. */
  readonly reload: () => void;
  /** Show other data until it is read again. */
  readonly set: (data: Data) => void;
}

/** The events after which data is read again: their names, or a test. */
export type Until = readonly EventName[] | ((event: LiveEvent) => boolean);

/** Wait this long after a key for the next one, before the server is asked. */
export const TYPING_MS = 80;

const MOST_KEPT = 60;
const GATHER_MS = 120;
const RETRY_MS = 2000;
const kept = new Map<string, unknown>();

function keep(key: string, data: unknown): void {
  kept.delete(key);
  kept.set(key, data);
  const oldest = kept.keys().next().value;
  if (kept.size > MOST_KEPT && oldest !== undefined) {
    kept.delete(oldest);
  }
}

/** Forget all data, as after a login with another key. */
export function forgetAll(): void {
  kept.clear();
}

/**
 * Read data when `key` changes, and again after the events `until`.
 *
 * Data that was read before under the same key is shown at once. After an event the old
 * data stays until the new data is here. If the server does not answer, it is asked again.
 * A null key reads nothing.
 */
export function useLoad<Data>(
  key: string | null,
  read: (signal: AbortSignal) => Promise<Data>,
  until: Until = [],
): Loaded<Data> {
  const [, draw] = useState(0);
  const state = useRef<{ key: string | null; problem?: ProblemError; isLoading: boolean }>({
    key: null,
    isLoading: false,
  });
  const latest = useRef({ read, until });
  latest.current = { read, until };
  const stop = useRef<() => void>(() => undefined);

  if (state.current.key !== key) {
    state.current = { key, isLoading: key !== null };
  }

  const start = useCallback(() => {
    stop.current();
    if (key === null) {
      return;
    }
    const control = new AbortController();
    let timer = 0;
    stop.current = () => {
      control.abort();
      clearTimeout(timer);
    };
    latest.current
      .read(control.signal)
      .then((data) => {
        if (!control.signal.aborted) {
          keep(key, data);
        }
        return undefined;
      }, asProblem)
      .then((problem) => {
        if (control.signal.aborted) {
          return;
        }
        const shown = problem instanceof ProblemError ? problem : undefined;
        if (problem && !shown) {
          throw problem;
        }
        state.current = { key, problem: shown, isLoading: false };
        if (shown?.status === 0 || shown?.status === 503) {
          timer = window.setTimeout(start, RETRY_MS);
        }
        draw((count) => count + 1);
      });
  }, [key]);

  // The request is sent before the browser paints, not after.
  useLayoutEffect(() => {
    start();
    let timer = 0;
    const unlisten = listen((event) => {
      const { until } = latest.current;
      const isMeant =
        event.name === "reload" ||
        (typeof until === "function" ? until(event) : until.includes(event.name as EventName));
      if (isMeant && !timer) {
        timer = window.setTimeout(() => {
          timer = 0;
          start();
        }, GATHER_MS);
      }
    });
    return () => {
      unlisten();
      clearTimeout(timer);
      stop.current();
    };
  }, [start]);

  const reload = useCallback(() => {
    state.current = { ...state.current, isLoading: true };
    draw((count) => count + 1);
    start();
  }, [start]);

  const set = useCallback(
    (data: Data) => {
      if (key !== null) {
        keep(key, data);
        draw((count) => count + 1);
      }
    },
    [key],
  );

  const data = key === null ? undefined : (kept.get(key) as Data | undefined);
  return {
    data,
    problem: state.current.problem,
    isLoading: state.current.isLoading,
    reload,
    set,
  };
}

const AGAIN_MS = 5000;

/** Read data again every few seconds, while the page is seen and `isWanted`. */
export function useAgain(
  loaded: { readonly reload: () => void },
  isWanted: boolean,
  every = AGAIN_MS,
): void {
  const { reload } = loaded;
  useEffect(() => {
    if (!isWanted) {
      return;
    }
    const timer = setInterval(() => document.hidden || reload(), every);
    return () => clearInterval(timer);
  }, [reload, isWanted, every]);
}

/** A page of a list, as the API returns it. */
export interface Page<Row> {
  readonly items: Row[];
  readonly next?: string | null;
  readonly total: number;
  readonly damaged?: string[];
  /** Whether the server has looked at everything; only some lists say so. */
  readonly is_whole?: boolean;
  /** How many rows there are with each value of a field, if that was asked for. */
  readonly facets?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const FIRST = 50;
const MOST = 1000;

/** All pages of a list that were read so far. */
export interface Pages<Row> extends Loaded<Page<Row>> {
  /** Read the next page, if there is one. */
  readonly more: () => void;
  readonly isReadingMore: boolean;
}

/** Read a list page by page; `read` gets the cursor and the limit. */
export function usePages<Row>(
  key: string | null,
  read: (cursor: string, limit: number, signal: AbortSignal) => Promise<Page<Row>>,
  until: Until = [],
): Pages<Row> {
  const [isReadingMore, setReadingMore] = useState(false);
  const latest = useRef(read);
  latest.current = read;
  const loaded = useLoad<Page<Row>>(
    key,
    async (signal) => {
      const before = key === null ? undefined : (kept.get(key) as Page<Row> | undefined);
      const wanted = Math.max(FIRST, before?.items.length ?? 0);
      let page = await latest.current("", Math.min(wanted, MOST), signal);
      while (page.items.length < wanted && page.next) {
        const next = await latest.current(page.next, Math.min(wanted, MOST), signal);
        page = { ...next, items: [...page.items, ...next.items] };
      }
      return page;
    },
    until,
  );
  const { data, set } = loaded;
  const more = useCallback(() => {
    const cursor = data?.next;
    if (!cursor || isReadingMore) {
      return;
    }
    setReadingMore(true);
    latest
      .current(cursor, FIRST, new AbortController().signal)
      .then(
        (next) => {
          // After an event, newer rows may be there that this page does not follow.
          if (key !== null && kept.get(key) === data) {
            set({ ...next, items: [...data.items, ...next.items] });
          }
        },
        () => loaded.reload(),
      )
      .finally(() => setReadingMore(false));
  }, [key, data, set, isReadingMore, loaded.reload]);
  return { ...loaded, more, isReadingMore };
}
