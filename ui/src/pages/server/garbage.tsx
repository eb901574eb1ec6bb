/** What is no longer used: shown with its size first, and then freed. */

import { api, ask, type Job, type Schemas } from "../../api.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, SameIn, type Ways } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Note, Size, State, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { bytes, many } from "../../words.ts";
import { Failure, Progress, useLatest } from "./jobs.tsx";

const GC = "/api/v1/jobs/gc";
const MOST_SHOWN = 100;

type Result = Extract<Job["result"], { kind: "gc" }>;

async function collect(dryRun: boolean): Promise<void> {
  await ask(api.POST(GC, { body: { dry_run: dryRun } as Schemas["GcOptions"] }));
}

function ways(isDry: boolean): Ways {
  return {
    python: `project.gc(dry_run=${isDry ? "True" : "False"})`,
    cli: `hopsartifacts gc${isDry ? " --dry-run" : ""}`,
    curl: curl("POST", GC, { dry_run: isDry }),
  };
}

function askToFree(found: Result): void {
  confirm({
    title: `Free ${bytes(found.size_bytes)}?`,
    action: `Free ${bytes(found.size_bytes)}`,
    isDangerous: true,
    isWide: true,
    body: (
      <>
        <p>
          {many(found.freed.length, "file or folder", "files and folders")} that nothing uses
          any more {found.freed.length === 1 ? "is" : "are"} deleted. No file of a version and
          no file of your own is deleted. Others can continue to work meanwhile.
        </p>
        <List found={found} />
        <SameIn ways={ways(false)} />
      </>
    ),
    run: async () => {
      await collect(false);
      toast("Cleaning up has started");
    },
  });
}

export function Garbage() {
  const latest = useLatest("gc");
  const isRunning = latest.data?.status === "running";
  const result = latest.data?.result;
  const found = result?.kind === "gc" ? result : null;
  const isFreeable = found?.dry_run && found.freed.length > 0;
  return (
    <section class="card" aria-labelledby="garbage">
      <div class="card-head">
        <h2 id="garbage">No longer used</h2>
        <span class="grow" />
        <Action
          small
          scope="admin"
          disabledBy={isRunning ? "The search is running." : ""}
          onClick={() => collect(true)}
        >
          Find unused files
        </Action>
        {isFreeable ? (
          <Action small kind="danger" scope="admin" onClick={() => askToFree(found)}>
            Free {bytes(found.size_bytes)}…
          </Action>
        ) : null}
      </div>
      <Progress job={latest.data} />
      <Failure job={latest.data} />
      <Shown loaded={latest} lines={2}>
        {(job) =>
          found && job ? (
            <Outcome found={found} at={job.ended} />
          ) : (
            <p class="sub">
              Saves that were interrupted and versions that were deleted leave files behind.
              Finding them changes nothing.
            </p>
          )
        }
      </Shown>
      <SameIn ways={ways(true)} />
    </section>
  );
}

function Outcome({ found, at }: { found: Result; at: string | null | undefined }) {
  return (
    <>
      {found.freed.length ? (
        <State
          tone={found.dry_run ? "warn" : "ok"}
          word={`${bytes(found.size_bytes)} ${found.dry_run ? "can be freed" : "freed"}`}
        >
          {many(found.freed.length, "file or folder", "files and folders")}, <Time at={at} />
        </State>
      ) : (
        <State tone="ok" word={found.dry_run ? "Nothing to free" : "Nothing was freed"}>
          Searched <Time at={at} />
        </State>
      )}
      {found.kept.length ? (
        <p class="sub">
          {many(found.kept.length, "more file or folder", "more files and folders")} may still
          be used by a writer, and {found.kept.length === 1 ? "is" : "are"} kept for now.
        </p>
      ) : null}
      {found.stuck.map((it) => (
        <Note kind="bad" key={it.garbage.path}>
          <span class="mono">{it.garbage.path}</span> could not be freed: {it.reason}
        </Note>
      ))}
      {found.freed.length ? (
        <details>
          <summary>
            {found.dry_run ? "Files that can be freed" : "Files that were freed"}
          </summary>
          <List found={found} />
        </details>
      ) : null}
    </>
  );
}

function List({ found }: { found: Result }) {
  const more = found.freed.length - MOST_SHOWN;
  return (
    <ul class="plain">
      {found.freed.slice(0, MOST_SHOWN).map((it) => (
        <li key={it.path}>
          <span class="mono">{it.path}</span>
          <div class="sub">
            <Size of={it.size_bytes} />, {it.detail}
          </div>
        </li>
      ))}
      {more > 0 ? <li class="sub">and {more} more</li> : null}
    </ul>
  );
}
