/** Uploads to a folder: buttons, dropped files, and what became of each. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { chosenIn, dropped } from "../../files.ts";
import { useLoad } from "../../load.ts";
import { Action, forbidden } from "../../parts/Action.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Size, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import {
  active,
  add,
  cancel,
  clearDone,
  isFileOf,
  nameOf,
  ofProject,
  progress,
  resume,
  retry,
  type Upload,
  unfinished,
  uploads,
} from "../../uploads.ts";
import { bytes, many, timeLeft } from "../../words.ts";

const MOST_SHOWN = 100;

/** Why nothing can be put into a folder; `row` is null for the project itself. */
export function lockedBy(row: Schemas["FileRow"] | null | undefined): string {
  if (row === null) {
    return "Files can only be uploaded to a folder: open one first.";
  }
  return row?.is_managed
    ? "This folder is managed: change it on the pages of its model or deployment."
    : "";
}

/** The folder at `path`; null for the project itself. */
export function useFolder(path: string): Schemas["FileRow"] | null | undefined {
  const loaded = useLoad(path ? `folder ${path}` : null, (signal) =>
    ask(api.GET("/api/v1/files/{path}", { params: { path: { path } }, signal })),
  );
  return path ? loaded.data : null;
}

/** Buttons that upload to `folder`, the files dropped on the page, and their progress. */
export function Uploads({ folder }: { folder: string }) {
  const reason = lockedBy(useFolder(folder));
  const files = useRef<HTMLInputElement>(null);
  const folders = useRef<HTMLInputElement>(null);
  const asFolders = (input: HTMLInputElement | null) => {
    folders.current = input;
    if (input) {
      input.webkitdirectory = true;
    }
  };
  const chosen = (input: HTMLInputElement) => {
    const found = chosenIn(input);
    input.value = "";
    void add(found, folder);
  };
  return (
    <>
      <Action scope="write" disabledBy={reason} onClick={() => folders.current?.click()}>
        Upload folder
      </Action>
      <Action
        scope="write"
        kind="primary"
        disabledBy={reason}
        onClick={() => files.current?.click()}
      >
        Upload files
      </Action>
      <input
        ref={files}
        type="file"
        hidden
        multiple
        aria-label="Files to upload"
        onChange={(event) => chosen(event.currentTarget)}
      />
      <input
        ref={asFolders}
        type="file"
        hidden
        aria-label="Folder to upload"
        onChange={(event) => chosen(event.currentTarget)}
      />
      <Drop folder={folder} reason={reason} />
    </>
  );
}

/** Takes what is dropped anywhere on the page. */
function Drop({ folder, reason }: { folder: string; reason: string }) {
  const isOver = useSignal(false);
  const latest = useRef({ folder, reason });
  latest.current = { folder, reason: reason || forbidden("write") };
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const over = (event: DragEvent) => {
      if (hasFiles(event)) {
        event.preventDefault();
        isOver.value = true;
      }
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) {
        isOver.value = false;
      }
    };
    const drop = (event: DragEvent) => {
      isOver.value = false;
      if (!event.dataTransfer || !hasFiles(event)) {
        return;
      }
      event.preventDefault();
      const { folder, reason } = latest.current;
      if (reason) {
        toast(reason, "bad");
      } else {
        void dropped(event.dataTransfer).then((found) => add(found, folder));
      }
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }, [isOver]);
  if (!isOver.value) {
    return null;
  }
  return (
    <div class="drop">
      <b>{latest.current.reason || `Drop files and folders to upload them to ${folder}`}</b>
    </div>
  );
}

