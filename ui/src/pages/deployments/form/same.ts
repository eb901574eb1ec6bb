/** What a form does, as Python, command line and curl. */

import { curl, python, shell, type Ways } from "../../../parts/Code.tsx";
import { type Body, bodyOf, type Form } from "./state.ts";

type Sent = Partial<Body>;

/** Settings that are files of the project. */
const PATHS = ["script_file", "config_file", "environment_lock"] as const;

/** The same as the form makes in `project`; `edited` is the deployment that it changes. */
export function same(form: Form, project: string, edited?: string): Ways {
  const body = bodyOf(form);
  // Without a name there is nothing to show as code yet.
  return edited ? changing(form, body, project, edited) : creating(body, project);
}

function creating(body: Sent, project: string): Ways {
  const { model, model_version, why, ignore_environment, ...settings } = inProject(
    body,
    project,
  );
  const lines = [
    `model = project.get_model_registry().get_model(${args([model, model_version])})`,
    "ms = project.get_model_serving()",
    call("predictor = ms.create_predictor", "model", settings),
    "deployment = ms.create_deployment(predictor)",
    `deployment.save(${keywords({ why, ignore_environment, adopt: false }).join(", ")})`,
  ];
  const words = ["hopsartifacts deployments create", shell(model ?? ""), String(model_version)];
  return {
    python: lines.join("\n"),
    cli: isPossible(body, false)
      ? command(words, settings, { why, ignore_environment }, false)
      : undefined,
    curl: curl("POST", "/api/v1/deployments", body),
  };
}

function changing(form: Form, body: Sent, project: string, name: string): Ways {
  const { base } = form;
  const before = bodyOf({ ...form, draft: base.draft });
  const now = inProject(body, project) as Record<string, unknown>;
  const names = new Set([...Object.keys(body), ...Object.keys(before)]);
  for (const it of ["name", "model", "model_version", "why", "ignore_environment"]) {
    names.delete(it);
  }
  const isOther = (it: string) =>
    JSON.stringify(body[it as keyof Sent]) !== JSON.stringify(before[it as keyof Sent]);
  // A number that is left out follows from the files.
  const isFollowing = (it: string) => it === "artifact_version" && now[it] === undefined;
  const changed = Object.fromEntries(
    [...names]
      .filter((it) => isOther(it) && !isFollowing(it))
      .map((it) => [it, now[it] ?? null]),
  );
  const { why, ignore_environment } = body;
  const isMoved = body.model_version !== before.model_version;
  const lines = [
    `deployment = project.get_model_serving().get_deployment(${python(name)})`,
    ...(isMoved ? [`deployment.model_version = ${body.model_version}`] : []),
    ...(Object.keys(changed).length ? [call("deployment.change", "", changed)] : []),
    `deployment.save(${keywords({ why, ignore_environment }).join(", ")})`,
  ];
  const words = ["hopsartifacts deployments update", shell(name)];
  if (isMoved) {
    words.push(`--model-version ${body.model_version}`);
  }
  const { name: _, ...settings } = body;
  return {
    python: lines.join("\n"),
    cli: isPossible(changed, true)
      ? command(words, changed, { why, ignore_environment }, true)
      : undefined,
    curl: curl("PUT", `/api/v1/deployments/${encodeURIComponent(name)}`, settings),
  };
}

/** The settings with paths that are those of the project on every machine. */
function inProject(body: Sent, project: string): Sent {
  const full = (path: string) => `/Projects/${project}/${path}`;
  const changes: Record<string, unknown> = {};
  for (const it of PATHS) {
    const path = body[it];
    if (path) {
      changes[it] = full(path);
    }
  }
  if (body.files) {
    changes.files = body.files.map(full);
  }
  if (body.transformer) {
    changes.transformer = {
      ...body.transformer,
      script_file: full(body.transformer.script_file),
    };
  }
  return { ...body, ...changes };
}

function args(values: readonly unknown[]): string {
  return values.map(python).join(", ");
}

