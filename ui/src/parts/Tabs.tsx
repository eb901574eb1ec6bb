/** Tabs that are links, as each has its own address. */

import { place } from "../route.ts";

export interface Tab {
  readonly label: string;
  readonly href: string;
}

export function Tabs({ tabs, label }: { tabs: readonly Tab[]; label: string }) {
  const here = `/ui${place.value.path}`;
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map((it) => (
        <a key={it.href} href={it.href} aria-current={it.href === here ? "page" : undefined}>
          {it.label}
        </a>
      ))}
    </nav>
  );
}
