/** What the storage was proven to do, and the server that uses it. */

import { api, ask, type Schemas } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, Example, SameIn } from "../../parts/Code.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { Note, Size, State, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { HealthFrame } from "./health-frame.tsx";
import { Failure, Progress, useLatest } from "./jobs.tsx";

const DOCTOR = "/api/v1/jobs/doctor";

async function examine(): Promise<void> {
  await ask(api.POST(DOCTOR));
  toast("The test of the storage has started");
}

export function StoragePage() {
  const latest = useLatest("doctor");
  const isRunning = latest.data?.status === "running";
  const project = useLoad(
    "project",
    (signal) => ask(api.GET("/api/v1/project", { signal })),
    (event) => event.name === "job" && event.data.kind === "doctor",
  );
  const result = latest.data?.result;
  const notes = result?.kind === "doctor" ? result.notes : [];
  return (
    <HealthFrame
      title="Storage"
      actions={
        <Action
          kind="primary"
          scope="admin"
          disabledBy={isRunning ? "The test is running." : ""}
          onClick={examine}
        >
          Test the storage
        </Action>
      }
    >
      <div class="grid2">
        <Shown loaded={project}>{(it) => <Project of={it} />}</Shown>
        <Server />
      </div>
      <section class="card" aria-labelledby="proof">
        <h2 id="proof">Result of the test</h2>
        <Progress job={latest.data} />
        <Failure job={latest.data} />
        <Shown loaded={project}>
          {({ verdict }) => (verdict ? <Proof of={verdict} /> : <NoProof />)}
        </Shown>
        {notes.map((it) => (
          <Note key={it}>{it}</Note>
        ))}
        <SameIn
          ways={{
            python: "project.doctor()",
            cli: "hopsartifacts doctor",
            curl: curl("POST", DOCTOR),
          }}
        />
      </section>
    </HealthFrame>
  );
}

function Project({ of: it }: { of: Schemas["ProjectDetail"] }) {
  return (
    <section class="card" aria-labelledby="project">
      <h2 id="project">Project</h2>
      <dl>
        <dt>Name</dt>
        <dd>{it.name}</dd>
        <dt>URL</dt>
        <dd class="mono wrap">{it.url}</dd>
        <dt>Format</dt>
        <dd>{it.format}</dd>
        <dt>Location</dt>
        <dd>{it.is_local ? "on the server's own disk" : "reached over the network"}</dd>
        <dt>Capabilities</dt>
        <dd>
          <ul class="plain">
            {capabilities(it.capabilities).map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        </dd>
      </dl>
    </section>
  );
}

/** What the storage can do, in words. */
function capabilities(it: Schemas["ProjectDetail"]["capabilities"]): string[] {
  return [
    it.is_single_writer ? "one writer at a time" : "any number of writers at the same time",
    it.is_shared ? "other processes see the same files" : "only this process sees the files",
    it.moves_trees ? "moves whole folders" : "has no folders that can be moved",
    it.has_modes ? "makes sealed files read-only" : "cannot make files read-only",
    it.needs_proof
      ? "is tested before the first write"
      : "needs no test before the first write",
    `answers up to ${it.workers} calls at once faster than one after the other`,
  ];
}

function Server() {
  const server = useLoad("server", (signal) => ask(api.GET("/api/v1/server", { signal })));
  return (
    <section class="card" aria-labelledby="server">
      <h2 id="server">Server</h2>
      <Shown loaded={server} lines={4}>
        {(it) => (
          <dl>
            <dt>hopsartifacts</dt>
            <dd>{it.release}</dd>
            <dt>Python</dt>
            <dd>{it.python}</dd>
            <dt>Started</dt>
            <dd>
              <Time at={it.started} />
            </dd>
            <dt>Disk for uploads</dt>
            <dd>
              {it.disk ? (
                <>
                  <Size of={it.disk.free_bytes} /> free
                  <div class="sub">
                    uploads are refused below <Size of={it.disk.kept_bytes} />
                  </div>
                </>
              ) : (
                "takes no uploads"
              )}
            </dd>
            {it.read_only ? (
              <>
                <dt>Mode</dt>
                <dd>read-only: it shows the project and changes nothing</dd>
              </>
            ) : null}
          </dl>
        )}
      </Shown>
    </section>
  );
}

function Proof({ of: it }: { of: Schemas["StorageVerdict"] }) {
  return (
    <>
      <State
        tone={it.ok ? "ok" : "bad"}
        word={it.ok ? "It can hold a project" : "It cannot hold a project"}
      >
        Tested <Time at={it.time} />
      </State>
      <div class="panel proof">
        <table aria-label="Tests of the storage">
          <thead>
            <tr>
              <th scope="col">Test</th>
              <th scope="col">Result</th>
              <th scope="col">Observed</th>
            </tr>
          </thead>
          <tbody>
            {it.checks.map((check) => (
              <tr key={check.name}>
                <td class="first">{check.name}</td>
                <td data-head="Result">
                  <State tone={check.ok ? "ok" : "bad"} word={check.outcome ?? ""}>
                    {check.ok ? null : check.meaning}
                  </State>
                </td>
                <td data-head="Observed">{check.detail}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function NoProof() {
  return (
    <Empty title="Not tested yet">
      <p>
        The test creates a separate folder, writes to it with several writers at the same time,
        and deletes it. A storage that needs the test is always tested before the first write.
      </p>
      <Example way="cli" code="hopsartifacts doctor" />
    </Empty>
  );
}
