import {
  Bars,
  StartStop,
  askToDelete,
  askToStop,
  errorIn,
  lineOf,
  progressOf,
  start,
  tabOf
} from "./shared-3.js";
import {
  Changes,
  labelOfNumber
} from "./shared-4.js";
import {
  Source
} from "./shared-13.js";
import {
  useWidth
} from "./shared-7.js";
import {
  conditionBesideError,
  conditionOf,
  isPassing,
  toneOf
} from "./shared-5.js";
import {
  SearchField
} from "./shared-10.js";
import {
  valueProblem
} from "./shared-2.js";
import {
  Tabs
} from "./shared-14.js";
import {
  Table
} from "./shared-12.js";
import {
  CheckField,
  SelectField,
  TextField,
  problemsAt
} from "./shared-9.js";
import {
  $,
  A,
  Action,
  By,
  Chip,
  Copy,
  Digest,
  Empty,
  F,
  Note,
  Page,
  Problem,
  ProblemError,
  SameIn,
  Shown,
  Size,
  Snippet,
  T,
  Time,
  Waiting,
  a,
  api,
  asProblem,
  ask,
  b,
  bytes,
  clock,
  confirm,
  count,
  curl,
  d,
  duration,
  exact,
  firstLine,
  go,
  json,
  many,
  observed,
  place,
  problemIn,
  python,
  sentence,
  setQuery,
  shell,
  to,
  toast,
  useAgain,
  useLoad,
  usePages,
  w,
  withQuery,
  y
} from "./shared-1.js";

// src/pages/deployments/artifact.tsx
function ArtifactTab({ name, deployment }) {
  const { model, artifact } = deployment.specification;
  const number = artifact.version;
  const path = { model: model.name, version: String(model.version), artifact: String(number) };
  const loaded = useLoad(
    `artifact ${model.name} ${model.version} ${number}`,
    (signal) => ask(
      api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", {
        params: { path },
        signal
      })
    ),
    ["deployment", "deployment-removed"]
  );
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Explained, { name }),
    /* @__PURE__ */ a(Shown, { loaded, children: (found) => found.files.length ? /* @__PURE__ */ a(Files, { of: found, name, deployment }) : /* @__PURE__ */ a("p", { children: [
      "Artifact version ",
      number,
      " has no files: the model server runs the model without scripts."
    ] }) }),
    /* @__PURE__ */ a(SameIn, { ways: waysOf(name, deployment) })
  ] });
}
function Explained({ name }) {
  const loaded = useLoad(
    `explanation ${name}`,
    (signal) => ask(
      api.GET("/api/v1/deployments/{name}/explanation", {
        params: { path: { name } },
        signal
      })
    ),
    (event) => event.name === "deployment" && event.data.name === name
  );
  return /* @__PURE__ */ a(Shown, { loaded, lines: 1, children: (found) => /* @__PURE__ */ a(Note, { children: found.text }) });
}
function Files(props) {
  const { of: artifact, name } = props;
  const query = place.value.query;
  const asked = query.get("file");
  const shown = artifact.files.find((it) => it.name === asked || it.name === `${it.role}-${asked}`) ?? artifact.files.find((it) => it.role === "predictor") ?? artifact.files[0];
  const line = Number(query.get("line")) || void 0;
  const error = errorIn(props.deployment);
  const isIn = error && shown?.name === error.file && error.line !== null;
  const users = artifact.deployments.filter((it) => it.deployment !== name);
  return /* @__PURE__ */ a("div", { class: "tab", children: [
    /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { "aria-label": "Files of the artifact", children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: "File" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "Role" }),
        /* @__PURE__ */ a("th", { scope: "col", class: "num", children: "Size" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "SHA-256" }),
        /* @__PURE__ */ a("th", { scope: "col" })
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: artifact.files.map((it) => /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("td", { class: "first", "data-head": "File", children: /* @__PURE__ */ a(
          "a",
          {
            class: "mono",
            href: lineOf(name, it.name, ""),
            "aria-current": it === shown ? "true" : void 0,
            children: it.name
          }
        ) }),
        /* @__PURE__ */ a("td", { "data-head": "Role", children: it.role }),
        /* @__PURE__ */ a("td", { class: "num", "data-head": "Size", children: /* @__PURE__ */ a(Size, { of: it.size_bytes }) }),
        /* @__PURE__ */ a("td", { "data-head": "SHA-256", children: /* @__PURE__ */ a(Digest, { of: it.sha256 }) }),
        /* @__PURE__ */ a("td", { children: /* @__PURE__ */ a(
          "a",
          {
            class: "button small",
            href: sealed(props.deployment, it.name),
            download: it.name,
            "aria-label": `Download ${it.name}`,
            children: "Download"
          }
        ) })
      ] }, it.name)) })
    ] }) }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "Artifact version ",
      artifact.version,
      " of ",
      props.deployment.model,
      " version",
      " ",
      props.deployment.model_version,
      ":",
      " ",
      /* @__PURE__ */ a("a", { href: to("/files", ...artifact.path.split("/")), children: artifact.path }),
      ", identity",
      " ",
      /* @__PURE__ */ a(Digest, { of: artifact.identity }),
      users.length ? /* @__PURE__ */ a($, { children: [
        "; also run by",
        " ",
        [...new Set(users.map((it) => it.deployment))].map((it, index) => /* @__PURE__ */ a("span", { children: [
          index ? ", " : "",
          /* @__PURE__ */ a("a", { href: to("/deployments", it), children: it })
        ] }, it))
      ] }) : null
    ] }),
    shown ? /* @__PURE__ */ a("section", { "aria-labelledby": "source", children: [
      /* @__PURE__ */ a("h2", { id: "source", class: "mono", children: shown.name }),
      /* @__PURE__ */ a(
        Source,
        {
          path: `${artifact.path}/${shown.name}`,
          line,
          remark: isIn ? {
            line: error.line ?? 0,
            text: error.type ? `${error.type}: ${error.message}` : error.message
          } : void 0,
          hrefOf: (number) => lineOf(name, shown.name, number)
        }
      )
    ] }) : null
  ] });
}
function sealed({ specification }, file) {
  const { model, artifact } = specification;
  const parts = [model.name, "versions", model.version, "artifacts", artifact.version, "files"];
  return `/api/v1/models/${[...parts, file].map(encodeURIComponent).join("/")}`;
}
function waysOf(name, deployment) {
  const { model, artifact } = deployment.specification;
  return {
    python: `deployment = project.get_model_serving().get_deployment(${python(name)})
print(deployment.explain())
deployment.download_artifact()`,
    cli: `hopsartifacts artifacts show ${shell(model.name)} ${model.version} ${artifact.version}`,
    curl: curl(
      "GET",
      `/api/v1/models/${encodeURIComponent(model.name)}/versions/${model.version}/artifacts/${artifact.version}`
    )
  };
}

