/** Keys that work on every page. */

import { signal } from "@preact/signals";
import { isTyping } from "./parts/Table.tsx";
import { go, to } from "./route.ts";

/** Which of the dialogs that a key opens is open. */
export const opened = signal<"search" | "keys" | null>(null);

/** The keys and what they do; the dialog of `?` shows them. */
export const KEYS: readonly (readonly [string, string])[] = [
  ["/ or Ctrl+K", "Search models, deployments and files"],
  ["g d", "Go to the deployments"],
  ["g m", "Go to the models"],
  ["g f", "Go to the files"],
  ["g h", "Go to the health page"],
  ["j, k", "Next and previous row of a list"],
  ["Enter", "Open the row"],
  ["x", "Select the row"],
  ["?", "Show these keys"],
  ["Escape", "Close a dialog or a menu"],
];

const PLACES: Record<string, string> = {
  d: "/deployments",
  m: "/models",
  f: "/files",
  h: "/health",
};
const CHORD_MS = 1000;

export function startKeys(): void {
  let chord = 0;
  addEventListener("keydown", (event) => {
    const isSearch = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (isSearch) {
      event.preventDefault();
      opened.value = "search";
      return;
    }
    if (isTyping(event)) {
      return;
    }
    const there = PLACES[event.key];
    if (there && event.timeStamp - chord < CHORD_MS) {
      chord = 0;
      go(to(there));
    } else if (event.key === "g") {
      chord = event.timeStamp;
    } else if (event.key === "/") {
      event.preventDefault();
      opened.value = "search";
    } else if (event.key === "?") {
      opened.value = "keys";
    }
  });
}
