/** Short messages about what was done; screen readers read them out. */

import { signal } from "@preact/signals";

interface Shown {
  readonly id: number;
  readonly text: string;
  readonly kind: "" | "bad";
}

const SHOWN_MS = { "": 6000, bad: 20_000 };
const toasts = signal<readonly Shown[]>([]);
let last = 0;

function dismiss(id: number): void {
  toasts.value = toasts.value.filter((it) => it.id !== id);
}

/** Show a message for a while, errors for longer. */
export function toast(text: string, kind: "" | "bad" = ""): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value.slice(-4), { id, text, kind }];
  setTimeout(() => dismiss(id), SHOWN_MS[kind]);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((it) => (
        <div key={it.id} class={`toast ${it.kind}`}>
          <span>{it.text}</span>
          <button
            type="button"
            class="button quiet small"
            aria-label="Dismiss message"
            onClick={() => dismiss(it.id)}
          >
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
