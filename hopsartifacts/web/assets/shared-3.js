import {
  $,
  Action,
  Note,
  ProblemError,
  SameIn,
  a,
  api,
  asProblem,
  ask,
  confirm,
  curl,
  firstLine,
  listen,
  many,
  place,
  python,
  shell,
  to,
  toast,
  withQuery,
  y
} from "./shared-1.js";

// src/pages/deployments/tab.ts
function errorIn({ state, version }) {
  return state.last_error?.version === version ? state.last_error : null;
}
function tabOf(name, id = "") {
  return id ? `${to("/deployments", name)}/${id}` : to("/deployments", name);
}
function lineOf(name, file, line) {
  return withQuery(tabOf(name, "artifact"), { file, line });
}

// src/pages/deployments/actions.tsx
var TOO_MANY = 429;
var RETRY_MS = 1e3;
function StartStop(props) {
  const { name, state } = props.of;
  if (state.deployed) {
    return /* @__PURE__ */ a(
      Action,
      {
        scope: "deploy",
        small: props.small,
        label: `Stop ${name}`,
        onClick: () => askToStop([props.of]),
        children: "Stop"
      }
    );
  }
  return /* @__PURE__ */ a(
    Action,
    {
      scope: "deploy",
      small: props.small,
      kind: props.kind,
      label: `Start ${name}`,
      disabledBy: state.status === "Stopping" ? "The deployment is stopping: wait until it has stopped." : "",
      onClick: () => start(name),
      children: "Start"
    }
  );
}
async function start(name, given = {}) {
  const query = given.ignoreEnvironment ? { ignore_environment: true } : {};
  const params = { path: { name }, query };
  const job = await ask(api.POST("/api/v1/deployments/{name}/start", { params }));
  if (!given.isShown) {
    follow(job);
  }
}
async function stop(name) {
  const params = { path: { name } };
  follow(await ask(api.POST("/api/v1/deployments/{name}/stop", { params })));
}
async function remove({ name, state }) {
  const query = state.deployed ? { force: true } : {};
  await ask(api.DELETE("/api/v1/deployments/{name}", { params: { path: { name }, query } }));
}
function askToStart(given) {
  const meant = given.filter((it) => !it.state.deployed);
  askFor("start", meant, given.length - meant.length, (it) => start(it.name));
}
function askToStop(given) {
  const meant = given.filter((it) => it.state.deployed);
  askFor("stop", meant, given.length - meant.length, (it) => stop(it.name));
}
function askToDelete(given, onDone) {
  askFor("delete", given, 0, remove, onDone);
}
var TITLES = { start: "Start", stop: "Stop", delete: "Delete" };
var DONE = { start: "starting", stop: "stopping", delete: "deleted" };
function askFor(verb, meant, others, run, onDone) {
  const [first] = meant;
  if (!first) {
    const state = verb === "start" ? "All of these are already running" : "None of these is running";
    toast(`${state}: there is nothing to ${verb}.`);
    return;
  }
  const left = new Map(meant.map((it) => [it.name, it]));
  const isDone = y(0);
  const what = meant.length === 1 ? first.name : many(meant.length, "deployment");
  confirm({
    title: `${TITLES[verb]} ${what}?`,
    action: `${TITLES[verb]} ${what}`,
    isDangerous: verb !== "start",
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("ul", { class: "names", children: meant.map((it) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a("b", { children: it.name }),
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: consequence(verb, it) })
      ] }, it.name)) }),
      others ? /* @__PURE__ */ a(Note, { children: [
        many(others, "more selected deployment", "more selected deployments"),
        " ",
        others === 1 ? "is" : "are",
        " not changed:",
        " ",
        verb === "start" ? "already running" : "not running",
        "."
      ] }) : null,
      /* @__PURE__ */ a("p", { class: "sub", role: "status", children: meant.length > 1 ? /* @__PURE__ */ a(Count, { of: isDone, all: meant.length, words: DONE[verb] }) : null }),
      /* @__PURE__ */ a(SameIn, { ways: waysOf(verb, meant) })
    ] }),
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
    }
  });
}
function Count(props) {
  const done = props.of.value;
  return done ? /* @__PURE__ */ a($, { children: [
    done,
    " of ",
    props.all,
    " ",
    props.words
  ] }) : null;
}
function consequence(verb, it) {
  const model = /* @__PURE__ */ a($, { children: [
    it.model,
    " version ",
    it.model_version,
    it.artifact_version ? ` and artifact version ${it.artifact_version}` : ""
  ] });
  if (verb === "start") {
    return /* @__PURE__ */ a($, { children: [
      "the files and packages are checked, then ",
      model,
      " is loaded"
    ] });
  }
  if (verb === "stop") {
    return /* @__PURE__ */ a($, { children: "answers the requests that it has received, then none until it is started again" });
  }
  return /* @__PURE__ */ a($, { children: [
    "is ",
    it.state.deployed ? "stopped and then " : "",
    "deleted, with all its versions and their history; ",
    model,
    " and the logs of the deployment are kept"
  ] });
}
function named(cause, name, count) {
  if (count === 1 || !(cause instanceof ProblemError)) {
    return cause;
  }
  return new ProblemError(cause.status, cause.title, `${name}: ${cause.detail}`);
}
async function patiently(run) {
  for (; ; ) {
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
async function isShown(name) {
  const [, section, shown = name] = place.value.path.split("/");
  if (section !== "deployments" || shown !== encodeURIComponent(name)) {
    return false;
  }
  const params = { path: { name } };
  const found = await ask(api.GET("/api/v1/deployments/{name}", { params })).catch(() => null);
  return found?.state.status === "Failed";
}
function follow(job) {
  const end = async (now) => {
    if (now.status !== "running") {
      unlisten();
    }
    if (now.status === "failed" && now.error && !await isShown(job.subject ?? "")) {
      toast(firstLine(now.error.detail), "bad");
    }
  };
  const look = () => {
    const params = { path: { id: job.id } };
    ask(api.GET("/api/v1/jobs/{id}", { params })).then(end, unlisten);
  };
  const unlisten = listen(({ name, data }) => {
    if (name === "job" && data.id === job.id) {
      void end(data);
    } else if (name === "reload") {
      look();
    }
  });
  look();
}
function waysOf(verb, meant) {
  const lines = (each) => meant.map(each).join("\n");
  const force = (it, flag) => verb === "delete" && it.state.deployed ? flag : "";
  return {
    python: `ms = project.get_model_serving()
${lines(
      (it) => `ms.get_deployment(${python(it.name)}).${verb}(${force(it, "force=True")})`
    )}`,
    cli: lines(
      (it) => `hopsartifacts deployments ${verb} ${shell(it.name)}${force(it, " --force")}`
    ),
    curl: lines((it) => {
      const path = `/api/v1/deployments/${encodeURIComponent(it.name)}`;
      return verb === "delete" ? curl("DELETE", path + force(it, "?force=true")) : curl("POST", `${path}/${verb}`);
    })
  };
}
function progressOf(name) {
  return tabOf(name, "progress");
}

// src/parts/Bars.tsx
function Bars(props) {
  const most = Math.max(1, ...props.values);
  const last = props.values.length;
  return /* @__PURE__ */ a(
    "svg",
    {
      class: "bars",
      viewBox: `0 0 ${Math.max(60, last) * 4} 40`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": props.label,
      children: [
        /* @__PURE__ */ a("line", { class: "rule", x1: "0", x2: Math.max(60, last) * 4, y1: "39.5", y2: "39.5" }),
        props.values.map((value, index) => {
          const size = value ? Math.max(1.5, value / most * 38) : 0;
          const left = (Math.max(60, last) - last + index) * 4;
          return size ? /* @__PURE__ */ a("rect", { class: "bar", x: left, y: 39 - size, width: "3", height: size }, index) : null;
        })
      ]
    }
  );
}

export {
  Bars,
  errorIn,
  tabOf,
  lineOf,
  StartStop,
  start,
  askToStart,
  askToStop,
  askToDelete,
  progressOf
};
