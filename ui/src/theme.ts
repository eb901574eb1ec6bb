/** Light, dark, or as the system says; kept in this browser. */

import { effect, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

function kept(): Theme {
  const value = localStorage.getItem(KEY);
  return THEMES.find((it) => it === value) ?? "system";
}

export const theme = signal<Theme>(kept());

effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem(KEY, theme.value);
});
