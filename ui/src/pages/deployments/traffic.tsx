/** The traffic of a deployment: requests, errors and times, and the logged requests. */

import { useEffect, useState } from "preact/hooks";
import { api, ask, asProblem, type ProblemError, type Schemas } from "../../api.ts";
import { useAgain, useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, json, SameIn, Snippet } from "../../parts/Code.tsx";
import { Problem, Shown, Waiting } from "../../parts/Problem.tsx";
import { Note, Time } from "../../parts/Text.tsx";
import { place, setQuery, withQuery } from "../../route.ts";
import { count, duration, exact } from "../../words.ts";
import { onAxis, Steps } from "./steps.tsx";
import { type TabProps, tabOf } from "./tab.ts";

type Traffic = Schemas["DeploymentTraffic"];
type Logged = Schemas["LoggedRequest"];

const HOUR_S = 3600;
const PERIODS: Record<string, { label: string; seconds: number; step: number }> = {
  hour: { label: "Last hour", seconds: HOUR_S, step: 60 },
  day: { label: "Last day", seconds: 24 * HOUR_S, step: 900 },
  month: { label: "Last 30 days", seconds: 30 * 24 * HOUR_S, step: 6 * HOUR_S },
};
const AGAIN_MS = 10_000;

const SOURCES: Record<Traffic["source"], string> = {
  processes: "counted by its processes on the server's machine",
  inference_log: "counted in the inference log, which has no response times",
};

export function TrafficTab({ name, deployment }: TabProps) {
  const id = place.value.query.get("period") ?? "hour";
  const period = PERIODS[id] ?? PERIODS.hour;
  const traffic = useLoad(`traffic ${name} ${id}`, (signal) => {
    const { seconds, step } = period ?? { seconds: HOUR_S, step: 60 };
    const from = new Date(Date.now() - seconds * 1000).toISOString();
    const params = { path: { name }, query: { from, step } };
    return ask(api.GET("/api/v1/deployments/{name}/traffic", { params, signal }));
  });
  useAgain(traffic, deployment.state.deployed, AGAIN_MS);
  return (
    <>
      <div class="tools">
        <fieldset class="picks">
          <legend class="hidden">Period</legend>
          {Object.entries(PERIODS).map(([key, it]) => (
            <button
              key={key}
              type="button"
              class={`chip pick ${it === period ? "on" : ""}`}
              aria-pressed={it === period}
              onClick={() => setQuery({ period: key === "hour" ? undefined : key })}
            >
              {it.label}
            </button>
          ))}
        </fieldset>
      </div>
      <Shown loaded={traffic} lines={12}>
        {(data) => <Charts of={data} />}
      </Shown>
      <Requests
        name={name}
        version={deployment.version}
        isLogged={Boolean(deployment.specification.inference_logger)}
      />
    </>
  );
}

function timeOf(step: number) {
  const style: Intl.DateTimeFormatOptions =
    step >= HOUR_S
      ? { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }
      : { hour: "2-digit", minute: "2-digit" };
  const format = new Intl.DateTimeFormat("en-GB", style);
  return (start: string) => format.format(new Date(start));
}