// src/pages/deployments/log_lines.ts
var CHUNK_LINES = 100;
var MOST_LINES = 25e4;
var LOOKED_AT = 160;
var ERROR = /\b(?:ERROR|CRITICAL|FATAL)\b/;
var WARN = /\bWARN(?:ING)?\b|\b\w*Warning: /;
var TRACEBACK = /^\s*(?:Traceback \(most recent call last\)|[+|\s]*Exception Group Traceback)/;
var EXCEPTION = /^[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Iteration)(?::|$)/;
var lastId = 0;
var LogLines = class {
  chunks = [];
  /** Whether the last line belongs to a traceback, whose lines have no level. */
  inTraceback = false;
  get count() {
    return this.chunks.reduce((sum, it) => sum + it.lines.length, 0);
  }
  get last() {
    return this.chunks.at(-1)?.lines.at(-1);
  }
  /** Add lines at the end; return how many old ones were dropped for them. */
  append(given) {
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
        lines: [...open.lines, ...lines.slice(0, room)]
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
  prepend(given) {
    const state = { inTraceback: false };
    const lines = given.map((it) => leveled(it, state));
    this.chunks = [...chunked(lines), ...this.chunks];
  }
  /** The lines that have `text`, in any case. */
  find(text) {
    const wanted = text.toLowerCase();
    return this.chunks.flatMap(
      (chunk) => chunk.lines.filter((it) => it.text.toLowerCase().includes(wanted))
    );
  }
};
function chunked(lines) {
  const chunks = [];
  for (let at = 0; at < lines.length; at += CHUNK_LINES) {
    lastId += 1;
    chunks.push({ id: lastId, lines: lines.slice(at, at + CHUNK_LINES) });
  }
  return chunks;
}
function leveled(line, state) {
  const { text } = line;
  if (TRACEBACK.test(text)) {
    state.inTraceback = true;
    return { ...line, level: "error" };
  }
  if (state.inTraceback) {
    state.inTraceback = text === "" || /^[\s+|]/.test(text);
    return { ...line, level: "error" };
  }
  const start2 = text.slice(0, LOOKED_AT);
  if (ERROR.test(start2) || EXCEPTION.test(start2)) {
    return { ...line, level: "error" };
  }
  return { ...line, level: WARN.test(start2) ? "warn" : "other" };
}
var PLACE = /File "[^"]*\/artifact\/([^"]+)", line (\d+)|\(([\w.-]+\.py), line (\d+)\)/g;
function partsOf(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(PLACE)) {
    parts.push({ text: text.slice(end, found.index) });
    parts.push({ text: found[0], file: found[1] ?? found[3], line: found[2] ?? found[4] });
    end = found.index + found[0].length;
  }
  parts.push({ text: text.slice(end) });
  return parts.filter((it) => it.text);
}

// src/pages/deployments/log_view.tsx
var LINE_PX = 20;
var NEAR_PX = 1200;
var AT_END_PX = 40;
var SHOWN = {
  other: () => true,
  warn: (line) => line.level !== "other",
  error: (line) => line.level === "error"
};
function LogView(props) {
  const { chunks, view, isFollowing } = props;
  const pane = T(null);
  const latest = T(props);
  latest.current = props;
  const before = T({ first: chunks[0]?.id, height: 0, top: 0 });
  F(() => {
    const box = pane.current;
    if (!box) {
      return;
    }
    const { first, height, top } = before.current;
    const isGrownAbove = first !== void 0 && chunks[0] && chunks[0].id !== first;
    if (isFollowing) {
      box.scrollTop = box.scrollHeight;
    } else if (isGrownAbove && box.scrollTop === top) {
      box.scrollTop = top + box.scrollHeight - height;
    }
    before.current = {
      first: chunks[0]?.id,
      height: box.scrollHeight,
      top: box.scrollTop
    };
  }, [chunks, isFollowing]);
  useScrollTo(pane, view.at, chunks);
  const scroll = () => {
    const box = pane.current;
    if (!box) {
      return;
    }
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - AT_END_PX;
    const isUp = box.scrollTop < before.current.top - 1;
    before.current = { ...before.current, height: box.scrollHeight, top: box.scrollTop };
    if (isAtEnd !== latest.current.isFollowing && (isAtEnd || isUp)) {
      latest.current.onFollow(isAtEnd);
    }
    if (box.scrollTop < NEAR_PX / 2) {
      latest.current.onTop();
    }
  };
  return /* @__PURE__ */ a(
    "section",
    {
      class: `log ${view.isWrapped ? "wrapped" : ""}`,
      ref: pane,
      tabIndex: 0,
      "aria-label": props.label,
      onScroll: scroll,
      children: chunks.map((it, index) => /* @__PURE__ */ a(
        Block,
        {
          chunk: it,
          view,
          pane,
          isFirstSeen: index >= chunks.length - 2 || it.lines.some(isAt(view.at))
        },
        it.id
      ))
    }
  );
}
function isAt(position) {
  return (line) => line.position === position;
}
function useScrollTo(pane, at, chunks) {
  const done = T("");
  A(() => {
    if (!at || done.current === at) {
      return;
    }
    const chunk = chunks.find((it) => it.lines.some(isAt(at)));
    const block = chunk && document.getElementById(`chunk-${chunk.id}`);
    if (!chunk || !block || !pane.current) {
      return;
    }
    done.current = at;
    const index = chunk.lines.findIndex(isAt(at));
    const near = block.offsetTop + index / chunk.lines.length * block.offsetHeight;
    pane.current.scrollTop = near - pane.current.clientHeight / 2;
    let frames = 20;
    const look = () => {
      const line = document.getElementById(`line-${at}`);
      if (line) {
        line.scrollIntoView({ block: "center" });
      } else if (frames) {
        frames -= 1;
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
  }, [at, chunks, pane]);
}
function Block(props) {
  const { chunk, view, pane } = props;
  const box = T(null);
  const [isSeen, setSeen] = d(props.isFirstSeen);
  const { level } = view;
  const shown = w(() => chunk.lines.filter(SHOWN[level]), [chunk, level]);
  const height = T(0);
  A(() => {
    const watch = new IntersectionObserver(
      ([it]) => {
        const isNear = it?.isIntersecting ?? false;
        if (!isNear && it?.boundingClientRect.height) {
          height.current = it.boundingClientRect.height;
        }
        setSeen(isNear);
      },
      { root: pane.current, rootMargin: `${NEAR_PX}px 0px` }
    );
    if (box.current) {
      watch.observe(box.current);
    }
    return () => watch.disconnect();
  }, [pane]);
  F(() => {
    const guess = shown.length * LINE_PX;
    const isKnown = view.isWrapped && height.current > 0;
    const empty = `${isKnown ? height.current : guess}px`;
    box.current?.style.setProperty("height", isSeen ? "auto" : empty);
  }, [isSeen, shown, view.isWrapped]);
  const lines = w(
    () => isSeen ? shown.map((it) => /* @__PURE__ */ a(Row, { line: it, view }, it.position)) : null,
    [isSeen, shown, view]
  );
  return /* @__PURE__ */ a("div", { ref: box, id: `chunk-${chunk.id}`, children: lines });
}
function Row({ line, view }) {
  const isHere = view.at === line.position;
  return /* @__PURE__ */ a(
    "div",
    {
      id: `line-${line.position}`,
      class: `log-line ${line.level} ${isHere ? "at" : ""}`,
      "aria-current": isHere ? "true" : void 0,
      children: [
        /* @__PURE__ */ a(
          "a",
          {
            class: "log-link",
            href: view.hrefOf(line.position),
            "aria-label": "Link to this line",
            tabIndex: -1,
            children: "#"
          }
        ),
        /* @__PURE__ */ a("span", { class: "log-text", children: partsOf(line.text).map(
          (it, index) => it.file && it.line ? /* @__PURE__ */ a("a", { href: lineOf(view.name, it.file, it.line), children: /* @__PURE__ */ a(Found, { in: it.text, text: view.text }) }, index) : /* @__PURE__ */ a(Found, { in: it.text, text: view.text }, index)
        ) })
      ]
    }
  );
}
function Found(props) {
  const wanted = props.text.toLowerCase();
  if (!wanted) {
    return /* @__PURE__ */ a($, { children: props.in });
  }
  const parts = [];
  const low = props.in.toLowerCase();
  let end = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, end)) {
    parts.push(props.in.slice(end, at));
    parts.push(/* @__PURE__ */ a("mark", { children: props.in.slice(at, at + wanted.length) }, at));
    end = at + wanted.length;
  }
  parts.push(props.in.slice(end));
  return /* @__PURE__ */ a($, { children: parts });
}

// src/pages/deployments/logs.tsx
var FIRST_LINES = 2e3;
var AROUND_LINES = 500;
var MORE_LINES = 1e4;
var GATHER_MS = 100;
var LEVELS = {
  other: "All lines",
  warn: "Warnings and errors",
  error: "Errors"
};
function LogsTab({ name }) {
  const archives = usePages(
    `archives ${name}`,
    (cursor, limit2, signal) => {
      const params = { path: { name }, query: { cursor, limit: limit2 } };
      return ask(api.GET("/api/v1/deployments/{name}/logs/archives", { params, signal }));
    },
    (event) => event.name.startsWith("deployment") && event.data.name === name
  );
  const query = place.value.query;
  const wanted = query.get("run");
  const runs = archives.data?.items ?? [];
  const run = wanted ? runs.find((it) => it.id === wanted) : runs[0];
  const component = run?.logs.find((it) => it.component === query.get("component"));
  const shown = component?.component ?? run?.logs[0]?.component;
  if (!archives.data) {
    return archives.problem ? /* @__PURE__ */ a(Problem, { problem: archives.problem, onRetry: archives.reload }) : /* @__PURE__ */ a(Waiting, {});
  }
  if (!runs.length) {
    return /* @__PURE__ */ a(Empty, { title: "No logs yet", children: /* @__PURE__ */ a("p", { children: "The deployment has not run on the server's machine. Its log appears here after the first start." }) });
  }
  return /* @__PURE__ */ a($, { children: run && shown ? /* @__PURE__ */ a(Log, { name, run, component: shown, children: /* @__PURE__ */ a(Choices, { runs, run, component: shown }) }, `${run.id} ${shown}`) : /* @__PURE__ */ a(Note, { kind: "warn", children: [
    "The log of this run was deleted: only the logs of the newest runs are kept.",
    " ",
    /* @__PURE__ */ a("a", { href: tabOf(name, "logs"), children: "Show the newest" })
  ] }) });
}
function Choices(props) {
  const { runs, run, component } = props;
  return /* @__PURE__ */ a($, { children: [
    run.logs.length > 1 ? /* @__PURE__ */ a("fieldset", { class: "picks", children: [
      /* @__PURE__ */ a("legend", { class: "hidden", children: "Component" }),
      run.logs.map((it) => /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: `chip pick ${it.component === component ? "on" : ""}`,
          "aria-pressed": it.component === component,
          onClick: () => setQuery({ component: it.component, at: void 0 }),
          children: it.component
        },
        it.component
      ))
    ] }) : null,
    /* @__PURE__ */ a(
      "select",
      {
        class: "input",
        "aria-label": "Run",
        value: run.id,
        onChange: (event) => {
          const id = event.currentTarget.value;
          setQuery({ run: id === runs[0]?.id ? void 0 : id, at: void 0 });
        },
        children: runs.map((it) => /* @__PURE__ */ a("option", { value: it.id, children: nameOf(it) }, it.id))
      }
    )
  ] });
}
function nameOf(run) {
  const size = run.logs.reduce((sum, it) => sum + it.size_bytes, 0);
  const remarks = [
    run.is_written ? "now" : bytes(size),
    ...run.is_earlier ? ["an earlier deployment"] : []
  ];
  return `Run of ${exact(run.started)} (${remarks.join(", ")})`;
}
function Log(props) {
  const { name, run, component } = props;
  const query = place.value.query;
  const at = query.get("at") ?? "";
  const [lines] = d(() => new LogLines());
  const [read, setRead] = d(null);
  const [problem, setProblem] = d(null);
  const [isFollowing, setFollowing] = d(!at);
  const [isLive, setLive] = d(false);
  const [unseen, setUnseen] = d(0);
  const [, draw] = d(0);
  const isReading = T(false);
  const started = T(at);
  const linesOf = b(
    (query2) => {
      const path = { name, archive: run.id };
      const params = { path, query: { ...query2, component } };
      return ask(
        api.GET("/api/v1/deployments/{name}/logs/archives/{archive}/lines", { params })
      );
    },
    [name, run.id, component]
  );
  const guarded = b(async (work) => {
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
      draw((count2) => count2 + 1);
    }
  }, []);
  const begin = b(
    () => guarded(async () => {
      const before = started.current;
      const first = await linesOf(
        before ? { before, limit: AROUND_LINES } : { limit: FIRST_LINES }
      );
      lines.append(first.lines);
      let later2 = first.later;
      if (before && later2) {
        const rest = await linesOf({ after: later2, limit: AROUND_LINES });
        lines.append(rest.lines);
        later2 = rest.later;
      }
      setRead({ earlier: first.earlier, later: later2 });
    }),
    [linesOf, guarded, lines]
  );
  A(() => void begin(), [begin]);
  const earlier = read?.earlier;
  const readEarlier = b(
    () => earlier ? guarded(async () => {
      const more = await linesOf({ before: earlier, limit: MORE_LINES });
      lines.prepend(more.lines);
      setRead((now) => now && { ...now, earlier: more.earlier });
    }) : Promise.resolve(),
    [linesOf, guarded, lines, earlier]
  );
  const later = read?.later;
  const readLater = b(
    () => later ? guarded(async () => {
      const more = await linesOf({ after: later, limit: MORE_LINES });
      lines.append(more.lines);
      setRead((now) => now && { ...now, later: more.later });
    }) : Promise.resolve(),
    [linesOf, guarded, lines, later]
  );
  const readAll = () => guarded(async () => {
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
  const isWhole = read !== null && !read.later;
  const isOpen = isWhole && run.is_written;
  A(() => {
    if (!isOpen) {
      return;
    }
    return follow(name, component, lines, setLive, (added) => {
      setUnseen((now) => now + added);
      draw((count2) => count2 + 1);
    });
  }, [isOpen, name, component, lines]);
  const text = query.get("q") ?? "";
  const level = query.get("level") ?? "other";
  const isWrapped = query.get("wrap") !== "no";
  const here = location.pathname;
  const view = w(
    () => ({
      name,
      level: level in LEVELS ? level : "other",
      text,
      at,
      isWrapped,
      hrefOf: (position) => withQuery(here, { run: run.id, component, at: position, q: text })
    }),
    [name, level, text, at, isWrapped, here, run.id, component]
  );
  const seen = (isNow) => {
    setFollowing(isNow);
    setUnseen(0);
  };
  if (!read) {
    return problem ? /* @__PURE__ */ a(Problem, { problem, onRetry: () => void begin() }) : /* @__PURE__ */ a(Waiting, { lines: 14 });
  }
  const content = `/api/v1/deployments/${encodeURIComponent(name)}/logs/archives/${run.id}/content`;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      props.children,
      /* @__PURE__ */ a(
        Search,
        {
          lines,
          text,
          at,
          onRest: read.earlier || read.later ? readAll : void 0
        }
      ),
      /* @__PURE__ */ a(
        "select",
        {
          class: "input",
          "aria-label": "Level",
          value: view.level,
          onChange: (event) => {
            const value = event.currentTarget.value;
            setQuery({ level: value === "other" ? void 0 : value });
          },
          children: Object.entries(LEVELS).map(([id, label]) => /* @__PURE__ */ a("option", { value: id, children: label }, id))
        }
      ),
      /* @__PURE__ */ a("label", { class: "choice", children: [
        /* @__PURE__ */ a(
          "input",
          {
            type: "checkbox",
            checked: isWrapped,
            onChange: () => setQuery({ wrap: isWrapped ? "no" : void 0 })
          }
        ),
        "Wrap"
      ] }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a("span", { class: "sub", role: "status", children: [
        many(lines.count, "line"),
        read.earlier || read.later ? " read" : "",
        isOpen ? isLive ? " · live" : " · connecting" : ""
      ] }),
      /* @__PURE__ */ a("a", { class: "button small", href: withQuery(content, { component }), download: true, children: "Download" })
    ] }),
    problem ? /* @__PURE__ */ a(Problem, { problem, onRetry: () => setProblem(null) }) : null,
    /* @__PURE__ */ a("div", { class: "log-box", children: [
      lines.count ? /* @__PURE__ */ a(
        LogView,
        {
          label: `Log of the ${component}`,
          chunks: lines.chunks,
          view,
          isFollowing: isFollowing && isWhole,
          onFollow: seen,
          onTop: () => void readEarlier()
        }
      ) : /* @__PURE__ */ a(Empty, { title: "The log is empty so far" }),
      /* @__PURE__ */ a("div", { class: "log-foot", children: [
        read.later ? /* @__PURE__ */ a(Action, { small: true, onClick: () => readLater(), children: "Later lines" }) : null,
        isWhole && !isFollowing ? /* @__PURE__ */ a("button", { type: "button", class: "button small", onClick: () => seen(true), children: unseen ? `${count(unseen)} new · to the end ↓` : "To the end ↓" }) : null
      ] })
    ] }),
    /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: `deployment = project.get_model_serving().get_deployment(${python(name)})
deployment.get_logs(${python(component)}, tail=1000, follow=True)`,
          cli: `hopsartifacts deployments logs ${shell(name)} --component ${component} --tail 1000 --follow`,
          curl: curl("GET", withQuery(content, { component }))
        }
      }
    )
  ] });
}
function follow(name, component, lines, onLive, onLines) {
  let source = null;
  let waiting = [];
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
    const start2 = after ? { after } : { tail: MORE_LINES };
    source = new EventSource(withQuery(url, { component, ...start2 }));
    source.onopen = () => onLive(true);
    source.onerror = () => onLive(false);
    source.addEventListener("line", ({ data, lastEventId }) => {
      waiting.push({
        text: JSON.parse(data).text,
        position: lastEventId
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
function Search(props) {
  const { lines, text, at } = props;
  const { chunks } = lines;
  const found = w(() => text ? lines.find(text) : [], [lines, text, chunks]);
  const now = found.findIndex((it) => it.position === at);
  const step = (by) => {
    if (found.length) {
      const first = by > 0 ? 0 : found.length - 1;
      const next = now < 0 ? first : (now + by + found.length) % found.length;
      setQuery({ at: found[next]?.position });
    }
  };
  const press = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    }
  };
  return /* @__PURE__ */ a("search", { class: "log-search", onKeyDown: press, children: [
    /* @__PURE__ */ a(SearchField, { name: "q", label: "Search in the log" }),
    text ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("button", { type: "button", class: "button small", onClick: () => step(-1), children: "Previous" }),
      /* @__PURE__ */ a("button", { type: "button", class: "button small", onClick: () => step(1), children: "Next" }),
      /* @__PURE__ */ a("span", { class: "sub", role: "status", children: [
        found.length ? `${now < 0 ? "" : `${count(now + 1)} of `}${many(found.length, "place")}` : "not found",
        props.onRest ? " in what was read" : ""
      ] }),
      props.onRest ? /* @__PURE__ */ a(Action, { small: true, onClick: props.onRest, children: "Search all of it" }) : null
    ] }) : null
  ] });
}

