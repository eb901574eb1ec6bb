/**
 * Start, stop and delete deployments, one or several: for the list and for their pages.
 *
 * Starts and stops go on in jobs of the server. How a job failed is said on whichever page
 * the user is by then.
 */

import { signal } from "@preact/signals";
import { api, ask, asProblem, type Job, ProblemError, type Schemas } from "../../api.ts";
import { listen } from "../../live.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell, type Ways } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Note } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { place } from "../../route.ts";
import { firstLine, many } from "../../words.ts";
import { tabOf } from "./tab.ts";

/** What the actions need to know about a deployment. */
export type Actionable = Pick<
  Schemas["DeploymentRow"],
  "name" | "state" | "model" | "model_version" | "artifact_version"
>;

type Verb = "start" | "stop" | "delete";

const TOO_MANY = 429;
const RETRY_MS = 1000;

/** The button that fits the state: stop what runs, start what does not. */
export function StartStop(props: { of: Actionable; small?: boolean; kind?: "primary" }) {
  const { name, state } = props.of;
  if (state.deployed) {
    return (
      <Action
        scope="deploy"
        small={props.small}
        label={`Stop ${name}`}
        onClick={() => askToStop([props.of])}
      >
        Stop
      </Action>
    );
  }
  return (
    <Action
      scope="deploy"
      small={props.small}
      kind={props.kind}
      label={`Start ${name}`}
      disabledBy={
        state.status === "Stopping"
          ? "The deployment is stopping: wait until it has stopped."
          : ""
      }
      onClick={() => start(name)}
    >
      Start
    </Action>
  );
}

/**
 * Begin to start a deployment; its page of progress shows how far it is.
 *
 * A failure of the job is said in a message, unless the page shows it anyway (`isShown`).
 */
export async function start(
  name: string,
  given: { ignoreEnvironment?: boolean; isShown?: boolean } = {},
): Promise<void> {
  const query = given.ignoreEnvironment ? { ignore_environment: true } : {};
  const params = { path: { name }, query };
  const job = await ask(api.POST("/api/v1/deployments/{name}/start", { params }));
  if (!given.isShown) {
    follow(job);
  }
}

async function stop(name: string): Promise<void> {
  const params = { path: { name } };
  follow(await ask(api.POST("/api/v1/deployments/{name}/stop", { params })));
}

async function remove({ name, state }: Actionable): Promise<void> {
  const query = state.deployed ? { force: true } : {};
  await ask(api.DELETE("/api/v1/deployments/{name}", { params: { path: { name }, query } }));
}

/** Ask, and start several deployments. */
export function askToStart(given: readonly Actionable[]): void {
  const meant = given.filter((it) => !it.state.deployed);
  askFor("start", meant, given.length - meant.length, (it) => start(it.name));
}

/** Ask, and stop deployments. */
export function askToStop(given: readonly Actionable[]): void {
  const meant = given.filter((it) => it.state.deployed);
  askFor("stop", meant, given.length - meant.length, (it) => stop(it.name));
}

/** Ask, and delete deployments; `onDone` is called after all are deleted. */
export function askToDelete(given: readonly Actionable[], onDone?: () => void): void {
  askFor("delete", given, 0, remove, onDone);
}

const TITLES = { start: "Start", stop: "Stop", delete: "Delete" } as const;
const DONE = { start: "starting", stop: "stopping", delete: "deleted" } as const;

/** Say what will happen to which deployments, and do it one after the other. */
function askFor(
  verb: Verb,
  meant: readonly Actionable[],
  others: number,
  run: (it: Actionable) => Promise<void>,
  onDone?: () => void,
): void {
  const [first] = meant;
  if (!first) {
    const state =
      verb === "start" ? "All of these are already running" : "None of these is running";
    toast(`${state}: there is nothing to ${verb}.`);
    return;
  }
  const left = new Map(meant.map((it) => [it.name, it]));
  const isDone = signal(0);
  const what = meant.length === 1 ? first.name : many(meant.length, "deployment");
  confirm({
    title: `${TITLES[verb]} ${what}?`,
    action: `${TITLES[verb]} ${what}`,
    isDangerous: verb !== "start",
    body: (
      <>
        <ul class="names">
          {meant.map((it) => (
            <li key={it.name}>
              <b>{it.name}</b> <span class="sub">{consequence(verb, it)}</span>
            </li>
          ))}
        </ul>
        {others ? (
          <Note>
            {many(others, "more selected deployment", "more selected deployments")}{" "}
            {others === 1 ? "is" : "are"} not changed:{" "}
            {verb === "start" ? "already running" : "not running"}.
          </Note>
        ) : null}
        <p class="sub" role="status">
          {meant.length > 1 ? (
            <Count of={isDone} all={meant.length} words={DONE[verb]} />
          ) : null}
        </p>
        <SameIn ways={waysOf(verb, meant)} />
      </>
    ),
    run: async () => {
      for (const it of [...left.values()]) {
        await patiently(() => run(it)).catch((cause) => {
          throw named(asProblem(cause), it.name, meant.length);
        });
        left.delete(it.name);
        isDone.value += 1;
      }
      toast(verb === "delete" ? `Deleted ${what}` : `${what}: ${DONE[verb]}`);
      onDone?.();
    },
  });
}

