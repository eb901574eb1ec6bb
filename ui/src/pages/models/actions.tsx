/** What can be done with models, versions and aliases, each asked first. */

import { signal } from "@preact/signals";
import { api, ask, ProblemError, type Schemas } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { curl, python, SameIn, shell, type Ways } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Problem, Waiting } from "../../parts/Problem.tsx";
import { Note } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { many } from "../../words.ts";
import type { Model } from "./data.ts";

const aliasPath = (model: string, alias: string) =>
  `/api/v1/models/${encodeURIComponent(model)}/aliases/${encodeURIComponent(alias)}`;

/** Point an alias at a version; without an alias or a version it is asked for. */
export function askToSetAlias(model: string, alias = "", version?: number): void {
  const name = signal(alias);
  const number = signal(version === undefined ? "" : String(version));
  confirm({
    title: alias ? `Move ${alias} of ${model}` : `Set an alias of ${model}`,
    action: alias ? "Move" : "Set alias",
    asksWhy: true,
    body: <AliasFields model={model} name={name} number={number} isNew={!alias} />,
    run: async (why) => {
      const body = { version: Number(number.value), why };
      const path = { model, alias: name.value };
      const now = await ask(
        api.PUT("/api/v1/models/{model}/aliases/{alias}", { params: { path }, body }),
      );
      toast(`${now.alias} points at version ${now.version} of ${model}`);
    },
  });
}

type Field = { value: string };

const MOST_NAMED = 5;

function AliasFields(props: { model: string; name: Field; number: Field; isNew: boolean }) {
  const { model, name, number } = props;
  const versions = useLoad(`newest ${model}`, (signal) => {
    const params = { path: { model }, query: { sort: "-version", limit: 20 } };
    return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
  });
  return (
    <>
      {props.isNew ? (
        <label class="field">
          <span>Alias</span>
          <input
            class="input"
            value={name.value}
            placeholder="champion"
            onInput={(event) => (name.value = event.currentTarget.value)}
          />
        </label>
      ) : null}
      <label class="field">
        <span>
          Version{" "}
          <span class="muted">
            {versions.data
              ? `· the newest is ${versions.data.items[0]?.version ?? "none"}`
              : ""}
          </span>
        </span>
        <input
          class="input"
          inputMode="numeric"
          list="newest-versions"
          value={number.value}
          onInput={(event) => (number.value = event.currentTarget.value)}
        />
      </label>
      <datalist id="newest-versions">
        {versions.data?.items.map((it) => (
          <option key={it.version} value={it.version}>
            {it.aliases.join(", ")}
          </option>
        ))}
      </datalist>
      <DeploymentsStay model={model} />
      <SameIn ways={waysToSet(model, name.value, Number(number.value))} />
    </>
  );
}

function waysToSet(model: string, alias: string, version: number): Ways {
  const given = `${python(model)}, ${python(alias)}, ${version}`;
  return {
    python: `mr = project.get_model_registry()\nmr.set_alias(${given}, why="…")`,
    cli: `hopsartifacts aliases set ${shell(model)} ${shell(alias)} ${version} --why "…"`,
    curl: curl("PUT", aliasPath(model, alias), { version, why: "…" }),
  };
}

/** Say that no deployment moves with an alias, and which version each one stays on. */
function DeploymentsStay({ model }: { model: string }) {
  const users = useLoad(`deployments of ${model}`, (signal) => {
    const query = { model, limit: MOST_NAMED };
    return ask(api.GET("/api/v1/deployments", { params: { query }, signal }));
  });
  const { items = [], total = 0 } = users.data ?? {};
  const more = total - items.length;
  const names = items.map((it) => `${it.name} stays on version ${it.model_version}`);
  const all = [...names, ...(more > 0 ? [`and ${many(more, "more deployment")}`] : [])];
  return (
    <Note>
      No deployment moves with the alias
      {all.length ? `: ${all.join(", ")}.` : "."}
    </Note>
  );
}

/** Why an alias cannot be rolled back, and what to do; `other` is where it pointed before. */
export function noneToRollBack(alias: string, other?: number | null): string {
  const version = other ? `, such as ${other}` : "";
  return (
    "There is no move left that a roll back could undo. " +
    `To point ${alias} at another version${version}, press “Move…”.`
  );
}

/** Point an alias at its previous version again, after that was asked for. */
export async function askToRollBackNamed(model: string, alias: string): Promise<void> {
  const path = { model, alias };
  const now = await ask(
    api.GET("/api/v1/models/{model}/aliases/{alias}", { params: { path } }),
  );
  if (now.previous === null) {
    throw new ProblemError(409, "Nothing to undo", noneToRollBack(alias));
  }
  askToRollBack(model, now);
}

/** Point an alias at its previous version again. */
export function askToRollBack(model: string, of: Schemas["AliasDetail"]): void {
  const { alias, version: now, previous: before } = of;
  confirm({
    title: `Roll back ${alias} of ${model}?`,
    action: `Roll back to ${before}`,
    asksWhy: true,
    body: (
      <>
        <p>
          <b>{alias}</b> points at version {now} now, and will point at version <b>{before}</b>{" "}
          again. Both versions stay, and the history shows this change.
        </p>
        <DeploymentsStay model={model} />
        <SameIn
          ways={{
            python: `mr = project.get_model_registry()\nmr.rollback_alias(${python(model)}, ${python(alias)}, why="…")`,
            cli: `hopsartifacts aliases rollback ${shell(model)} ${shell(alias)} --why "…"`,
            curl: curl("POST", `${aliasPath(model, alias)}/rollback`, { why: "…" }),
          }}
        />
      </>
    ),
    run: async (why) => {
      const params = { path: { model, alias } };
      const now = await ask(
        api.POST("/api/v1/models/{model}/aliases/{alias}/rollback", { params, body: { why } }),
      );
      toast(`${alias} points at version ${now.version} again`);
    },
  });
}

