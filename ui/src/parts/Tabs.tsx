/** Tabs that are links, as each has its own address. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { place } from "../route.ts";

/** So much of the tab before the shown one is seen. */
const EDGE_PX = 40;

export interface Tab {
  readonly label: string;
  readonly href: string;
}

export function Tabs({ tabs, label }: { tabs: readonly Tab[]; label: string }) {
  const here = `/ui${place.value.path}`;
  const bar = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // On a small screen there is no room for all of them.
    const shown = bar.current?.querySelector("[aria-current]");
    if (bar.current && shown instanceof HTMLElement) {
      bar.current.scrollLeft = shown.offsetLeft - bar.current.offsetLeft - EDGE_PX;
    }
  }, [here]);
  return (
    <nav class="tabs" aria-label={label} ref={bar}>
      {tabs.map((it) => (
        <a key={it.href} href={it.href} aria-current={it.href === here ? "page" : undefined}>
          {it.label}
        </a>
      ))}
    </nav>
  );
}