// src/pages/deployments/manifest.tsx
var MODES = [
  { value: "", label: "that of the server's settings" },
  { value: "Standard", label: "Standard" },
  { value: "Knative", label: "Knative" }
];
function ManifestTab({ name, deployment }) {
  const given = place.value.query;
  const image = given.get("image") ?? "";
  const namespace = given.get("namespace") ?? "";
  const mode = given.get("mode") ?? "";
  const claim = given.get("claim") ?? "";
  const query = {
    image: image || void 0,
    namespace: namespace || void 0,
    claim: claim || void 0,
    mode: mode || void 0
  };
  const path = withQuery(`/api/v1/deployments/${encodeURIComponent(name)}/manifest`, query);
  const loaded = useLoad(
    `${path} ${deployment.version}`,
    (signal) => ask(
      api.GET("/api/v1/deployments/{name}/manifest", {
        params: { path: { name }, query },
        signal
      })
    )
  );
  const problems = loaded.problem?.problems;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: [
      "With this text, KServe runs version ",
      deployment.version,
      " on a Kubernetes cluster. It names the version by the digest of its specification, which pins every file: pods with other files do not start."
    ] }),
    /* @__PURE__ */ a(
      Settings,
      {
        image,
        namespace,
        claim,
        mode,
        problemsOf: (field) => problemsAt(problems, `/${field}`)
      },
      path
    ),
    /* @__PURE__ */ a(Shown, { loaded, lines: 12, children: (found) => /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(Snippet, { label: `Manifest of ${name}`, text: found.yaml }),
      /* @__PURE__ */ a("p", { class: "sub", children: [
        "Save it as ",
        /* @__PURE__ */ a("code", { children: [
          name,
          ".yaml"
        ] }),
        ", and apply it with",
        " ",
        /* @__PURE__ */ a("code", { children: [
          "kubectl apply --server-side -f ",
          name,
          ".yaml"
        ] })
      ] })
    ] }) }),
    /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: pythonOf(name, query),
          cli: commandOf(name, query),
          curl: curl("GET", path)
        }
      }
    )
  ] });
}
function pythonOf(name, query) {
  const settings = Object.entries(query).flatMap(
    ([key, value]) => value ? [`${key}=${python(value)}`] : []
  );
  const made = settings.length ? `hopsartifacts.ClusterSettings(${settings.join(", ")})` : "";
  return `deployment = project.get_model_serving().get_deployment(${python(name)})
print(deployment.manifest(${made}))`;
}
function commandOf(name, query) {
  const options = Object.entries(query).flatMap(
    ([key, value]) => value ? [` --${key} ${shell(value)}`] : []
  );
  return `hopsartifacts deployments manifest ${shell(name)}${options.join("")}`;
}
function Settings(props) {
  const [image, setImage] = d(props.image);
  const [namespace, setNamespace] = d(props.namespace);
  const [claim, setClaim] = d(props.claim);
  const [mode, setMode] = d(props.mode);
  return /* @__PURE__ */ a(
    "form",
    {
      onSubmit: (event) => {
        event.preventDefault();
        setQuery({
          image: image.trim() || void 0,
          namespace: namespace.trim() || void 0,
          claim: claim.trim() || void 0,
          mode: mode || void 0
        });
      },
      children: [
        /* @__PURE__ */ a(
          TextField,
          {
            label: "Image",
            value: image,
            onInput: setImage,
            problems: props.problemsOf("image"),
            hint: "An image with hopsartifacts and the packages that the scripts import, by its digest. Empty: that of the server's settings.",
            isMono: true
          }
        ),
        /* @__PURE__ */ a(
          TextField,
          {
            label: "Namespace",
            value: namespace,
            onInput: setNamespace,
            problems: props.problemsOf("namespace"),
            hint: "Empty: that of the server's settings, or “default”.",
            isMono: true
          }
        ),
        /* @__PURE__ */ a(
          TextField,
          {
            label: "Volume claim",
            value: claim,
            onInput: setClaim,
            problems: props.problemsOf("claim"),
            hint: "The claim of the volume that contains the project, if the project is a folder.",
            isMono: true
          }
        ),
        /* @__PURE__ */ a(SelectField, { label: "Mode", value: mode, options: MODES, onChange: setMode }),
        /* @__PURE__ */ a("div", { class: "form-foot", children: /* @__PURE__ */ a(Action, { kind: "primary", type: "submit", children: "Show the manifest" }) })
      ]
    }
  );
}

// src/pages/deployments/calls.tsx
var PLACES = {
  server: "Through this server",
  inference_port: "At the port for predictions",
  process: "At the deployment itself, on the server's machine only"
};
var SOURCES = {
  golden_request: "the golden request of the deployment",
  input_example: "the input example of the model"
};
var LANGUAGES = {
  curl: {
    label: "curl",
    write: ({ url, body, needs_key }) => curl("POST", url, body, needs_key)
  },
  requests: { label: "Python", write: requests },
  client: { label: "Hopsworks client", write: client },
  javascript: { label: "JavaScript", write: javascript }
};
function useEndpoints(name) {
  return useLoad(
    `endpoints ${name}`,
    (signal) => {
      const params = { path: { name } };
      return ask(api.GET("/api/v1/deployments/{name}/endpoints", { params, signal }));
    },
    (event) => event.name === "deployment" && event.data.name === name
  );
}
function Calls({ name }) {
  const loaded = useEndpoints(name);
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Endpoints", children: [
    /* @__PURE__ */ a("h2", { children: "Endpoints" }),
    /* @__PURE__ */ a(Shown, { loaded, lines: 8, children: (data) => /* @__PURE__ */ a(Endpoints, { name, of: data }) })
  ] });
}
function idOf(endpoint) {
  return `${endpoint.place}-${endpoint.protocol}`;
}
function Endpoints({ name, of }) {
  const query = place.value.query;
  const callable = of.endpoints.filter((it) => it.body !== null);
  const chosen = callable.find((it) => idOf(it) === query.get("endpoint")) ?? callable[0];
  const language = LANGUAGES[query.get("language") ?? ""] ?? LANGUAGES.curl;
  return /* @__PURE__ */ a($, { children: [
    of.is_answering ? null : /* @__PURE__ */ a("p", { class: "sub", children: "The deployment does not answer now: start it, and wait until it runs." }),
    /* @__PURE__ */ a("ul", { class: "endpoints", children: of.endpoints.map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("span", { class: "chip", children: it.protocol }),
      /* @__PURE__ */ a("span", { class: "mono url", children: it.url }),
      /* @__PURE__ */ a(Copy, { text: it.url }),
      /* @__PURE__ */ a("div", { class: "sub", children: [
        PLACES[it.place],
        it.needs_key ? ", with an API key" : ""
      ] })
    ] }, idOf(it))) }),
    chosen && language ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("h3", { children: "Call it" }),
      /* @__PURE__ */ a("div", { class: "tools", children: [
        callable.length > 1 ? /* @__PURE__ */ a(
          "select",
          {
            class: "input",
            "aria-label": "Endpoint",
            value: idOf(chosen),
            onChange: (event) => setQuery({ endpoint: event.currentTarget.value }),
            children: callable.map((it) => /* @__PURE__ */ a("option", { value: idOf(it), children: [
              it.protocol,
              " · ",
              PLACES[it.place]
            ] }, idOf(it)))
          }
        ) : null,
        /* @__PURE__ */ a("fieldset", { class: "picks", children: [
          /* @__PURE__ */ a("legend", { class: "hidden", children: "Language" }),
          Object.entries(LANGUAGES).map(([id, it]) => /* @__PURE__ */ a(
            "button",
            {
              type: "button",
              class: `chip pick ${it === language ? "on" : ""}`,
              "aria-pressed": it === language,
              onClick: () => setQuery({ language: id }),
              children: it.label
            },
            id
          ))
        ] })
      ] }),
      /* @__PURE__ */ a(Snippet, { text: language.write(chosen, name), label: `Call in ${language.label}` }),
      of.example ? /* @__PURE__ */ a("p", { class: "sub", children: [
        "The rows are ",
        SOURCES[of.example],
        "."
      ] }) : null
    ] }) : /* @__PURE__ */ a("p", { class: "sub", children: [
      "There is no example request: the model has no input example, and the deployment no golden request. Save the next version of the model with ",
      /* @__PURE__ */ a("code", { children: "input_example=" }),
      "."
    ] })
  ] });
}
function requests({ url, body, needs_key }) {
  const lines = ["import requests", ""];
  if (needs_key) {
    lines.push('key = open("key.txt").read().strip()');
  }
  lines.push("answer = requests.post(", `    ${JSON.stringify(url)},`);
  if (needs_key) {
    lines.push('    headers={"Authorization": f"ApiKey {key}"},');
  }
  lines.push(`    json=${python(body)},`, ")", "answer.raise_for_status()");
  return `${lines.join("\n")}
print(answer.json())`;
}
function client({ body }, name) {
  const { hostname, port, protocol } = location;
  const at = port || (protocol === "https:" ? "443" : "80");
  return `import hopsworks

key = open("key.txt").read().strip()
project = hopsworks.login(host=${JSON.stringify(hostname)}, port=${at}, api_key_value=key)
deployment = project.get_model_serving().get_deployment(${JSON.stringify(name)})
print(deployment.predict(${python(body)}))`;
}
function javascript({ url, body, needs_key }) {
  const key = needs_key ? '\n    Authorization: "ApiKey " + key,' : "";
  return `const answer = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: {${key}
    "Content-Type": "application/json",
  },
  body: JSON.stringify(${json(body, "  ")}),
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`;
}

