/** The versions of a deployment: what was active when, how two differ, and rolling back. */

import { signal } from "@preact/signals";
import { api, ask, type Schemas } from "../../api.ts";
import { type Loaded, useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Changes } from "../../parts/Changes.tsx";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { CheckField, SelectField } from "../../parts/Field.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { type Column, Table } from "../../parts/Table.tsx";
import { By, Chip, Note, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { place, setQuery, to } from "../../route.ts";
import { many } from "../../words.ts";
import type { Deployment, TabProps } from "./tab.ts";

type Version = Schemas["DeploymentVersionDetail"];
type Activation = Schemas["Activation"];
type Check = Schemas["RollbackCheck"];

const PATH = "/api/v1/deployments/{name}";

export function VersionsTab({ name, deployment }: TabProps) {
  const versions = usePages<Version>(
    `deployment versions ${name}`,
    (cursor, limit, signal) => {
      const params = { path: { name }, query: { cursor, limit } };
      return ask(api.GET(`${PATH}/versions`, { params, signal }));
    },
    isOf(name),
  );
  const history = usePages<Activation>(
    `deployment history ${name}`,
    (cursor, limit, signal) => {
      const params = { path: { name }, query: { cursor, limit } };
      return ask(api.GET(`${PATH}/history`, { params, signal }));
    },
    isOf(name),
  );
  const columns = columnsOf(deployment);
  return (
    <div class="tab">
      <section aria-labelledby="versions">
        <h2 id="versions">Versions</h2>
        <Table
          label={`Versions of ${name}`}
          pages={versions}
          columns={columns}
          idOf={(it) => String(it.version)}
          empty={<Empty title="No versions" />}
        />
      </section>
      <Compared name={name} deployment={deployment} />
      <section aria-labelledby="history">
        <h2 id="history">What was active when</h2>
        <Activations history={history} />
      </section>
    </div>
  );
}

/** Whether an event is about this deployment. */
function isOf(name: string) {
  return (event: { name: string; data: Readonly<Record<string, unknown>> }) =>
    event.name === "deployment" && event.data.name === name;
}

function columnsOf(deployment: Deployment): readonly Column<Version>[] {
  return [
    {
      id: "version",
      head: "Version",
      isSorted: false,
      cell: (it) => (
        <>
          <b>{it.version}</b> {it.is_active ? <Chip kind="alias">active</Chip> : null}
        </>
      ),
    },
    {
      id: "saved",
      head: "Saved",
      cell: (it) => (
        <>
          <Time at={it.created} /> <span class="sub">by {it.creator}</span>
        </>
      ),
    },
    { id: "why", head: "Why", cell: (it) => it.why || dash() },
    {
      id: "runs",
      head: "Model and artifact",
      cell: ({ specification: { model, artifact } }) => (
        <>
          <a href={`${to("/models", model.name)}/versions/${model.version}`}>
            {model.name} {model.version}
          </a>
          <span class="sub"> · artifact {artifact.version}</span>
        </>
      ),
    },
    { id: "actions", head: "", cell: (it) => <RowActions of={it} deployment={deployment} /> },
  ];
}

function dash() {
  return <span class="muted">–</span>;
}

function RowActions({ of: it, deployment }: { of: Version; deployment: Deployment }) {
  const { name } = deployment;
  const isActive = it.is_active ? "It is the active version." : "";
  return (
    <div class="row-actions">
      <Action
        small
        label={`Compare version ${it.version} with the active one`}
        disabledBy={isActive}
        onClick={() => show(deployment.version, it.version)}
      >
        Compare
      </Action>
      <Action
        small
        scope="deploy"
        label={
          it.version <= deployment.version
            ? `Roll back to version ${it.version}`
            : `Make version ${it.version} active`
        }
        disabledBy={isActive}
        onClick={() => askToRollBack(name, it.version)}
      >
        {it.version <= deployment.version ? "Roll back…" : "Make active…"}
      </Action>
      <Action
        small
        scope="deploy"
        label={`Delete version ${it.version}`}
        disabledBy={isActive}
        onClick={() => askToDeleteVersion(name, it)}
      >
        Delete…
      </Action>
    </div>
  );
}

function show(from: number, to: number): void {
  setQuery({ from: String(from), to: String(to) }, { replace: false });
  document.getElementById("compare")?.scrollIntoView({ behavior: "smooth" });
}

/** Ask with what changes and what this machine says, and make a version active again. */
export function askToRollBack(name: string, version: number): void {
  const ignores = signal(false);
  const ways = {
    python: `deployment = project.get_model_serving().get_deployment(${python(name)})\ndeployment.rollback(${version}, why="…")`,
    cli: `hopsartifacts deployments rollback ${shell(name)} ${version} --why "…"`,
    curl: curl("POST", `/api/v1/deployments/${encodeURIComponent(name)}/rollback`, {
      version,
      why: "…",
    }),
  };
  confirm({
    title: `Roll ${name} back to version ${version}?`,
    action: `Roll back to ${version}`,
    asksWhy: true,
    isWide: true,
    body: (
      <>
        <RollbackPreview name={name} version={version} ignores={ignores} />
        <SameIn ways={ways} />
      </>
    ),
    run: async (why) => {
      const body = { version, why, ignore_environment: ignores.value };
      await ask(api.POST(`${PATH}/rollback`, { params: { path: { name } }, body }));
      toast(`Version ${version} of ${name} is active`);
    },
  });
}

function RollbackPreview(props: {
  name: string;
  version: number;
  ignores: { value: boolean };
}) {
  const { name, version, ignores } = props;
  const loaded: Loaded<Check> = useLoad(`rollback ${name} ${version}`, (signal) => {
    const params = { path: { name } };
    const body = { version, why: "", ignore_environment: false };
    return ask(api.POST(`${PATH}/rollback/check`, { params, body, signal }));
  });
  return (
    <Shown loaded={loaded} lines={4}>
      {(found) => (
        <>
          {found.problems.map((it) => (
            <Note key={it.detail} kind="bad">
              {it.detail}
            </Note>
          ))}
          {found.runs_here?.is_possible ? (
            <Note>
              This machine can run version {version}. If the deployment runs, it moves to this
              version without a failed request.
            </Note>
          ) : null}
          {found.runs_here?.reasons.map((it) => (
            <Note key={it} kind="warn">
              {it}
            </Note>
          ))}
          {found.runs_here?.reasons.length ? (
            <CheckField
              label="Roll back even if the packages on this machine do not fit"
              hint="Without this, the version becomes the active one, but the running processes keep the version that they run now."
              isOn={ignores.value}
              onChange={(isOn) => {
                ignores.value = isOn;
              }}
            />
          ) : null}
          {found.difference ? (
            <>
              <h3>What changes</h3>
              <Changes
                of={found.difference}
                none="Nothing: both versions are the same."
                heads={["Now", `Version ${version}`]}
              />
            </>
          ) : null}
        </>
      )}
    </Shown>
  );
}

function askToDeleteVersion(name: string, { version, specification }: Version): void {
  const { model, artifact } = specification;
  confirm({
    title: `Delete version ${version} of ${name}?`,
    action: `Delete version ${version}`,
    isDangerous: true,
    body: (
      <>
        <p>
          Its settings are deleted, and it is no longer possible to roll back to it. Its number
          is not used again. Model <b>{model.name}</b> version {model.version} and artifact
          version {artifact.version} are kept, but can be deleted if nothing else uses them.
        </p>
        <SameIn
          ways={{
            python: `project.get_model_serving().get_deployment(${python(name)}).delete_version(${version})`,
            cli: `hopsartifacts deployments delete-version ${shell(name)} ${version}`,
            curl: curl(
              "DELETE",
              `/api/v1/deployments/${encodeURIComponent(name)}/versions/${version}`,
            ),
          }}
        />
      </>
    ),
    run: async () => {
      const params = { path: { name, version: String(version) } };
      await ask(api.DELETE(`${PATH}/versions/{version}`, { params }));
      toast(`Version ${version} of ${name} was deleted`);
    },
  });
}

/** Two versions of the deployment, chosen in the address, and how they differ. */
function Compared({ name, deployment }: TabProps) {
  const numbers = [...deployment.versions].reverse();
  const active = deployment.version;
  const before = numbers.find((it) => it < active) ?? numbers.find((it) => it !== active);
  const query = place.value.query;
  const from = query.get("from") ?? String(before ?? active);
  const other = query.get("to") ?? String(active);
  const loaded = useLoad(
    numbers.length > 1 ? `diff ${name} ${from} ${other}` : null,
    (signal) =>
      ask(
        api.GET(`${PATH}/versions/{version}/diff/{other}`, {
          params: { path: { name, version: from, other } },
          signal,
        }),
      ),
  );
  if (numbers.length < 2) {
    return null;
  }
  const versions = numbers.map((it) => ({
    value: String(it),
    label: it === active ? `${it} (active)` : String(it),
  }));
  return (
    <section aria-labelledby="compare">
      <h2 id="compare">Compare</h2>
      <div class="tools">
        <SelectField
          label="From version"
          value={from}
          options={versions}
          onChange={(value) => setQuery({ from: value })}
        />
        <SelectField
          label="To version"
          value={other}
          options={versions}
          onChange={(value) => setQuery({ to: value })}
        />
      </div>
      <Shown loaded={loaded} lines={4}>
        {(found) => (
          <Changes
            of={found}
            none={`Versions ${from} and ${other} have the same settings.`}
            heads={[`Version ${from}`, `Version ${other}`]}
          />
        )}
      </Shown>
    </section>
  );
}

const CAUSES: Record<Activation["cause"], string> = {
  save: "saved",
  rollback: "rolled back",
  "take back": "active again, because the model of the next version was deleted",
};

function Activations({ history }: { history: ReturnType<typeof usePages<Activation>> }) {
  return (
    <Shown loaded={history}>
      {({ items, next, total }) => (
        <>
          <div class="panel">
            <table aria-label="What was active when">
              <thead>
                <tr>
                  <th scope="col">Active</th>
                  <th scope="col">Since</th>
                  <th scope="col">How</th>
                  <th scope="col">By</th>
                  <th scope="col">Why</th>
                </tr>
              </thead>
              <tbody>
                {items.map((it) => (
                  <tr key={`${it.when} ${it.version}`}>
                    <td class="first">Version {it.version}</td>
                    <td data-head="Since">
                      <Time at={it.when} />
                    </td>
                    <td data-head="How">{CAUSES[it.cause]}</td>
                    <td data-head="By">
                      <By of={it.by} />
                    </td>
                    <td data-head="Why">{it.why || dash()}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {next ? (
            <button
              type="button"
              class="button"
              aria-busy={history.isReadingMore}
              onClick={history.more}
            >
              Show more of {many(total, "change")}
            </button>
          ) : null}
        </>
      )}
    </Shown>
  );
}