function keywords(values: object): string[] {
  return Object.entries(values)
    .filter(([name, value]) => value !== undefined && (value !== false || name === "adopt"))
    .map(([name, value]) => `${name}=${literal(name, value)}`);
}

/** Most settings are plain values; a golden request has a class. */
function literal(name: string, value: unknown): string {
  if (name === "golden_request" && value) {
    return `hopsartifacts.GoldenRequest(${keywords(value).join(", ")})`;
  }
  return python(value);
}

function call(name: string, first: string, settings: object): string {
  const all = [...(first ? [first] : []), ...keywords(settings)];
  return all.length < 2
    ? `${name}(${all.join("")})`
    : `${name}(\n${all.map((it) => `    ${it},\n`).join("")})`;
}

/** Options of the command line that take the value of a setting as it is. */
const OPTIONS = {
  description: "description",
  serving_tool: "serving-tool",
  api_protocol: "api-protocol",
  environment: "environment",
  script_file: "script",
  config_file: "config",
  environment_lock: "environment-lock",
  artifact_version: "artifact-version",
} as const;

const BATCHES = {
  max_batch_size: "batch-size",
  max_latency: "batch-latency",
  timeout: "batch-timeout",
} as const;

/** A command with options, which are pairs of a name and a value. */
function command(
  words: readonly string[],
  settings: Sent,
  more: { why?: string; ignore_environment?: boolean },
  isUpdate: boolean,
): string {
  const options: string[] = [];
  const add = (name: string, value: unknown) => {
    if (value !== undefined) {
      options.push(`--${name} ${shell(value === null ? "" : String(value)) || "''"}`);
    }
  };
  add("name", settings.name);
  for (const [name, option] of Object.entries(OPTIONS)) {
    add(option, settings[name as keyof typeof OPTIONS]);
  }
  for (const path of settings.files ?? []) {
    add("file", path);
  }
  const { resources, transformer, inference_logger: logger, inference_batcher } = settings;
  add("transformer", transformer === null ? null : transformer?.script_file);
  add("instances", resources?.num_instances);
  for (const name of ["requests", "limits"] as const) {
    for (const [unit, amount] of Object.entries(resources?.[name] ?? {})) {
      add(name.slice(0, -1), `${unit}=${amount}`);
    }
  }
  add("logger", logger?.mode);
  add("kafka-topic", logger?.kafka_topic?.name);
  add("kafka-servers", logger?.kafka_topic?.servers ?? undefined);
  if (inference_batcher) {
    options.push(inference_batcher.enabled ? "--batcher" : "--no-batcher");
  }
  for (const [name, option] of Object.entries(BATCHES)) {
    add(option, inference_batcher?.[name as keyof typeof BATCHES] ?? undefined);
  }
  if (settings.env_vars !== undefined && isUpdate) {
    // An empty one removes those that there are.
    add("env", null);
  }
  for (const [name, value] of Object.entries(settings.env_vars ?? {})) {
    add("env", `${name}=${value}`);
  }
  add("why", more.why);
  if (more.ignore_environment) {
    options.push("--ignore-environment");
  }
  const golden = settings.golden_request;
  const text = golden ? JSON.stringify(golden.request) : "";
  options.push(...(golden ? ["--golden-request - <<'JSON'"] : []));
  const line = [words.join(" "), ...options].join(" \\\n  ");
  return golden ? `${line}\n${text}\nJSON` : line;
}

/** Whether the command line can say all of this. */
function isPossible(settings: Sent, isUpdate: boolean): boolean {
  const { transformer, golden_request: golden, inference_batcher: batcher } = settings;
  const isPlain = !transformer?.resources && golden?.answer === undefined;
  if (!isUpdate) {
    return isPlain && (!batcher || batcher.enabled || Object.keys(batcher).length === 1);
  }
  // An update keeps the parts of these that have no option, so it cannot remove one.
  const parts = ["resources", "inference_logger", "inference_batcher", "files"] as const;
  return isPlain && golden !== null && parts.every((it) => !(it in settings));
}
