import {
  Tabs
} from "./shared-14.js";
import {
  Table,
  sortOf
} from "./shared-12.js";
import {
  CheckField,
  TextField,
  problemsAt
} from "./shared-9.js";
import {
  $,
  A,
  Action,
  Chip,
  Dialog,
  Empty,
  Example,
  ForCurl,
  Mark,
  Note,
  Page,
  Problem,
  ProblemError,
  SameIn,
  Shown,
  Size,
  Snippet,
  State,
  Time,
  Waiting,
  a,
  active,
  api,
  asProblem,
  ask,
  bytes,
  confirm,
  count,
  curl,
  d,
  forgetAll,
  go,
  loadMe,
  logOut,
  many,
  me,
  place,
  problemIn,
  problemOf,
  python,
  sentence,
  session,
  shell,
  startLive,
  to,
  toast,
  useLoad,
  usePages,
  withQuery
} from "./shared-1.js";

// src/pages/server/health-frame.tsx
var TABS = [
  { label: "Files", href: to("/health") },
  { label: "Storage", href: to("/health/storage") },
  { label: "Jobs", href: to("/health/jobs") }
];
function HealthFrame(props) {
  const crumbs = props.title ? [{ label: "Health", href: to("/health") }, { label: props.title }] : [{ label: "Health" }];
  return /* @__PURE__ */ a(Page, { crumbs, title: "Health", actions: props.actions, children: [
    /* @__PURE__ */ a(Tabs, { tabs: TABS, label: "Health" }),
    props.children
  ] });
}

// src/pages/server/jobs.tsx
var TONES = {
  running: "busy",
  done: "ok",
  failed: "bad",
  cancelled: "off"
};
function useLatest(kind) {
  return useLoad(
    `latest ${kind}`,
    async (signal) => {
      const query = { kind, limit: 1, sort: "-created" };
      const { items } = await ask(api.GET("/api/v1/jobs", { params: { query }, signal }));
      const id = items[0]?.id;
      return id ? await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id } }, signal })) : null;
    },
    (event) => event.name === "job" && event.data.kind === kind
  );
}
function useJob(id) {
  return useLoad(
    id && `job ${id}`,
    (signal) => ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: id ?? "" } }, signal })),
    (event) => event.name === "job" && event.data.id === id
  );
}
async function cancel(job) {
  await ask(api.DELETE("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
  toast(`The ${job.kind} ends at its next step`);
}
function Progress({ job }) {
  if (job?.status !== "running") {
    return null;
  }
  return /* @__PURE__ */ a("div", { class: "job", role: "status", children: [
    /* @__PURE__ */ a(Bar, { job }),
    /* @__PURE__ */ a(Action, { small: true, scope: "admin", onClick: () => cancel(job), children: "Cancel" })
  ] });
}
function Bar({ job }) {
  const { done_bytes: done = 0, size_bytes: size = 0 } = job.progress ?? {};
  const words = size ? `${bytes(done)} of ${bytes(size)}` : "running";
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(
      "progress",
      {
        "aria-label": `Progress of ${job.kind}`,
        max: size || void 0,
        value: size ? done : void 0
      }
    ),
    /* @__PURE__ */ a("span", { class: "sub", children: words })
  ] });
}
function Failure({ job }) {
  return job?.error ? /* @__PURE__ */ a("div", { class: "note bad", role: "alert", children: [
    "The ",
    job.kind,
    " ",
    /* @__PURE__ */ a(Time, { at: job.ended }),
    " failed: ",
    job.error.detail
  ] }) : null;
}
var COLUMNS = [
  {
    id: "kind",
    head: "Job",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("b", { children: it.kind }),
      it.subject ? /* @__PURE__ */ a("div", { class: "sub", children: it.subject }) : null
    ] })
  },
  {
    id: "status",
    head: "State",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a(State, { tone: TONES[it.status], word: it.status, children: it.error?.detail })
  },
  {
    id: "progress",
    head: "Progress",
    cell: (it) => it.status === "running" ? /* @__PURE__ */ a(Bar, { job: it }) : /* @__PURE__ */ a(Done, { job: it })
  },
  { id: "by", head: "By", cell: (it) => it.by },
  { id: "created", head: "Started", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.created }) },
  { id: "ended", head: "Ended", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.ended }) },
  {
    id: "actions",
    head: "",
    cell: (it) => it.status === "running" ? /* @__PURE__ */ a(Action, { small: true, scope: "admin", onClick: () => cancel(it), children: "Cancel" }) : null
  }
];
function Done({ job }) {
  const done = job.progress?.done_bytes;
  return done ? bytes(done) : /* @__PURE__ */ a("span", { class: "muted", children: "–" });
}
function JobsPage() {
  const sort = sortOf("-created");
  const list = withQuery("/api/v1/jobs", { sort });
  const pages = usePages(
    list,
    (cursor, limit, signal) => ask(api.GET("/api/v1/jobs", { params: { query: { cursor, limit, sort } }, signal })),
    ["job"]
  );
  return /* @__PURE__ */ a(HealthFrame, { title: "Jobs", children: [
    /* @__PURE__ */ a(
      Table,
      {
        label: "Jobs",
        pages,
        columns: COLUMNS,
        idOf: (it) => it.id,
        sort: "-created",
        empty: /* @__PURE__ */ a(Empty, { title: "No jobs since this server was started", children: /* @__PURE__ */ a("p", { children: "What takes longer than a request is a job: checks, repairs, starts of deployments." }) })
      }
    ),
    /* @__PURE__ */ a(SameIn, { ways: { curl: curl("GET", list) } })
  ] });
}

