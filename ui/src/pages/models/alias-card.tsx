/** One alias beside the chart: where it points, pointed, and pointed on a date. */

import { api, ask } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { By, Time } from "../../parts/Text.tsx";
import { place, setQuery } from "../../route.ts";
import { askToRollBack, askToSetAlias, noneToRollBack } from "./actions.tsx";
import { about, aliasHref, type Model, versionHref } from "./data.ts";

/** The alias that the URL names, by default that of the newest version. */
export function AliasCard({ model }: { model: Model }) {
  const pointing = Object.entries(model.aliases).sort(([, a], [, b]) => b - a);
  const names = pointing.map(([name]) => name);
  const wanted = place.value.query.get("shown") ?? "";
  const alias = names.includes(wanted) ? wanted : names[0];
  return (
    <aside class="card" aria-label="Alias">
      {alias ? (
        <>
          <div class="head">
            <h2>
              <a href={aliasHref(model.name, alias)}>{alias}</a>
            </h2>
            <span class="grow" />
            {names.length > 1 ? (
              <select
                class="pick-one"
                aria-label="Alias"
                value={alias}
                onChange={(event) => setQuery({ shown: event.currentTarget.value })}
              >
                {names.map((it) => (
                  <option key={it}>{it}</option>
                ))}
              </select>
            ) : null}
          </div>
          <AliasFacts key={alias} model={model.name} alias={alias} />
        </>
      ) : (
        <>
          <h2>No alias yet</h2>
          <p class="muted">
            An alias is a name that points at one version, such as champion. Its history says
            who moved it when and why.
          </p>
          <Action scope="write" onClick={() => askToSetAlias(model.name, "", model.latest)}>
            Set an alias…
          </Action>
        </>
      )}
    </aside>
  );
}

/** The facts of an alias and what can be done with it. */
export function AliasFacts({ model, alias }: { model: string; alias: string }) {
  const path = { model, alias };
  const loaded = useLoad(
    `alias ${model} ${alias}`,
    async (signal) => {
      const [now, history] = await Promise.all([
        ask(api.GET("/api/v1/models/{model}/aliases/{alias}", { params: { path }, signal })),
        ask(
          api.GET("/api/v1/models/{model}/aliases/{alias}/history", {
            params: { path, query: { limit: 2 } },
            signal,
          }),
        ),
      ]);
      return { now, before: history.items[1] };
    },
    about(model),
  );
  return (
    <Shown loaded={loaded} lines={4}>
      {({ now, before }) => (
        <>
          <dl>
            <dt>Now</dt>
            <dd>
              <a href={versionHref(model, now.version ?? 0)}>
                <b>{now.version}</b>
              </a>
              , set by <By of={now.by} /> <Time at={now.when} />
              {now.why ? <div class="quote">“{now.why}”</div> : null}
            </dd>
            <dt>Before</dt>
            <dd>
              {before ? (
                <>
                  {before.version ?? "deleted"}, set by <By of={before.by} />{" "}
                  <Time at={before.when} />
                </>
              ) : (
                "none: the alias was set only once"
              )}
            </dd>
          </dl>
          <OnDate model={model} alias={alias} />
          <div class="acts">
            <Action
              small
              scope="write"
              onClick={() => askToSetAlias(model, alias, now.version ?? undefined)}
            >
              Move…
            </Action>
            <Action
              small
              scope="write"
              disabledBy={now.previous === null ? noneToRollBack(alias, before?.version) : ""}
              onClick={() => askToRollBack(model, now)}
            >
              {now.previous === null ? "Roll back…" : `Roll back to ${now.previous}…`}
            </Action>
          </div>
        </>
      )}
    </Shown>
  );
}

/** Where the alias pointed at a time that the user gives; the time is in the URL. */
function OnDate({ model, alias }: { model: string; alias: string }) {
  const at = place.value.query.get("at") ?? "";
  const moment = at ? new Date(at) : null;
  const time = moment && !Number.isNaN(moment.getTime()) ? moment.toISOString() : "";
  const found = useLoad(
    time ? `alias ${model} ${alias} ${time}` : null,
    (signal) => {
      const params = { path: { model, alias }, query: { at: time } };
      return ask(api.GET("/api/v1/models/{model}/aliases/{alias}", { params, signal }));
    },
    about(model),
  );
  return (
    <label class="field on-date">
      <span class="muted">Show where it pointed at this time</span>
      <input
        class="input"
        type="datetime-local"
        value={at}
        onChange={(event) => setQuery({ at: event.currentTarget.value })}
      />
      <span class="hint" role="status">
        {found.problem ? found.problem.detail : ""}
        {found.data && !found.problem ? (
          <>
            At version{" "}
            <a href={versionHref(model, found.data.version ?? 0)}>{found.data.version}</a>, set{" "}
            <Time at={found.data.when} /> by <By of={found.data.by} />
            {found.data.why ? `: “${found.data.why}”` : ""}
          </>
        ) : null}
      </span>
    </label>
  );
}
