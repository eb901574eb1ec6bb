/** A request to a deployment: written here, sent, and its answer. */

import { useEffect, useRef, useState } from "preact/hooks";
import {
  api,
  ask,
  asProblem,
  type Job,
  observed,
  ProblemError,
  type Schemas,
} from "../../api.ts";
import { valueProblem } from "../../json.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, json, python, SameIn, Snippet } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { TextField } from "../../parts/Field.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Note, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { place, setQuery } from "../../route.ts";
import { duration, sentence } from "../../words.ts";
import { SOURCES, useEndpoints } from "./calls.tsx";
import { partsOf } from "./log_lines.ts";
import { RowForm, rowsOf } from "./row_form.tsx";
import { lineOf, type TabProps, tabOf } from "./tab.ts";
import { pretty } from "./traffic.tsx";

type Endpoint = Schemas["DeploymentEndpoint"];

const MOST_KEPT = 20;
const MOST_KEPT_CHARACTERS = 20_000;
const LOOK_MS = 300;

/** A request that was sent, as this browser keeps it. */
interface Sent {
  readonly at: string;
  readonly protocol: string;
  readonly body: string;
  readonly status: number;
  readonly ms: number;
}

interface Answer {
  readonly status: number;
  readonly ms: number;
  readonly text: string;
}

export function TryTab({ name, deployment }: TabProps) {
  const endpoints = useEndpoints(name);
  return (
    <Shown loaded={endpoints} lines={10}>
      {(data) => <Try name={name} deployment={deployment} endpoints={data} />}
    </Shown>
  );
}