// src/pages/server/garbage.tsx
var GC = "/api/v1/jobs/gc";
var MOST_SHOWN = 100;
async function collect(dryRun) {
  await ask(api.POST(GC, { body: { dry_run: dryRun } }));
}
function ways(isDry) {
  return {
    python: `project.gc(dry_run=${isDry ? "True" : "False"})`,
    cli: `hopsartifacts gc${isDry ? " --dry-run" : ""}`,
    curl: curl("POST", GC, { dry_run: isDry })
  };
}
function askToFree(found) {
  confirm({
    title: `Free ${bytes(found.size_bytes)}?`,
    action: `Free ${bytes(found.size_bytes)}`,
    isDangerous: true,
    isWide: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        many(found.freed.length, "file or folder", "files and folders"),
        " that nothing uses any more ",
        found.freed.length === 1 ? "is" : "are",
        " deleted. No file of a version and no file of your own is deleted. Others can continue to work meanwhile."
      ] }),
      /* @__PURE__ */ a(List, { found }),
      /* @__PURE__ */ a(SameIn, { ways: ways(false) })
    ] }),
    run: async () => {
      await collect(false);
      toast("Cleaning up has started");
    }
  });
}
function Garbage() {
  const latest = useLatest("gc");
  const isRunning = latest.data?.status === "running";
  const result = latest.data?.result;
  const found = result?.kind === "gc" ? result : null;
  const isFreeable = found?.dry_run && found.freed.length > 0;
  return /* @__PURE__ */ a("section", { class: "card", "aria-labelledby": "garbage", children: [
    /* @__PURE__ */ a("div", { class: "card-head", children: [
      /* @__PURE__ */ a("h2", { id: "garbage", children: "No longer used" }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a(
        Action,
        {
          small: true,
          scope: "admin",
          disabledBy: isRunning ? "The search is running." : "",
          onClick: () => collect(true),
          children: "Find unused files"
        }
      ),
      isFreeable ? /* @__PURE__ */ a(Action, { small: true, kind: "danger", scope: "admin", onClick: () => askToFree(found), children: [
        "Free ",
        bytes(found.size_bytes),
        "…"
      ] }) : null
    ] }),
    /* @__PURE__ */ a(Progress, { job: latest.data }),
    /* @__PURE__ */ a(Failure, { job: latest.data }),
    /* @__PURE__ */ a(Shown, { loaded: latest, lines: 2, children: (job) => found && job ? /* @__PURE__ */ a(Outcome, { found, at: job.ended }) : /* @__PURE__ */ a("p", { class: "sub", children: "Saves that were interrupted and versions that were deleted leave files behind. Finding them changes nothing." }) }),
    /* @__PURE__ */ a(SameIn, { ways: ways(true) })
  ] });
}
function Outcome({ found, at }) {
  return /* @__PURE__ */ a($, { children: [
    found.freed.length ? /* @__PURE__ */ a(
      State,
      {
        tone: found.dry_run ? "warn" : "ok",
        word: `${bytes(found.size_bytes)} ${found.dry_run ? "can be freed" : "freed"}`,
        children: [
          many(found.freed.length, "file or folder", "files and folders"),
          ", ",
          /* @__PURE__ */ a(Time, { at })
        ]
      }
    ) : /* @__PURE__ */ a(State, { tone: "ok", word: found.dry_run ? "Nothing to free" : "Nothing was freed", children: [
      "Searched ",
      /* @__PURE__ */ a(Time, { at })
    ] }),
    found.kept.length ? /* @__PURE__ */ a("p", { class: "sub", children: [
      many(found.kept.length, "more file or folder", "more files and folders"),
      " may still be used by a writer, and ",
      found.kept.length === 1 ? "is" : "are",
      " kept for now."
    ] }) : null,
    found.stuck.map((it) => /* @__PURE__ */ a(Note, { kind: "bad", children: [
      /* @__PURE__ */ a("span", { class: "mono", children: it.garbage.path }),
      " could not be freed: ",
      it.reason
    ] }, it.garbage.path)),
    found.freed.length ? /* @__PURE__ */ a("details", { children: [
      /* @__PURE__ */ a("summary", { children: found.dry_run ? "Files that can be freed" : "Files that were freed" }),
      /* @__PURE__ */ a(List, { found })
    ] }) : null
  ] });
}
function List({ found }) {
  const more = found.freed.length - MOST_SHOWN;
  return /* @__PURE__ */ a("ul", { class: "plain", children: [
    found.freed.slice(0, MOST_SHOWN).map((it) => /* @__PURE__ */ a("li", { children: [
      /* @__PURE__ */ a("span", { class: "mono", children: it.path }),
      /* @__PURE__ */ a("div", { class: "sub", children: [
        /* @__PURE__ */ a(Size, { of: it.size_bytes }),
        ", ",
        it.detail
      ] })
    ] }, it.path)),
    more > 0 ? /* @__PURE__ */ a("li", { class: "sub", children: [
      "and ",
      more,
      " more"
    ] }) : null
  ] });
}

// src/pages/server/repair.tsx
var REPAIR = "/api/v1/jobs/repair";
function filePage(path) {
  return to("/files", ...path.split("/"));
}
function start(path, dryRun) {
  return ask(api.POST(REPAIR, { body: { path, dry_run: dryRun } }));
}
function askToRepair(path) {
  confirm({
    title: path ? `Repair ${path}?` : "Repair everything?",
    action: "Repair",
    isWide: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a(Preview, { path }),
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            python: `project.repair(${path ? `path=${python(path)}` : ""})`,
            cli: `hopsartifacts repair${path ? ` --path ${shell(path)}` : ""}`,
            curl: curl("POST", REPAIR, { path, dry_run: false })
          }
        }
      )
    ] }),
    run: async () => {
      await start(path, false);
      toast("The repair is running");
    }
  });
}
function Preview({ path }) {
  const [id, setId] = d(null);
  const [problem, setProblem] = d(null);
  const job = useJob(id);
  A(() => {
    start(path, true).then(
      (started) => setId(started.id),
      (cause) => {
        const told = asProblem(cause);
        setProblem(told instanceof ProblemError ? told : null);
      }
    );
  }, [path]);
  const failure = problem ?? job.problem;
  if (failure) {
    return /* @__PURE__ */ a(Problem, { problem: failure });
  }
  if (job.data?.status === "failed") {
    return /* @__PURE__ */ a(Failure, { job: job.data });
  }
  const result = job.data?.result;
  return result?.kind === "repair" ? /* @__PURE__ */ a(Plan, { of: result }) : /* @__PURE__ */ a(Waiting, { lines: 3 });
}
function Plan({ of: it }) {
  return /* @__PURE__ */ a($, { children: [
    it.repaired.length ? /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: "A repair does the following. Files that it replaces are moved to the quarantine:" }),
      /* @__PURE__ */ a("ul", { class: "plain", children: it.repaired.map(({ finding, action }) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a("a", { class: "mono", href: filePage(finding.path), children: finding.path }),
        /* @__PURE__ */ a("div", { class: "sub", children: [
          finding.kind,
          ": ",
          action
        ] })
      ] }, finding.path)) })
    ] }) : /* @__PURE__ */ a("p", { children: "There is nothing that a repair can undo." }),
    it.unrepaired.length ? /* @__PURE__ */ a(Note, { kind: "bad", children: [
      /* @__PURE__ */ a("p", { children: "The following cannot be repaired, as there is no intact copy:" }),
      /* @__PURE__ */ a("ul", { class: "plain", children: it.unrepaired.map((finding) => /* @__PURE__ */ a("li", { children: [
        /* @__PURE__ */ a("span", { class: "mono", children: finding.path }),
        /* @__PURE__ */ a("div", { class: "sub", children: [
          finding.kind,
          ": ",
          finding.detail
        ] })
      ] }, finding.path)) })
    ] }) : null
  ] });
}

