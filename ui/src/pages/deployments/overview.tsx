/** The overview of a deployment: where it answers, what it runs, and what that takes. */

import { api, ask, type Schemas } from "../../api.ts";
import { useAgain, useLoad } from "../../load.ts";
import { Bars } from "../../parts/Bars.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Chip, Digest, Size, Time } from "../../parts/Text.tsx";
import { to } from "../../route.ts";
import { count, duration, many } from "../../words.ts";
import { labelOfNumber } from "./batcher.ts";
import { Calls } from "./calls.tsx";
import { type Deployment, lineOf, type TabProps, tabOf } from "./tab.ts";

export function OverviewTab({ name, deployment }: TabProps) {
  const { last_error: lastError } = deployment.state;
  return (
    <>
      {lastError ? <LastError name={name} error={lastError} /> : null}
      <div class="split">
        <Calls name={name} deployment={deployment} />
        <aside>
          <LastHour of={deployment} />
          <Facts of={deployment} />
          <Resources of={deployment} />
        </aside>
      </div>
    </>
  );
}

function LastError(props: { name: string; error: Schemas["LastError"] }) {
  const { name, error } = props;
  const logs = tabOf(name, "logs");
  return (
    <section class="card problem" aria-label="Last error">
      <h2>Last error</h2>
      <p class="said">
        {error.type ? <b>{error.type}: </b> : null}
        {error.message}
      </p>
      <p class="sub">
        {error.file && error.line ? (
          <>
            <a class="mono" href={lineOf(name, error.file, error.line)}>
              {error.file}, line {error.line}
            </a>
            {" · "}
          </>
        ) : null}
        version {error.version} · <Time at={error.time} /> ·{" "}
        <a href={error.component ? `${logs}?component=${error.component}` : logs}>
          See the log
        </a>
      </p>
    </section>
  );
}

function LastHour({ of }: { of: Deployment }) {
  const hour = of.last_hour;
  const total = hour?.requests.reduce((sum, it) => sum + it, 0) ?? 0;
  return (
    <section class="card" aria-label="Last hour">
      <div class="card-head">
        <h2>Last hour</h2>
        <a href={tabOf(of.name, "traffic")}>Traffic</a>
      </div>
      {hour ? (
        <>
          <div class="facts">
            <Fact label="requests" value={count(total)} />
            <Fact label="errors" value={count(hour.errors)} />
            <Fact
              label="95 % answered within"
              value={hour.p95_ms === null ? "–" : duration(hour.p95_ms)}
            />
          </div>
          <Bars
            label={`Requests in each minute: ${count(total)} in all`}
            values={hour.requests}
          />
        </>
      ) : (
        <p class="muted">The deployment has not run on the server's machine yet.</p>
      )}
    </section>
  );
}

function Fact(props: { label: string; value: string }) {
  return (
    <div class="kpi">
      <b>{props.value}</b>
      <span class="sub">{props.label}</span>
    </div>
  );
}

function Facts({ of }: { of: Deployment }) {
  const { specification: sealed, state } = of;
  const model = to("/models", of.model);
  const { predictor, transformer, inference_logger: logger, inference_batcher } = sealed;
  return (
    <section class="card" aria-label="What it runs">
      <h2>What it runs</h2>
      <dl>
        <dt>Version</dt>
        <dd>
          <a href={tabOf(of.name, "versions")}>{of.version}</a>
          {state.deployed && state.deployment_version !== of.version ? (
            <> (version {state.deployment_version} answers now)</>
          ) : null}
        </dd>
        <dt>Model</dt>
        <dd>
          <a href={model}>{of.model}</a>{" "}
          <a href={`${model}/versions/${of.model_version}`}>version {of.model_version}</a>
          {of.model_aliases.map((it) => (
            <Chip key={it} kind="alias" href={`${model}/aliases/${encodeURIComponent(it)}`}>
              {it}
            </Chip>
          ))}
          <div>
            <Digest of={sealed.model.manifest} />
          </div>
        </dd>
        <dt>Artifact</dt>
        <dd>
          <a href={tabOf(of.name, "artifact")}>version {of.artifact_version}</a>
          {predictor.script ? <div class="sub mono">{predictor.script}</div> : null}
          {transformer?.script ? <div class="sub mono">{transformer.script}</div> : null}
        </dd>
        <dt>Framework</dt>
        <dd>
          {of.framework} <span class="sub">model server {of.model_server}</span>
        </dd>
        <dt>Protocol</dt>
        <dd>
          {of.api_protocol} <span class="sub">serving tool {of.serving_tool}</span>
        </dd>
        <dt>Environment</dt>
        <dd>
          {sealed.environment ?? "the Python environment of the server"}
          {sealed.environment_lock ? (
            <div class="sub mono">{sealed.environment_lock}</div>
          ) : null}
        </dd>
        <dt>Instances</dt>
        <dd>
          {state.deployed
            ? `${state.available_predictor_instances} of ${of.instances} ready`
            : count(of.instances)}
        </dd>
        <dt>Inference logger</dt>
        <dd>{logger ? `on ${logger.mode ?? ""}` : "off"}</dd>
        <dt>Batcher</dt>
        <dd>
          <Batcher of={inference_batcher} />
        </dd>
        <dt>Created</dt>
        <dd>
          <Time at={of.created} /> by {of.creator}
        </dd>
        <dt>Updated</dt>
        <dd>
          <Time at={of.updated} />
        </dd>
      </dl>
    </section>
  );
}

/** Whether requests are combined, and the numbers that were given for it. */
function Batcher({ of }: { of: Deployment["specification"]["inference_batcher"] }) {
  if (!of?.enabled) {
    return <>off</>;
  }
  const { enabled: _, ...given } = of;
  const numbers = Object.entries(given).filter(([, value]) => value !== null);
  return (
    <>
      on
      {numbers.map(([name, value]) => (
        <div key={name} class="sub">
          {labelOfNumber(name)}: {value}
        </div>
      ))}
    </>
  );
}

/** The limit in words; a negative one is none. */
function limit(value: number, words: (value: number) => string): string {
  return value < 0 ? "no limit" : `at most ${words(value)}`;
}

function Resources({ of }: { of: Deployment }) {
  const { name, state } = of;
  const usage = useLoad(state.deployed ? `usage ${name} ${state.revision}` : null, (signal) =>
    ask(api.GET("/api/v1/deployments/{name}/usage", { params: { path: { name } }, signal })),
  );
  useAgain(usage, state.deployed);
  const { limits } = of.specification.predictor.resources;
  return (
    <section class="card" aria-label="Resources">
      <h2>Resources</h2>
      <p class="sub">
        Each instance: {limit(limits.cores, (it) => many(it, "core"))},{" "}
        {limit(limits.memory, (it) => `${count(it)} MB`)} of memory.
      </p>
      {state.deployed ? (
        <Shown loaded={usage} lines={3}>
          {({ processes }) => (
            <ul class="usage">
              {processes.map((it) => (
                <li key={it.pid}>
                  <span>
                    {it.kind} <span class="sub">{it.pid}</span>
                  </span>
                  <span class="num">{it.cores.toFixed(2)} cores</span>
                  <span class="num">
                    <Size of={it.memory_bytes} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Shown>
      ) : (
        <p class="muted">Nothing runs.</p>
      )}
    </section>
  );
}
