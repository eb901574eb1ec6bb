/**
 * Versions of a model side by side: what differs first, the rest on request.
 *
 * The first version is the one that the others are compared with.
 */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { api, ask, type Schemas } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, Diff, python, SameIn, shell } from "../../parts/Code.tsx";
import { Dialog } from "../../parts/Dialog.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { Chip, Digest, Size, Time } from "../../parts/Text.tsx";
import { go, place, setQuery, to } from "../../route.ts";
import { metric } from "../../words.ts";
import type { PageProps } from "../routes.tsx";
import {
  about,
  betterness,
  compareHref,
  type Detail,
  modelHref,
  shownValue,
  versionHref,
} from "./data.ts";
import { DirectionChoice } from "./versions.tsx";

type Difference = Schemas["ModelDifference"];

/** One line of the comparison: a fact, with its value in each version. */
interface Fact {
  readonly name: string;
  readonly values: readonly unknown[];
  readonly cells: readonly ComponentChildren[];
  readonly head?: ComponentChildren;
}

/** `/ui/models/:model/compare?v=3,7`. */
export function Compare({ params }: PageProps) {
  const model = params.model ?? "";
  const given = (place.value.query.get("v") ?? "").split(",").filter(Boolean);
  const versions = [...new Set(given.map(Number).filter((it) => it > 0))];
  const loaded = useLoad(
    versions.length ? `compare ${model} ${versions.join()}` : null,
    async (signal) => {
      const [first = 0, ...others] = versions;
      const [details, differences] = await Promise.all([
        Promise.all(
          versions.map((version) => {
            const params = { path: { model, version: String(version) } };
            return ask(
              api.GET("/api/v1/models/{model}/versions/{version}", { params, signal }),
            );
          }),
        ),
        Promise.all(
          others.map((other) => {
            const path = { model, version: String(first), other: String(other) };
            return ask(
              api.GET("/api/v1/models/{model}/versions/{version}/diff/{other}", {
                params: { path },
                signal,
              }),
            );
          }),
        ),
      ]);
      return { details, differences };
    },
    about(model),
  );
  return (
    <Page
      crumbs={[
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: "compare" },
      ]}
      title={`Versions of ${model} compared`}
      actions={<AddVersion model={model} versions={versions} />}
    >
      {versions.length ? (
        <Shown loaded={loaded} lines={12}>
          {(it) => <Comparison model={model} {...it} />}
        </Shown>
      ) : (
        <Empty title="Choose versions to compare">
          Give a number above, or select versions on{" "}
          <a href={modelHref(model)}>the page of {model}</a>.
        </Empty>
      )}
    </Page>
  );
}

function AddVersion({ model, versions }: { model: string; versions: readonly number[] }) {
  const [text, setText] = useState("");
  return (
    <form
      class="acts"
      onSubmit={(event) => {
        event.preventDefault();
        const number = Number(text);
        if (number > 0) {
          setText("");
          go(compareHref(model, [...versions, number]));
        }
      }}
    >
      <input
        class="input filter"
        inputMode="numeric"
        aria-label="Number of a version"
        placeholder="Number of a version"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <Action type="submit">Add</Action>
    </form>
  );
}