// src/pages/server/health.tsx
var VERIFY = "/api/v1/jobs/verify";
async function verify() {
  await ask(api.POST(VERIFY, { body: { path: "" } }));
  toast("The verification has started");
}
function HealthPage() {
  const latest = useLatest("verify");
  const isRunning = latest.data?.status === "running";
  return /* @__PURE__ */ a(
    HealthFrame,
    {
      actions: /* @__PURE__ */ a(
        Action,
        {
          kind: "primary",
          scope: "write",
          disabledBy: isRunning ? "A verification is running." : "",
          onClick: verify,
          children: "Verify everything"
        }
      ),
      children: [
        /* @__PURE__ */ a(Numbers, {}),
        /* @__PURE__ */ a(Verification, { latest: latest.data }),
        /* @__PURE__ */ a(Garbage, {})
      ]
    }
  );
}
function Numbers() {
  const server = useLoad("server", (signal) => ask(api.GET("/api/v1/server", { signal })), [
    "model",
    "model-removed",
    "deployment",
    "deployment-removed"
  ]);
  return /* @__PURE__ */ a(Shown, { loaded: server, lines: 3, children: ({ project }) => /* @__PURE__ */ a("div", { class: "grid4", children: [
    /* @__PURE__ */ a(Figure, { of: project.models, word: "Models", href: to("/models"), children: many(project.model_versions, "version") }),
    /* @__PURE__ */ a("div", { class: "card kpi", children: [
      /* @__PURE__ */ a("span", { class: "muted", children: "Files of models" }),
      /* @__PURE__ */ a("b", { children: /* @__PURE__ */ a(Size, { of: project.size_bytes }) }),
      /* @__PURE__ */ a("div", { class: "sub", children: "of all versions" })
    ] }),
    /* @__PURE__ */ a(Figure, { of: project.deployments, word: "Deployments", href: to("/deployments") }),
    /* @__PURE__ */ a(Figure, { of: project.log_entries, word: "Log entries", children: project.longest_log ? /* @__PURE__ */ a($, { children: [
      "the longest: ",
      count(project.longest_log.entries),
      ", of",
      " ",
      /* @__PURE__ */ a("a", { href: `${to("/models", project.longest_log.model)}/history`, children: project.longest_log.model })
    ] }) : "no model yet" })
  ] }) });
}
function Figure(props) {
  return /* @__PURE__ */ a("div", { class: "card kpi", children: [
    /* @__PURE__ */ a("span", { class: "muted", children: props.href ? /* @__PURE__ */ a("a", { href: props.href, children: props.word }) : props.word }),
    /* @__PURE__ */ a("b", { children: count(props.of) }),
    /* @__PURE__ */ a("div", { class: "sub", children: props.children })
  ] });
}
var COLUMNS2 = [
  {
    id: "path",
    head: "File",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a("a", { class: "mono", href: filePage(it.path), children: it.path })
  },
  {
    id: "kind",
    head: "State",
    isSorted: true,
    cell: (it) => /* @__PURE__ */ a(State, { tone: "bad", word: it.kind, children: it.detail })
  },
  { id: "checked", head: "Found", cell: (it) => /* @__PURE__ */ a(Time, { at: it.checked }) },
  {
    id: "actions",
    head: "",
    cell: (it) => /* @__PURE__ */ a(Action, { small: true, scope: "admin", onClick: () => askToRepair(it.path), children: "Repair…" })
  }
];
function isEnd({ name, data }) {
  return name === "job" && data.status !== "running";
}
function Verification({ latest }) {
  const sort = sortOf("path");
  const list = withQuery("/api/v1/findings", { sort });
  const pages = usePages(
    list,
    (cursor, limit, signal) => ask(api.GET("/api/v1/findings", { params: { query: { cursor, limit, sort } }, signal })),
    isEnd
  );
  const integrity = useLoad(
    "integrity",
    (signal) => ask(api.GET("/api/v1/integrity", { signal })),
    isEnd
  );
  const total = pages.data?.total ?? 0;
  return /* @__PURE__ */ a("section", { class: "card", "aria-labelledby": "integrity", children: [
    /* @__PURE__ */ a("div", { class: "card-head", children: [
      /* @__PURE__ */ a("h2", { id: "integrity", children: "Integrity" }),
      /* @__PURE__ */ a("span", { class: "grow" }),
      total ? /* @__PURE__ */ a(Action, { small: true, scope: "admin", onClick: () => askToRepair(""), children: "Repair all…" }) : null
    ] }),
    /* @__PURE__ */ a(Progress, { job: latest }),
    /* @__PURE__ */ a(Failure, { job: latest }),
    /* @__PURE__ */ a(Shown, { loaded: integrity, lines: 2, children: (it) => /* @__PURE__ */ a(Verdict, { of: it, total }) }),
    total ? /* @__PURE__ */ a(
      Table,
      {
        label: "Differences",
        pages,
        columns: COLUMNS2,
        idOf: (it) => it.path,
        hrefOf: (it) => filePage(it.path),
        sort: "path",
        empty: null
      }
    ) : null,
    /* @__PURE__ */ a(
      SameIn,
      {
        ways: {
          python: "project.verify()",
          cli: "hopsartifacts verify",
          curl: curl("POST", VERIFY, {})
        }
      }
    )
  ] });
}
function Verdict({ of: it, total }) {
  if (it.state === "not_checked") {
    return /* @__PURE__ */ a(State, { tone: "off", word: "Not verified yet", children: [
      "It is not known whether the stored files are intact. ",
      /* @__PURE__ */ a("i", { children: "Verify everything" }),
      " compares every byte, size and name with what was saved."
    ] });
  }
  if (it.state === "intact") {
    return /* @__PURE__ */ a(State, { tone: "ok", word: "Intact", children: [
      "Every managed file was as it was saved, ",
      /* @__PURE__ */ a(Time, { at: it.checked }),
      "."
    ] });
  }
  return /* @__PURE__ */ a(State, { tone: "bad", word: many(total, "difference"), children: [
    "Found ",
    /* @__PURE__ */ a(Time, { at: it.checked }),
    ". A deployment does not start if its files differ. A repair restores the files of which it finds an intact copy, and moves the files that it replaces to the quarantine."
  ] });
}