// src/pages/deployments/overview.tsx
function OverviewTab({ name, deployment }) {
  const { last_error: lastError } = deployment.state;
  return /* @__PURE__ */ a($, { children: [
    lastError ? /* @__PURE__ */ a(LastError, { name, error: lastError }) : null,
    /* @__PURE__ */ a("div", { class: "split", children: [
      /* @__PURE__ */ a(Calls, { name, deployment }),
      /* @__PURE__ */ a("aside", { children: [
        /* @__PURE__ */ a(LastHour, { of: deployment }),
        /* @__PURE__ */ a(Facts, { of: deployment }),
        /* @__PURE__ */ a(Resources, { of: deployment })
      ] })
    ] })
  ] });
}
function LastError(props) {
  const { name, error } = props;
  const logs = tabOf(name, "logs");
  return /* @__PURE__ */ a("section", { class: "card problem", "aria-label": "Last error", children: [
    /* @__PURE__ */ a("h2", { children: "Last error" }),
    /* @__PURE__ */ a("p", { class: "said", children: [
      error.type ? /* @__PURE__ */ a("b", { children: [
        error.type,
        ": "
      ] }) : null,
      error.message
    ] }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      error.file && error.line ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("a", { class: "mono", href: lineOf(name, error.file, error.line), children: [
          error.file,
          ", line ",
          error.line
        ] }),
        " · "
      ] }) : null,
      "version ",
      error.version,
      " · ",
      /* @__PURE__ */ a(Time, { at: error.time }),
      " ·",
      " ",
      /* @__PURE__ */ a("a", { href: error.component ? `${logs}?component=${error.component}` : logs, children: "See the log" })
    ] })
  ] });
}
function LastHour({ of }) {
  const hour = of.last_hour;
  const total = hour?.requests.reduce((sum, it) => sum + it, 0) ?? 0;
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Last hour", children: [
    /* @__PURE__ */ a("div", { class: "card-head", children: [
      /* @__PURE__ */ a("h2", { children: "Last hour" }),
      /* @__PURE__ */ a("a", { href: tabOf(of.name, "traffic"), children: "Traffic" })
    ] }),
    hour ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("div", { class: "facts", children: [
        /* @__PURE__ */ a(Fact, { label: "requests", value: count(total) }),
        /* @__PURE__ */ a(Fact, { label: "errors", value: count(hour.errors) }),
        /* @__PURE__ */ a(
          Fact,
          {
            label: "95 % answered within",
            value: hour.p95_ms === null ? "–" : duration(hour.p95_ms)
          }
        )
      ] }),
      /* @__PURE__ */ a(
        Bars,
        {
          label: `Requests in each minute: ${count(total)} in all`,
          values: hour.requests
        }
      )
    ] }) : /* @__PURE__ */ a("p", { class: "muted", children: "The deployment has not run on the server's machine yet." })
  ] });
}
function Fact(props) {
  return /* @__PURE__ */ a("div", { class: "kpi", children: [
    /* @__PURE__ */ a("b", { children: props.value }),
    /* @__PURE__ */ a("span", { class: "sub", children: props.label })
  ] });
}
function Facts({ of }) {
  const { specification: sealed2, state } = of;
  const model = to("/models", of.model);
  const { predictor, transformer, inference_logger: logger, inference_batcher } = sealed2;
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "What it runs", children: [
    /* @__PURE__ */ a("h2", { children: "What it runs" }),
    /* @__PURE__ */ a("dl", { children: [
      /* @__PURE__ */ a("dt", { children: "Version" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a("a", { href: tabOf(of.name, "versions"), children: of.version }),
        state.deployed && state.deployment_version !== of.version ? /* @__PURE__ */ a($, { children: [
          " (version ",
          state.deployment_version,
          " answers now)"
        ] }) : null
      ] }),
      /* @__PURE__ */ a("dt", { children: "Model" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a("a", { href: model, children: of.model }),
        " ",
        /* @__PURE__ */ a("a", { href: `${model}/versions/${of.model_version}`, children: [
          "version ",
          of.model_version
        ] }),
        of.model_aliases.map((it) => /* @__PURE__ */ a(Chip, { kind: "alias", href: `${model}/aliases/${encodeURIComponent(it)}`, children: it }, it)),
        /* @__PURE__ */ a("div", { children: /* @__PURE__ */ a(Digest, { of: sealed2.model.manifest }) })
      ] }),
      /* @__PURE__ */ a("dt", { children: "Artifact" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a("a", { href: tabOf(of.name, "artifact"), children: [
          "version ",
          of.artifact_version
        ] }),
        predictor.script ? /* @__PURE__ */ a("div", { class: "sub mono", children: predictor.script }) : null,
        transformer?.script ? /* @__PURE__ */ a("div", { class: "sub mono", children: transformer.script }) : null
      ] }),
      /* @__PURE__ */ a("dt", { children: "Framework" }),
      /* @__PURE__ */ a("dd", { children: [
        of.framework,
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: [
          "model server ",
          of.model_server
        ] })
      ] }),
      /* @__PURE__ */ a("dt", { children: "Protocol" }),
      /* @__PURE__ */ a("dd", { children: [
        of.api_protocol,
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: [
          "serving tool ",
          of.serving_tool
        ] })
      ] }),
      /* @__PURE__ */ a("dt", { children: "Environment" }),
      /* @__PURE__ */ a("dd", { children: [
        sealed2.environment ?? "the Python environment of the server",
        sealed2.environment_lock ? /* @__PURE__ */ a("div", { class: "sub mono", children: sealed2.environment_lock }) : null
      ] }),
      /* @__PURE__ */ a("dt", { children: "Instances" }),
      /* @__PURE__ */ a("dd", { children: state.deployed ? `${state.available_predictor_instances} of ${of.instances} ready` : count(of.instances) }),
      /* @__PURE__ */ a("dt", { children: "Inference logger" }),
      /* @__PURE__ */ a("dd", { children: logger ? `on ${logger.mode ?? ""}` : "off" }),
      /* @__PURE__ */ a("dt", { children: "Batcher" }),
      /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a(Batcher, { of: inference_batcher }) }),
      /* @__PURE__ */ a("dt", { children: "Created" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a(Time, { at: of.created }),
        " by ",
        of.creator
      ] }),
      /* @__PURE__ */ a("dt", { children: "Updated" }),
      /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a(Time, { at: of.updated }) })
    ] })
  ] });
}
function Batcher({ of }) {
  if (!of?.enabled) {
    return /* @__PURE__ */ a($, { children: "off" });
  }
  const { enabled: _, ...given } = of;
  const numbers = Object.entries(given).filter(([, value]) => value !== null);
  return /* @__PURE__ */ a($, { children: [
    "on",
    numbers.map(([name, value]) => /* @__PURE__ */ a("div", { class: "sub", children: [
      labelOfNumber(name),
      ": ",
      value
    ] }, name))
  ] });
}
function limit(value, words) {
  return value < 0 ? "no limit" : `at most ${words(value)}`;
}
function Resources({ of }) {
  const { name, state } = of;
  const usage = useLoad(
    state.deployed ? `usage ${name} ${state.revision}` : null,
    (signal) => ask(api.GET("/api/v1/deployments/{name}/usage", { params: { path: { name } }, signal }))
  );
  useAgain(usage, state.deployed);
  const { limits } = of.specification.predictor.resources;
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Resources", children: [
    /* @__PURE__ */ a("h2", { children: "Resources" }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "Each instance: ",
      limit(limits.cores, (it) => many(it, "core")),
      ",",
      " ",
      limit(limits.memory, (it) => `${count(it)} MB`),
      " of memory."
    ] }),
    state.deployed ? /* @__PURE__ */ a(Shown, { loaded: usage, lines: 3, children: ({ processes }) => /* @__PURE__ */ a("ul", { class: "usage", children: processes.map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("span", { children: [
        it.kind,
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: it.pid })
      ] }),
      /* @__PURE__ */ a("span", { class: "num", children: [
        it.cores.toFixed(2),
        " cores"
      ] }),
      /* @__PURE__ */ a("span", { class: "num", children: /* @__PURE__ */ a(Size, { of: it.memory_bytes }) })
    ] }, it.pid)) }) }) : /* @__PURE__ */ a("p", { class: "muted", children: "Nothing runs." })
  ] });
}

// src/pages/deployments/settings.tsx
function SettingsTab({ name, deployment }) {
  const path = `/api/v1/deployments/${encodeURIComponent(name)}/versions/${deployment.version}`;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      /* @__PURE__ */ a("p", { children: [
        "Version ",
        deployment.version,
        ", sealed ",
        /* @__PURE__ */ a(Time, { at: deployment.updated }),
        ". It never changes: an edit makes the next version."
      ] }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a(Action, { scope: "deploy", href: tabOf(name, "edit"), children: "Edit" })
    ] }),
    /* @__PURE__ */ a(
      Snippet,
      {
        label: `Specification of ${name}`,
        text: JSON.stringify(deployment.specification, null, 2)
      }
    ),
    /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: `project.get_model_serving().get_deployment(${python(name)}).specification`,
          cli: `hopsartifacts deployments show ${shell(name)} --json`,
          curl: curl("GET", path)
        }
      }
    )
  ] });
}

// src/pages/deployments/steps.tsx
var HEIGHT = 150;
var LEFT = 56;
var RIGHT = 8;
var TOP = 10;
var BOTTOM = 22;
var NICE = [1, 2, 5, 10];
function topOf(most) {
  const power = 10 ** Math.floor(Math.log10(most || 1));
  return power * (NICE.find((it) => it * power >= most) ?? 10);
}
function Steps(props) {
  const { starts, series, words } = props;
  const { box, width } = useWidth();
  const [at, setAt] = d(null);
  const inner = Math.max(1, width - LEFT - RIGHT);
  const slot = inner / Math.max(1, starts.length);
  const stacked = starts.map(
    (_, index) => props.kind === "bars" ? series.reduce((sum, it) => sum + (it.values[index] ?? 0), 0) : Math.max(0, ...series.map((it) => it.values[index] ?? 0))
  );
  const top = topOf(Math.max(...stacked, 0));
  const xOf = (index) => LEFT + (index + 0.5) * slot;
  const yOf = (value) => TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM);
  const start2 = at === null ? void 0 : starts[at];
  const told = start2 === void 0 ? "" : `${props.nameOf(start2)}: ${series.map((it) => `${it.label} ${inWords(it.values[at ?? 0], words)}`).join(", ")}`;
  const move = (event) => {
    const left = event.currentTarget.getBoundingClientRect().left;
    const index = Math.floor((event.clientX - left - LEFT) / slot);
    setAt(index >= 0 && index < starts.length ? index : null);
  };
  const press = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      const now = at ?? (step < 0 ? starts.length : -1);
      setAt(Math.max(0, Math.min(starts.length - 1, now + step)));
      event.preventDefault();
    }
  };
  return /* @__PURE__ */ a("div", { class: "chart", ref: box, children: [
    /* @__PURE__ */ a(
      "div",
      {
        role: "slider",
        tabIndex: 0,
        class: "plot",
        "aria-label": `${props.label}; arrow keys choose a time`,
        "aria-valuemin": 0,
        "aria-valuemax": Math.max(0, starts.length - 1),
        "aria-valuenow": at ?? Math.max(0, starts.length - 1),
        "aria-valuetext": told || "no time chosen",
        onPointerMove: move,
        onPointerLeave: () => setAt(null),
        onKeyDown: press,
        children: /* @__PURE__ */ a("svg", { width, height: HEIGHT, "aria-hidden": "true", children: [
          [0, top / 2, top].map((it) => /* @__PURE__ */ a("g", { children: [
            /* @__PURE__ */ a("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: yOf(it), y2: yOf(it) }),
            /* @__PURE__ */ a("text", { x: LEFT - 8, y: yOf(it) + 4, "text-anchor": "end", children: words(it) })
          ] }, it)),
          at === null ? null : /* @__PURE__ */ a(
            "rect",
            {
              class: "here",
              x: LEFT + at * slot,
              y: TOP,
              width: slot,
              height: HEIGHT - TOP - BOTTOM
            }
          ),
          props.kind === "bars" ? bars(series, slot, xOf, yOf) : series.map((it) => /* @__PURE__ */ a(Line, { of: it, xOf, yOf }, it.label)),
          [0, starts.length - 1].map(
            (index) => starts[index] === void 0 || index === 0 && starts.length === 1 ? null : /* @__PURE__ */ a(
              "text",
              {
                x: index ? width - RIGHT : LEFT,
                y: HEIGHT - 6,
                "text-anchor": index ? "end" : "start",
                children: props.nameOf(starts[index] ?? "")
              },
              index
            )
          )
        ] })
      }
    ),
    /* @__PURE__ */ a("div", { class: "legend", children: [
      series.map((it) => /* @__PURE__ */ a("span", { class: `key ${it.look}`, children: it.label }, it.label)),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a("span", { class: "sub", role: "status", children: told })
    ] })
  ] });
}
function inWords(value, words) {
  return value === null || value === void 0 ? "–" : words(value);
}
function bars(series, slot, xOf, yOf) {
  const below = [];
  const wide = Math.max(1, Math.min(24, slot * 0.8));
  return series.map(
    (it) => it.values.map((value, index) => {
      const base = below[index] ?? 0;
      below[index] = base + (value ?? 0);
      return value ? /* @__PURE__ */ a(
        "rect",
        {
          class: `bar ${it.look}`,
          x: xOf(index) - wide / 2,
          y: yOf(base + value),
          width: wide,
          height: Math.max(1, yOf(base) - yOf(base + value))
        },
        `${it.label} ${index}`
      ) : null;
    })
  );
}
function Line(props) {
  const { values, look } = props.of;
  let path = "";
  const alone = [];
  for (const [index, value] of values.entries()) {
    if (value === null) {
      continue;
    }
    const hasBefore = (values[index - 1] ?? null) !== null;
    const hasAfter = (values[index + 1] ?? null) !== null;
    if (!hasBefore && !hasAfter) {
      alone.push(index);
    }
    path += `${hasBefore ? "L" : "M"}${props.xOf(index).toFixed(1)},${props.yOf(value).toFixed(1)}`;
  }
  return /* @__PURE__ */ a("g", { class: look, children: [
    /* @__PURE__ */ a("path", { class: "line", d: path }),
    alone.map((index) => /* @__PURE__ */ a(
      "circle",
      {
        class: "dot",
        cx: props.xOf(index),
        cy: props.yOf(values[index] ?? 0),
        r: "2.5"
      },
      index
    ))
  ] });
}
function onAxis(value) {
  return value >= 1e4 ? new Intl.NumberFormat("en", { notation: "compact" }).format(value) : count(Math.round(value * 10) / 10);
}

