/** Repairing stored files: what would be done is shown first. */

import { useEffect, useState } from "preact/hooks";
import { api, ask, asProblem, type Job, ProblemError } from "../../api.ts";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Problem, Waiting } from "../../parts/Problem.tsx";
import { Note } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { to } from "../../route.ts";
import { Failure, useJob } from "./jobs.tsx";

const REPAIR = "/api/v1/jobs/repair";

/** The address of a file's page. */
export function filePage(path: string): string {
  return to("/files", ...path.split("/"));
}

/** Start a repair of `path`, or of everything; a dry run only says what would be done. */
function start(path: string, dryRun: boolean): Promise<Job> {
  return ask(api.POST(REPAIR, { body: { path, dry_run: dryRun } }));
}

/** Show what a repair of `path` would do, and do it if the user agrees. */
export function askToRepair(path: string): void {
  confirm({
    title: path ? `Repair ${path}?` : "Repair everything?",
    action: "Repair",
    isWide: true,
    body: (
      <>
        <Preview path={path} />
        <SameIn
          ways={{
            python: `project.repair(${path ? `path=${python(path)}` : ""})`,
            cli: `hopsartifacts repair${path ? ` --path ${shell(path)}` : ""}`,
            curl: curl("POST", REPAIR, { path, dry_run: false }),
          }}
        />
      </>
    ),
    run: async () => {
      await start(path, false);
      toast("The repair is running");
    },
  });
}

function Preview({ path }: { path: string }) {
  const [id, setId] = useState<string | null>(null);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const job = useJob(id);
  useEffect(() => {
    start(path, true).then(
      (started) => setId(started.id),
      (cause) => {
        const told = asProblem(cause);
        setProblem(told instanceof ProblemError ? told : null);
      },
    );
  }, [path]);
  const failure = problem ?? job.problem;
  if (failure) {
    return <Problem problem={failure} />;
  }
  if (job.data?.status === "failed") {
    return <Failure job={job.data} />;
  }
  const result = job.data?.result;
  return result?.kind === "repair" ? <Plan of={result} /> : <Waiting lines={3} />;
}

function Plan({ of: it }: { of: Extract<Job["result"], { kind: "repair" }> }) {
  return (
    <>
      {it.repaired.length ? (
        <>
          <p>
            A repair does the following. Files that it replaces are moved to the quarantine:
          </p>
          <ul class="plain">
            {it.repaired.map(({ finding, action }) => (
              <li key={finding.path}>
                <a class="mono" href={filePage(finding.path)}>
                  {finding.path}
                </a>
                <div class="sub">
                  {finding.kind}: {action}
                </div>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p>There is nothing that a repair can undo.</p>
      )}
      {it.unrepaired.length ? (
        <Note kind="bad">
          <p>The following cannot be repaired, as there is no intact copy:</p>
          <ul class="plain">
            {it.unrepaired.map((finding) => (
              <li key={finding.path}>
                <span class="mono">{finding.path}</span>
                <div class="sub">
                  {finding.kind}: {finding.detail}
                </div>
              </li>
            ))}
          </ul>
        </Note>
      ) : null}
    </>
  );
}