// src/pages/server/keys.tsx
var LIST = "/api/v1/keys";
var DAY_S = 86400;
var TABS2 = [
  { label: "API keys", href: to("/keys") },
  { label: "Your logins", href: to("/keys/logins") }
];
var TONES2 = { valid: "ok", expired: "warn", revoked: "off" };
function columns(reload) {
  return [
    {
      id: "name",
      head: "Name",
      isSorted: true,
      cell: (it) => /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("b", { children: it.name }),
        " ",
        it.is_own ? /* @__PURE__ */ a(Chip, { children: "you use it now" }) : null
      ] })
    },
    {
      id: "state",
      head: "State",
      isSorted: true,
      cell: (it) => /* @__PURE__ */ a(State, { tone: TONES2[it.state], word: it.state, children: it.revoked ? /* @__PURE__ */ a(Time, { at: it.revoked }) : null })
    },
    {
      id: "scopes",
      head: "Scopes",
      cell: (it) => /* @__PURE__ */ a("span", { class: "chips", children: it.scopes.map((scope) => /* @__PURE__ */ a(Chip, { children: scope }, scope)) })
    },
    {
      id: "sessions",
      head: "Browsers",
      isNumber: true,
      cell: (it) => it.sessions || /* @__PURE__ */ a("span", { class: "muted", children: "–" })
    },
    { id: "created", head: "Created", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.created }) },
    {
      id: "expires",
      head: "Expires",
      isSorted: true,
      cell: (it) => it.expires ? /* @__PURE__ */ a(Time, { at: it.expires }) : "never"
    },
    { id: "id", head: "Id", cell: (it) => /* @__PURE__ */ a("span", { class: "mono", children: it.id }) },
    {
      id: "actions",
      head: "",
      cell: (it) => it.state === "valid" ? /* @__PURE__ */ a(Action, { small: true, scope: "admin", onClick: () => askToRevoke(it, reload), children: "Revoke" }) : null
    }
  ];
}
function askToRevoke(row, reload) {
  confirm({
    title: `Revoke the key ${row.name}?`,
    action: "Revoke",
    isDangerous: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        "Requests with the key ",
        /* @__PURE__ */ a("b", { children: row.name }),
        " (",
        /* @__PURE__ */ a("span", { class: "mono", children: row.id }),
        ") are refused from now on, and ",
        many(row.sessions, "browser"),
        " that it logged in",
        " ",
        row.sessions === 1 ? "is" : "are",
        " logged out. This cannot be undone. Models and deployments that were created with the key keep its name as their creator."
      ] }),
      row.is_own ? /* @__PURE__ */ a(Note, { kind: "warn", children: "You use this key now: you will be logged out." }) : null,
      /* @__PURE__ */ a(
        SameIn,
        {
          ways: {
            cli: `hopsartifacts keys revoke ${shell(row.id)}`,
            curl: curl("DELETE", `${LIST}/${row.id}`)
          }
        }
      )
    ] }),
    run: async () => {
      const params = { path: { key: row.id } };
      await ask(api.DELETE("/api/v1/keys/{key}", { params }));
      toast(`The key ${row.name} is revoked`);
      reload();
    }
  });
}
function KeysPage() {
  const [isOpen, setOpen] = d(false);
  const sort = sortOf("-created");
  const list = withQuery(LIST, { sort });
  const pages = usePages(
    me.value?.has_keys === false ? null : list,
    (cursor, limit, signal) => ask(api.GET("/api/v1/keys", { params: { query: { cursor, limit, sort } }, signal }))
  );
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Keys" }],
      title: "Keys",
      actions: /* @__PURE__ */ a(
        Action,
        {
          kind: "primary",
          scope: "admin",
          disabledBy: me.value?.has_keys === false ? "This server has no API keys." : "",
          onClick: () => setOpen(true),
          children: "Create key"
        }
      ),
      children: [
        /* @__PURE__ */ a(Tabs, { tabs: TABS2, label: "Keys" }),
        me.value?.has_keys === false ? /* @__PURE__ */ a(NoKeys, {}) : /* @__PURE__ */ a($, { children: [
          /* @__PURE__ */ a(
            Table,
            {
              label: "API keys",
              pages,
              columns: columns(pages.reload),
              idOf: (it) => it.id,
              sort: "-created",
              empty: /* @__PURE__ */ a(Empty, { title: "No keys yet", children: /* @__PURE__ */ a(Example, { way: "cli", code: CREATE }) })
            }
          ),
          /* @__PURE__ */ a(SameIn, { ways: { cli: "hopsartifacts keys list", curl: curl("GET", list) } })
        ] }),
        isOpen ? /* @__PURE__ */ a(
          Create,
          {
            onClose: () => setOpen(false),
            onMade: () => {
              pages.reload();
            }
          }
        ) : null
      ]
    }
  );
}
function NoKeys() {
  return /* @__PURE__ */ a(Empty, { title: "This server has no keys", children: [
    /* @__PURE__ */ a("p", { children: "It serves the project only to you, the user who runs it. To share the project, create a key for each person, and start a server for others:" }),
    /* @__PURE__ */ a(Example, { way: "cli", code: `${CREATE}
hopsartifacts serve --host 0.0.0.0` })
  ] });
}
var CREATE = "hopsartifacts keys create NAME --scope read   # or write, deploy, admin: docs/server.md";
function Create(props) {
  const scopes = useLoad("scopes", (signal) => ask(api.GET("/api/v1/scopes", { signal })));
  const [name, setName] = d("");
  const [days, setDays] = d("");
  const [chosen, setChosen] = d(null);
  const [problem, setProblem] = d(null);
  const [isBusy, setBusy] = d(false);
  const [made, setMade] = d(null);
  if (made) {
    return /* @__PURE__ */ a(Made, { made, onClose: props.onClose });
  }
  const given = (
    // The smallest one, so that nobody gets more by accident.
    chosen ?? ["read"]
  );
  const body = {
    name: name.trim(),
    scopes: [...given],
    expires_in_s: days.trim() ? Number(days) * DAY_S : null
  };
  const submit = async (event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      setMade(await ask(api.POST("/api/v1/keys", { body })));
      props.onMade();
    } catch (cause) {
      setProblem(problemIn(cause));
    } finally {
      setBusy(false);
    }
  };
  const at = (pointer) => problemsAt(problem?.problems, pointer);
  const isPlaced = ["/name", "/scopes", "/expires_in_s"].some((it) => at(it).length);
  return /* @__PURE__ */ a(Dialog, { title: "Create a key", onClose: props.onClose, children: /* @__PURE__ */ a("form", { onSubmit: (event) => void submit(event), children: [
    /* @__PURE__ */ a(
      TextField,
      {
        label: "Name",
        value: name,
        onInput: setName,
        problems: at("/name"),
        hint: "The person or the program that will use the key. What is created with the key has this name as its creator."
      }
    ),
    /* @__PURE__ */ a(Shown, { loaded: scopes, lines: 4, children: (known) => /* @__PURE__ */ a("fieldset", { class: "field scopes", children: [
      /* @__PURE__ */ a("legend", { children: "Scopes" }),
      known.map((it) => {
        const by = known.find(
          (other) => given.includes(other.scope) && other.includes.includes(it.scope)
        );
        return /* @__PURE__ */ a(
          CheckField,
          {
            label: it.scope,
            isOn: given.includes(it.scope) || Boolean(by),
            disabledBy: by && !given.includes(it.scope) ? `${it.allows} (included in “${by.scope}”)` : "",
            hint: it.allows,
            onChange: (isOn) => setChosen(
              known.map((other) => other.scope).filter(
                (other) => other === it.scope ? isOn : given.includes(other)
              )
            )
          },
          it.scope
        );
      }),
      at("/scopes").map((found) => /* @__PURE__ */ a("div", { class: "hint bad", role: "alert", children: found.detail }, found.detail))
    ] }) }),
    /* @__PURE__ */ a(
      TextField,
      {
        label: "Expires after days",
        type: "number",
        value: days,
        onInput: setDays,
        problems: at("/expires_in_s"),
        hint: "If this is empty, the key does not expire: it is valid until it is revoked."
      }
    ),
    /* @__PURE__ */ a("div", { role: "alert", children: problem && !isPlaced ? /* @__PURE__ */ a(Note, { kind: "bad", children: problem.detail }) : null }),
    /* @__PURE__ */ a(SameIn, { ways: waysToCreate(body) }),
    /* @__PURE__ */ a("div", { class: "dialog-foot", children: [
      /* @__PURE__ */ a(Action, { onClick: props.onClose, children: "Cancel" }),
      /* @__PURE__ */ a(Action, { kind: "primary", type: "submit", children: isBusy ? "Creating…" : "Create" })
    ] })
  ] }) });
}
function waysToCreate(body) {
  const scopes = (body.scopes ?? []).map((it) => ` --scope ${it}`).join("");
  const life = body.expires_in_s ? ` --expires ${body.expires_in_s}` : "";
  return {
    cli: `hopsartifacts keys create ${shell(body.name || "NAME")}${scopes}${life}`,
    curl: curl("POST", LIST, body)
  };
}
function Made({ made, onClose }) {
  return /* @__PURE__ */ a(
    Dialog,
    {
      title: `The key ${made.name}`,
      onClose,
      footer: /* @__PURE__ */ a(Action, { kind: "primary", onClick: onClose, children: "Done" }),
      isWide: true,
      children: [
        /* @__PURE__ */ a(Note, { kind: "warn", children: "Copy it now: it is shown only once. The server keeps a hash of it." }),
        /* @__PURE__ */ a(Snippet, { text: made.key, label: "API key" }),
        /* @__PURE__ */ a("p", { class: "sub", children: "Give it to the person or program over a channel that others cannot read. In a browser it is pasted once, at the login; programs send it with each request:" }),
        /* @__PURE__ */ a(
          Snippet,
          {
            text: `curl ${location.origin}/api/v1/me -H "Authorization: ApiKey ${made.key}"`,
            label: "A request with it"
          }
        ),
        /* @__PURE__ */ a(ForCurl, {}),
        /* @__PURE__ */ a("p", { class: "sub", children: [
          "The address of this server is ",
          /* @__PURE__ */ a("code", { children: location.origin }),
          "."
        ] })
      ]
    }
  );
}
function Logins() {
  const sort = sortOf("-used");
  const list = withQuery("/api/v1/sessions", { sort });
  const pages = usePages(
    list,
    (cursor, limit, signal) => ask(api.GET("/api/v1/sessions", { params: { query: { cursor, limit, sort } }, signal }))
  );
  const end = async (row) => {
    if (row.is_this) {
      await logOut();
      return;
    }
    const params = { path: { session: row.id } };
    await ask(api.DELETE("/api/v1/sessions/{session}", { params }));
    toast("That browser is logged out");
    pages.reload();
  };
  const logins = [
    {
      id: "agent",
      head: "Browser",
      cell: (it) => /* @__PURE__ */ a($, { children: [
        it.is_this ? /* @__PURE__ */ a(Chip, { kind: "alias", children: "this browser" }) : null,
        " ",
        /* @__PURE__ */ a("span", { title: it.agent, children: browserOf(it.agent) })
      ] })
    },
    { id: "address", head: "Address", cell: (it) => /* @__PURE__ */ a("span", { class: "mono", children: it.address }) },
    { id: "used", head: "Last used", isSorted: true, cell: (it) => /* @__PURE__ */ a(Time, { at: it.used }) },
    {
      id: "created",
      head: "Logged in",
      isSorted: true,
      cell: (it) => /* @__PURE__ */ a(Time, { at: it.created })
    },
    { id: "expires", head: "Ends", cell: (it) => /* @__PURE__ */ a(Time, { at: it.expires }) },
    {
      id: "actions",
      head: "",
      cell: (it) => /* @__PURE__ */ a(Action, { small: true, onClick: () => end(it), children: "Log out" })
    }
  ];
  const total = pages.data?.total ?? 0;
  return /* @__PURE__ */ a(
    Page,
    {
      crumbs: [{ label: "Keys", href: to("/keys") }, { label: "Your logins" }],
      title: "Your logins",
      actions: /* @__PURE__ */ a(
        Action,
        {
          kind: "danger",
          disabledBy: total ? "" : "No browser is logged in with your key.",
          onClick: () => askToEndAll(total),
          children: "Log out everywhere"
        }
      ),
      children: [
        /* @__PURE__ */ a(Tabs, { tabs: TABS2, label: "Keys" }),
        /* @__PURE__ */ a(
          Table,
          {
            label: "Logins",
            pages,
            columns: logins,
            idOf: (it) => it.id,
            sort: "-used",
            empty: /* @__PURE__ */ a(Empty, { title: "No browser is logged in with your key" })
          }
        ),
        /* @__PURE__ */ a(SameIn, { ways: { curl: curl("GET", list) } })
      ]
    }
  );
}
function browserOf(agent) {
  const [, name, version] = agent.match(/(Firefox|Edg|OPR|HeadlessChrome|Chrome)\/(\d+)/) ?? agent.match(/(Version)\/(\d+).*Safari/) ?? [];
  const [system] = agent.match(/Android|iPhone|iPad|Windows|Mac OS X|CrOS|Linux/) ?? [];
  if (!name) {
    return agent || "unknown browser";
  }
  const known = { Edg: "Edge", OPR: "Opera", Version: "Safari" };
  return `${known[name] ?? name} ${version}${system ? ` on ${system}` : ""}`;
}
function askToEndAll(total) {
  confirm({
    title: "Log out everywhere?",
    action: "Log out everywhere",
    isDangerous: true,
    body: /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("p", { children: [
        many(total, "browser"),
        " with the key ",
        /* @__PURE__ */ a("b", { children: me.value?.name }),
        " ",
        total === 1 ? "is" : "are",
        " logged out, including this one. The key stays valid."
      ] }),
      /* @__PURE__ */ a(SameIn, { ways: { curl: curl("DELETE", "/api/v1/sessions") } })
    ] }),
    run: async () => {
      await ask(api.DELETE("/api/v1/sessions"));
      await logOut();
    }
  });
}