// src/pages/deployments/traffic.tsx
var HOUR_S = 3600;
var PERIODS = {
  hour: { label: "Last hour", seconds: HOUR_S, step: 60 },
  day: { label: "Last day", seconds: 24 * HOUR_S, step: 900 },
  month: { label: "Last 30 days", seconds: 30 * 24 * HOUR_S, step: 6 * HOUR_S }
};
var AGAIN_MS = 1e4;
var SOURCES2 = {
  processes: "counted by its processes on the server's machine",
  inference_log: "counted in the inference log, which has no response times"
};
function TrafficTab({ name, deployment }) {
  const id = place.value.query.get("period") ?? "hour";
  const period = PERIODS[id] ?? PERIODS.hour;
  const traffic = useLoad(`traffic ${name} ${id}`, (signal) => {
    const { seconds, step } = period ?? { seconds: HOUR_S, step: 60 };
    const from = new Date(Date.now() - seconds * 1e3).toISOString();
    const params = { path: { name }, query: { from, step } };
    return ask(api.GET("/api/v1/deployments/{name}/traffic", { params, signal }));
  });
  useAgain(traffic, deployment.state.deployed, AGAIN_MS);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "tools", children: /* @__PURE__ */ a("fieldset", { class: "picks", children: [
      /* @__PURE__ */ a("legend", { class: "hidden", children: "Period" }),
      Object.entries(PERIODS).map(([key, it]) => /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: `chip pick ${it === period ? "on" : ""}`,
          "aria-pressed": it === period,
          onClick: () => setQuery({ period: key === "hour" ? void 0 : key }),
          children: it.label
        },
        key
      ))
    ] }) }),
    /* @__PURE__ */ a(Shown, { loaded: traffic, lines: 12, children: (data) => /* @__PURE__ */ a(Charts, { of: data }) }),
    /* @__PURE__ */ a(
      Requests,
      {
        name,
        version: deployment.version,
        isLogged: Boolean(deployment.specification.inference_logger)
      }
    )
  ] });
}
function timeOf(step) {
  const style = step >= HOUR_S ? { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" } : { hour: "2-digit", minute: "2-digit" };
  const format = new Intl.DateTimeFormat("en-GB", style);
  return (start2) => format.format(new Date(start2));
}
function Charts({ of }) {
  const { total } = of;
  if (of.since === null) {
    return /* @__PURE__ */ a(Note, { children: "Nothing was counted yet: the deployment has not run on the server's machine, and has no inference log." });
  }
  const steps = padded(of);
  const starts = steps.map((it) => it.start);
  const nameOf2 = timeOf(of.step_s);
  const isTimed = total.p50_ms !== null;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "Since ",
      /* @__PURE__ */ a(Time, { at: of.since }),
      ", ",
      SOURCES2[of.source],
      "."
    ] }),
    /* @__PURE__ */ a("div", { class: "grid4 kpis", children: [
      /* @__PURE__ */ a(Figure, { label: "requests", value: count(total.requests) }),
      /* @__PURE__ */ a(
        Figure,
        {
          label: `errors, ${count(total.server_errors)} of them with a status of 500 or more`,
          value: share(total.errors, total.requests)
        }
      ),
      /* @__PURE__ */ a(Figure, { label: "50 % answered within", value: time(total.p50_ms) }),
      /* @__PURE__ */ a(Figure, { label: "95 % answered within", value: time(total.p95_ms) })
    ] }),
    /* @__PURE__ */ a("div", { class: "grid2", children: [
      /* @__PURE__ */ a("section", { class: "card", "aria-label": "Requests", children: [
        /* @__PURE__ */ a("h2", { children: "Requests" }),
        /* @__PURE__ */ a(
          Steps,
          {
            label: "Requests over time",
            kind: "bars",
            starts,
            nameOf: nameOf2,
            words: onAxis,
            series: [
              {
                label: "answered",
                look: "one",
                values: steps.map((it) => (it.requests ?? 0) - (it.errors ?? 0))
              },
              { label: "errors", look: "bad", values: steps.map((it) => it.errors ?? 0) }
            ]
          }
        )
      ] }),
      /* @__PURE__ */ a("section", { class: "card", "aria-label": "Times", children: [
        /* @__PURE__ */ a("h2", { children: "Time to answer" }),
        isTimed ? /* @__PURE__ */ a(
          Steps,
          {
            label: "Time to answer over time",
            kind: "lines",
            starts,
            nameOf: nameOf2,
            words: duration,
            series: [
              { label: "p50", look: "one", values: steps.map((it) => it.p50_ms ?? null) },
              { label: "p95", look: "two", values: steps.map((it) => it.p95_ms ?? null) },
              { label: "p99", look: "three", values: steps.map((it) => it.p99_ms ?? null) }
            ]
          }
        ) : /* @__PURE__ */ a("p", { class: "muted", children: "No request with a known time in this period." })
      ] })
    ] }),
    /* @__PURE__ */ a("details", { class: "numbers", children: [
      /* @__PURE__ */ a("summary", { children: "The same as a table" }),
      /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { "aria-label": "Traffic in steps", children: [
        /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
          /* @__PURE__ */ a("th", { scope: "col", children: "From" }),
          ["Requests", "Errors", "p50", "p95", "p99"].map((it) => /* @__PURE__ */ a("th", { scope: "col", class: "num", children: it }, it))
        ] }) }),
        /* @__PURE__ */ a("tbody", { children: of.steps.filter((it) => it.requests).map((it) => /* @__PURE__ */ a("tr", { children: [
          /* @__PURE__ */ a("td", { "data-head": "From", title: exact(it.start), children: nameOf2(it.start) }),
          /* @__PURE__ */ a("td", { "data-head": "Requests", class: "num", children: count(it.requests) }),
          /* @__PURE__ */ a("td", { "data-head": "Errors", class: "num", children: count(it.errors) }),
          /* @__PURE__ */ a("td", { "data-head": "p50", class: "num", children: time(it.p50_ms) }),
          /* @__PURE__ */ a("td", { "data-head": "p95", class: "num", children: time(it.p95_ms) }),
          /* @__PURE__ */ a("td", { "data-head": "p99", class: "num", children: time(it.p99_ms) })
        ] }, it.start)) })
      ] }) })
    ] })
  ] });
}
function padded(of) {
  const [first] = of.steps;
  const size = of.step_s * 1e3;
  const missing = first ? (Date.parse(first.start) - Date.parse(of.start)) / size : 0;
  const before = Array.from({ length: Math.max(0, Math.round(missing)) }, (_, index) => ({
    start: new Date(Date.parse(of.start) + index * size).toISOString()
  }));
  return [...before, ...of.steps];
}
function Figure(props) {
  return /* @__PURE__ */ a("div", { class: "card kpi", children: [
    /* @__PURE__ */ a("b", { children: props.value }),
    /* @__PURE__ */ a("span", { class: "sub", children: props.label })
  ] });
}
function time(ms) {
  return ms === null ? "–" : duration(ms);
}
function share(part, all) {
  if (!part || !all) {
    return count(part);
  }
  const percent = part / all * 100;
  return `${count(part)} · ${percent < 0.1 ? "<0.1" : percent.toFixed(1)} %`;
}
function Requests({ name, version, isLogged }) {
  const [rows, setRows] = d(null);
  const [problem, setProblem] = d(null);
  const read = async (before) => {
    const query = before?.next ? { cursor: before.next } : {};
    const params = { path: { name }, query };
    try {
      const page = await ask(api.GET("/api/v1/deployments/{name}/requests", { params }));
      setRows({ ...page, items: [...before?.items ?? [], ...page.items] });
      setProblem(null);
    } catch (cause) {
      setProblem(asProblem(cause));
    }
  };
  A(() => {
    setRows(null);
    void read(null);
  }, [name, version]);
  const path = withQuery(`/api/v1/deployments/${name}/requests`, { limit: 50 });
  return /* @__PURE__ */ a("section", { class: "logged", "aria-label": "Logged requests", children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      /* @__PURE__ */ a("h2", { children: "Logged requests" }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      rows?.items.length ? /* @__PURE__ */ a(Action, { small: true, onClick: () => read(null), children: "Read again" }) : null
    ] }),
    problem && isLogged ? /* @__PURE__ */ a(Problem, { problem, onRetry: () => void read(null) }) : null,
    problem && !isLogged ? /* @__PURE__ */ a(Note, { children: [
      "The inference logger is off. ",
      /* @__PURE__ */ a("a", { href: tabOf(name, "edit"), children: "Edit the deployment" })
    ] }) : null,
    rows || problem ? null : /* @__PURE__ */ a(Waiting, { lines: 4 }),
    rows?.advice ? /* @__PURE__ */ a(Note, { children: [
      rows.advice,
      ". ",
      /* @__PURE__ */ a("a", { href: tabOf(name, "edit"), children: "Edit the deployment" })
    ] }) : null,
    rows?.items.length ? /* @__PURE__ */ a("div", { class: "panel", children: rows.items.map((it, index) => /* @__PURE__ */ a(Exchange, { of: it }, `${it.time} ${it.id} ${index}`)) }) : null,
    rows && !rows.items.length && !rows.advice && !rows.next ? /* @__PURE__ */ a("p", { class: "muted", children: "No request was logged yet." }) : null,
    rows?.next ? /* @__PURE__ */ a("div", { class: "more", children: /* @__PURE__ */ a(Action, { onClick: () => read(rows), children: "Show earlier ones" }) }) : null,
    /* @__PURE__ */ a("p", { children: /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: `deployment = project.get_model_serving().get_deployment("${name}")
print(deployment.read_inference_log(limit=100))`,
          curl: curl("GET", path)
        }
      }
    ) })
  ] });
}
var CLOCK = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit"
});
function Exchange({ of }) {
  const isBad = of.status >= 400;
  return /* @__PURE__ */ a("details", { class: "exchange", children: [
    /* @__PURE__ */ a("summary", { children: [
      /* @__PURE__ */ a("span", { class: `state ${isBad ? "bad" : "ok"}`, children: of.status }),
      /* @__PURE__ */ a("time", { dateTime: of.time, title: exact(of.time), children: CLOCK.format(new Date(of.time)) }),
      /* @__PURE__ */ a("span", { class: "sub", children: [
        "version ",
        of.deployment_version
      ] }),
      /* @__PURE__ */ a("span", { class: "mono one-line", children: of.request ?? of.answer ?? "" })
    ] }),
    /* @__PURE__ */ a("div", { class: "grid2", children: [
      /* @__PURE__ */ a(Body, { label: "Request", text: of.request }),
      /* @__PURE__ */ a(Body, { label: "Answer", text: of.answer })
    ] }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "id ",
      /* @__PURE__ */ a("span", { class: "mono", children: of.id }),
      " · ",
      exact(of.time),
      of.is_cut ? " · a long body is cut" : ""
    ] })
  ] });
}
function Body(props) {
  return /* @__PURE__ */ a("div", { children: [
    /* @__PURE__ */ a("h3", { children: props.label }),
    props.text === null ? /* @__PURE__ */ a("p", { class: "muted", children: "Not logged." }) : /* @__PURE__ */ a(Snippet, { text: pretty(props.text), label: props.label })
  ] });
}
function pretty(text) {
  try {
    return json(JSON.parse(text));
  } catch {
    return text;
  }
}

