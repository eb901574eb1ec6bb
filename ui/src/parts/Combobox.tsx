/** A field that searches on the server while the user types. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { FieldProblem } from "../api.ts";
import { TYPING_MS, useLoad } from "../load.ts";
import { Field } from "./Field.tsx";

/** One thing that can be chosen. */
export interface Option {
  readonly value: string;
  readonly detail?: ComponentChildren;
}

/** `search` gets the text and returns the first options that fit it. */
export function Combobox(props: {
  label: string;
  value: string;
  onChoose: (value: string) => void;
  /** Names the search: it is repeated when this or the text changes. */
  searchKey: string;
  search: (text: string, signal: AbortSignal) => Promise<readonly Option[]>;
  remark?: string;
  hint?: ComponentChildren;
  problems?: readonly FieldProblem[];
  placeholder?: string;
}) {
  const [text, setText] = useState<string | null>(null);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const list = useId();
  const timer = useRef(0);
  const isOpen = text !== null;
  const found = useLoad(isOpen ? `${props.searchKey} ${typed}` : null, (signal) =>
    props.search(typed, signal),
  );
  useEffect(() => setAt(0), [typed]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const options = found.data ?? [];
  const close = () => setText(null);
  const choose = (value: string) => {
    props.onChoose(value);
    close();
  };
  const type = (value: string) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setTyped(value), TYPING_MS);
  };
  const press = (event: KeyboardEvent) => {
    const option = options[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) {
        type("");
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(Math.max(0, Math.min(options.length - 1, at + step)));
    } else if (event.key === "Enter" && isOpen && option) {
      choose(option.value);
    } else if (event.key === "Escape" && isOpen) {
      close();
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <Field {...props}>
      {(ids) => (
        <div class="combobox">
          <input
            {...ids}
            class="input"
            role="combobox"
            aria-expanded={isOpen}
            aria-controls={list}
            aria-autocomplete="list"
            aria-activedescendant={isOpen && options[at] ? `${list}-${at}` : undefined}
            autocomplete="off"
            spellcheck={false}
            placeholder={props.placeholder}
            value={text ?? props.value}
            onFocus={() => type("")}
            onInput={(event) => type(event.currentTarget.value)}
            onBlur={close}
            onKeyDown={press}
          />
          {isOpen ? (
            <div class="options-list" role="listbox" id={list} aria-label={props.label}>
              {options.map((it, index) => (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
                <div
                  key={it.value}
                  id={`${list}-${index}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={index === at}
                  class={index === at ? "at" : ""}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => choose(it.value)}
                >
                  <b>{it.value}</b> <span class="sub">{it.detail}</span>
                </div>
              ))}
              {found.data && !options.length ? (
                <div class="sub">nothing fits {typed}</div>
              ) : null}
              {found.problem ? <div class="hint bad">{found.problem.detail}</div> : null}
            </div>
          ) : null}
        </div>
      )}
    </Field>
  );
}