function Try(props: TabProps & { endpoints: Schemas["Endpoints"] }) {
  const { name, deployment, endpoints } = props;
  const query = place.value.query;
  const ours = endpoints.endpoints.filter((it) => it.place === "server");
  const chosen = ours.find((it) => it.protocol === query.get("protocol")) ?? ours[0];
  const [text, setText] = useState(() => exampleOf(chosen, endpoints));
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [sent, setSent] = useState<readonly Sent[]>(() => keptOf(name));
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);

  const parsed = parse(text);
  const rows = parsed.value === undefined ? null : rowsOf(parsed.value, endpoints.columns);
  const isForm = rows !== null && query.get("as") !== "json";
  const reason = reasonOf(deployment, endpoints, parsed.problem);

  const send = async () => {
    if (reason || isBusy || !chosen) {
      if (reason) {
        toast(reason, "bad");
      }
      return;
    }
    setBusy(true);
    setAnswer(null);
    control.current = new AbortController();
    const began = performance.now();
    try {
      const response = await observed(
        new Request(new URL(chosen.url).pathname, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: text,
          signal: control.current.signal,
        }),
      );
      const told = await response.text();
      const ms = performance.now() - began;
      setAnswer({ status: response.status, ms, text: told });
      const at = new Date().toISOString();
      setSent(
        keep(name, { at, protocol: chosen.protocol, body: text, status: response.status, ms }),
      );
    } catch (cause) {
      const problem = asProblem(cause);
      if (problem instanceof ProblemError) {
        toast(problem.detail, "bad");
      }
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="grid2 try">
      <section class="card" aria-label="Request">
        <div class="card-head">
          <h2>Request</h2>
          {ours.length > 1 ? (
            <select
              class="input"
              aria-label="Protocol"
              value={chosen?.protocol}
              onChange={(event) => {
                const protocol = event.currentTarget.value;
                setQuery({ protocol });
                setText(
                  exampleOf(
                    ours.find((it) => it.protocol === protocol),
                    endpoints,
                  ),
                );
              }}
            >
              {ours.map((it) => (
                <option key={it.protocol} value={it.protocol}>
                  {it.protocol}
                </option>
              ))}
            </select>
          ) : null}
          {rows ? (
            <fieldset class="picks">
              <legend class="hidden">Write it as</legend>
              {(["form", "json"] as const).map((it) => (
                <button
                  key={it}
                  type="button"
                  class={`chip pick ${(it === "form") === isForm ? "on" : ""}`}
                  aria-pressed={(it === "form") === isForm}
                  onClick={() => setQuery({ as: it === "form" ? undefined : it })}
                >
                  {it === "form" ? "Form" : "JSON"}
                </button>
              ))}
            </fieldset>
          ) : null}
        </div>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              void send();
            }
          }}
        >
          {isForm && rows ? (
            <RowForm
              rows={rows}
              columns={endpoints.columns}
              onChange={(value) => setText(json(value))}
            />
          ) : (
            <TextField
              label="Body"
              remark="JSON"
              lines={16}
              isMono
              value={text}
              onInput={setText}
              problems={parsed.problem ? [{ pointer: "", detail: parsed.problem }] : []}
              hint={
                endpoints.example
                  ? `Filled in with ${SOURCES[endpoints.example]}.`
                  : "The model has no input example to fill in here."
              }
            />
          )}
          <div class="tools">
            <Action
              type="submit"
              kind="primary"
              scope="read"
              disabledBy={reason}
              label="Send the request"
            >
              {isBusy ? "Waiting…" : "Send"}
            </Action>
            {isBusy ? (
              <Action onClick={() => control.current?.abort()}>Cancel</Action>
            ) : (
              <kbd>Ctrl+Enter</kbd>
            )}
            <span class="grow" />
            <Action
              kind="quiet"
              scope="deploy"
              disabledBy={reason || valueProblem(text)}
              onClick={() => askGolden(name, parsed.value)}
            >
              Keep as golden request…
            </Action>
          </div>
        </form>
        {chosen && parsed.value !== undefined ? (
          <SameIn
            ways={{
              python: `deployment = project.get_model_serving().get_deployment(${python(name)})\nprint(deployment.predict(${python(parsed.value)}))`,
              curl: curl("POST", chosen.url, parsed.value),
            }}
          />
        ) : null}
      </section>
      <div>
        <section class="card" aria-label="Answer">
          <h2>Answer</h2>
          <div role="status">
            {answer ? <Answered name={name} of={answer} /> : null}
            {isBusy ? <p class="muted">Waiting for the answer…</p> : null}
            {answer || isBusy ? null : (
              <p class="muted">{reason || "Send the request to see its answer here."}</p>
            )}
          </div>
        </section>
        <History
          sent={sent}
          onChoose={(it) => {
            setText(it.body);
            setQuery({ protocol: it.protocol === ours[0]?.protocol ? undefined : it.protocol });
          }}
          onClear={() => setSent(forget(name))}
        />
      </div>
    </div>
  );
}

/** Why a request cannot be sent now; empty if it can. */
function reasonOf(
  { state, name }: TabProps["deployment"],
  { is_answering: isAnswering }: Schemas["Endpoints"],
  problem: string,
): string {
  if (!isAnswering) {
    return `${name} is ${state.status.toLowerCase()}: start it to send requests.`;
  }
  return problem;
}

/** The request to begin with: the example, or a row for the columns that are known. */
function exampleOf(endpoint: Endpoint | undefined, of: Schemas["Endpoints"]): string {
  if (endpoint?.body) {
    return json(endpoint.body);
  }
  const row = Object.fromEntries(of.columns.map((it) => [it.name, null]));
  return json({ instances: of.columns.length ? [row] : [] });
}

function parse(text: string): { value?: unknown; problem: string } {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject
      ? { value, problem: "" }
      : { problem: 'The body has to be an object, such as {"instances": […]}.' };
  } catch (cause) {
    return { problem: `This is not JSON: ${(cause as Error).message}` };
  }
}