// src/pages/server/login.tsx
function next() {
  const wanted = place.value.query.get("next") ?? "";
  return wanted.startsWith("/ui/") && !wanted.startsWith("/ui/login") ? wanted : to("");
}
async function wayIn() {
  const { response, error } = await api.GET("/api/v1/me");
  if (response.ok) {
    return { way: "in", words: "" };
  }
  const problem = problemOf(response, error);
  if (response.status !== 401) {
    throw problem;
  }
  const isLink = response.headers.get("www-authenticate") === "Link";
  return { way: isLink ? "link" : "key", words: problem.detail };
}
async function enter() {
  forgetAll();
  await loadMe();
  startLive();
  go(next(), { replace: true });
}
function Login() {
  const [way, setWay] = d(null);
  const [words, setWords] = d("");
  A(() => {
    document.title = "Log in · hopsartifacts";
    let timer = 0;
    const look = () => {
      clearTimeout(timer);
      wayIn().then(
        (found) => {
          setWay(found.way);
          setWords(found.words);
          if (found.way === "in") {
            void enter();
          } else if (found.way === "link") {
            timer = window.setTimeout(look, RETRY_MS);
          }
        },
        (cause) => {
          setWords(asProblem(cause).message);
          timer = window.setTimeout(look, RETRY_MS);
        }
      );
    };
    look();
    const seen = () => document.hidden || look();
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
  return /* @__PURE__ */ a("main", { class: "login", id: "main", children: /* @__PURE__ */ a("div", { class: "card", children: [
    /* @__PURE__ */ a("div", { class: "brand", children: [
      /* @__PURE__ */ a(Mark, {}),
      /* @__PURE__ */ a("h1", { children: "hopsartifacts" })
    ] }),
    way === "key" ? /* @__PURE__ */ a(KeyForm, {}) : null,
    way === "link" ? /* @__PURE__ */ a(LinkWords, { words }) : null,
    active.value.length ? /* @__PURE__ */ a(Note, { children: [
      many(active.value.length, "upload"),
      " of this tab will continue after you log in. Keep this tab open."
    ] }) : null,
    way === null ? words ? /* @__PURE__ */ a(Note, { kind: "bad", children: words }) : /* @__PURE__ */ a(Waiting, { lines: 3 }) : null
  ] }) });
}
var RETRY_MS = 2e3;
function KeyForm() {
  const [key, setKey] = d("");
  const [problem, setProblem] = d(null);
  const [isBusy, setBusy] = d(false);
  const submit = async (event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      await session("POST", { key });
      await enter();
    } catch (cause) {
      setProblem(problemIn(cause));
    } finally {
      setBusy(false);
    }
  };
  const problems = problem ? [{ pointer: "/key", detail: sentence(problem.detail) }] : [];
  return /* @__PURE__ */ a("form", { onSubmit: (event) => void submit(event), children: [
    /* @__PURE__ */ a(
      TextField,
      {
        label: "API key",
        type: "password",
        value: key,
        onInput: setKey,
        problems,
        isMono: true,
        autocomplete: "current-password",
        hint: "This browser gets a cookie and does not store the key."
      }
    ),
    /* @__PURE__ */ a(Action, { kind: "primary", type: "submit", disabledBy: key.trim() ? "" : "Paste a key first.", children: isBusy ? "Logging in…" : "Log in" }),
    /* @__PURE__ */ a("p", { class: "sub", children: [
      "The person who runs this server creates keys on the server's machine, with",
      " ",
      /* @__PURE__ */ a("code", { children: "hopsartifacts keys create NAME" }),
      ". Users whose key has the scope “admin” can also create keys in the browser."
    ] })
  ] });
}
function LinkWords({ words }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: sentence(words) }),
    /* @__PURE__ */ a(Snippet, { text: "hopsartifacts ui", label: "Command" }),
    /* @__PURE__ */ a("p", { class: "sub", children: "The command opens this page in your browser, or prints a link for one use. Only the user who runs the server can log in." })
  ] });
}

