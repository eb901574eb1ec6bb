/** Whether the stored files are as they were sealed, and what is no longer used. */

import type { ComponentChildren } from "preact";
import { api, ask, type Job, type Schemas } from "../../api.ts";
import type { LiveEvent } from "../../live.ts";
import { useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, SameIn } from "../../parts/Code.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Size, State, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { to, withQuery } from "../../route.ts";
import { count, many } from "../../words.ts";
import { Garbage } from "./garbage.tsx";
import { HealthFrame } from "./health-frame.tsx";
import { Failure, Progress, useLatest } from "./jobs.tsx";
import { askToRepair, filePage } from "./repair.tsx";

type Row = Schemas["KnownFinding"];

const VERIFY = "/api/v1/jobs/verify";

async function verify(): Promise<void> {
  await ask(api.POST(VERIFY, { body: { path: "" } }));
  toast("The verification has started");
}

export function HealthPage() {
  const latest = useLatest("verify");
  const isRunning = latest.data?.status === "running";
  return (
    <HealthFrame
      actions={
        <Action
          kind="primary"
          scope="write"
          disabledBy={isRunning ? "A verification is running." : ""}
          onClick={verify}
        >
          Verify everything
        </Action>
      }
    >
      <Numbers />
      <Verification latest={latest.data} />
      <Garbage />
    </HealthFrame>
  );
}

function Numbers() {
  const server = useLoad("server", (signal) => ask(api.GET("/api/v1/server", { signal })), [
    "model",
    "model-removed",
    "deployment",
    "deployment-removed",
  ]);
  return (
    <Shown loaded={server} lines={3}>
      {({ project }) => (
        <div class="grid4">
          <Figure of={project.models} word="Models" href={to("/models")}>
            {many(project.model_versions, "version")}
          </Figure>
          <div class="card kpi">
            <span class="muted">Files of models</span>
            <b>
              <Size of={project.size_bytes} />
            </b>
            <div class="sub">of all versions</div>
          </div>
          <Figure of={project.deployments} word="Deployments" href={to("/deployments")} />
          <Figure of={project.log_entries} word="Log entries">
            {project.longest_log ? (
              <>
                the longest: {count(project.longest_log.entries)}, of{" "}
                <a href={`${to("/models", project.longest_log.model)}/history`}>
                  {project.longest_log.model}
                </a>
              </>
            ) : (
              "no model yet"
            )}
          </Figure>
        </div>
      )}
    </Shown>
  );
}

function Figure(props: {
  of: number;
  word: string;
  href?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="card kpi">
      <span class="muted">
        {props.href ? <a href={props.href}>{props.word}</a> : props.word}
      </span>
      <b>{count(props.of)}</b>
      <div class="sub">{props.children}</div>
    </div>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  {
    id: "path",
    head: "File",
    isSorted: true,
    cell: (it) => (
      <a class="mono" href={filePage(it.path)}>
        {it.path}
      </a>
    ),
  },
  {
    id: "kind",
    head: "State",
    isSorted: true,
    cell: (it) => (
      <State tone="bad" word={it.kind}>
        {it.detail}
      </State>
    ),
  },
  { id: "checked", head: "Found", cell: (it) => <Time at={it.checked} /> },
  {
    id: "actions",
    head: "",
    cell: (it) => (
      <Action small scope="admin" onClick={() => askToRepair(it.path)}>
        Repair…
      </Action>
    ),
  },
];

/** Whether a job has ended that may have verified or repaired files. */
function isEnd({ name, data }: LiveEvent): boolean {
  return name === "job" && data.status !== "running";
}

function Verification({ latest }: { latest: Job | null | undefined }) {
  const sort = sortOf("path");
  const list = withQuery("/api/v1/findings", { sort });
  const pages = usePages<Row>(
    list,
    (cursor, limit, signal) =>
      ask(api.GET("/api/v1/findings", { params: { query: { cursor, limit, sort } }, signal })),
    isEnd,
  );
  const integrity = useLoad(
    "integrity",
    (signal) => ask(api.GET("/api/v1/integrity", { signal })),
    isEnd,
  );
  const total = pages.data?.total ?? 0;
  return (
    <section class="card" aria-labelledby="integrity">
      <div class="card-head">
        <h2 id="integrity">Integrity</h2>
        <span class="grow" />
        {total ? (
          <Action small scope="admin" onClick={() => askToRepair("")}>
            Repair all…
          </Action>
        ) : null}
      </div>
      <Progress job={latest} />
      <Failure job={latest} />
      <Shown loaded={integrity} lines={2}>
        {(it) => <Verdict of={it} total={total} />}
      </Shown>
      {total ? (
        <Table
          label="Differences"
          pages={pages}
          columns={COLUMNS}
          idOf={(it) => it.path}
          hrefOf={(it) => filePage(it.path)}
          sort="path"
          empty={null}
        />
      ) : null}
      <SameIn
        ways={{
          python: "project.verify()",
          cli: "hopsartifacts verify",
          curl: curl("POST", VERIFY, {}),
        }}
      />
    </section>
  );
}

function Verdict({ of: it, total }: { of: Schemas["Integrity"]; total: number }) {
  if (it.state === "not_checked") {
    return (
      <State tone="off" word="Not verified yet">
        It is not known whether the stored files are intact. <i>Verify everything</i> compares
        every byte, size and name with what was saved.
      </State>
    );
  }
  if (it.state === "intact") {
    return (
      <State tone="ok" word="Intact">
        Every managed file was as it was saved, <Time at={it.checked} />.
      </State>
    );
  }
  return (
    <State tone="bad" word={many(total, "difference")}>
      Found <Time at={it.checked} />. A deployment does not start if its files differ. A repair
      restores the files of which it finds an intact copy, and moves the files that it replaces
      to the quarantine.
    </State>
  );
}
