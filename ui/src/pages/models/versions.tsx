/** The versions of a model: a chart of a metric, an alias, and the table to choose from. */

import { useState } from "preact/hooks";
import { api, ask } from "../../api.ts";
import { useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Chart, type Mark } from "../../parts/Chart.tsx";
import { type Filter, Filters, filtered } from "../../parts/Filters.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Chip, Size, Time } from "../../parts/Text.tsx";
import { place, setQuery } from "../../route.ts";
import { count, metric } from "../../words.ts";
import type { PageProps } from "../routes.tsx";
import { AliasCard } from "./alias-card.tsx";
import {
  about,
  aliasHref,
  compareHref,
  type Direction,
  deployHref,
  directionOf,
  type Model,
  setDirection,
  shownValue,
  type Version,
  versionHref,
} from "./data.ts";
import { ModelPage } from "./frame.tsx";
import { Users } from "./list.tsx";

const SHOWN_METRICS = 3;
const MOST_COMPARED = 8;
const BY_METRIC = "metric:";

/** `/ui/models/:model`. */
export function ModelVersions({ params }: PageProps) {
  const model = params.model ?? "";
  return <ModelPage model={model}>{(it) => <Versions model={it} />}</ModelPage>;
}

function Versions({ model }: { model: Model }) {
  return (
    <>
      <div class="split wide-left">
        <MetricCard model={model} />
        <AliasCard model={model} />
      </div>
      <VersionTable model={model} />
    </>
  );
}

/** A metric over versions; which one is in the URL. */
function MetricCard({ model }: { model: Model }) {
  const { name } = model;
  const wanted = place.value.query.get("metric") ?? "";
  const all = useLoad(
    `metrics ${name} ${wanted}`,
    async (signal) => {
      const path = { model: name };
      const get = (query: { metric?: string }) =>
        ask(api.GET("/api/v1/models/{model}/metrics", { params: { path, query }, signal }));
      const found = await get({});
      return wanted && !(wanted in found.metrics)
        ? {
            ...found,
            metrics: { ...found.metrics, ...(await get({ metric: wanted })).metrics },
          }
        : found;
    },
    about(name),
  );
  return (
    <section class="card" aria-label="Metric over versions">
      <Shown loaded={all} lines={7}>
        {(it) => {
          const names = [...new Set([...Object.keys(it.metrics), ...it.others])];
          const shown = wanted || names[0];
          if (!shown) {
            return (
              <p class="muted">
                No version has metrics. If you save metrics with a version, this chart shows how
                they change.
              </p>
            );
          }
          const values = it.metrics[shown] ?? [];
          const points = it.versions.map((x, index) => ({ x, y: values[index] ?? null }));
          return (
            <>
              <div class="head">
                <h2>{shown} over versions</h2>
                <span class="grow" />
                <select
                  class="pick-one"
                  aria-label="Metric"
                  value={shown}
                  onChange={(event) => setQuery({ metric: event.currentTarget.value })}
                >
                  {names.map((it) => (
                    <option key={it}>{it}</option>
                  ))}
                </select>
                <DirectionChoice metric={shown} />
              </div>
              <Chart
                label={`${shown} of ${count(it.versions.length)} versions`}
                points={points}
                marks={marksOf(it.aliases)}
                nameOf={(x) => `version ${x}`}
                hrefOf={(x) => versionHref(name, x)}
              />
              {it.total > it.versions.length ? (
                <p class="sub">
                  The newest {count(it.versions.length)} of {count(it.total)} versions.
                </p>
              ) : null}
              <ValueTable metric={shown} points={points} model={name} />
            </>
          );
        }}
      </Shown>
    </section>
  );
}

/** One mark for each version with aliases. */
function marksOf(aliases: Record<string, number>): Mark[] {
  const byVersion = new Map<number, string[]>();
  for (const [alias, version] of Object.entries(aliases)) {
    byVersion.set(version, [...(byVersion.get(version) ?? []), alias]);
  }
  return [...byVersion].map(([x, names]) => ({ x, label: `${names.join(", ")} ${x}` }));
}

const MOST_VALUES = 200;

