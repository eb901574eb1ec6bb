/**
 * Values that are edited in place: descriptions and tags.
 *
 * The server changes a value only if it is still the one that was read. If it is not, both
 * are shown, and the user decides.
 */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { problemIn } from "../../api.ts";
import { Action } from "../../parts/Action.tsx";
import { Diff, SameIn, type Ways } from "../../parts/Code.tsx";
import { Note } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";

/** A value as text, and the ETag under which the server knows it. */
export interface Seen {
  readonly text: string;
  readonly etag: string;
}

const CHANGED = 412;

interface Props {
  /** What it is: `Description of version 3`. */
  readonly label: string;
  readonly text: string;
  readonly read: () => Promise<Seen>;
  readonly write: (text: string, etag: string) => Promise<unknown>;
  readonly ways: (text: string) => Ways;
  readonly children: ComponentChildren;
  readonly hint?: string;
  readonly lines?: number;
  /** Further buttons beside *Edit*. */
  readonly more?: ComponentChildren;
}

/** `children` shows the value; *Edit* replaces it with a field. */
export function Editable(props: Props) {
  const [seen, setSeen] = useState<Seen | null>(null);
  if (seen) {
    return <Editor {...props} seen={seen} onSeen={setSeen} onEnd={() => setSeen(null)} />;
  }
  return (
    <div class="about">
      {props.children}
      <Action
        scope="write"
        kind="quiet"
        small
        label={`Edit ${props.label}`}
        onClick={async () => setSeen(await props.read())}
      >
        Edit
      </Action>
      {props.more}
    </div>
  );
}

function Editor(
  props: Props & { seen: Seen; onSeen: (seen: Seen) => void; onEnd: () => void },
) {
  const { seen, onSeen, onEnd } = props;
  const [text, setText] = useState(seen.text);
  const [theirs, setTheirs] = useState<Seen | null>(null);
  const [failure, setFailure] = useState("");
  const [isBusy, setBusy] = useState(false);
  const save = async (etag: string) => {
    setBusy(true);
    setFailure("");
    try {
      await props.write(text, etag);
      toast(`${props.label} saved`);
      onEnd();
    } catch (cause) {
      const problem = problemIn(cause);
      if (problem.status === CHANGED) {
        setTheirs(await props.read());
      } else {
        setFailure(problem.detail);
      }
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        void save((theirs ?? seen).etag);
      }}
    >
      <label class="field">
        <span>{props.label}</span>
        <textarea
          class="input"
          rows={props.lines ?? 4}
          value={text}
          // biome-ignore lint/a11y/noAutofocus: the user has just asked to edit this
          autoFocus
          onInput={(event) => setText(event.currentTarget.value)}
        />
        {props.hint ? <span class="hint">{props.hint}</span> : null}
      </label>
      <div role="alert">
        {failure ? <Note kind="bad">{failure}</Note> : null}
        {theirs ? <BothTexts theirs={theirs.text} yours={text} /> : null}
      </div>
      <div class="acts">
        <button type="submit" class="button primary" aria-busy={isBusy}>
          {theirs ? "Save my text instead" : "Save"}
        </button>
        {theirs ? (
          <button
            type="button"
            class="button"
            onClick={() => {
              setText(theirs.text);
              onSeen(theirs);
              setTheirs(null);
            }}
          >
            Continue with the other text
          </button>
        ) : null}
        <button type="button" class="button" onClick={onEnd}>
          Cancel
        </button>
        <SameIn ways={props.ways(text)} />
      </div>
    </form>
  );
}

function BothTexts({ theirs, yours }: { theirs: string; yours: string }) {
  return (
    <Note kind="warn">
      <p>Somebody else changed it in the meantime, so nothing was saved. These lines differ:</p>
      <Diff
        lines={[
          "--- saved in the meantime",
          "+++ yours",
          ...theirs.split("\n").map((line) => `-${line}`),
          ...yours.split("\n").map((line) => `+${line}`),
        ]}
      />
    </Note>
  );
}