/** All uploads of this tab, on whichever page the user is; nothing if there are none. */
export function UploadTray() {
  const listed = ofProject.value;
  const isOpen = useSignal(true);
  useEffect(keepPage, []);
  const here = active.value.filter((it) => it.path !== null);
  if (!listed.length) {
    return null;
  }
  const rate = here.reduce((sum, it) => sum + it.rate.value, 0);
  const taken = listed.filter((it) => it.stage.value === "taken");
  const bad = listed.filter((it) => it.stage.value === "failed");
  const begun = here.filter((it) => it.stage.value !== "waiting");
  const waiting = here
    .filter((it) => it.stage.value === "waiting")
    .sort((one, other) => one.file.size - other.file.size);
  const done = listed.filter((it) => it.stage.value === "done");
  const words = here.length ? sendingWords(begun) : summary(listed, taken.length + bad.length);
  return (
    <section class="tray" aria-label="Uploads">
      <div class="tray-head">
        <b role="status">{words}</b>
        {here.length && rate ? <span class="sub">{bytes(rate)}/s</span> : null}
        <div class="tray-actions">
          {taken.length > 1 ? (
            <>
              <Action small onClick={() => retry(taken, { overwrite: true })}>
                Replace all {taken.length}
              </Action>
              <Action small onClick={() => cancel(taken)}>
                Skip all {taken.length}
              </Action>
            </>
          ) : null}
          {here.length > 1 ? (
            <Action small kind="quiet" onClick={() => cancelAll(here.length)}>
              Cancel all
            </Action>
          ) : null}
          {here.length ? null : (
            <Action small kind="quiet" onClick={() => clear(listed)}>
              Clear
            </Action>
          )}
          <button
            type="button"
            class="button small quiet"
            aria-expanded={isOpen.value}
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            {isOpen.value ? "Less" : "More"}
          </button>
        </div>
      </div>
      {isOpen.value ? (
        <ul class="tray-list">
          {[...bad, ...taken, ...begun, ...waiting, ...done].slice(0, MOST_SHOWN).map((it) => (
            <UploadRow key={it.key} of={it} />
          ))}
          {listed.length > MOST_SHOWN ? (
            <li class="sub">and {many(listed.length - MOST_SHOWN, "other")}</li>
          ) : null}
        </ul>
      ) : null}
    </section>
  );
}

/** Keep the browser from leaving the page for a file that is dropped where none is taken. */
function keepPage(): () => void {
  const over = (event: DragEvent) => event.preventDefault();
  const drop = (event: DragEvent) => {
    if (!event.defaultPrevented && event.dataTransfer?.types.includes("Files")) {
      event.preventDefault();
      toast(
        "Nothing was uploaded: open a folder that is not managed, and drop the files there.",
        "bad",
      );
    }
  };
  // After those of the page, which are on the document or below.
  addEventListener("dragover", over);
  addEventListener("drop", drop);
  return () => {
    removeEventListener("dragover", over);
    removeEventListener("drop", drop);
  };
}

function clear(listed: readonly Upload[]): void {
  cancel(listed.filter((it) => it.stage.value !== "done"));
  clearDone();
}

function cancelAll(files: number): void {
  confirm({
    title: `Cancel ${many(files, "upload")}?`,
    body: "What was sent of these files is deleted. Files that are complete stay.",
    action: "Cancel all",
    isDangerous: true,
    // A file that is being written to the project cannot be taken back.
    run: async () => cancel(active.value.filter(isCancellable)),
  });
}

function isCancellable(it: Upload): boolean {
  return it.path !== null && it.stage.value !== "saving";
}

/** `Uploading 12 of 203 files, 45 %, 2 minutes left`, or for what it waits. */
function sendingWords(begun: readonly Upload[]): string {
  const { files, ended, share, leftS } = progress.value;
  const stages = begun.map((it) => it.stage.value);
  const isLocked = stages.includes("locked");
  const isLost = stages.length > 0 && stages.every((it) => it === "lost");
  const at = files === 1 ? "1 file" : `${Math.min(ended + 1, files)} of ${many(files, "file")}`;
  const part = `${at}, ${Math.floor(100 * share)} %`;
  if (isLocked) {
    return `Log in again to continue: ${part}`;
  }
  if (isLost) {
    return `Waiting for the server: ${part}`;
  }
  return `Uploading ${part}${leftS === null ? "" : `, ${timeLeft(leftS)}`}`;
}

function summary(listed: readonly Upload[], failed: number): string {
  const done = listed.length - failed;
  const words = done ? `Uploaded ${many(done, "file")}` : "";
  const not = failed ? `${many(failed, "file")} not uploaded` : "";
  return [words, not].filter(Boolean).join(" · ");
}

