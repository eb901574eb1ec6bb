/** How far a deployment is while it is started, moved to a version, or stopped. */

import { useEffect, useState } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useAgain, useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { By, Note, Time, type Tone } from "../../parts/Text.tsx";
import { to, withQuery } from "../../route.ts";
import { clock, duration, exact, firstLine } from "../../words.ts";
import type { PageProps } from "../routes.tsx";
import { askToStop, start } from "./actions.tsx";
import { partsOf } from "./log_lines.ts";
import { toneOf } from "./state.tsx";
import { type Deployment, lineOf, tabOf } from "./tab.ts";

type Progress = Schemas["DeploymentProgress"];
type Step = Schemas["ProgressStep"];

const LINES = 20;
const AGAIN_MS = 1000;
const TONES: Record<Step["status"], Tone> = {
  done: "ok",
  running: "busy",
  failed: "bad",
  waiting: "off",
  "not reached": "off",
};

export function ProgressPage({ params }: PageProps) {
  const name = params.name ?? "";
  const path = { name };
  const isOurs = (event: { name: string; data: Readonly<Record<string, unknown>> }) =>
    event.data.name === name || (event.name === "job" && event.data.subject === name);
  const progress = useLoad(
    `progress ${name}`,
    (signal) =>
      ask(api.GET("/api/v1/deployments/{name}/progress", { params: { path }, signal })),
    isOurs,
  );
  const deployment = useLoad(
    `deployment ${name}`,
    (signal) => ask(api.GET("/api/v1/deployments/{name}", { params: { path }, signal })),
    isOurs,
  );
  const { data } = progress;
  useAgain(progress, data?.status === "running" && !progress.isLoading, AGAIN_MS);
  return (
    <Page
      crumbs={[
        { label: "Deployments", href: to("/deployments") },
        { label: name, href: tabOf(name) },
        { label: "Progress" },
      ]}
      title={
        <>
          {name}
          {data ? <span class={`state ${toneOf(data.state)}`}>{data.state.status}</span> : null}
        </>
      }
      actions={
        data && deployment.data ? (
          <Actions progress={data} deployment={deployment.data} />
        ) : null
      }
    >
      <Shown loaded={progress}>
        {(it) => (
          <div class="split last">
            <section aria-label="Steps">
              <p role="status">{said(name, it)}</p>
              {it.steps.length ? <Steps name={name} progress={it} /> : null}
            </section>
            <aside>
              {deployment.data ? <Facts of={deployment.data} progress={it} /> : null}
            </aside>
          </div>
        )}
      </Shown>
      <SameIn
        ways={{
          python: `ms = project.get_model_serving()\nms.get_deployment(${python(name)}).get_state().describe()`,
          cli: `hopsartifacts deployments show ${shell(name)}`,
          curl: curl("GET", `/api/v1/deployments/${encodeURIComponent(name)}/progress`),
        }}
      />
    </Page>
  );
}

/** What the deployment is doing, in a sentence. */
function said(name: string, { kind, status, version, state }: Progress): string {
  if (!kind || !status) {
    return `${name} was not started on this server's machine: ${state.condition?.reason ?? ""}`;
  }
  const what = {
    start: version ? `The start of version ${version}` : "The start",
    update: version ? `The move to version ${version}` : "The move to another version",
    stop: "The stop",
  }[kind];
  const rest = {
    done: "is done",
    running: "is in progress",
    failed: "failed",
    waiting: "has not started",
    "not reached": "was not reached",
  }[status];
  const serving =
    kind === "update" && status === "failed" && state.deployment_version
      ? `; version ${state.deployment_version} keeps answering`
      : "";
  return `${what} ${rest}${serving}.`;
}

function Actions(props: { progress: Progress; deployment: Deployment }) {
  const { progress, deployment } = props;
  const { name, state } = deployment;
  const isFailed = progress.status === "failed";
  return (
    <>
      {isFailed ? (
        <>
          <Action scope="deploy" href={tabOf(name, "edit")}>
            Edit
          </Action>
          <Action
            scope="deploy"
            href={tabOf(name, "versions")}
            disabledBy={
              deployment.versions.length > 1 ? "" : "There is no other version to go back to."
            }
          >
            Roll back
          </Action>
        </>
      ) : null}
      {state.deployed ? (
        <Action scope="deploy" onClick={() => askToStop([deployment])}>
          Stop
        </Action>
      ) : (
        <Action
          scope="deploy"
          kind="primary"
          disabledBy={progress.status === "running" ? "Wait until this has ended." : ""}
          onClick={() => start(name, { isShown: true })}
        >
          {isFailed ? "Try again" : "Start"}
        </Action>
      )}
      {progress.status === "done" && state.deployed ? (
        <Action kind="primary" href={tabOf(name)}>
          Go to the deployment
        </Action>
      ) : null}
    </>
  );
}