function Charts({ of }: { of: Traffic }) {
  const { total } = of;
  if (of.since === null) {
    return (
      <Note>
        Nothing was counted yet: the deployment has not run on the server's machine, and has no
        inference log.
      </Note>
    );
  }
  const steps = padded(of);
  const starts = steps.map((it) => it.start);
  const nameOf = timeOf(of.step_s);
  const isTimed = total.p50_ms !== null;
  return (
    <>
      <p class="sub">
        Since <Time at={of.since} />, {SOURCES[of.source]}.
      </p>
      <div class="grid4 kpis">
        <Figure label="requests" value={count(total.requests)} />
        <Figure
          label={`errors, ${count(total.server_errors)} of them with a status of 500 or more`}
          value={share(total.errors, total.requests)}
        />
        <Figure label="50 % answered within" value={time(total.p50_ms)} />
        <Figure label="95 % answered within" value={time(total.p95_ms)} />
      </div>
      <div class="grid2">
        <section class="card" aria-label="Requests">
          <h2>Requests</h2>
          <Steps
            label="Requests over time"
            kind="bars"
            starts={starts}
            nameOf={nameOf}
            words={onAxis}
            series={[
              {
                label: "answered",
                look: "one",
                values: steps.map((it) => (it.requests ?? 0) - (it.errors ?? 0)),
              },
              { label: "errors", look: "bad", values: steps.map((it) => it.errors ?? 0) },
            ]}
          />
        </section>
        <section class="card" aria-label="Times">
          <h2>Time to answer</h2>
          {isTimed ? (
            <Steps
              label="Time to answer over time"
              kind="lines"
              starts={starts}
              nameOf={nameOf}
              words={duration}
              series={[
                { label: "p50", look: "one", values: steps.map((it) => it.p50_ms ?? null) },
                { label: "p95", look: "two", values: steps.map((it) => it.p95_ms ?? null) },
                { label: "p99", look: "three", values: steps.map((it) => it.p99_ms ?? null) },
              ]}
            />
          ) : (
            <p class="muted">No request with a known time in this period.</p>
          )}
        </section>
      </div>
      <details class="numbers">
        <summary>The same as a table</summary>
        <div class="panel">
          <table aria-label="Traffic in steps">
            <thead>
              <tr>
                <th scope="col">From</th>
                {["Requests", "Errors", "p50", "p95", "p99"].map((it) => (
                  <th key={it} scope="col" class="num">
                    {it}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {of.steps
                .filter((it) => it.requests)
                .map((it) => (
                  <tr key={it.start}>
                    <td data-head="From" title={exact(it.start)}>
                      {nameOf(it.start)}
                    </td>
                    <td data-head="Requests" class="num">
                      {count(it.requests)}
                    </td>
                    <td data-head="Errors" class="num">
                      {count(it.errors)}
                    </td>
                    <td data-head="p50" class="num">
                      {time(it.p50_ms)}
                    </td>
                    <td data-head="p95" class="num">
                      {time(it.p95_ms)}
                    </td>
                    <td data-head="p99" class="num">
                      {time(it.p99_ms)}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </details>
    </>
  );
}

type Step = Pick<Traffic["steps"][number], "start"> & Partial<Traffic["steps"][number]>;

/** The steps of the whole period; those before the first count have no numbers. */
function padded(of: Traffic): Step[] {
  const [first] = of.steps;
  const size = of.step_s * 1000;
  const missing = first ? (Date.parse(first.start) - Date.parse(of.start)) / size : 0;
  const before = Array.from({ length: Math.max(0, Math.round(missing)) }, (_, index) => ({
    start: new Date(Date.parse(of.start) + index * size).toISOString(),
  }));
  return [...before, ...of.steps];
}

function Figure(props: { label: string; value: string }) {
  return (
    <div class="card kpi">
      <b>{props.value}</b>
      <span class="sub">{props.label}</span>
    </div>
  );
}

function time(ms: number | null): string {
  return ms === null ? "–" : duration(ms);
}

/** `3`, and what share of `all` that is. */
function share(part: number, all: number): string {
  if (!part || !all) {
    return count(part);
  }
  const percent = (part / all) * 100;
  return `${count(part)} · ${percent < 0.1 ? "<0.1" : percent.toFixed(1)} %`;
}

interface Rows {
  readonly items: readonly Logged[];
  readonly next: string | null;
  readonly advice: string | null;
}

interface LoggedProps {
  readonly name: string;
  readonly version: number;
  /** Whether the deployment has an inference logger now. */
  readonly isLogged: boolean;
}

/** The logged requests, newest first; older ones are read on demand. */
function Requests({ name, version, isLogged }: LoggedProps) {
  const [rows, setRows] = useState<Rows | null>(null);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const read = async (before: Rows | null) => {
    const query = before?.next ? { cursor: before.next } : {};
    const params = { path: { name }, query };
    try {
      const page = await ask(api.GET("/api/v1/deployments/{name}/requests", { params }));
      setRows({ ...page, items: [...(before?.items ?? []), ...page.items] });
      setProblem(null);
    } catch (cause) {
      setProblem(asProblem(cause) as ProblemError);
    }
  };
  useEffect(() => {
    setRows(null);
    void read(null);
  }, [name, version]);
  const path = withQuery(`/api/v1/deployments/${name}/requests`, { limit: 50 });
  return (
    <section class="logged" aria-label="Logged requests">
      <div class="tools">
        <h2>Logged requests</h2>
        <span class="grow" />
        {rows?.items.length ? (
          <Action small onClick={() => read(null)}>
            Read again
          </Action>
        ) : null}
      </div>
      {problem && isLogged ? (
        <Problem problem={problem} onRetry={() => void read(null)} />
      ) : null}
      {problem && !isLogged ? (
        <Note>
          The inference logger is off. <a href={tabOf(name, "edit")}>Edit the deployment</a>
        </Note>
      ) : null}
      {rows || problem ? null : <Waiting lines={4} />}
      {rows?.advice ? (
        <Note>
          {rows.advice}. <a href={tabOf(name, "edit")}>Edit the deployment</a>
        </Note>
      ) : null}
      {rows?.items.length ? (
        <div class="panel">
          {rows.items.map((it, index) => (
            <Exchange key={`${it.time} ${it.id} ${index}`} of={it} />
          ))}
        </div>
      ) : null}
      {rows && !rows.items.length && !rows.advice && !rows.next ? (
        <p class="muted">No request was logged yet.</p>
      ) : null}
      {rows?.next ? (
        <div class="more">
          <Action onClick={() => read(rows)}>Show earlier ones</Action>
        </div>
      ) : null}
      <p>
        <SameIn
          ways={{
            python: `deployment = project.get_model_serving().get_deployment("${name}")\nprint(deployment.read_inference_log(limit=100))`,
            curl: curl("GET", path),
          }}
        />
      </p>
    </section>
  );
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** One logged request: a line, that opens to its bodies. */
function Exchange({ of }: { of: Logged }) {
  const isBad = of.status >= 400;
  return (
    <details class="exchange">
      <summary>
        <span class={`state ${isBad ? "bad" : "ok"}`}>{of.status}</span>
        <time dateTime={of.time} title={exact(of.time)}>
          {CLOCK.format(new Date(of.time))}
        </time>
        <span class="sub">version {of.deployment_version}</span>
        <span class="mono one-line">{of.request ?? of.answer ?? ""}</span>
      </summary>
      <div class="grid2">
        <Body label="Request" text={of.request} />
        <Body label="Answer" text={of.answer} />
      </div>
      <p class="sub">
        id <span class="mono">{of.id}</span> · {exact(of.time)}
        {of.is_cut ? " · a long body is cut" : ""}
      </p>
    </details>
  );
}

function Body(props: { label: string; text: string | null }) {
  return (
    <div>
      <h3>{props.label}</h3>
      {props.text === null ? (
        <p class="muted">Not logged.</p>
      ) : (
        <Snippet text={pretty(props.text)} label={props.label} />
      )}
    </div>
  );
}

/** JSON with line breaks; any other text as it is. */
export function pretty(text: string): string {
  try {
    return json(JSON.parse(text));
  } catch {
    return text;
  }
}