/** One file: how far it is, what is wrong, and what can be done about it. */
export function UploadRow({ of }: { of: Upload }) {
  const stage = of.stage.value;
  const size = of.file.size;
  const isAsking = stage === "taken" || stage === "failed";
  return (
    <li class="upload">
      <div class="upload-line">
        <Name of={of.path ?? of.name} />
        <span class="sub upload-size">{WORDS[stage](of)}</span>
        {isAsking ? (
          <Action
            small
            label={`${stage === "taken" ? "Replace" : "Try again"}: ${of.name}`}
            onClick={() => retry([of], { overwrite: stage === "taken" })}
          >
            {stage === "taken" ? "Replace" : "Try again"}
          </Action>
        ) : null}
        {stage === "done" && of.path !== null ? null : (
          <Action
            small
            kind="quiet"
            disabledBy={
              stage === "saving" ? "It is being written to the project: wait for it." : ""
            }
            label={`${isAsking ? "Skip" : "Cancel"} ${of.name}`}
            onClick={() => cancel([of])}
          >
            ✕
          </Action>
        )}
      </div>
      {["sending", "lost", "locked", "saving"].includes(stage) ? (
        <progress
          aria-label={of.name}
          max={size || 1}
          value={stage === "saving" ? undefined : of.sent.value}
        />
      ) : null}
      {of.problem.value && stage !== "taken" ? (
        <div class="hint bad">{of.problem.value}</div>
      ) : null}
    </li>
  );
}

/** A path; where there is no room, its folders are cut off, and not the name of the file. */
function Name({ of }: { of: string }) {
  const start = of.lastIndexOf("/") + 1;
  return (
    <span class="upload-name" title={of}>
      <span class="upload-folder">{of.slice(0, start)}</span>
      <span class="upload-file">{of.slice(start)}</span>
    </span>
  );
}

const WORDS: Record<Upload["stage"]["value"], (it: Upload) => string> = {
  waiting: () => "waiting",
  sending: (it) => {
    const rate = it.rate.value ? ` · ${bytes(it.rate.value)}/s` : "";
    return `${bytes(it.sent.value)} of ${bytes(it.file.size)}${rate}`;
  },
  lost: (it) => `${bytes(it.sent.value)} of ${bytes(it.file.size)} · no answer`,
  locked: (it) => `${bytes(it.sent.value)} of ${bytes(it.file.size)} · log in again`,
  saving: () => "writing to the project",
  taken: () => "a file with this name exists",
  failed: () => "failed",
  done: (it) => bytes(it.file.size),
  cancelled: () => "cancelled",
};

/** Uploads that were begun before this page was loaded, and wait for their files. */
export function Unfinished({ isForModel = false }: { isForModel?: boolean }) {
  const here = uploads.value.map((it) => it.id).join();
  const loaded = useLoad("unfinished uploads", unfinished, ["file"]);
  const listed = (loaded.data ?? []).filter(
    (it) => (it.path === null) === isForModel && !here.includes(it.id),
  );
  const input = useRef<HTMLInputElement>(null);
  const wanted = useSignal<Schemas["FileUpload"] | null>(null);
  if (!listed.length) {
    return null;
  }
  const choose = (it: Schemas["FileUpload"]) => {
    wanted.value = it;
    input.current?.click();
  };
  const remove = async (it: Schemas["FileUpload"]) => {
    const params = { path: { id: it.id } };
    await ask(api.DELETE("/api/v1/uploads/{id}", { params }));
    loaded.reload();
  };
  const chosen = (file: File | undefined) => {
    const begun = wanted.value;
    if (!file || !begun) {
      return;
    }
    if (isFileOf(begun, file)) {
      resume(begun, file);
    } else {
      const size = bytes(begun.size_bytes);
      toast(
        `“${file.name}” is not the file of this upload (${size}), or was changed since: choose the same file.`,
        "bad",
      );
    }
  };
  return (
    <section class="card unfinished" aria-label="Unfinished uploads">
      <h2>Unfinished uploads</h2>
      <p class="sub">
        Choose the same file or folder again: its upload continues where it stopped. The server
        removes an upload that nobody continues for 24 hours.
      </p>
      <ul class="tray-list">
        {listed.map((it) => (
          <li key={it.id} class="upload">
            <div class="upload-line">
              <Name of={nameOf(it)} />
              <span class="sub upload-size">
                <Size of={it.offset} /> of <Size of={it.size_bytes} />, started{" "}
                <Time at={it.created} />
              </span>
              <Action
                small
                scope="write"
                label={`Continue ${nameOf(it)}`}
                onClick={() => choose(it)}
              >
                Continue
              </Action>
              <Action
                small
                kind="quiet"
                scope="write"
                label={`Remove ${nameOf(it)}`}
                onClick={() => remove(it)}
              >
                Remove
              </Action>
            </div>
            <progress aria-label={nameOf(it)} max={it.size_bytes || 1} value={it.offset} />
          </li>
        ))}
      </ul>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="File to continue with"
        onChange={(event) => {
          chosen(event.currentTarget.files?.[0]);
          event.currentTarget.value = "";
        }}
      />
    </section>
  );
}