function Answered({ name, of }: { name: string; of: Answer }) {
  const isOk = of.status < 400;
  const detail = isOk ? "" : detailOf(of.text);
  return (
    <>
      <p>
        <span class={`state ${isOk ? "ok" : "bad"}`}>
          {of.status} · {duration(of.ms)}
        </span>
      </p>
      {detail ? (
        <Note kind="bad">
          {partsOf(detail).map((it, index) =>
            it.file && it.line ? (
              <a key={index} href={lineOf(name, it.file, it.line)}>
                {it.text}
              </a>
            ) : (
              <span key={index}>{it.text}</span>
            ),
          )}{" "}
          <a href={tabOf(name, "logs")}>See the log</a>
        </Note>
      ) : (
        <Snippet text={pretty(of.text)} label="Body of the answer" />
      )}
    </>
  );
}

/** What a problem document says, without the call in Python that finds the log. */
function detailOf(text: string): string {
  try {
    const { detail = text } = JSON.parse(text) as { detail?: string };
    return sentence(detail.replace(/; get_logs\("\w+"\) prints where$/, ""));
  } catch {
    return text;
  }
}

function History(props: {
  sent: readonly Sent[];
  onChoose: (it: Sent) => void;
  onClear: () => void;
}) {
  if (!props.sent.length) {
    return null;
  }
  return (
    <section class="card" aria-label="Sent before">
      <div class="card-head">
        <h2>Sent before</h2>
        <span class="sub">kept in this browser only</span>
        <span class="grow" />
        <Action small kind="quiet" onClick={props.onClear}>
          Forget
        </Action>
      </div>
      <ol class="sent">
        {props.sent.map((it) => (
          <li key={it.at}>
            <button type="button" class="link one-line" onClick={() => props.onChoose(it)}>
              <span class={`state ${it.status < 400 ? "ok" : "bad"}`}>{it.status}</span>{" "}
              <span class="mono">{it.body.replace(/\s+/g, " ")}</span>
            </button>
            <span class="sub">
              {duration(it.ms)} · <Time at={it.at} />
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function keyOf(name: string): string {
  return `hopsartifacts-sent ${name}`;
}

function keptOf(name: string): Sent[] {
  try {
    return JSON.parse(localStorage.getItem(keyOf(name)) ?? "[]") as Sent[];
  } catch {
    return [];
  }
}

function keep(name: string, it: Sent): Sent[] {
  const others = keptOf(name).filter(({ body }) => body !== it.body);
  const kept = it.body.length > MOST_KEPT_CHARACTERS ? others : [it, ...others];
  const shown = kept.slice(0, MOST_KEPT);
  try {
    localStorage.setItem(keyOf(name), JSON.stringify(shown));
  } catch {
    // The browser keeps nothing for this page, or has no room: the list lasts as the page.
  }
  return shown;
}

function forget(name: string): Sent[] {
  localStorage.removeItem(keyOf(name));
  return [];
}

/** Ask, and record the answer that every later version has to give. */
function askGolden(name: string, request: unknown): void {
  confirm({
    title: `Keep this request for ${name}?`,
    action: "Keep it",
    body: (
      <>
        <p>
          The request is sent once more, and its answer is recorded in the next version of{" "}
          {name}. From then on, a version only becomes ready if it gives the same answer.
        </p>
        <SameIn
          ways={{
            python: `deployment = project.get_model_serving().get_deployment(${python(name)})\ndeployment.record_golden(${python(request)})`,
            curl: curl("POST", `/api/v1/deployments/${name}/golden-request`, { request }),
          }}
        />
      </>
    ),
    run: async () => {
      const params = { path: { name } };
      const body = { request };
      await ended(
        await ask(
          api.POST("/api/v1/deployments/{name}/golden-request", {
            params,
            body: body as Schemas["Recording"],
          }),
        ),
      );
      toast("Recorded as the golden request");
    },
  });
}

/** Wait until a job has ended; a failure is a problem. */
async function ended(job: Job): Promise<void> {
  let now = job;
  while (now.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    now = await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
  }
  if (now.error) {
    throw new ProblemError(now.error.status, "Not recorded", now.error.detail);
  }
}
