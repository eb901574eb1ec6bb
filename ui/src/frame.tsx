/** The frame around every page: menu, place, search, connection, key and theme. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { api, ask, connection, type Me, me } from "./api.ts";
import { isLive } from "./live.ts";
import { useLoad } from "./load.ts";
import { UploadTray } from "./pages/files/upload.tsx";
import { Questions } from "./parts/Dialog.tsx";
import { Toasts } from "./parts/Toast.tsx";
import { place, to } from "./route.ts";
import { Dialogs, SearchButton } from "./search.tsx";
import { logOut } from "./session.ts";
import { THEMES, theme } from "./theme.ts";
import { count, now } from "./words.ts";

/** One step of the way to a page. */
export interface Crumb {
  readonly label: string;
  readonly href?: string;
}

const SECTIONS = [
  { path: "/deployments", label: "Deployments" },
  { path: "/models", label: "Models" },
  { path: "/files", label: "Files" },
  { path: "/health", label: "Health" },
  { path: "/keys", label: "Keys" },
] as const;

/** A page: its way, its title, the buttons in its head, and its content. */
export function Page(props: {
  crumbs: readonly Crumb[];
  title: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const words = props.crumbs.map((it) => it.label).reverse();
  useEffect(() => {
    document.title = [...words, "hopsartifacts"].join(" · ");
  });
  return (
    <>
      <Bar crumbs={props.crumbs} />
      <main class="page" id="main" tabIndex={-1}>
        <div class="head">
          <h1>{props.title}</h1>
          <span class="grow" />
          {props.actions}
        </div>
        {props.children}
      </main>
    </>
  );
}

/** The menu, and the page beside it. */
export function Frame({ children }: { children: ComponentChildren }) {
  const isOpen = useSignal(false);
  const path = place.value.path;
  useEffect(() => {
    isOpen.value = false;
  }, [path]);
  return (
    <div class={`frame ${isOpen.value ? "menu-open" : ""}`}>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <Rail isOpen={isOpen.value} onToggle={() => (isOpen.value = !isOpen.value)} />
      <div class="body">
        <Connection />
        {children}
      </div>
      <Dialogs />
      <Questions />
      <UploadTray />
      <Toasts />
    </div>
  );
}

function Rail(props: { isOpen: boolean; onToggle: () => void }) {
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const counts = useLoad(
    "counts",
    async (signal) => {
      const query = { limit: 1 };
      const [deployments, models] = await Promise.all([
        ask(api.GET("/api/v1/deployments", { params: { query }, signal })),
        ask(api.GET("/api/v1/models", { params: { query }, signal })),
      ]);
      return { "/deployments": deployments.total, "/models": models.total } as Record<
        string,
        number
      >;
    },
    ["deployment", "deployment-removed", "model", "model-removed"],
  );
  return (
    <nav class="rail" aria-label="Sections">
      <div class="brand">
        <Mark />
        <a href={to("/deployments")}>hopsartifacts</a>
        <button
          type="button"
          class="button small burger"
          aria-expanded={props.isOpen}
          onClick={props.onToggle}
        >
          Menu
        </button>
      </div>
      <div class="sections">
        {SECTIONS.map((it) => {
          const isHere = place.value.path.startsWith(it.path);
          const total = counts.data?.[it.path];
          return (
            <a key={it.path} href={to(it.path)} aria-current={isHere ? "page" : undefined}>
              <span>{it.label}</span>
              <span class="muted">{total === undefined ? "" : count(total)}</span>
            </a>
          );
        })}
        <div class="foot">
          <div class="url" title={project.data?.url}>
            {project.data?.url ?? " "}
          </div>
          {me.value ? <Who me={me.value} /> : null}
          <ThemeChoice />
        </div>
      </div>
    </nav>
  );
}

/** Who is logged in, and what the key allows. */
function Who({ me }: { me: Me }) {
  const allowed = me.read_only ? "read-only" : me.scopes.join(", ");
  return (
    <div>
      {me.login === "link" ? "user" : "key"} <b>{me.name}</b> · {allowed}
      {me.login === "session" ? (
        <>
          {" "}
          ·{" "}
          <button type="button" class="link" onClick={() => void logOut()}>
            log out
          </button>
        </>
      ) : null}
    </div>
  );
}

/** The mark of the product. */
export function Mark() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <rect class="mark" x="2" y="2" width="7" height="7" rx="1.5" />
      <rect class="mark half" x="11" y="2" width="7" height="7" rx="1.5" />
      <rect class="mark half" x="2" y="11" width="7" height="7" rx="1.5" />
      <rect class="mark" x="11" y="11" width="7" height="7" rx="1.5" />
    </svg>
  );
}

function ThemeChoice() {
  return (
    <label class="theme">
      Theme{" "}
      <select
        value={theme.value}
        onChange={(event) => {
          theme.value = event.currentTarget.value as typeof theme.value;
        }}
      >
        {THEMES.map((it) => (
          <option key={it} value={it}>
            {it}
          </option>
        ))}
      </select>
    </label>
  );
}

function Bar({ crumbs }: { crumbs: readonly Crumb[] }) {
  return (
    <header class="bar">
      <nav class="crumbs" aria-label="Place">
        {crumbs.map((it, index) => (
          <span key={it.href ?? it.label}>
            {it.href && index < crumbs.length - 1 ? (
              <a href={it.href}>{it.label}</a>
            ) : (
              <b aria-current="page">{it.label}</b>
            )}
          </span>
        ))}
      </nav>
      <SearchButton />
      <Live />
    </header>
  );
}

function Live() {
  const at = new Date(connection.value.since).toLocaleTimeString("en-GB", {
    timeStyle: "short",
  });
  if (!connection.value.isUp) {
    return <span class="live off">as of {at}</span>;
  }
  return isLive.value ? (
    <span class="live">live</span>
  ) : (
    <span class="live wait">connecting</span>
  );
}

const LONG_MS = 60_000;

/** A line across the page while the server does not answer. */
function Connection() {
  const { isUp, since } = connection.value;
  if (isUp) {
    return <div role="status" />;
  }
  const at = new Date(since).toLocaleTimeString("en-GB", { timeStyle: "medium" });
  // The server may have another port now, which this page cannot know.
  const isLong = me.value?.login === "link" && now.value - since > LONG_MS;
  return (
    <div class="banner" role="status">
      The server has not answered since {at}. This page shows the last data that it received,
      and updates itself when the server answers again.
      {isLong ? (
        <>
          {" "}
          If you started <code>hopsartifacts ui</code> again, use the tab that it opened.
        </>
      ) : null}
    </div>
  );
}
