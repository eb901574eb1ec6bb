/** The logs of a deployment: of the run that goes on, live, and of those that ended. */

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, ask, type ProblemError, problemIn, type Schemas } from "../../api.ts";
import { usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { SearchField } from "../../parts/Filters.tsx";
import { Empty, Problem, Waiting } from "../../parts/Problem.tsx";
import { Note } from "../../parts/Text.tsx";
import { place, setQuery, withQuery } from "../../route.ts";
import { bytes, count, exact, many } from "../../words.ts";
import { type Level, LogLines } from "./log_lines.ts";
import { LogView } from "./log_view.tsx";
import { tabOf } from "./tab.ts";

type Archive = Schemas["LogArchiveRow"];
type Component = Archive["logs"][number]["component"];

const FIRST_LINES = 2000;
const AROUND_LINES = 500;
const MORE_LINES = 10_000;
const GATHER_MS = 100;

const LEVELS: Record<Level, string> = {
  other: "All lines",
  warn: "Warnings and errors",
  error: "Errors",
};

export function LogsTab({ name }: { name: string }) {
  const archives = usePages<Archive>(
    `archives ${name}`,
    (cursor, limit, signal) => {
      const params = { path: { name }, query: { cursor, limit } };
      return ask(api.GET("/api/v1/deployments/{name}/logs/archives", { params, signal }));
    },
    (event) => event.name.startsWith("deployment") && event.data.name === name,
  );
  const query = place.value.query;
  const wanted = query.get("run");
  const runs = archives.data?.items ?? [];
  const run = wanted ? runs.find((it) => it.id === wanted) : runs[0];
  const component = run?.logs.find((it) => it.component === query.get("component"));
  const shown = component?.component ?? run?.logs[0]?.component;
  if (!archives.data) {
    return archives.problem ? (
      <Problem problem={archives.problem} onRetry={archives.reload} />
    ) : (
      <Waiting />
    );
  }
  if (!runs.length) {
    return (
      <Empty title="No logs yet">
        <p>
          The deployment has not run on the server's machine. Its log appears here after the
          first start.
        </p>
      </Empty>
    );
  }
  return (
    <>
      {run && shown ? (
        <Log key={`${run.id} ${shown}`} name={name} run={run} component={shown}>
          <Choices runs={runs} run={run} component={shown} />
        </Log>
      ) : (
        <Note kind="warn">
          The log of this run was deleted: only the logs of the newest runs are kept.{" "}
          <a href={tabOf(name, "logs")}>Show the newest</a>
        </Note>
      )}
    </>
  );
}

/** Which run, and which of its components. */
function Choices(props: { runs: readonly Archive[]; run: Archive; component: Component }) {
  const { runs, run, component } = props;
  return (
    <>
      {run.logs.length > 1 ? (
        <fieldset class="picks">
          <legend class="hidden">Component</legend>
          {run.logs.map((it) => (
            <button
              key={it.component}
              type="button"
              class={`chip pick ${it.component === component ? "on" : ""}`}
              aria-pressed={it.component === component}
              onClick={() => setQuery({ component: it.component, at: undefined })}
            >
              {it.component}
            </button>
          ))}
        </fieldset>
      ) : null}
      <select
        class="input"
        aria-label="Run"
        value={run.id}
        onChange={(event) => {
          const id = event.currentTarget.value;
          setQuery({ run: id === runs[0]?.id ? undefined : id, at: undefined });
        }}
      >
        {runs.map((it) => (
          <option key={it.id} value={it.id}>
            {nameOf(it)}
          </option>
        ))}
      </select>
    </>
  );
}

function nameOf(run: Archive): string {
  const size = run.logs.reduce((sum, it) => sum + it.size_bytes, 0);
  const remarks = [
    run.is_written ? "now" : bytes(size),
    ...(run.is_earlier ? ["an earlier deployment"] : []),
  ];
  return `Run of ${exact(run.started)} (${remarks.join(", ")})`;
}

interface Read {
  readonly earlier: string | null;
  readonly later: string | null;
}

/** One log: read from its end, or around the line of the address, and then followed. */
function Log(props: {
  name: string;
  run: Archive;
  component: Component;
  children: ComponentChildren;
}) {
  const { name, run, component } = props;
  const query = place.value.query;
  const at = query.get("at") ?? "";
  const [lines] = useState(() => new LogLines());
  const [read, setRead] = useState<Read | null>(null);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const [isFollowing, setFollowing] = useState(!at);
  const [isLive, setLive] = useState(false);
  const [unseen, setUnseen] = useState(0);
  const [, draw] = useState(0);
  const isReading = useRef(false);
  const started = useRef(at);

  const linesOf = useCallback(
    (query: { before?: string; after?: string; limit: number }) => {
      const path = { name, archive: run.id };
      const params = { path, query: { ...query, component } };
      return ask(
        api.GET("/api/v1/deployments/{name}/logs/archives/{archive}/lines", { params }),
      );
    },
    [name, run.id, component],
  );
  const guarded = useCallback(async (work: () => Promise<void>) => {
    if (isReading.current) {
      return;
    }
    isReading.current = true;
    try {
      await work();
      setProblem(null);
    } catch (cause) {
      setProblem(problemIn(cause));
    } finally {
      isReading.current = false;
      draw((count) => count + 1);
    }
  }, []);

  const begin = useCallback(
    () =>
      guarded(async () => {
        const before = started.current;
        const first = await linesOf(
          before ? { before, limit: AROUND_LINES } : { limit: FIRST_LINES },
        );
        lines.append(first.lines);
        let later = first.later;
        if (before && later) {
          const rest = await linesOf({ after: later, limit: AROUND_LINES });
          lines.append(rest.lines);
          later = rest.later;
        }
        setRead({ earlier: first.earlier, later });
      }),
    [linesOf, guarded, lines],
  );
  useEffect(() => void begin(), [begin]);

  const earlier = read?.earlier;
  const readEarlier = useCallback(
    () =>
      earlier
        ? guarded(async () => {
            const more = await linesOf({ before: earlier, limit: MORE_LINES });
            lines.prepend(more.lines);
            setRead((now) => now && { ...now, earlier: more.earlier });
          })
        : Promise.resolve(),
    [linesOf, guarded, lines, earlier],
  );
  const later = read?.later;
  const readLater = useCallback(
    () =>
      later
        ? guarded(async () => {
            const more = await linesOf({ after: later, limit: MORE_LINES });
            lines.append(more.lines);
            setRead((now) => now && { ...now, later: more.later });
          })
        : Promise.resolve(),
    [linesOf, guarded, lines, later],
  );

  const readAll = () =>
    guarded(async () => {
      let before = earlier;
      while (before) {
        const more = await linesOf({ before, limit: MORE_LINES });
        lines.prepend(more.lines);
        before = more.earlier;
        setRead({ earlier: before, later: later ?? null });
      }
      let after = later;
      while (after) {
        const more = await linesOf({ after, limit: MORE_LINES });
        lines.append(more.lines);
        after = more.later;
        setRead({ earlier: null, later: after });
      }
    });

  // All of it was read: from now on the server sends what is new.
  const isWhole = read !== null && !read.later;
  const isOpen = isWhole && run.is_written;
  useEffect(() => {
    if (!isOpen) {
      return;
    }
    return follow(name, component, lines, setLive, (added) => {
      setUnseen((now) => now + added);
      draw((count) => count + 1);
    });
  }, [isOpen, name, component, lines]);

  const text = query.get("q") ?? "";
  const level = (query.get("level") ?? "other") as Level;
  const isWrapped = query.get("wrap") !== "no";
  const here = location.pathname;
  const view = useMemo(
    () => ({
      name,
      level: level in LEVELS ? level : "other",
      text,
      at,
      isWrapped,
      hrefOf: (position: string) =>
        withQuery(here, { run: run.id, component, at: position, q: text }),
    }),
    [name, level, text, at, isWrapped, here, run.id, component],
  );
  const seen = (isNow: boolean) => {
    setFollowing(isNow);
    setUnseen(0);
  };
  if (!read) {
    return problem ? (
      <Problem problem={problem} onRetry={() => void begin()} />
    ) : (
      <Waiting lines={14} />
    );
  }
  const content = `/api/v1/deployments/${encodeURIComponent(name)}/logs/archives/${run.id}/content`;
  return (
    <>
      <div class="tools">
        {props.children}
        <Search
          lines={lines}
          text={text}
          at={at}
          onRest={read.earlier || read.later ? readAll : undefined}
        />
        <select
          class="input"
          aria-label="Level"
          value={view.level}
          onChange={(event) => {
            const value = event.currentTarget.value;
            setQuery({ level: value === "other" ? undefined : value });
          }}
        >
          {Object.entries(LEVELS).map(([id, label]) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </select>
        <label class="choice">
          <input
            type="checkbox"
            checked={isWrapped}
            onChange={() => setQuery({ wrap: isWrapped ? "no" : undefined })}
          />
          Wrap
        </label>
        <span class="grow" />
        <span class="sub" role="status">
          {many(lines.count, "line")}
          {read.earlier || read.later ? " read" : ""}
          {isOpen ? (isLive ? " · live" : " · connecting") : ""}
        </span>
        <a class="button small" href={withQuery(content, { component })} download>
          Download
        </a>
      </div>
      {problem ? <Problem problem={problem} onRetry={() => setProblem(null)} /> : null}
      <div class="log-box">
        {lines.count ? (
          <LogView
            label={`Log of the ${component}`}
            chunks={lines.chunks}
            view={view}
            isFollowing={isFollowing && isWhole}
            onFollow={seen}
            onTop={() => void readEarlier()}
          />
        ) : (
          <Empty title="The log is empty so far" />
        )}
        <div class="log-foot">
          {read.later ? (
            <Action small onClick={() => readLater()}>
              Later lines
            </Action>
          ) : null}
          {isWhole && !isFollowing ? (
            <button type="button" class="button small" onClick={() => seen(true)}>
              {unseen ? `${count(unseen)} new · to the end ↓` : "To the end ↓"}
            </button>
          ) : null}
        </div>
      </div>
      <SameIn
        ways={{
          python: `deployment = project.get_model_serving().get_deployment(${python(name)})\ndeployment.get_logs(${python(component)}, tail=1000, follow=True)`,
          cli: `hopsartifacts deployments logs ${shell(name)} --component ${component} --tail 1000 --follow`,
          curl: curl("GET", withQuery(content, { component })),
        }}
      />
    </>
  );
}

/** Follow a log from its last line on; pause while the page is not seen. */
function follow(
  name: string,
  component: Component,
  lines: LogLines,
  onLive: (isLive: boolean) => void,
  onLines: (added: number) => void,
): () => void {
  let source: EventSource | null = null;
  let waiting: Schemas["LogLine"][] = [];
  let timer = 0;
  let isOver = false;
  const flush = () => {
    timer = 0;
    const added = waiting;
    waiting = [];
    lines.append(added);
    onLines(added.length);
  };
  const close = () => {
    source?.close();
    source = null;
    onLive(false);
  };
  const open = () => {
    const after = waiting.at(-1)?.position ?? lines.last?.position;
    const url = `/api/v1/deployments/${encodeURIComponent(name)}/logs/follow`;
    const start = after ? { after } : { tail: MORE_LINES };
    source = new EventSource(withQuery(url, { component, ...start }));
    source.onopen = () => onLive(true);
    source.onerror = () => onLive(false);
    source.addEventListener("line", ({ data, lastEventId }) => {
      waiting.push({
        text: (JSON.parse(data) as { text: string }).text,
        position: lastEventId,
      });
      timer ||= window.setTimeout(flush, GATHER_MS);
    });
    source.addEventListener("end", () => {
      isOver = true;
      close();
    });
  };
  const look = () => {
    if (document.hidden) {
      close();
    } else if (!source && !isOver) {
      open();
    }
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    document.removeEventListener("visibilitychange", look);
    clearTimeout(timer);
    close();
  };
}

/** A search in the lines that were read; Enter goes to the next place. */
function Search(props: {
  lines: LogLines;
  text: string;
  at: string;
  /** Read what was not read yet; without it, all was. */
  onRest: (() => Promise<void>) | undefined;
}) {
  const { lines, text, at } = props;
  const { chunks } = lines;
  const found = useMemo(() => (text ? lines.find(text) : []), [lines, text, chunks]);
  const now = found.findIndex((it) => it.position === at);
  const step = (by: number) => {
    if (found.length) {
      const first = by > 0 ? 0 : found.length - 1;
      const next = now < 0 ? first : (now + by + found.length) % found.length;
      setQuery({ at: found[next]?.position });
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter") {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  };
  return (
    <search class="log-search" onKeyDown={press}>
      <SearchField name="q" label="Search in the log" />
      {text ? (
        <>
          <button type="button" class="button small" onClick={() => step(-1)}>
            Previous
          </button>
          <button type="button" class="button small" onClick={() => step(1)}>
            Next
          </button>
          <span class="sub" role="status">
            {found.length
              ? `${now < 0 ? "" : `${count(now + 1)} of `}${many(found.length, "place")}`
              : "not found"}
            {props.onRest ? " in what was read" : ""}
          </span>
          {props.onRest ? (
            <Action small onClick={props.onRest}>
              Search all of it
            </Action>
          ) : null}
        </>
      ) : null}
    </search>
  );
}