function ValueTable(props: {
  metric: string;
  points: readonly { x: number; y: number | null }[];
  model: string;
}) {
  const newest = [...props.points].reverse().slice(0, MOST_VALUES);
  return (
    <details>
      <summary class="sub">As a table</summary>
      <div class="panel">
        <table class="values" aria-label={`${props.metric} of each version`}>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col" class="num">
                {props.metric}
              </th>
            </tr>
          </thead>
          <tbody>
            {newest.map((it) => (
              <tr key={it.x}>
                <td>
                  <a href={versionHref(props.model, it.x)}>{it.x}</a>
                </td>
                <td class="num">{metric(it.y)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** What is better is asked once for each metric, and kept in this browser. */
export function DirectionChoice(props: { metric: string }) {
  return (
    <select
      class="pick-one"
      aria-label={`Which ${props.metric} is better`}
      value={directionOf(props.metric)}
      onChange={(event) => setDirection(props.metric, event.currentTarget.value as Direction)}
    >
      <option value="">which is better?</option>
      <option value="higher">higher is better</option>
      <option value="lower">lower is better</option>
    </select>
  );
}

const columnsOf = (metrics: readonly string[]): Column<Version>[] => [
  {
    id: "version",
    head: "Version",
    isSorted: true,
    cell: (it) => (
      <span class="named">
        <a href={versionHref(it.model, it.version)}>
          <b>{it.version}</b>
        </a>
        <span class="chips">
          {it.aliases.map((alias) => (
            <Chip key={alias} kind="alias" href={aliasHref(it.model, alias)}>
              {alias}
            </Chip>
          ))}
        </span>
      </span>
    ),
  },
  ...metrics.map((name, index) => ({
    id: BY_METRIC + name,
    head: name,
    isSorted: true,
    isNumber: true,
    isOptional: index >= SHOWN_METRICS,
    cell: (it: Version) => metric(it.metrics[name]),
  })),
  {
    id: "tags",
    head: "Tags",
    cell: (it) => (
      <span class="chips">
        {Object.entries(it.tags as Record<string, unknown>).map(([tag, value]) => (
          <Chip key={tag}>
            <span class="clip" title={shownValue(value)}>
              {tag}: {shownValue(value)}
            </span>
          </Chip>
        ))}
      </span>
    ),
  },
  { id: "deployments", head: "Used by", cell: (it) => <Users of={it.deployments} /> },
  {
    id: "files",
    head: "Files",
    isSorted: true,
    isNumber: true,
    isOptional: true,
    cell: (it) => count(it.files),
  },
  {
    id: "size_bytes",
    head: "Size",
    isSorted: true,
    isNumber: true,
    cell: (it) => <Size of={it.size_bytes} />,
  },
  {
    id: "creator",
    head: "Creator",
    isSorted: true,
    cell: (it) => <span class="sub">{it.creator}</span>,
  },
  {
    id: "description",
    head: "Description",
    isOptional: true,
    cell: (it) => <div class="sub clip">{it.description}</div>,
  },
  { id: "created", head: "Saved", isSorted: true, cell: (it) => <Time at={it.created} /> },
  {
    id: "deploy",
    head: "",
    cell: (it) => (
      <Action
        small
        scope="deploy"
        href={deployHref(it.model, it.version)}
        label={`Deploy version ${it.version}`}
      >
        Deploy
      </Action>
    ),
  },
];

function VersionTable({ model }: { model: Model }) {
  const { name } = model;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const filters: Filter[] = [
    {
      name: "alias",
      label: "Alias",
      options: Object.keys(model.aliases).map((value) => ({ value, label: value })),
    },
    { name: "tag", label: "Tag" },
    { name: "creator", label: "Creator" },
    {
      name: "deployed",
      label: "Deployed",
      options: [
        { value: "true", label: "used by a deployment" },
        { value: "false", label: "used by none" },
      ],
    },
  ];
  const { deployed, ...others } = filtered(filters);
  const sort = sortOf("-version");
  const order = orderOf(sort);
  const query = { ...order, ...others, deployed: deployed ? deployed === "true" : undefined };
  const pages = usePages<Version>(
    `versions ${name} ${JSON.stringify(query)}`,
    (cursor, limit, signal) => {
      const params = { path: { model: name }, query: { ...query, cursor, limit } };
      return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
    },
    about(name),
  );
  const items = pages.data?.items ?? [];
  const metrics = [...new Set(items.slice(0, 50).flatMap((it) => Object.keys(it.metrics)))];
  const chosen = [...selected].map(Number).sort((a, b) => a - b);
  const reason =
    chosen.length < 2
      ? "Select two or more versions first."
      : chosen.length > MOST_COMPARED
        ? `At most ${MOST_COMPARED} versions fit side by side.`
        : "";
  return (
    <section class="below" aria-label="Versions">
      <Table
        label={`Versions of ${name}`}
        pages={pages}
        columns={columnsOf(metrics)}
        idOf={(it) => String(it.version)}
        hrefOf={(it) => versionHref(name, it.version)}
        sort="-version"
        selected={selected}
        onSelect={setSelected}
        filters={<Filters filters={filters} />}
        tools={
          <Action small disabledBy={reason} href={compareHref(name, chosen)}>
            Compare {chosen.length || ""} selected
          </Action>
        }
        empty={<Empty title="No version fits these filters">Remove a filter.</Empty>}
      />
    </section>
  );
}

/** How the server is asked for an order, which can be one by a metric. */
function orderOf(sort: string): { sort: string; metric?: string } {
  const sign = sort.startsWith("-") ? "-" : "";
  const field = sort.slice(sign.length);
  return field.startsWith(BY_METRIC)
    ? { sort: `${sign}metric`, metric: field.slice(BY_METRIC.length) }
    : { sort };
}