// src/pages/deployments/row_form.tsx
var MOST_ROWS = 20;
var TEXT = "BYTES";
var TRUTH = "BOOL";
function rowsOf(value, columns) {
  const request = value;
  const key = ["instances", "inputs"].find((it) => Array.isArray(request[it]));
  if (!key || !columns.length) {
    return null;
  }
  const rows = request[key];
  const names = columns.map((it) => it.name);
  const isNamed = !rows.some(Array.isArray);
  const cells = [];
  for (const row of rows) {
    const found = isNamed ? named(row, names) : Array.isArray(row) ? row : null;
    if (found?.length !== names.length || found.some(isNested)) {
      return null;
    }
    cells.push(found);
  }
  return cells.length > MOST_ROWS ? null : { request, key, cells, isNamed };
}
function isNested(cell) {
  return typeof cell === "object" && cell !== null;
}
function named(row, names) {
  if (typeof row !== "object" || row === null) {
    return null;
  }
  const members = row;
  const isKnown = Object.keys(members).every((it) => names.includes(it));
  return isKnown ? names.map((it) => members[it] ?? null) : null;
}
function requestOf(rows, cells, columns) {
  const written = rows.isNamed ? cells.map((row) => Object.fromEntries(columns.map((it, at) => [it.name, row[at]]))) : cells;
  return { ...rows.request, [rows.key]: written };
}
function RowForm(props) {
  const { rows, columns } = props;
  const change = (cells) => props.onChange(requestOf(rows, cells, columns));
  return /* @__PURE__ */ a($, { children: [
    rows.cells.map((row, index) => /* @__PURE__ */ a("fieldset", { class: "row-form", children: [
      /* @__PURE__ */ a("legend", { children: [
        "Row ",
        index + 1
      ] }),
      columns.map((column, at) => /* @__PURE__ */ a(
        Input,
        {
          column,
          value: row[at],
          onChange: (value) => change(rows.cells.map((it, here) => here === index ? it.with(at, value) : it))
        },
        column.name
      )),
      rows.cells.length > 1 ? /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: "button small quiet",
          onClick: () => change(rows.cells.filter((_, here) => here !== index)),
          children: [
            "Remove row ",
            index + 1
          ]
        }
      ) : null
    ] }, index)),
    /* @__PURE__ */ a("div", { class: "tools", children: /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "button small",
        disabled: rows.cells.length >= MOST_ROWS,
        onClick: () => change([...rows.cells, rows.cells.at(-1) ?? columns.map(() => null)]),
        children: "Add a row"
      }
    ) })
  ] });
}
function Input(props) {
  const { column, value, onChange } = props;
  if (column.datatype === TRUTH) {
    return /* @__PURE__ */ a(CheckField, { label: column.name, isOn: value === true, onChange });
  }
  const isText = column.datatype === TEXT;
  return /* @__PURE__ */ a(
    TextField,
    {
      label: column.name,
      remark: column.datatype,
      type: isText ? "text" : "number",
      value: value === null || value === void 0 ? "" : String(value),
      onInput: (given) => {
        const number = given === "" ? null : Number(given);
        onChange(isText ? given : number);
      }
    }
  );
}

// src/pages/deployments/tryit.tsx
var MOST_KEPT = 20;
var MOST_KEPT_CHARACTERS = 2e4;
var LOOK_MS = 300;
function TryTab({ name, deployment }) {
  const endpoints = useEndpoints(name);
  return /* @__PURE__ */ a(Shown, { loaded: endpoints, lines: 10, children: (data) => /* @__PURE__ */ a(Try, { name, deployment, endpoints: data }) });
}
function Try(props) {
  const { name, deployment, endpoints } = props;
  const query = place.value.query;
  const ours = endpoints.endpoints.filter((it) => it.place === "server");
  const chosen = ours.find((it) => it.protocol === query.get("protocol")) ?? ours[0];
  const [text, setText] = d(() => exampleOf(chosen, endpoints));
  const [answer, setAnswer] = d(null);
  const [isBusy, setBusy] = d(false);
  const [sent, setSent] = d(() => keptOf(name));
  const control = T(null);
  A(() => () => control.current?.abort(), []);
  const parsed = parse(text);
  const rows = parsed.value === void 0 ? null : rowsOf(parsed.value, endpoints.columns);
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
          signal: control.current.signal
        })
      );
      const told = await response.text();
      const ms = performance.now() - began;
      setAnswer({ status: response.status, ms, text: told });
      const at = (/* @__PURE__ */ new Date()).toISOString();
      setSent(
        keep(name, { at, protocol: chosen.protocol, body: text, status: response.status, ms })
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
  return /* @__PURE__ */ a("div", { class: "grid2 try", children: [
    /* @__PURE__ */ a("section", { class: "card", "aria-label": "Request", children: [
      /* @__PURE__ */ a("div", { class: "card-head", children: [
        /* @__PURE__ */ a("h2", { children: "Request" }),
        ours.length > 1 ? /* @__PURE__ */ a(
          "select",
          {
            class: "input",
            "aria-label": "Protocol",
            value: chosen?.protocol,
            onChange: (event) => {
              const protocol = event.currentTarget.value;
              setQuery({ protocol });
              setText(
                exampleOf(
                  ours.find((it) => it.protocol === protocol),
                  endpoints
                )
              );
            },
            children: ours.map((it) => /* @__PURE__ */ a("option", { value: it.protocol, children: it.protocol }, it.protocol))
          }
        ) : null,
        rows ? /* @__PURE__ */ a("fieldset", { class: "picks", children: [
          /* @__PURE__ */ a("legend", { class: "hidden", children: "Write it as" }),
          ["form", "json"].map((it) => /* @__PURE__ */ a(
            "button",
            {
              type: "button",
              class: `chip pick ${it === "form" === isForm ? "on" : ""}`,
              "aria-pressed": it === "form" === isForm,
              onClick: () => setQuery({ as: it === "form" ? void 0 : it }),
              children: it === "form" ? "Form" : "JSON"
            },
            it
          ))
        ] }) : null
      ] }),
      /* @__PURE__ */ a(
        "form",
        {
          onSubmit: (event) => {
            event.preventDefault();
            void send();
          },
          onKeyDown: (event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
              event.preventDefault();
              void send();
            }
          },
          children: [
            isForm && rows ? /* @__PURE__ */ a(
              RowForm,
              {
                rows,
                columns: endpoints.columns,
                onChange: (value) => setText(json(value))
              }
            ) : /* @__PURE__ */ a(
              TextField,
              {
                label: "Body",
                remark: "JSON",
                lines: 16,
                isMono: true,
                value: text,
                onInput: setText,
                problems: parsed.problem ? [{ pointer: "", detail: parsed.problem }] : [],
                hint: endpoints.example ? `Filled in with ${SOURCES[endpoints.example]}.` : "The model has no input example to fill in here."
              }
            ),
            /* @__PURE__ */ a("div", { class: "tools", children: [
              /* @__PURE__ */ a(
                Action,
                {
                  type: "submit",
                  kind: "primary",
                  scope: "read",
                  disabledBy: reason,
                  label: "Send the request",
                  children: isBusy ? "Waiting…" : "Send"
                }
              ),
              isBusy ? /* @__PURE__ */ a(Action, { onClick: () => control.current?.abort(), children: "Cancel" }) : /* @__PURE__ */ a("kbd", { children: "Ctrl+Enter" }),
              /* @__PURE__ */ a("span", { class: "grow" }),
              /* @__PURE__ */ a(
                Action,
                {
                  kind: "quiet",
                  scope: "deploy",
                  disabledBy: reason || valueProblem(text),
                  onClick: () => askGolden(name, parsed.value),
                  children: "Keep as golden request…"
                }
              )
            ] })
          ]
        }
      ),
      chosen && parsed.value !== void 0 ? /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `deployment = project.get_model_serving().get_deployment(${python(name)})
print(deployment.predict(${python(parsed.value)}))`,
            curl: curl("POST", chosen.url, parsed.value)
          }
        }
      ) : null
    ] }),
    /* @__PURE__ */ a("div", { children: [
      /* @__PURE__ */ a("section", { class: "card", "aria-label": "Answer", children: [
        /* @__PURE__ */ a("h2", { children: "Answer" }),
        /* @__PURE__ */ a("div", { role: "status", children: [
          answer ? /* @__PURE__ */ a(Answered, { name, of: answer }) : null,
          isBusy ? /* @__PURE__ */ a("p", { class: "muted", children: "Waiting for the answer…" }) : null,
          answer || isBusy ? null : /* @__PURE__ */ a("p", { class: "muted", children: reason || "Send the request to see its answer here." })
        ] })
      ] }),
      /* @__PURE__ */ a(
        History,
        {
          sent,
          onChoose: (it) => {
            setText(it.body);
            setQuery({ protocol: it.protocol === ours[0]?.protocol ? void 0 : it.protocol });
          },
          onClear: () => setSent(forget(name))
        }
      )
    ] })
  ] });
}
function reasonOf({ state, name }, { is_answering: isAnswering }, problem) {
  if (!isAnswering) {
    return `${name} is ${state.status.toLowerCase()}: start it to send requests.`;
  }
  return problem;
}
function exampleOf(endpoint, of) {
  if (endpoint?.body) {
    return json(endpoint.body);
  }
  const row = Object.fromEntries(of.columns.map((it) => [it.name, null]));
  return json({ instances: of.columns.length ? [row] : [] });
}
function parse(text) {
  try {
    const value = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? { value, problem: "" } : { problem: 'The body has to be an object, such as {"instances": […]}.' };
  } catch (cause) {
    return { problem: `This is not JSON: ${cause.message}` };
  }
}
function Answered({ name, of }) {
  const isOk = of.status < 400;
  const detail = isOk ? "" : detailOf(of.text);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: /* @__PURE__ */ a("span", { class: `state ${isOk ? "ok" : "bad"}`, children: [
      of.status,
      " · ",
      duration(of.ms)
    ] }) }),
    detail ? /* @__PURE__ */ a(Note, { kind: "bad", children: [
      partsOf(detail).map(
        (it, index) => it.file && it.line ? /* @__PURE__ */ a("a", { href: lineOf(name, it.file, it.line), children: it.text }, index) : /* @__PURE__ */ a("span", { children: it.text }, index)
      ),
      " ",
      /* @__PURE__ */ a("a", { href: tabOf(name, "logs"), children: "See the log" })
    ] }) : /* @__PURE__ */ a(Snippet, { text: pretty(of.text), label: "Body of the answer" })
  ] });
}
function detailOf(text) {
  try {
    const { detail = text } = JSON.parse(text);
    return sentence(detail.replace(/; get_logs\("\w+"\) prints where$/, ""));
  } catch {
    return text;
  }
}
function History(props) {
  if (!props.sent.length) {
    return null;
  }
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Sent before", children: [
    /* @__PURE__ */ a("div", { class: "card-head", children: [
      /* @__PURE__ */ a("h2", { children: "Sent before" }),
      /* @__PURE__ */ a("span", { class: "sub", children: "kept in this browser only" }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a(Action, { small: true, kind: "quiet", onClick: props.onClear, children: "Forget" })
    ] }),
    /* @__PURE__ */ a("ol", { class: "sent", children: props.sent.map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("button", { type: "button", class: "link one-line", onClick: () => props.onChoose(it), children: [
        /* @__PURE__ */ a("span", { class: `state ${it.status < 400 ? "ok" : "bad"}`, children: it.status }),
        " ",
        /* @__PURE__ */ a("span", { class: "mono", children: it.body.replace(/\s+/g, " ") })
      ] }),
      /* @__PURE__ */ a("span", { class: "sub", children: [
        duration(it.ms),
        " · ",
        /* @__PURE__ */ a(Time, { at: it.at })
      ] })
    ] }, it.at)) })
  ] });
}
function keyOf(name) {
  return `hopsartifacts-sent ${name}`;
}
function keptOf(name) {
  try {
    return JSON.parse(localStorage.getItem(keyOf(name)) ?? "[]");
  } catch {
    return [];
  }
}
function keep(name, it) {
  const others = keptOf(name).filter(({ body }) => body !== it.body);
  const kept = it.body.length > MOST_KEPT_CHARACTERS ? others : [it, ...others];
  const shown = kept.slice(0, MOST_KEPT);
  try {
    localStorage.setItem(keyOf(name), JSON.stringify(shown));
  } catch {
  }
  return shown;
}
function forget(name) {
  localStorage.removeItem(keyOf(name));
  return [];
}
function askGolden(name, request) {
  confirm({
    title: `Keep this request for ${name}?`,
    action: "Keep it",
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        "The request is sent once more, and its answer is recorded in the next version of",
        " ",
        name,
        ". From then on, a version only becomes ready if it gives the same answer."
      ] }),
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `deployment = project.get_model_serving().get_deployment(${python(name)})
deployment.record_golden(${python(request)})`,
            curl: curl("POST", `/api/v1/deployments/${name}/golden-request`, { request })
          }
        }
      )
    ] }),
    run: async () => {
      const params = { path: { name } };
      const body = { request };
      await ended(
        await ask(
          api.POST("/api/v1/deployments/{name}/golden-request", {
            params,
            body
          })
        )
      );
      toast("Recorded as the golden request");
    }
  });
}
async function ended(job) {
  let now = job;
  while (now.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    now = await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
  }
  if (now.error) {
    throw new ProblemError(now.error.status, "Not recorded", now.error.detail);
  }
}

