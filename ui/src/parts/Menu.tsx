/** A button that opens a small panel below it. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useKeys } from "../keyboard.ts";

/** `label` is on the button; Escape, a click elsewhere and each choice close the panel. */
export function Menu(props: {
  label: ComponentChildren;
  name?: string;
  kind?: "button" | "chip";
  children: ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  useEffect(() => {
    if (!isOpen) {
      return;
    }
    const click = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    addEventListener("click", click);
    return () => removeEventListener("click", click);
  }, [isOpen]);
  useKeys((event) => {
    if (isOpen && event.key === "Escape") {
      setOpen(false);
      button.current?.focus();
    }
  });
  return (
    <div class="menu" ref={box}>
      <button
        type="button"
        ref={button}
        class={props.kind === "chip" ? "chip pick" : "button small"}
        aria-expanded={isOpen}
        aria-controls={id}
        aria-label={props.name}
        onClick={() => setOpen(!isOpen)}
      >
        {props.label}
      </button>
      {isOpen ? (
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys reach the items themselves
        // biome-ignore lint/a11y/noStaticElementInteractions: the items are the controls
        <div
          class="menu-panel"
          id={id}
          onClick={(event) => {
            if ((event.target as Element).closest(".menu-item")) {
              setOpen(false);
              button.current?.focus();
            }
          }}
        >
          {props.children}
        </div>
      ) : null}
    </div>
  );
}