/** Delete an alias; its history stays. */
export function askToDeleteAlias(model: string, alias: string): void {
  confirm({
    title: `Delete alias ${alias} of ${model}?`,
    action: "Delete alias",
    isDangerous: true,
    asksWhy: true,
    body: (
      <>
        <p>
          Programs that load <b>{model}</b> by the alias <b>{alias}</b> will get an error. The
          version and the history of the alias stay.
        </p>
        <SameIn
          ways={{
            python: `mr = project.get_model_registry()\nmr.delete_alias(${python(model)}, ${python(alias)})`,
            cli: `hopsartifacts aliases delete ${shell(model)} ${shell(alias)}`,
            curl: curl("DELETE", aliasPath(model, alias)),
          }}
        />
      </>
    ),
    run: async (why) => {
      await removeAlias(model, alias, why);
      toast(`Deleted alias ${alias}`);
    },
  });
}

async function removeAlias(model: string, alias: string, why: string): Promise<void> {
  const params = { path: { model, alias }, query: { why } };
  await ask(api.DELETE("/api/v1/models/{model}/aliases/{alias}", { params }));
}

/** Delete a version; `onDone` is called after it is gone. */
export function askToDeleteVersion(
  it: Pick<Schemas["VersionDetail"], "model" | "version" | "files" | "aliases" | "deployments">,
  onDone: () => void,
): void {
  const { model, version } = it;
  const users = [...new Set(it.deployments.map((use) => `deployment ${use.deployment}`))];
  const kept = [...it.aliases.map((alias) => `alias ${alias}`), ...users];
  confirm({
    title: `Delete version ${version} of ${model}?`,
    action: `Delete version ${version}`,
    isDangerous: true,
    body: (
      <>
        <p>
          {many(it.files.length, "file")}, the artifacts, the metrics and tags of this version
          are deleted. The number {version} is not used again; the history stays.
        </p>
        {kept.length ? (
          <Note kind="warn">
            It is used by {kept.join(", ")}. The server refuses to delete it until these are
            deleted or use another version.
          </Note>
        ) : null}
        <SameIn ways={waysToDelete(model, version)} />
      </>
    ),
    run: async () => {
      await removeVersion(model, version);
      toast(`Deleted version ${version} of ${model}`);
      onDone();
    },
  });
}

async function removeVersion(model: string, version: number): Promise<void> {
  const params = { path: { model, version: String(version) } };
  await ask(api.DELETE("/api/v1/models/{model}/versions/{version}", { params }));
}

function waysToDelete(model: string, version: number): Ways {
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}`;
  return {
    python: `mr = project.get_model_registry()\nmr.get_model(${python(model)}, ${version}).delete()`,
    cli: `hopsartifacts models delete ${shell(model)} ${version}`,
    curl: curl("DELETE", path),
  };
}

/** Delete all versions of a model and its aliases, after its name was typed. */
export function askToDeleteModel(model: Model, onDone: () => void): void {
  const done = signal(0);
  confirm({
    title: `Delete all versions of ${model.name}?`,
    action: "Delete all",
    isDangerous: true,
    typed: model.name,
    body: <WhatGoes model={model} done={done} />,
    run: async () => {
      done.value = 0;
      const path = { model: model.name };
      const now = await ask(api.GET("/api/v1/models/{model}", { params: { path } }));
      if (now.deployments.length) {
        const users = now.deployments.join(", ");
        throw new ProblemError(409, "In use", `Nothing was deleted: it is used by ${users}.`);
      }
      for (const alias of Object.keys(now.aliases)) {
        await removeAlias(model.name, alias, "all versions are deleted");
      }
      for (;;) {
        const params = { path: { model: model.name }, query: { sort: "version", limit: 100 } };
        const { items } = await ask(
          api.GET("/api/v1/models/{model}/versions", { params }),
        ).catch(noneLeft);
        if (!items.length) {
          break;
        }
        for (const { version } of items) {
          await removeVersion(model.name, version);
          done.value += 1;
        }
      }
      toast(`Deleted all versions of ${model.name}`);
      onDone();
    },
  });
}

/** A model without versions is not found any more. */
function noneLeft(cause: { status?: number }): { items: { version: number }[] } {
  if (cause.status === 404) {
    return { items: [] };
  }
  throw cause;
}

function WhatGoes({ model, done }: { model: Model; done: { value: number } }) {
  const aliases = Object.keys(model.aliases);
  const now = useLoad(`model ${model.name}`, (signal) => {
    const params = { path: { model: model.name } };
    return ask(api.GET("/api/v1/models/{model}", { params, signal }));
  });
  if (now.problem && !done.value) {
    return <Problem problem={now.problem} onRetry={now.reload} />;
  }
  if (!now.data) {
    return <Waiting lines={2} />;
  }
  return (
    <>
      <p>
        This deletes {many(model.versions, "version")} with all files and artifacts
        {aliases.length ? `, and the aliases ${aliases.join(", ")}` : ""}. The history stays.
      </p>
      {now.data.deployments.length ? (
        <Note kind="warn">
          {model.name} is used by {now.data.deployments.join(", ")}: delete these deployments
          first.
        </Note>
      ) : null}
      <p class="sub" role="status">
        {done.value ? `${done.value} of ${model.versions} deleted` : ""}
      </p>
    </>
  );
}
