/** Whether managed files are intact: what was found, and to verify and repair them. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { api, ask, asProblem, type Schemas } from "../../api.ts";
import { ended } from "../../jobs.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Waiting } from "../../parts/Problem.tsx";
import { Note, State, Time, type Tone } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { to } from "../../route.ts";
import { many } from "../../words.ts";

type Found = Schemas["Integrity"];
type Repaired = Schemas["RepairResult"];

const MOST_SHOWN = 20;

function toneOf(state: Found["state"]): Tone {
  return state === "intact" ? "ok" : state === "not_checked" ? "off" : "bad";
}

/** What the last verification found about a file or folder. */
export function IntegrityMark({ of, isBrief }: { of: Found; isBrief?: boolean }) {
  return (
    <State tone={toneOf(of.state)} word={of.state.replaceAll("_", " ")}>
      {of.checked && !isBrief ? (
        <>
          verified <Time at={of.checked} />
        </>
      ) : null}
    </State>
  );
}

/** Verify a file or folder, and say what came out. */
async function verify(path: string): Promise<void> {
  const job = await ended(await ask(api.POST("/api/v1/jobs/verify", { body: { path } })));
  if (job.result?.kind !== "verify") {
    return;
  }
  const { files, findings } = job.result;
  if (findings.length) {
    toast(
      `${many(findings.length, "file differs", "files differ")} from what was saved`,
      "bad",
    );
  } else {
    toast(
      `${many(files, "stored file is", "stored files are")} intact${path ? ` in ${path}` : ""}`,
    );
  }
}

/** A button that verifies `path`; empty for everything. */
export function Verify(props: {
  path: string;
  label: string;
  small?: boolean;
  onDone: () => void;
}) {
  return (
    <Action
      scope="write"
      small={props.small}
      onClick={async () => {
        await verify(props.path);
        props.onDone();
      }}
    >
      {props.label}
    </Action>
  );
}

const asked = signal<{ path: string; onDone: () => void } | null>(null);

/** A button that says what a repair of `path` would do, before it does it. */
export function Repair(props: { path: string; small?: boolean; onDone: () => void }) {
  return (
    <Action
      scope="admin"
      small={props.small}
      label={`Repair ${props.path}`}
      onClick={() => {
        asked.value = { path: props.path, onDone: props.onDone };
      }}
    >
      Repair…
    </Action>
  );
}

/** The dialog of `Repair`. */
export function RepairDialog() {
  return asked.value ? <Planned key={asked.value.path} {...asked.value} /> : null;
}

async function repair(path: string, isDry: boolean): Promise<Repaired> {
  const body = { path, dry_run: isDry };
  const job = await ended(await ask(api.POST("/api/v1/jobs/repair", { body })));
  return job.result as Repaired;
}

function Planned({ path, onDone }: { path: string; onDone: () => void }) {
  const [found, setFound] = useState<Repaired | null>(null);
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const close = () => {
    asked.value = null;
  };
  const run = (isDry: boolean) => {
    setBusy(true);
    setFailure("");
    repair(path, isDry)
      .then(
        (result) => {
          setFound(result);
          if (!isDry) {
            onDone();
          }
        },
        (cause) => setFailure(asProblem(cause).message),
      )
      .finally(() => setBusy(false));
  };
  useEffect(() => run(true), []);
  const count = (found?.repaired.length ?? 0) + (found?.unrepaired.length ?? 0);
  const isPlan = found?.dry_run ?? false;
  return (
    <Dialog
      title={path ? `Repair ${path}` : "Repair everything"}
      onClose={close}
      isWide
      footer={
        <>
          <button type="button" class="button" onClick={close}>
            {isPlan || !found ? "Cancel" : "Close"}
          </button>
          {isPlan && count ? (
            <Action scope="admin" kind="primary" onClick={() => run(false)}>
              {isBusy ? "Repairing" : "Repair"}
            </Action>
          ) : null}
        </>
      }
    >
      <div role="alert">{failure ? <Note kind="bad">{failure}</Note> : null}</div>
      {found ? (
        <div aria-live="polite">
          <Plan found={found} />
          <SameIn
            ways={{
              python: `project.repair(path=${python(path)}, dry_run=True)\nproject.repair(path=${python(path)})`,
              cli: `hopsartifacts repair --path ${shell(path)} --dry-run\nhopsartifacts repair --path ${shell(path)}`,
              curl: curl("POST", "/api/v1/jobs/repair", { path, dry_run: false }),
            }}
          />
        </div>
      ) : failure ? null : (
        <>
          <p>Comparing every file with what was saved, and looking for intact copies.</p>
          <Waiting lines={3} />
        </>
      )}
    </Dialog>
  );
}

function Plan({ found }: { found: Repaired }) {
  const { repaired, unrepaired, dry_run } = found;
  if (!repaired.length && !unrepaired.length) {
    return <p>Every file is intact: there is nothing to repair.</p>;
  }
  return (
    <>
      <p>
        {dry_run
          ? "Nothing was changed yet. A repair would do the following; it deletes nothing:"
          : "The repair did the following:"}
      </p>
      <ul class="names">
        {repaired.map(({ finding, action }) => (
          <li key={finding.path}>
            <b>{finding.path}</b> <span class="sub">{finding.kind}</span>
            <div>{action}</div>
          </li>
        ))}
        {unrepaired.map((it) => (
          <li key={it.path}>
            <State tone="bad" word={it.kind} /> <b>{it.path}</b>
            <div>{it.detail}</div>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The files below a folder that differ, with links to them. */
export function Differing({ path, at }: { path: string; at: string }) {
  const query = { path, limit: MOST_SHOWN };
  const { data } = useLoad(`findings ${path} ${at}`, (signal) =>
    ask(api.GET("/api/v1/findings", { params: { query }, signal })),
  );
  if (!data?.total) {
    return null;
  }
  return (
    <Note kind="bad">
      <b>{many(data.total, "file differs", "files differ")} from what was saved.</b>
      <ul class="differing">
        {data.items.map((it) => (
          <li key={it.path}>
            <a href={to("/files", ...it.path.split("/"))}>
              {path && it.path.startsWith(`${path}/`)
                ? it.path.slice(path.length + 1)
                : it.path}
            </a>{" "}
            <span class="sub">
              {it.kind}: {it.detail}
            </span>
          </li>
        ))}
      </ul>
      {data.total > data.items.length ? (
        <a href={to("/health")}>All of them are on the health page</a>
      ) : null}
    </Note>
  );
}
