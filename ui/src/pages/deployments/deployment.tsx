/** The page of one deployment: its head, and its tabs. */

import type { ComponentType } from "preact";
import { api, ask } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Problem, Waiting } from "../../parts/Problem.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { Note } from "../../parts/Text.tsx";
import { go, place, to } from "../../route.ts";
import type { PageProps } from "../routes.tsx";
import { askToDelete, progressOf, StartStop } from "./actions.tsx";
import { ArtifactTab } from "./artifact.tsx";
import { LogsTab } from "./logs.tsx";
import { ManifestTab } from "./manifest.tsx";
import { OverviewTab } from "./overview.tsx";
import { SettingsTab } from "./settings.tsx";
import { conditionBesideError, conditionOf, isPassing, toneOf } from "./state.tsx";
import { type Deployment, errorIn, type TabProps, tabOf } from "./tab.ts";
import { TrafficTab } from "./traffic.tsx";
import { TryTab } from "./tryit.tsx";
import { VersionsTab } from "./versions.tsx";

const NOT_FOUND = 404;
const TABS: readonly {
  readonly id: string;
  readonly label: string;
  readonly Shown: ComponentType<TabProps>;
}[] = [
  { id: "", label: "Overview", Shown: OverviewTab },
  { id: "try", label: "Try it", Shown: TryTab },
  { id: "versions", label: "Versions", Shown: VersionsTab },
  { id: "artifact", label: "Artifact", Shown: ArtifactTab },
  { id: "logs", label: "Logs", Shown: LogsTab },
  { id: "traffic", label: "Traffic", Shown: TrafficTab },
  { id: "settings", label: "Settings", Shown: SettingsTab },
  { id: "manifest", label: "Manifest", Shown: ManifestTab },
];

export function DeploymentPage({ params }: PageProps) {
  const name = params.name ?? "";
  const loaded = useLoad(
    `deployment ${name}`,
    (signal) =>
      ask(api.GET("/api/v1/deployments/{name}", { params: { path: { name } }, signal })),
    (event) => event.name.startsWith("deployment") && event.data.name === name,
  );
  const id = place.value.path.split("/")[3] ?? "";
  const tab = TABS.find((it) => it.id === id) ?? TABS[0];
  const { data, problem } = loaded;
  const isGone = problem?.status === NOT_FOUND;
  const crumbs = [
    { label: "Deployments", href: to("/deployments") },
    { label: name, href: tabOf(name) },
    ...(tab?.id ? [{ label: tab.label }] : []),
  ];
  return (
    <Page
      crumbs={crumbs}
      title={
        <>
          {name} {data && !isGone ? <Head of={data} /> : null}
        </>
      }
      actions={data && !isGone ? <Actions of={data} /> : null}
    >
      {isGone ? (
        <Gone name={name} />
      ) : (
        <>
          {data ? <Condition of={data} tab={tab?.id ?? ""} /> : null}
          <Tabs
            label={`Pages of ${name}`}
            tabs={TABS.map((it) => ({ label: it.label, href: tabOf(name, it.id) }))}
          />
          {problem && problem.status !== 0 ? (
            <Problem problem={problem} onRetry={loaded.reload} />
          ) : null}
          {data && tab ? <tab.Shown name={name} deployment={data} /> : null}
          {data || problem ? null : <Waiting />}
        </>
      )}
    </Page>
  );
}

function Head({ of: { state } }: { of: Deployment }) {
  return (
    <span class="head-state" role="status">
      <span class={`state ${toneOf(state)}`}>{state.status}</span>
    </span>
  );
}

/** The condition in words, below the head; with the page of progress if it goes on. */
function Condition({ of, tab }: { of: Deployment; tab: string }) {
  const { name, state, description } = of;
  const isErrorBelow = tab === "" || (tab === "artifact" && errorIn(of)?.file);
  const words = isErrorBelow ? conditionBesideError(state) : conditionOf(state);
  const isOpen = isPassing(state) || toneOf(state) === "bad";
  return (
    <div class="lead">
      {description ? <p>{description}</p> : null}
      <p class="sub" role="status">
        {words}
        {isOpen ? (
          <>
            {" "}
            <a href={progressOf(name)}>Show the steps</a>
          </>
        ) : null}
      </p>
    </div>
  );
}

function Actions({ of }: { of: Deployment }) {
  return (
    <>
      <Action kind="quiet" scope="deploy" onClick={() => askToDelete([of], toList)}>
        Delete…
      </Action>
      <Action scope="deploy" href={tabOf(of.name, "edit")}>
        Edit
      </Action>
      <StartStop of={of} kind="primary" />
    </>
  );
}

function toList(): void {
  go(to("/deployments"));
}

/** What is left of a deployment that was deleted: its logs. */
function Gone({ name }: { name: string }) {
  return (
    <>
      <Note kind="warn">
        There is no deployment “{name}”: it was deleted, or never existed.{" "}
        <a href={to("/deployments")}>See all deployments</a>. If it ran on this server's
        machine, its logs are below.
      </Note>
      <LogsTab name={name} />
    </>
  );
}