function Count(props: { of: { value: number }; all: number; words: string }) {
  const done = props.of.value;
  return done ? (
    <>
      {done} of {props.all} {props.words}
    </>
  ) : null;
}

function consequence(verb: Verb, it: Actionable) {
  const model = (
    <>
      {it.model} version {it.model_version}
      {it.artifact_version ? ` and artifact version ${it.artifact_version}` : ""}
    </>
  );
  if (verb === "start") {
    return <>the files and packages are checked, then {model} is loaded</>;
  }
  if (verb === "stop") {
    return <>answers the requests that it has received, then none until it is started again</>;
  }
  return (
    <>
      is {it.state.deployed ? "stopped and then " : ""}deleted, with all its versions and their
      history; {model} and the logs of the deployment are kept
    </>
  );
}

/** A problem that names its deployment, if there are several. */
function named(cause: Error, name: string, count: number): Error {
  if (count === 1 || !(cause instanceof ProblemError)) {
    return cause;
  }
  return new ProblemError(cause.status, cause.title, `${name}: ${cause.detail}`);
}

/** Do it as soon as the server has room for another job. */
async function patiently(run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await run();
    } catch (cause) {
      if (!(cause instanceof ProblemError && cause.status === TOO_MANY)) {
        throw cause;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Whether the page shows the state of a deployment, which says why it failed. */
async function isShown(name: string): Promise<boolean> {
  const [, section, shown = name] = place.value.path.split("/");
  if (section !== "deployments" || shown !== encodeURIComponent(name)) {
    return false;
  }
  const params = { path: { name } };
  const found = await ask(api.GET("/api/v1/deployments/{name}", { params })).catch(() => null);
  return found?.state.status === "Failed";
}

/** Say how a job failed, once it has, unless the page shows it. */
function follow(job: Job): void {
  const end = async (now: Job) => {
    if (now.status !== "running") {
      unlisten();
    }
    if (now.status === "failed" && now.error && !(await isShown(job.subject ?? ""))) {
      toast(firstLine(now.error.detail), "bad");
    }
  };
  const look = () => {
    const params = { path: { id: job.id } };
    ask(api.GET("/api/v1/jobs/{id}", { params })).then(end, unlisten);
  };
  const unlisten = listen(({ name, data }) => {
    if (name === "job" && data.id === job.id) {
      void end(data as unknown as Job);
    } else if (name === "reload") {
      look();
    }
  });
  // It may have ended before this page listened.
  look();
}

/** The same action in the other interfaces. */
export function waysOf(verb: Verb, meant: readonly Actionable[]): Ways {
  const lines = (each: (it: Actionable) => string) => meant.map(each).join("\n");
  const force = (it: Actionable, flag: string) =>
    verb === "delete" && it.state.deployed ? flag : "";
  return {
    python: `ms = project.get_model_serving()\n${lines(
      (it) => `ms.get_deployment(${python(it.name)}).${verb}(${force(it, "force=True")})`,
    )}`,
    cli: lines(
      (it) => `hopsartifacts deployments ${verb} ${shell(it.name)}${force(it, " --force")}`,
    ),
    curl: lines((it) => {
      const path = `/api/v1/deployments/${encodeURIComponent(it.name)}`;
      return verb === "delete"
        ? curl("DELETE", path + force(it, "?force=true"))
        : curl("POST", `${path}/${verb}`);
    }),
  };
}

/** The page of progress of a deployment. */
export function progressOf(name: string): string {
  return tabOf(name, "progress");
}