function Comparison(props: {
  model: string;
  details: readonly Detail[];
  differences: readonly Difference[];
}) {
  const { model, details, differences } = props;
  const isAll = place.value.query.get("all") === "1";
  const versions = details.map((it) => it.version);
  const parts: [string, Fact[]][] = [
    ["Metrics", metricsOf(details)],
    ["Tags and settings", [...settingsOf(details), ...tagsOf(details)]],
    ["Files", filesOf(details)],
  ];
  const count = parts.flatMap(([, facts]) => facts).filter(differs).length;
  const [first = 0, second] = versions;
  return (
    <>
      <div class="tools">
        <span class="sub" role="status">
          {count ? `${count} facts differ` : "No difference"}
        </span>
        <span class="grow" />
        <label class="sub">
          <input
            type="checkbox"
            checked={isAll}
            onChange={() => setQuery({ all: isAll ? undefined : "1" })}
          />
          show all
        </label>
        {second ? (
          <SameIn
            ways={{
              python: `mr = project.get_model_registry()\nprint(mr.get_model(${python(model)}, ${second}).diff(${first}))`,
              cli: `hopsartifacts models diff ${shell(model)} ${first} ${second}`,
              curl: curl(
                "GET",
                `/api/v1/models/${encodeURIComponent(model)}/versions/${first}/diff/${second}`,
              ),
            }}
          />
        ) : null}
      </div>
      {differences.map((it) => (
        <SchemaCard key={it.second} difference={it} />
      ))}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls */}
      <section class="panel scroll" aria-label="Comparison" tabIndex={0}>
        <table class="compare">
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">Fact</span>
              </th>
              {details.map(({ version: it, created }) => (
                <th scope="col" key={it}>
                  <a href={versionHref(model, it)}>version {it}</a> <Time at={created} />{" "}
                  <button
                    type="button"
                    class="link"
                    aria-label={`Leave version ${it} out`}
                    onClick={() =>
                      go(
                        compareHref(
                          model,
                          versions.filter((other) => other !== it),
                        ),
                      )
                    }
                  >
                    ✕
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {parts.map(([title, facts]) => (
              <Part
                key={title}
                title={title}
                facts={isAll ? sorted(facts) : facts.filter(differs)}
                columns={versions.length + 1}
              />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function differs({ values }: Fact): boolean {
  return new Set(values.map((it) => JSON.stringify(it ?? null))).size > 1;
}

/** What differs first. */
function sorted(facts: readonly Fact[]): Fact[] {
  return [...facts.filter(differs), ...facts.filter((it) => !differs(it))];
}

function Part(props: { title: string; facts: readonly Fact[]; columns: number }) {
  if (!props.facts.length) {
    return null;
  }
  return (
    <>
      <tr class="part">
        <th scope="rowgroup" colSpan={props.columns}>
          {props.title}
        </th>
      </tr>
      {props.facts.map((it) => (
        <tr key={it.name} class={differs(it) ? "differs" : ""}>
          <th scope="row">{it.head ?? it.name}</th>
          {it.cells.map((cell, index) => (
            <td key={index}>{cell}</td>
          ))}
        </tr>
      ))}
    </>
  );
}

function namesOf(details: readonly Detail[], of: (it: Detail) => object): string[] {
  return [...new Set(details.flatMap((it) => Object.keys(of(it))))].sort();
}

function metricsOf(details: readonly Detail[]): Fact[] {
  return namesOf(details, (it) => it.metrics).map((name) => {
    const values = details.map((it) => it.metrics[name]);
    return {
      name,
      values,
      head: (
        <>
          {name} <DirectionChoice metric={name} />
        </>
      ),
      cells: values.map((value, index) => (
        <MetricCell metric={name} value={value} than={index ? values[0] : undefined} />
      )),
    };
  });
}

function MetricCell(props: { metric: string; value?: number; than?: number }) {
  const tone = betterness(props.metric, props.value, props.than);
  const words = tone > 0 ? "better" : "worse";
  const change =
    props.value === undefined || props.than === undefined ? 0 : props.value - props.than;
  return (
    <>
      {metric(props.value)}{" "}
      {change ? (
        <span class="sub">
          {change > 0 ? "+" : "−"}
          {metric(Math.abs(change))}
        </span>
      ) : null}{" "}
      {tone ? (
        <span class={words}>
          {tone > 0 ? "▲" : "▼"} {words}
        </span>
      ) : null}
    </>
  );
}

function tagsOf(details: readonly Detail[]): Fact[] {
  return namesOf(details, (it) => it.tags).map((name) => {
    const values = details.map((it) => (it.tags as Record<string, unknown>)[name]);
    return {
      name: `tag ${name}`,
      values,
      cells: values.map((it) => (it === undefined ? "–" : shownValue(it))),
    };
  });
}

function settingsOf(details: readonly Detail[]): Fact[] {
  const fact = (
    name: string,
    value: (it: Detail) => unknown,
    cell: (it: Detail) => ComponentChildren,
  ): Fact => ({ name, values: details.map(value), cells: details.map(cell) });
  return [
    fact(
      "framework",
      (it) => it.framework,
      (it) => it.framework,
    ),
    fact(
      "aliases",
      (it) => it.aliases,
      (it) => (
        <span class="chips">
          {it.aliases.map((alias) => (
            <Chip key={alias} kind="alias">
              {alias}
            </Chip>
          ))}
        </span>
      ),
    ),
    fact(
      "description",
      (it) => it.description,
      (it) => it.description || "–",
    ),
    fact(
      "input example",
      (it) => it.input_example,
      (it) => json(it.input_example),
    ),
    fact(
      "size",
      (it) => it.size_bytes,
      (it) => <Size of={it.size_bytes} />,
    ),
    fact(
      "creator",
      (it) => it.creator,
      (it) => it.creator,
    ),
    fact(
      "used by",
      (it) => [...new Set(it.deployments.map((use) => use.deployment))],
      (it) => [...new Set(it.deployments.map((use) => use.deployment))].join(", ") || "–",
    ),
  ];
}

function json(value: unknown): ComponentChildren {
  return value === null ? "–" : <span class="mono">{JSON.stringify(value)}</span>;
}

function filesOf(details: readonly Detail[]): Fact[] {
  const files = details.map((it) => new Map(it.files.map((file) => [file.path, file.digest])));
  const paths = [...new Set(files.flatMap((it) => [...it.keys()]))].sort();
  return paths.map((path) => {
    const digests = files.map((it) => it.get(path));
    const first = digests[0]?.sha256;
    return {
      name: path,
      values: digests.map((it) => it?.sha256),
      cells: digests.map((it, index) =>
        it ? (
          <>
            <a href={fileHref(details[index], path)}>
              <Size of={it.size_bytes} />
            </a>{" "}
            <Digest of={it.sha256} />
            <div class="sub">
              {index ? wordOf(first, it.sha256) : ""}{" "}
              {index && first && first !== it.sha256 ? (
                <ShowLines first={details[0]} second={details[index]} path={path} />
              ) : null}
            </div>
          </>
        ) : (
          <span class="muted">{first ? "removed" : "–"}</span>
        ),
      ),
    };
  });
}

function pathOf(of: Detail | undefined, path: string): string {
  return `Models/${of?.model}/${of?.version}/Files/${path}`;
}

function fileHref(of: Detail | undefined, path: string): string {
  return to("/files", ...pathOf(of, path).split("/"));
}

/** A button that shows which lines of a file differ between two versions. */
function ShowLines(props: { first?: Detail; second?: Detail; path: string }) {
  const { first, second, path } = props;
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="link" onClick={() => setOpen(true)}>
        show the lines<span class="hidden"> of {path}</span>
      </button>
      {isOpen ? (
        <Dialog
          title={`${path}, version ${first?.version} → ${second?.version}`}
          onClose={() => setOpen(false)}
          isWide
        >
          <FileLines since={pathOf(first, path)} path={pathOf(second, path)} />
        </Dialog>
      ) : null}
    </>
  );
}

function FileLines({ since, path }: { since: string; path: string }) {
  const loaded = useLoad(`changes ${path} since ${since}`, (signal) => {
    const params = { path: { path }, query: { since } };
    return ask(api.GET("/api/v1/files/{path}/changes", { params, signal }));
  });
  return (
    <Shown loaded={loaded}>
      {({ lines }) =>
        lines?.[0]?.startsWith("---") ? (
          <Diff lines={lines.slice(2)} />
        ) : (
          <p>
            {lines?.[0]
              ? `The lines cannot be shown: ${lines[0].replace(/[()]/g, "")}.`
              : "Only texts of at most 64 KiB and 2,000 lines are compared line by line."}
          </p>
        )
      }
    </Shown>
  );
}

function wordOf(first: string | undefined, digest: string): string {
  if (first === undefined) {
    return "added";
  }
  return first === digest ? "same" : "changed";
}

const EFFECTS: Record<Difference["model_schema"]["effect"], string> = {
  same: "takes and returns the same",
  compatible: "can be called as before",
  incompatible: "cannot be called as before",
  unknown: "may take or return something else",
};

/** What a change of the schema means for callers. */
function SchemaCard({ difference }: { difference: Difference }) {
  const { effect, reasons } = difference.model_schema;
  if (effect === "same") {
    return null;
  }
  return (
    <div
      class={`note ${effect === "incompatible" ? "bad" : effect === "unknown" ? "warn" : ""}`}
    >
      <b>
        Version {difference.second} {EFFECTS[effect]}
      </b>{" "}
      <span class="sub">compared with version {difference.first}</span>
      <ul class="names">
        {reasons.map((it) => (
          <li key={it}>{it}</li>
        ))}
      </ul>
    </div>
  );
}
