/** The address of the page: every view, filter and selection is in the URL. */

import { signal } from "@preact/signals";

/** Where the user is: the path below `/ui`, and the query. */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

const BASE = "/ui";

export const place = signal<Place>(read());

function read(): Place {
  const path = location.pathname.slice(BASE.length).replace(/\/+$/, "");
  return { path: path || "/", query: new URLSearchParams(location.search) };
}

/** The URL of a page: `to("/models", name)` encodes each part. */
export function to(path: string, ...parts: (string | number)[]): string {
  const encoded = parts.map((part) => `/${encodeURIComponent(part)}`);
  return BASE + path + encoded.join("");
}

/** Return `url` with a query; members without a value are left out. */
export function withQuery(
  url: string,
  query: Record<string, string | number | undefined>,
): string {
  const given = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  const text = new URLSearchParams(
    given.map(([key, value]) => [key, String(value)]),
  ).toString();
  return text ? `${url}?${text}` : url;
}

/** Go to a page, as if a link had been followed. */
export function go(url: string, { replace = false } = {}): void {
  rememberScroll();
  if (replace) {
    history.replaceState(history.state, "", url);
  } else {
    history.pushState({ scroll: 0 }, "", url);
  }
  const before = place.value.path;
  place.value = read();
  if (before !== place.value.path) {
    window.scrollTo(0, 0);
  }
}

/** Change members of the query in place; empty ones are removed. */
export function setQuery(
  changes: Record<string, string | undefined>,
  { replace = true } = {},
): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) {
      query.set(name, value);
    } else {
      query.delete(name);
    }
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace });
}

function rememberScroll(): void {
  history.replaceState({ ...history.state, scroll: window.scrollY }, "");
}

/** Scroll to where the user was, when the page is as long again. */
function restoreScroll(wanted: number): void {
  const end = performance.now() + 2000;
  const look = () => {
    window.scrollTo(0, wanted);
    if (window.scrollY < wanted - 1 && performance.now() < end) {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
}

/** Follow links to pages without loading the application again. */
export function startRouting(): void {
  history.scrollRestoration = "manual";
  let timer = 0;
  addEventListener("scroll", () => {
    clearTimeout(timer);
    timer = window.setTimeout(rememberScroll, 150);
  });
  addEventListener("popstate", (event) => {
    clearTimeout(timer);
    place.value = read();
    restoreScroll((event.state as { scroll?: number } | null)?.scroll ?? 0);
  });
  addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || event.defaultPrevented || event.button !== 0 || !isPlain) {
      return;
    }
    const isPage = link.pathname === BASE || link.pathname.startsWith(`${BASE}/`);
    const isOurs = link.origin === location.origin && isPage;
    if (isOurs && !link.target && !link.hasAttribute("download")) {
      event.preventDefault();
      if (link.hash && link.pathname === location.pathname && link.search === location.search) {
        history.replaceState(history.state, "", link.href);
        document.getElementById(decodeURIComponent(link.hash.slice(1)))?.scrollIntoView();
      } else {
        go(link.href);
      }
    }
  });
  const scroll = (history.state as { scroll?: number } | null)?.scroll;
  if (scroll) {
    restoreScroll(scroll);
  }
}

/** The parameters of `path` if it fits `pattern`, such as `/models/:model`; else null. */
export function matched(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  const isOpen = wanted.at(-1) === "*";
  if (isOpen ? given.length < wanted.length - 1 : given.length !== wanted.length) {
    return null;
  }
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part === "*") {
      found.rest = given.slice(index).map(decoded).join("/");
    } else if (part.startsWith(":")) {
      found[part.slice(1)] = decoded(value);
    } else if (part !== value) {
      return null;
    }
  }
  return found;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