// src/pages/server/storage.tsx
var DOCTOR = "/api/v1/jobs/doctor";
async function examine() {
  await ask(api.POST(DOCTOR));
  toast("The test of the storage has started");
}
function StoragePage() {
  const latest = useLatest("doctor");
  const isRunning = latest.data?.status === "running";
  const project = useLoad(
    "project",
    (signal) => ask(api.GET("/api/v1/project", { signal })),
    (event) => event.name === "job" && event.data.kind === "doctor"
  );
  const result = latest.data?.result;
  const notes = result?.kind === "doctor" ? result.notes : [];
  return /* @__PURE__ */ a(
    HealthFrame,
    {
      title: "Storage",
      actions: /* @__PURE__ */ a(
        Action,
        {
          kind: "primary",
          scope: "admin",
          disabledBy: isRunning ? "The test is running." : "",
          onClick: examine,
          children: "Test the storage"
        }
      ),
      children: [
        /* @__PURE__ */ a("div", { class: "grid2", children: [
          /* @__PURE__ */ a(Shown, { loaded: project, children: (it) => /* @__PURE__ */ a(Project, { of: it }) }),
          /* @__PURE__ */ a(Server, {})
        ] }),
        /* @__PURE__ */ a("section", { class: "card", "aria-labelledby": "proof", children: [
          /* @__PURE__ */ a("h2", { id: "proof", children: "Result of the test" }),
          /* @__PURE__ */ a(Progress, { job: latest.data }),
          /* @__PURE__ */ a(Failure, { job: latest.data }),
          /* @__PURE__ */ a(Shown, { loaded: project, children: ({ verdict }) => verdict ? /* @__PURE__ */ a(Proof, { of: verdict }) : /* @__PURE__ */ a(NoProof, {}) }),
          notes.map((it) => /* @__PURE__ */ a(Note, { children: it }, it)),
          /* @__PURE__ */ a(
            SameIn,
            {
              ways: {
                python: "project.doctor()",
                cli: "hopsartifacts doctor",
                curl: curl("POST", DOCTOR)
              }
            }
          )
        ] })
      ]
    }
  );
}
function Project({ of: it }) {
  return /* @__PURE__ */ a("section", { class: "card", "aria-labelledby": "project", children: [
    /* @__PURE__ */ a("h2", { id: "project", children: "Project" }),
    /* @__PURE__ */ a("dl", { children: [
      /* @__PURE__ */ a("dt", { children: "Name" }),
      /* @__PURE__ */ a("dd", { children: it.name }),
      /* @__PURE__ */ a("dt", { children: "URL" }),
      /* @__PURE__ */ a("dd", { class: "mono wrap", children: it.url }),
      /* @__PURE__ */ a("dt", { children: "Format" }),
      /* @__PURE__ */ a("dd", { children: it.format }),
      /* @__PURE__ */ a("dt", { children: "Location" }),
      /* @__PURE__ */ a("dd", { children: it.is_local ? "on the server's own disk" : "reached over the network" }),
      /* @__PURE__ */ a("dt", { children: "Capabilities" }),
      /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a("ul", { class: "plain", children: capabilities(it.capabilities).map((words) => /* @__PURE__ */ a("li", { children: words }, words)) }) })
    ] })
  ] });
}
function capabilities(it) {
  return [
    it.is_single_writer ? "one writer at a time" : "any number of writers at the same time",
    it.is_shared ? "other processes see the same files" : "only this process sees the files",
    it.moves_trees ? "moves whole folders" : "has no folders that can be moved",
    it.has_modes ? "makes sealed files read-only" : "cannot make files read-only",
    it.needs_proof ? "is tested before the first write" : "needs no test before the first write",
    `answers up to ${it.workers} calls at once faster than one after the other`
  ];
}
function Server() {
  const server = useLoad("server", (signal) => ask(api.GET("/api/v1/server", { signal })));
  return /* @__PURE__ */ a("section", { class: "card", "aria-labelledby": "server", children: [
    /* @__PURE__ */ a("h2", { id: "server", children: "Server" }),
    /* @__PURE__ */ a(Shown, { loaded: server, lines: 4, children: (it) => /* @__PURE__ */ a("dl", { children: [
      /* @__PURE__ */ a("dt", { children: "hopsartifacts" }),
      /* @__PURE__ */ a("dd", { children: it.release }),
      /* @__PURE__ */ a("dt", { children: "Python" }),
      /* @__PURE__ */ a("dd", { children: it.python }),
      /* @__PURE__ */ a("dt", { children: "Started" }),
      /* @__PURE__ */ a("dd", { children: /* @__PURE__ */ a(Time, { at: it.started }) }),
      /* @__PURE__ */ a("dt", { children: "Disk for uploads" }),
      /* @__PURE__ */ a("dd", { children: it.disk ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a(Size, { of: it.disk.free_bytes }),
        " free",
        /* @__PURE__ */ a("div", { class: "sub", children: [
          "uploads are refused below ",
          /* @__PURE__ */ a(Size, { of: it.disk.kept_bytes })
        ] })
      ] }) : "takes no uploads" }),
      it.read_only ? /* @__PURE__ */ a($, { children: [
        /* @__PURE__ */ a("dt", { children: "Mode" }),
        /* @__PURE__ */ a("dd", { children: "read-only: it shows the project and changes nothing" })
      ] }) : null
    ] }) })
  ] });
}
function Proof({ of: it }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a(
      State,
      {
        tone: it.ok ? "ok" : "bad",
        word: it.ok ? "It can hold a project" : "It cannot hold a project",
        children: [
          "Tested ",
          /* @__PURE__ */ a(Time, { at: it.time })
        ]
      }
    ),
    /* @__PURE__ */ a("div", { class: "panel proof", children: /* @__PURE__ */ a("table", { "aria-label": "Tests of the storage", children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("th", { scope: "col", children: "Test" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "Result" }),
        /* @__PURE__ */ a("th", { scope: "col", children: "Observed" })
      ] }) }),
      /* @__PURE__ */ a("tbody", { children: it.checks.map((check) => /* @__PURE__ */ a("tr", { children: [
        /* @__PURE__ */ a("td", { class: "first", children: check.name }),
        /* @__PURE__ */ a("td", { "data-head": "Result", children: /* @__PURE__ */ a(State, { tone: check.ok ? "ok" : "bad", word: check.outcome ?? "", children: check.ok ? null : check.meaning }) }),
        /* @__PURE__ */ a("td", { "data-head": "Observed", children: check.detail })
      ] }, check.name)) })
    ] }) })
  ] });
}
function NoProof() {
  return /* @__PURE__ */ a(Empty, { title: "Not tested yet", children: [
    /* @__PURE__ */ a("p", { children: "The test creates a separate folder, writes to it with several writers at the same time, and deletes it. A storage that needs the test is always tested before the first write." }),
    /* @__PURE__ */ a(Example, { way: "cli", code: "hopsartifacts doctor" })
  ] });
}
export {
  HealthPage,
  JobsPage,
  KeysPage,
  Login,
  Logins,
  StoragePage
};