// src/pages/deployments/versions.tsx
var PATH = "/api/v1/deployments/{name}";
function VersionsTab({ name, deployment }) {
  const versions = usePages(
    `deployment versions ${name}`,
    (cursor, limit2, signal) => {
      const params = { path: { name }, query: { cursor, limit: limit2 } };
      return ask(api.GET(`${PATH}/versions`, { params, signal }));
    },
    isOf(name)
  );
  const history = usePages(
    `deployment history ${name}`,
    (cursor, limit2, signal) => {
      const params = { path: { name }, query: { cursor, limit: limit2 } };
      return ask(api.GET(`${PATH}/history`, { params, signal }));
    },
    isOf(name)
  );
  const columns = columnsOf(deployment);
  return /* @__PURE__ */ a("div", { class: "tab", children: [
    /* @__PURE__ */ a("section", { "aria-labelledby": "versions", children: [
      /* @__PURE__ */ a("h2", { id: "versions", children: "Versions" }),
      /* @__PURE__ */ a(
        Table,
        {
          label: `Versions of ${name}`,
          pages: versions,
          columns,
          idOf: (it) => String(it.version),
          empty: /* @__PURE__ */ a(Empty, { title: "No versions" })
        }
      )
    ] }),
    /* @__PURE__ */ a(Compared, { name, deployment }),
    /* @__PURE__ */ a("section", { "aria-labelledby": "history", children: [
      /* @__PURE__ */ a("h2", { id: "history", children: "What was active when" }),
      /* @__PURE__ */ a(Activations, { history })
    ] })
  ] });
}
function isOf(name) {
  return (event) => event.name === "deployment" && event.data.name === name;
}
function columnsOf(deployment) {
  return [
    {
      id: "version",
      head: "Version",
      isSorted: false,
      cell: (it) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("b", { children: it.version }),
        " ",
        it.is_active ? /* @__PURE__ */ a(Chip, { kind: "alias", children: "active" }) : null
      ] })
    },
    {
      id: "saved",
      head: "Saved",
      cell: (it) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(Time, { at: it.created }),
        " ",
        /* @__PURE__ */ a("span", { class: "sub", children: [
          "by ",
          it.creator
        ] })
      ] })
    },
    { id: "why", head: "Why", cell: (it) => it.why || dash() },
    {
      id: "runs",
      head: "Model and artifact",
      cell: ({ specification: { model, artifact } }) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("a", { href: `${to("/models", model.name)}/versions/${model.version}`, children: [
          model.name,
          " ",
          model.version
        ] }),
        /* @__PURE__ */ a("span", { class: "sub", children: [
          " · artifact ",
          artifact.version
        ] })
      ] })
    },
    { id: "actions", head: "", cell: (it) => /* @__PURE__ */ a(RowActions, { of: it, deployment }) }
  ];
}
function dash() {
  return /* @__PURE__ */ a("span", { class: "muted", children: "–" });
}
function RowActions({ of: it, deployment }) {
  const { name } = deployment;
  const isActive = it.is_active ? "It is the active version." : "";
  return /* @__PURE__ */ a("div", { class: "row-actions", children: [
    /* @__PURE__ */ a(
      Action,
      {
        small: true,
        label: `Compare version ${it.version} with the active one`,
        disabledBy: isActive,
        onClick: () => show(deployment.version, it.version),
        children: "Compare"
      }
    ),
    /* @__PURE__ */ a(
      Action,
      {
        small: true,
        scope: "deploy",
        label: it.version <= deployment.version ? `Roll back to version ${it.version}` : `Make version ${it.version} active`,
        disabledBy: isActive,
        onClick: () => askToRollBack(name, it.version),
        children: it.version <= deployment.version ? "Roll back…" : "Make active…"
      }
    ),
    /* @__PURE__ */ a(
      Action,
      {
        small: true,
        scope: "deploy",
        label: `Delete version ${it.version}`,
        disabledBy: isActive,
        onClick: () => askToDeleteVersion(name, it),
        children: "Delete…"
      }
    )
  ] });
}
function show(from, to2) {
  setQuery({ from: String(from), to: String(to2) }, { replace: false });
  document.getElementById("compare")?.scrollIntoView({ behavior: "smooth" });
}
function askToRollBack(name, version) {
  const ignores = y(false);
  const ways = {
    python: `deployment = project.get_model_serving().get_deployment(${python(name)})
deployment.rollback(${version}, why="…")`,
    cli: `hopsartifacts deployments rollback ${shell(name)} ${version} --why "…"`,
    curl: curl("POST", `/api/v1/deployments/${encodeURIComponent(name)}/rollback`, {
      version,
      why: "…"
    })
  };
  confirm({
    title: `Roll ${name} back to version ${version}?`,
    action: `Roll back to ${version}`,
    asksWhy: true,
    isWide: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(RollbackPreview, { name, version, ignores }),
      /* @__PURE__ */ a(SameIn, { ways })
    ] }),
    run: async (why) => {
      const body = { version, why, ignore_environment: ignores.value };
      await ask(api.POST(`${PATH}/rollback`, { params: { path: { name } }, body }));
      toast(`Version ${version} of ${name} is active`);
    }
  });
}
function RollbackPreview(props) {
  const { name, version, ignores } = props;
  const loaded = useLoad(`rollback ${name} ${version}`, (signal) => {
    const params = { path: { name } };
    const body = { version, why: "", ignore_environment: false };
    return ask(api.POST(`${PATH}/rollback/check`, { params, body, signal }));
  });
  return /* @__PURE__ */ a(Shown, { loaded, lines: 4, children: (found) => /* @__PURE__ */ a($, { children: [
    found.problems.map((it) => /* @__PURE__ */ a(Note, { kind: "bad", children: it.detail }, it.detail)),
    found.runs_here?.is_possible ? /* @__PURE__ */ a(Note, { children: [
      "This machine can run version ",
      version,
      ". If the deployment runs, it moves to this version without a failed request."
    ] }) : null,
    found.runs_here?.reasons.map((it) => /* @__PURE__ */ a(Note, { kind: "warn", children: it }, it)),
    found.runs_here?.reasons.length ? /* @__PURE__ */ a(
      CheckField,
      {
        label: "Roll back even if the packages on this machine do not fit",
        hint: "Without this, the version becomes the active one, but the running processes keep the version that they run now.",
        isOn: ignores.value,
        onChange: (isOn) => {
          ignores.value = isOn;
        }
      }
    ) : null,
    found.difference ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("h3", { children: "What changes" }),
      /* @__PURE__ */ a(
        Changes,
        {
          of: found.difference,
          none: "Nothing: both versions are the same.",
          heads: ["Now", `Version ${version}`]
        }
      )
    ] }) : null
  ] }) });
}
function askToDeleteVersion(name, { version, specification }) {
  const { model, artifact } = specification;
  confirm({
    title: `Delete version ${version} of ${name}?`,
    action: `Delete version ${version}`,
    isDangerous: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        "Its settings are deleted, and it is no longer possible to roll back to it. Its number is not used again. Model ",
        /* @__PURE__ */ a("b", { children: model.name }),
        " version ",
        model.version,
        " and artifact version ",
        artifact.version,
        " are kept, but can be deleted if nothing else uses them."
      ] }),
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `project.get_model_serving().get_deployment(${python(name)}).delete_version(${version})`,
            cli: `hopsartifacts deployments delete-version ${shell(name)} ${version}`,
            curl: curl(
              "DELETE",
              `/api/v1/deployments/${encodeURIComponent(name)}/versions/${version}`
            )
          }
        }
      )
    ] }),
    run: async () => {
      const params = { path: { name, version: String(version) } };
      await ask(api.DELETE(`${PATH}/versions/{version}`, { params }));
      toast(`Version ${version} of ${name} was deleted`);
    }
  });
}
function Compared({ name, deployment }) {
  const numbers = [...deployment.versions].reverse();
  const active = deployment.version;
  const before = numbers.find((it) => it < active) ?? numbers.find((it) => it !== active);
  const query = place.value.query;
  const from = query.get("from") ?? String(before ?? active);
  const other = query.get("to") ?? String(active);
  const loaded = useLoad(
    numbers.length > 1 ? `diff ${name} ${from} ${other}` : null,
    (signal) => ask(
      api.GET(`${PATH}/versions/{version}/diff/{other}`, {
        params: { path: { name, version: from, other } },
        signal
      })
    )
  );
  if (numbers.length < 2) {
    return null;
  }
  const versions = numbers.map((it) => ({
    value: String(it),
    label: it === active ? `${it} (active)` : String(it)
  }));
  return /* @__PURE__ */ a("section", { "aria-labelledby": "compare", children: [
    /* @__PURE__ */ a("h2", { id: "compare", children: "Compare" }),
    /* @__PURE__ */ a("div", { class: "tools", children: [
      /* @__PURE__ */ a(
        SelectField,
        {
          label: "From version",
          value: from,
          options: versions,
          onChange: (value) => setQuery({ from: value })
        }
      ),
      /* @__PURE__ */ a(
        SelectField,
        {
          label: "To version",
          value: other,
          options: versions,
          onChange: (value) => setQuery({ to: value })
        }
      )
    ] }),
    /* @__PURE__ */ a(Shown, { loaded, lines: 4, children: (found) => /* @__PURE__ */ a(
      Changes,
      {
        of: found,
        none: `Versions ${from} and ${other} have the same settings.`,
        heads: [`Version ${from}`, `Version ${other}`]
      }
    ) })
  ] });
}
var CAUSES = {
  save: "saved",
  rollback: "rolled back",
  "take back": "active again, because the model of the next version was deleted"
};
function Activations({ history }) {
  return /* @__PURE__ */ a(Shown, { loaded: history, children: ({ items, next, total }) => /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { "aria-label": "What was active when", children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: "Active" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "Since" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "How" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "By" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "Why" })
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: items.map((it) => /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("td", { class: "first", children: [
          "Version ",
          it.version
        ] }),
        /* @__PURE__ */ a("td", { "data-head": "Since", children: /* @__PURE__ */ a(Time, { at: it.when }) }),
        /* @__PURE__ */ a("td", { "data-head": "How", children: CAUSES[it.cause] }),
        /* @__PURE__ */ a("td", { "data-head": "By", children: /* @__PURE__ */ a(By, { of: it.by }) }),
        /* @__PURE__ */ a("td", { "data-head": "Why", children: it.why || dash() })
      ] }, `${it.when} ${it.version}`)) })
    ] }) }),
    next ? /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "button",
        "aria-busy": history.isReadingMore,
        onClick: history.more,
        children: [
          "Show more of ",
          many(total, "change")
        ]
      }
    ) : null
  ] }) });
}

// src/pages/deployments/deployment.tsx
var NOT_FOUND = 404;
var TABS = [
  { id: "", label: "Overview", Shown: OverviewTab },
  { id: "try", label: "Try it", Shown: TryTab },
  { id: "versions", label: "Versions", Shown: VersionsTab },
  { id: "artifact", label: "Artifact", Shown: ArtifactTab },
  { id: "logs", label: "Logs", Shown: LogsTab },
  { id: "traffic", label: "Traffic", Shown: TrafficTab },
  { id: "settings", label: "Settings", Shown: SettingsTab },
  { id: "manifest", label: "Manifest", Shown: ManifestTab }
];
function DeploymentPage({ params }) {
  const name = params.name ?? "";
  const loaded = useLoad(
    `deployment ${name}`,
    (signal) => ask(api.GET("/api/v1/deployments/{name}", { params: { path: { name } }, signal })),
    (event) => event.name.startsWith("deployment") && event.data.name === name
  );
  const id = place.value.path.split("/")[3] ?? "";
  const tab = TABS.find((it) => it.id === id) ?? TABS[0];
  const { data, problem } = loaded;
  const isGone = problem?.status === NOT_FOUND;
  const crumbs = [
    { label: "Deployments", href: to("/deployments") },
    { label: name, href: tabOf(name) },
    ...tab?.id ? [{ label: tab.label }] : []
  ];
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs,
      title: /* @__PURE__ */ a($, { children: [
        name,
        " ",
        data && !isGone ? /* @__PURE__ */ a(Head, { of: data }) : null
      ] }),
      actions: data && !isGone ? /* @__PURE__ */ a(Actions, { of: data }) : null,
      children: isGone ? /* @__PURE__ */ a(Gone, { name }) : /* @__PURE__ */ a($, { children: [
        data ? /* @__PURE__ */ a(Condition, { of: data, tab: tab?.id ?? "" }) : null,
        /* @__PURE__ */ a(
          Tabs,
          {
            label: `Pages of ${name}`,
            tabs: TABS.map((it) => ({ label: it.label, href: tabOf(name, it.id) }))
          }
        ),
        problem && problem.status !== 0 ? /* @__PURE__ */ a(Problem, { problem, onRetry: loaded.reload }) : null,
        data && tab ? /* @__PURE__ */ a(tab.Shown, { name, deployment: data }) : null,
        data || problem ? null : /* @__PURE__ */ a(Waiting, {})
      ] })
    }
  );
}
function Head({ of: { state } }) {
  return /* @__PURE__ */ a("span", { class: "head-state", role: "status", children: /* @__PURE__ */ a("span", { class: `state ${toneOf(state)}`, children: state.status }) });
}
function Condition({ of, tab }) {
  const { name, state, description } = of;
  const isErrorBelow = tab === "" || tab === "artifact" && errorIn(of)?.file;
  const words = isErrorBelow ? conditionBesideError(state) : conditionOf(state);
  const isOpen = isPassing(state) || toneOf(state) === "bad";
  return /* @__PURE__ */ a("div", { class: "lead", children: [
    description ? /* @__PURE__ */ a("p", { children: description }) : null,
    /* @__PURE__ */ a("p", { class: "sub", role: "status", children: [
      words,
      isOpen ? /* @__PURE__ */ a($, { children: [
        " ",
        /* @__PURE__ */ a("a", { href: progressOf(name), children: "Show the steps" })
      ] }) : null
    ] })
  ] });
}
function Actions({ of }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Action, { kind: "quiet", scope: "deploy", onClick: () => askToDelete([of], toList), children: "Delete…" }),
    /* @__PURE__ */ a(Action, { scope: "deploy", href: tabOf(of.name, "edit"), children: "Edit" }),
    /* @__PURE__ */ a(StartStop, { of, kind: "primary" })
  ] });
}
function toList() {
  go(to("/deployments"));
}
function Gone({ name }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(Note, { kind: "warn", children: [
      "There is no deployment “",
      name,
      "”: it was deleted, or never existed.",
      " ",
      /* @__PURE__ */ a("a", { href: to("/deployments"), children: "See all deployments" }),
      ". If it ran on this server's machine, its logs are below."
    ] }),
    /* @__PURE__ */ a(LogsTab, { name })
  ] });
}

