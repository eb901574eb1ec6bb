/** Dialogs, and questions before something is done. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { asProblem } from "../api.ts";
import { Note } from "./Text.tsx";

/** A modal dialog. The browser keeps the focus in it, and returns it afterwards. */
export function Dialog(props: {
  title: string;
  children: ComponentChildren;
  footer?: ComponentChildren;
  onClose: () => void;
  isWide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    shown?.showModal();
    return () => {
      shown?.close();
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={props.isWide ? "wide" : ""}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <div class="dialog-head">
        <h2 id={id}>{props.title}</h2>
        <button
          type="button"
          class="button quiet small"
          aria-label="Close"
          onClick={props.onClose}
        >
          ✕
        </button>
      </div>
      <div class="dialog-body">{props.children}</div>
      {props.footer ? <div class="dialog-foot">{props.footer}</div> : null}
    </dialog>
  );
}

/** A dialog with a form: it closes when the work is done, and else shows its problem. */
export function FormDialog(props: {
  title: string;
  /** The word on the button that does it. */
  action: string;
  isDangerous?: boolean;
  isWide?: boolean;
  isReady?: boolean;
  run: () => Promise<unknown>;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const isReady = props.isReady ?? true;
  const run = async (event: Event) => {
    event.preventDefault();
    if (isBusy || !isReady) {
      return;
    }
    setBusy(true);
    setFailure("");
    try {
      await props.run();
      props.onClose();
    } catch (cause) {
      setFailure(asProblem(cause).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose} isWide={props.isWide}>
      <form onSubmit={(event) => void run(event)}>
        {props.children}
        <div role="alert">{failure ? <Note kind="bad">{failure}</Note> : null}</div>
        <div class="dialog-foot">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${props.isDangerous ? "danger" : "primary"}`}
            disabled={!isReady}
            aria-busy={isBusy}
          >
            {props.action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A question before something is done. */
export interface Question {
  readonly title: string;
  /** What will happen, with the names of what goes. */
  readonly body: ComponentChildren;
  /** The word on the button that does it. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Whether to ask for a reason, which the history shows. */
  readonly asksWhy?: boolean;
  /** A text that has to be typed first; only for what takes much with it. */
  readonly typed?: string;
  readonly isWide?: boolean;
  /** What is done; the dialog stays open with its problem if it fails. */
  readonly run: (why: string) => Promise<unknown>;
}

const question = signal<Question | null>(null);

/** Ask, and do it if the answer is yes. */
export function confirm(asked: Question): void {
  question.value = asked;
}

export function Questions() {
  return question.value ? <Asked key={question.value.title} asked={question.value} /> : null;
}

function Asked({ asked }: { asked: Question }) {
  const [why, setWhy] = useState("");
  const [typed, setTyped] = useState("");
  const close = () => {
    // While it was busy, another question may have come.
    if (question.value === asked) {
      question.value = null;
    }
  };
  return (
    <FormDialog
      title={asked.title}
      action={asked.action}
      isDangerous={asked.isDangerous}
      isWide={asked.isWide}
      isReady={!asked.typed || typed === asked.typed}
      run={() => asked.run(why.trim())}
      onClose={close}
    >
      <div>{asked.body}</div>
      {asked.asksWhy ? (
        <label class="field">
          <span>
            Why <span class="muted">· the history shows it</span>
          </span>
          <input
            class="input"
            value={why}
            onInput={(event) => setWhy(event.currentTarget.value)}
          />
        </label>
      ) : null}
      {asked.typed ? (
        <label class="field">
          <span>
            Type <b class="mono">{asked.typed}</b> to confirm
          </span>
          <input
            class="input"
            value={typed}
            autocomplete="off"
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
      ) : null}
    </FormDialog>
  );
}
