/** Jobs of the server: the latest of a kind, their progress, and the list of them. */

import { api, ask, type Job } from "../../api.ts";
import { type Loaded, useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, SameIn } from "../../parts/Code.tsx";
import { Empty } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { State, Time, type Tone } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { withQuery } from "../../route.ts";
import { bytes } from "../../words.ts";
import { HealthFrame } from "./health-frame.tsx";

/** How the state of a job looks. */
const TONES: Record<Job["status"], Tone> = {
  running: "busy",
  done: "ok",
  failed: "bad",
  cancelled: "off",
};

/** The newest job of a kind, with its result; null if there was none. */
export function useLatest(kind: string): Loaded<Job | null> {
  return useLoad<Job | null>(
    `latest ${kind}`,
    async (signal) => {
      const query = { kind, limit: 1, sort: "-created" };
      const { items } = await ask(api.GET("/api/v1/jobs", { params: { query }, signal }));
      const id = items[0]?.id;
      return id
        ? await ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id } }, signal }))
        : null;
    },
    (event) => event.name === "job" && event.data.kind === kind,
  );
}

/** A job that was started, with its result when it is done. */
export function useJob(id: string | null): Loaded<Job> {
  return useLoad(
    id && `job ${id}`,
    (signal) =>
      ask(api.GET("/api/v1/jobs/{id}", { params: { path: { id: id ?? "" } }, signal })),
    (event) => event.name === "job" && event.data.id === id,
  );
}

async function cancel(job: Job): Promise<void> {
  await ask(api.DELETE("/api/v1/jobs/{id}", { params: { path: { id: job.id } } }));
  toast(`The ${job.kind} ends at its next step`);
}

/** How far a running job is, and a button to cancel it; nothing if it does not run. */
export function Progress({ job }: { job: Job | null | undefined }) {
  if (job?.status !== "running") {
    return null;
  }
  return (
    <div class="job" role="status">
      <Bar job={job} />
      <Action small scope="admin" onClick={() => cancel(job)}>
        Cancel
      </Action>
    </div>
  );
}

function Bar({ job }: { job: Job }) {
  const { done_bytes: done = 0, size_bytes: size = 0 } = job.progress ?? {};
  const words = size ? `${bytes(done)} of ${bytes(size)}` : "running";
  return (
    <>
      <progress
        aria-label={`Progress of ${job.kind}`}
        max={size || undefined}
        value={size ? done : undefined}
      />
      <span class="sub">{words}</span>
    </>
  );
}

/** Why a job failed; nothing if it did not. */
export function Failure({ job }: { job: Job | null | undefined }) {
  return job?.error ? (
    <div class="note bad" role="alert">
      The {job.kind} <Time at={job.ended} /> failed: {job.error.detail}
    </div>
  ) : null;
}

const COLUMNS: readonly Column<Job>[] = [
  {
    id: "kind",
    head: "Job",
    isSorted: true,
    cell: (it) => (
      <>
        <b>{it.kind}</b>
        {it.subject ? <div class="sub">{it.subject}</div> : null}
      </>
    ),
  },
  {
    id: "status",
    head: "State",
    isSorted: true,
    cell: (it) => (
      <State tone={TONES[it.status]} word={it.status}>
        {it.error?.detail}
      </State>
    ),
  },
  {
    id: "progress",
    head: "Progress",
    cell: (it) => (it.status === "running" ? <Bar job={it} /> : <Done job={it} />),
  },
  { id: "by", head: "By", cell: (it) => it.by },
  { id: "created", head: "Started", isSorted: true, cell: (it) => <Time at={it.created} /> },
  { id: "ended", head: "Ended", isSorted: true, cell: (it) => <Time at={it.ended} /> },
  {
    id: "actions",
    head: "",
    cell: (it) =>
      it.status === "running" ? (
        <Action small scope="admin" onClick={() => cancel(it)}>
          Cancel
        </Action>
      ) : null,
  },
];

function Done({ job }: { job: Job }) {
  const done = job.progress?.done_bytes;
  return done ? bytes(done) : <span class="muted">–</span>;
}

export function JobsPage() {
  const sort = sortOf("-created");
  const list = withQuery("/api/v1/jobs", { sort });
  const pages = usePages<Job>(
    list,
    (cursor, limit, signal) =>
      ask(api.GET("/api/v1/jobs", { params: { query: { cursor, limit, sort } }, signal })),
    ["job"],
  );
  return (
    <HealthFrame title="Jobs">
      <Table
        label="Jobs"
        pages={pages}
        columns={COLUMNS}
        idOf={(it) => it.id}
        sort="-created"
        empty={
          <Empty title="No jobs since this server was started">
            <p>
              What takes longer than a request is a job: checks, repairs, starts of deployments.
            </p>
          </Empty>
        }
      />
      <SameIn ways={{ curl: curl("GET", list) }} />
    </HealthFrame>
  );
}