// src/pages/deployments/progress.tsx
var LINES = 20;
var AGAIN_MS2 = 1e3;
var TONES = {
  done: "ok",
  running: "busy",
  failed: "bad",
  waiting: "off",
  "not reached": "off"
};
function ProgressPage({ params }) {
  const name = params.name ?? "";
  const path = { name };
  const isOurs = (event) => event.data.name === name || event.name === "job" && event.data.subject === name;
  const progress = useLoad(
    `progress ${name}`,
    (signal) => ask(api.GET("/api/v1/deployments/{name}/progress", { params: { path }, signal })),
    isOurs
  );
  const deployment = useLoad(
    `deployment ${name}`,
    (signal) => ask(api.GET("/api/v1/deployments/{name}", { params: { path }, signal })),
    isOurs
  );
  const { data } = progress;
  useAgain(progress, data?.status === "running" && !progress.isLoading, AGAIN_MS2);
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [
        { label: "Deployments", href: to("/deployments") },
        { label: name, href: tabOf(name) },
        { label: "Progress" }
      ],
      title: /* @__PURE__ */ a($, { children: [
        name,
        data ? /* @__PURE__ */ a("span", { class: `state ${toneOf(data.state)}`, children: data.state.status }) : null
      ] }),
      actions: data && deployment.data ? /* @__PURE__ */ a(Actions2, { progress: data, deployment: deployment.data }) : null,
      children: [
        /* @__PURE__ */ a(Shown, { loaded: progress, children: (it) => /* @__PURE__ */ a("div", { class: "split last", children: [
          /* @__PURE__ */ a("section", { "aria-label": "Steps", children: [
            /* @__PURE__ */ a("p", { role: "status", children: said(name, it) }),
            it.steps.length ? /* @__PURE__ */ a(Steps2, { name, progress: it }) : null
          ] }),
          /* @__PURE__ */ a("aside", { children: deployment.data ? /* @__PURE__ */ a(Facts2, { of: deployment.data, progress: it }) : null })
        ] }) }),
        /* @__PURE__ */ a(
          SameIn,
          {
            ways: {
              python: `ms = project.get_model_serving()
ms.get_deployment(${python(name)}).get_state().describe()`,
              cli: `hopsartifacts deployments show ${shell(name)}`,
              curl: curl("GET", `/api/v1/deployments/${encodeURIComponent(name)}/progress`)
            }
          }
        )
      ]
    }
  );
}
function said(name, { kind, status, version, state }) {
  if (!kind || !status) {
    return `${name} was not started on this server's machine: ${state.condition?.reason ?? ""}`;
  }
  const what = {
    start: version ? `The start of version ${version}` : "The start",
    update: version ? `The move to version ${version}` : "The move to another version",
    stop: "The stop"
  }[kind];
  const rest = {
    done: "is done",
    running: "is in progress",
    failed: "failed",
    waiting: "has not started",
    "not reached": "was not reached"
  }[status];
  const serving = kind === "update" && status === "failed" && state.deployment_version ? `; version ${state.deployment_version} keeps answering` : "";
  return `${what} ${rest}${serving}.`;
}
function Actions2(props) {
  const { progress, deployment } = props;
  const { name, state } = deployment;
  const isFailed = progress.status === "failed";
  return /* @__PURE__ */ a($, { children: [
    isFailed ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(Action, { scope: "deploy", href: tabOf(name, "edit"), children: "Edit" }),
      /* @__PURE__ */ a(
        Action,
        {
          scope: "deploy",
          href: tabOf(name, "versions"),
          disabledBy: deployment.versions.length > 1 ? "" : "There is no other version to go back to.",
          children: "Roll back"
        }
      )
    ] }) : null,
    state.deployed ? /* @__PURE__ */ a(Action, { scope: "deploy", onClick: () => askToStop([deployment]), children: "Stop" }) : /* @__PURE__ */ a(
      Action,
      {
        scope: "deploy",
        kind: "primary",
        disabledBy: progress.status === "running" ? "Wait until this has ended." : "",
        onClick: () => start(name, { isShown: true }),
        children: isFailed ? "Try again" : "Start"
      }
    ),
    progress.status === "done" && state.deployed ? /* @__PURE__ */ a(Action, { kind: "primary", href: tabOf(name), children: "Go to the deployment" }) : null
  ] });
}
function Steps2(props) {
  const { name } = props;
  const { steps, began, revision } = props.progress;
  const times = [began, ...steps.map((it) => it.at)];
  return /* @__PURE__ */ a("ol", { class: "steps", children: steps.map((step, index) => {
    const before = times.slice(0, index + 1).findLast((it) => it) ?? null;
    const isOpen = step.status === "running" || step.status === "failed";
    return /* @__PURE__ */ a(
      "li",
      {
        class: TONES[step.status],
        "aria-current": isOpen ? "step" : void 0,
        children: [
          /* @__PURE__ */ a("div", { class: "step-head", children: [
            /* @__PURE__ */ a("span", { class: `state ${TONES[step.status]}`, children: /* @__PURE__ */ a("b", { children: step.name }) }),
            /* @__PURE__ */ a("span", { class: "muted", children: step.status }),
            /* @__PURE__ */ a("span", { class: "grow" }),
            /* @__PURE__ */ a("span", { class: "sub", children: [
              step.at ? /* @__PURE__ */ a(When, { at: step.at, before }) : null,
              step.status === "running" && before ? /* @__PURE__ */ a(Elapsed, { since: before }) : null
            ] })
          ] }),
          step.reason ? /* @__PURE__ */ a(
            Reason,
            {
              text: isOpen && revision ? firstLine(step.reason) : step.reason,
              isFailed: step.status === "failed"
            }
          ) : null,
          step.status === "failed" && !revision ? /* @__PURE__ */ a(
            Action,
            {
              scope: "deploy",
              small: true,
              onClick: () => start(name, { ignoreEnvironment: true, isShown: true }),
              children: "Start without comparing packages"
            }
          ) : null,
          isOpen && revision ? /* @__PURE__ */ a(Log2, { ...props, isRunning: step.status === "running" }) : null
        ]
      },
      step.name
    );
  }) });
}
function When({ at, before }) {
  const passed = before ? new Date(at).getTime() - new Date(before).getTime() : 0;
  return /* @__PURE__ */ a($, { children: [
    passed > 0 ? `after ${duration(passed)} · ` : null,
    /* @__PURE__ */ a("time", { dateTime: at, title: exact(at), children: clock(at) })
  ] });
}
function Elapsed({ since }) {
  const [now, setNow] = d(Date.now());
  A(() => {
    const timer = setInterval(() => setNow(Date.now()), AGAIN_MS2);
    return () => clearInterval(timer);
  }, []);
  const passed = Math.max(0, now - new Date(since).getTime());
  return /* @__PURE__ */ a($, { children: [
    Math.round(passed / 1e3),
    " s so far"
  ] });
}
function Reason({ text, isFailed }) {
  return isFailed ? /* @__PURE__ */ a(Note, { kind: "bad", children: /* @__PURE__ */ a("div", { class: "reason", children: text }) }) : /* @__PURE__ */ a("div", { class: "sub reason", children: text });
}
function Log2(props) {
  const { name, progress, isRunning } = props;
  const component = progress.state.last_error?.component ?? "predictor";
  const query = { component, tail: LINES };
  const lines = useLoad(
    `log ${name} ${component} ${progress.revision}`,
    (signal) => {
      const params = { path: { name }, query };
      return ask(api.GET("/api/v1/deployments/{name}/logs", { params, signal }));
    },
    (event) => event.name === "deployment" && event.data.name === name
  );
  useAgain(lines, isRunning && !lines.isLoading, AGAIN_MS2);
  const logs = withQuery(tabOf(name, "logs"), { component });
  return /* @__PURE__ */ a(Shown, { loaded: lines, lines: 3, children: (it) => it.lines.length ? /* @__PURE__ */ a("section", { "aria-label": `Last lines of the ${component}'s log`, children: [
    /* @__PURE__ */ a("pre", { class: "code", tabIndex: 0, children: it.lines.map((line, index) => /* @__PURE__ */ a(Line2, { text: line, name }, index)) }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "The end of the log. ",
      /* @__PURE__ */ a("a", { href: logs, children: "See all of it" })
    ] })
  ] }) : /* @__PURE__ */ a("p", { class: "sub", children: "The log is empty so far." }) });
}
function Line2({ text, name }) {
  return /* @__PURE__ */ a("span", { children: [
    partsOf(text).map(
      (it, index) => it.file && it.line ? /* @__PURE__ */ a("a", { href: lineOf(name, it.file, it.line), title: it.text, children: [
        it.file,
        ", line ",
        it.line
      ] }, index) : it.text
    ),
    text ? null : " "
  ] });
}
function Facts2({ of: it, progress }) {
  const model = to("/models", it.model);
  const history = useLoad(`activation ${it.name} ${it.version}`, (signal) => {
    const params = { path: { name: it.name }, query: { limit: 1 } };
    return ask(api.GET("/api/v1/deployments/{name}/history", { params, signal }));
  });
  const [active] = history.data?.items ?? [];
  return /* @__PURE__ */ a("section", { class: "card", "aria-label": "Details", children: /* @__PURE__ */ a("dl", { children: [
    progress.began ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("dt", { children: "Started" }),
      /* @__PURE__ */ a("dd", { children: [
        /* @__PURE__ */ a(Time, { at: progress.began }),
        progress.by ? /* @__PURE__ */ a($, { children: [
          " by ",
          progress.by
        ] }) : null
      ] })
    ] }) : null,
    /* @__PURE__ */ a("dt", { children: "Active version" }),
    /* @__PURE__ */ a("dd", { children: [
      /* @__PURE__ */ a("a", { href: tabOf(it.name, "versions"), children: it.version }),
      active ? /* @__PURE__ */ a("div", { class: "sub", children: [
        "since ",
        /* @__PURE__ */ a(Time, { at: active.when }),
        ", by ",
        /* @__PURE__ */ a(By, { of: active.by }),
        active.why ? `: ${active.why}` : ""
      ] }) : null
    ] }),
    /* @__PURE__ */ a("dt", { children: "Model" }),
    /* @__PURE__ */ a("dd", { children: [
      /* @__PURE__ */ a("a", { href: model, children: it.model }),
      " ",
      /* @__PURE__ */ a("a", { href: `${model}/versions/${it.model_version}`, children: [
        "version ",
        it.model_version
      ] })
    ] }),
    /* @__PURE__ */ a("dt", { children: "Artifact" }),
    /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a("a", { href: tabOf(it.name, "artifact"), children: [
      "version ",
      it.artifact_version
    ] }) }),
    /* @__PURE__ */ a("dt", { children: "Instances" }),
    /* @__PURE__ */ a("dd", { children: [
      it.state.available_predictor_instances,
      " of ",
      it.instances,
      " ready"
    ] }),
    /* @__PURE__ */ a("dt", { children: "Log" }),
    /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a("a", { href: tabOf(it.name, "logs"), children: "The log of the newest run" }) })
  ] }) });
}
export {
  DeploymentPage,
  ProgressPage
};
