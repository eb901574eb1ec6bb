/** Keys that work on every page. */

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
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

export function startKeys(): void {
  let isAfterG = false;
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
    const there = isAfterG ? PLACES[event.key] : undefined;
    // It waits for the next key, however slow the fingers are.
    isAfterG = event.key === "g";
    if (there) {
      go(to(there));
    } else if (event.key === "/") {
      event.preventDefault();
      opened.value = "search";
    } else if (event.key === "?") {
      opened.value = "keys";
    }
  });
}

/**
 * Call `press` for every key, as long as the component is shown.
 *
 * It listens as soon as the component can be seen, so no key is lost.
 */
export function useKeys(press: (event: KeyboardEvent) => void): void {
  const latest = useRef(press);
  latest.current = press;
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => latest.current(event);
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}

/** Whether a key press is meant for a field, a dialog or the browser. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement;
  const isField = target.closest?.("input, textarea, select, [contenteditable]");
  const isBox = target instanceof HTMLInputElement && target.type === "checkbox";
  const isModified = event.ctrlKey || event.metaKey || event.altKey;
  return Boolean((isField && !isBox) || isModified || document.querySelector("dialog[open]"));
}