function Steps(props: { name: string; progress: Progress }) {
  const { name } = props;
  const { steps, began, revision } = props.progress;
  const times = [began, ...steps.map((it) => it.at)];
  return (
    <ol class="steps">
      {steps.map((step, index) => {
        const before = times.slice(0, index + 1).findLast((it) => it) ?? null;
        const isOpen = step.status === "running" || step.status === "failed";
        return (
          <li
            key={step.name}
            class={TONES[step.status]}
            aria-current={isOpen ? "step" : undefined}
          >
            <div class="step-head">
              <span class={`state ${TONES[step.status]}`}>
                <b>{step.name}</b>
              </span>
              <span class="muted">{step.status}</span>
              <span class="grow" />
              <span class="sub">
                {step.at ? <When at={step.at} before={before} /> : null}
                {step.status === "running" && before ? <Elapsed since={before} /> : null}
              </span>
            </div>
            {step.reason ? (
              <Reason
                // The end of the log is below.
                text={isOpen && revision ? firstLine(step.reason) : step.reason}
                isFailed={step.status === "failed"}
              />
            ) : null}
            {step.status === "failed" && !revision ? (
              <Action
                scope="deploy"
                small
                onClick={() => start(name, { ignoreEnvironment: true, isShown: true })}
              >
                Start without comparing packages
              </Action>
            ) : null}
            {isOpen && revision ? (
              <Log {...props} isRunning={step.status === "running"} />
            ) : null}
          </li>
        );
      })}
    </ol>
  );
}

/** When a step was reached, and how long after the one before. */
function When({ at, before }: { at: string; before: string | null }) {
  const passed = before ? new Date(at).getTime() - new Date(before).getTime() : 0;
  return (
    <>
      {passed > 0 ? `after ${duration(passed)} · ` : null}
      <time dateTime={at} title={exact(at)}>
        {clock(at)}
      </time>
    </>
  );
}

/** For how long a step has been running. */
function Elapsed({ since }: { since: string }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const passed = Math.max(0, now - new Date(since).getTime());
  return <>{Math.round(passed / 1000)} s so far</>;
}

function Reason({ text, isFailed }: { text: string; isFailed: boolean }) {
  return isFailed ? (
    <Note kind="bad">
      <div class="reason">{text}</div>
    </Note>
  ) : (
    <div class="sub reason">{text}</div>
  );
}

/** The last lines of the run's log, with links to the lines of its scripts. */
function Log(props: { name: string; progress: Progress; isRunning: boolean }) {
  const { name, progress, isRunning } = props;
  const component = progress.state.last_error?.component ?? "predictor";
  const query = { component, tail: LINES };
  const lines = useLoad(
    `log ${name} ${component} ${progress.revision}`,
    (signal) => {
      const params = { path: { name }, query };
      return ask(api.GET("/api/v1/deployments/{name}/logs", { params, signal }));
    },
    (event) => event.name === "deployment" && event.data.name === name,
  );
  useAgain(lines, isRunning && !lines.isLoading, AGAIN_MS);
  const logs = withQuery(tabOf(name, "logs"), { component });
  return (
    <Shown loaded={lines} lines={3}>
      {(it) =>
        it.lines.length ? (
          <section aria-label={`Last lines of the ${component}'s log`}>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls */}
            <pre class="code" tabIndex={0}>
              {it.lines.map((line, index) => (
                <Line key={index} text={line} name={name} />
              ))}
            </pre>
            <p class="sub">
              The end of the log. <a href={logs}>See all of it</a>
            </p>
          </section>
        ) : (
          <p class="sub">The log is empty so far.</p>
        )
      }
    </Shown>
  );
}

/** A line of a log; what names a line of a script leads to it. */
function Line({ text, name }: { text: string; name: string }) {
  return (
    <span>
      {partsOf(text).map((it, index) =>
        it.file && it.line ? (
          <a key={index} href={lineOf(name, it.file, it.line)} title={it.text}>
            {it.file}, line {it.line}
          </a>
        ) : (
          it.text
        ),
      )}
      {text ? null : " "}
    </span>
  );
}

/** What is started or stopped, by whom, and why it is the active version. */
function Facts({ of: it, progress }: { of: Deployment; progress: Progress }) {
  const model = to("/models", it.model);
  const history = useLoad(`activation ${it.name} ${it.version}`, (signal) => {
    const params = { path: { name: it.name }, query: { limit: 1 } };
    return ask(api.GET("/api/v1/deployments/{name}/history", { params, signal }));
  });
  const [active] = history.data?.items ?? [];
  return (
    <section class="card" aria-label="Details">
      <dl>
        {progress.began ? (
          <>
            <dt>Started</dt>
            <dd>
              <Time at={progress.began} />
              {progress.by ? <> by {progress.by}</> : null}
            </dd>
          </>
        ) : null}
        <dt>Active version</dt>
        <dd>
          <a href={tabOf(it.name, "versions")}>{it.version}</a>
          {active ? (
            <div class="sub">
              since <Time at={active.when} />, by <By of={active.by} />
              {active.why ? `: ${active.why}` : ""}
            </div>
          ) : null}
        </dd>
        <dt>Model</dt>
        <dd>
          <a href={model}>{it.model}</a>{" "}
          <a href={`${model}/versions/${it.model_version}`}>version {it.model_version}</a>
        </dd>
        <dt>Artifact</dt>
        <dd>
          <a href={tabOf(it.name, "artifact")}>version {it.artifact_version}</a>
        </dd>
        <dt>Instances</dt>
        <dd>
          {it.state.available_predictor_instances} of {it.instances} ready
        </dd>
        <dt>Log</dt>
        <dd>
          <a href={tabOf(it.name, "logs")}>The log of the newest run</a>
        </dd>
      </dl>
    </section>
  );
}
