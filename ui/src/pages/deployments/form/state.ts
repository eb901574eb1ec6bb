/**
 * The values of the forms for deployments, which are kept in the URL.
 *
 * Both forms show the same values, so that a user can change between them, reload the page
 * or send the address to someone. A form that edits a deployment begins with its settings,
 * and the URL has only what differs from them.
 */

import type { Schemas } from "../../../api.ts";
import { go, place } from "../../../route.ts";

/** What a user typed for a number: the number, or the text if it is none. */
export type Typed = number | string;

export interface Amount {
  readonly cores?: Typed;
  readonly memory?: Typed;
  readonly gpus?: Typed;
}

export interface Resources {
  readonly num_instances?: Typed;
  readonly requests?: Amount;
  readonly limits?: Amount;
}

/** The values of a form; a value that is missing has the default of the server. */
export interface Draft {
  /** Only narrows the choice of models. */
  readonly framework?: string;
  readonly model?: string;
  readonly model_version?: number;
  readonly name?: string;
  readonly description?: string;
  readonly script_file?: string;
  readonly artifact_version?: number | string;
  readonly config_file?: string;
  readonly files?: readonly string[];
  readonly serving_tool?: string;
  readonly api_protocol?: string;
  readonly resources?: Resources;
  readonly transformer?: { readonly script_file?: string; readonly resources?: Resources };
  readonly inference_logger?: {
    readonly mode?: string;
    readonly kafka_topic?: { readonly name?: string; readonly servers?: string };
  };
  readonly inference_batcher?: {
    readonly enabled?: boolean;
    readonly max_batch_size?: Typed;
    readonly max_latency?: Typed;
    readonly timeout?: Typed;
  };
  readonly environment?: string;
  readonly environment_lock?: string;
  /** Names with their values, in the order of the form. */
  readonly env_vars?: readonly (readonly [string, string])[];
  /** The golden request as JSON text. */
  readonly golden_request?: string;
  readonly why?: string;
  readonly ignore_environment?: boolean;
}

type Name = keyof Draft;

/** What is sent to the server. */
export type Body = Schemas["NewDeployment"];

/** The settings of a deployment as they were when the form was opened. */
export interface Base {
  readonly draft: Draft;
  /** The answer that belongs to the golden request. */
  readonly golden?: Schemas["GoldenRequest"];
}

export const NOTHING: Base = { draft: {} };

/** Names of members of the URL that differ from those of the values. */
const SHORT: Partial<Record<Name, string>> = { model_version: "version" };

/** Values that are texts; the others are JSON in the URL. */
const TEXTS: ReadonlySet<Name> = new Set<Name>([
  "framework",
  "model",
  "name",
  "description",
  "script_file",
  "config_file",
  "serving_tool",
  "api_protocol",
  "environment",
  "environment_lock",
  "golden_request",
  "why",
]);

const NAMES: readonly Name[] = [
  ...TEXTS,
  "model_version",
  "artifact_version",
  "files",
  "resources",
  "transformer",
  "inference_logger",
  "inference_batcher",
  "env_vars",
  "ignore_environment",
];

/** Files of the artifact: if one of them changes, its number no longer fits. */
const FILES: readonly Name[] = [
  "script_file",
  "config_file",
  "files",
  "transformer",
  "environment_lock",
];

const inUrl = (name: Name): string => SHORT[name] ?? name;

/** The values that the URL has; one that was removed is undefined. */
function changesIn(query: URLSearchParams): Draft {
  const found: Record<string, unknown> = {};
  for (const name of NAMES) {
    const text = query.get(inUrl(name));
    if (text !== null) {
      found[name] = TEXTS.has(name) ? text : parsed(text);
    }
  }
  return found;
}

function parsed(text: string): unknown {
  if (text === "") {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function inText(name: Name, value: unknown): string {
  if (value === undefined) {
    return "";
  }
  const isText = typeof value === "string" && (TEXTS.has(name) || parsed(value) === value);
  return isText ? value : JSON.stringify(value);
}

/** The values of a form and a function that changes some of them. */
export interface Form {
  readonly base: Base;
  readonly draft: Draft;
  readonly set: (changes: Draft) => void;
  /** Whether the URL has any value: the user changed something. */
  readonly isChanged: boolean;
  /** Whether the user gave this value. */
  readonly has: (name: Name) => boolean;
}

/** The form whose values are in the URL; the others are those of `base`. */
export function formOf(base: Base): Form {
  const changes = changesIn(place.value.query);
  return {
    base,
    draft: { ...base.draft, ...changes },
    set: (more) => write(base.draft, { ...changesIn(place.value.query), ...more }),
    isChanged: Object.keys(changes).some((it) => it !== "framework" && it !== "why"),
    has: (name) => name in changes,
  };
}

function write(base: Draft, changes: Draft): void {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    if (!(name in changes)) {
      continue;
    }
    const isSame = JSON.stringify(changes[name]) === JSON.stringify(base[name]);
    const text = inText(name, changes[name]);
    // An empty name is wrong, and has to be shown as what it is.
    if (!isSame && (text !== "" || base[name] !== undefined || name === "name")) {
      query.set(inUrl(name), text);
    }
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replace: true });
}

/** The number that was typed; the text if it is none; undefined for nothing. */
export function typed(text: string): Typed | undefined {
  const number = Number(text);
  return text.trim() === "" ? undefined : Number.isFinite(number) ? number : text;
}

/** `value` without members that are undefined or empty; undefined if none are left. */
function compact<Value>(value: Value): Value | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return value === "" ? undefined : value;
  }
  const members = Object.entries(value)
    .map(([name, it]) => [name, compact(it)])
    .filter(([, it]) => it !== undefined);
  return members.length ? (Object.fromEntries(members) as Value) : undefined;
}

/** Each text in `value` that was typed where a number is wanted, with its pointer. */
function textsIn(value: unknown, pointer: string): [string, string][] {
  if (typeof value === "string") {
    return [[pointer, value]];
  }
  const members = typeof value === "object" && value ? Object.entries(value) : [];
  return members.flatMap(([name, it]) => textsIn(it, `${pointer}/${name}`));
}

/** The texts of the form that are no numbers, with the pointers to their fields. */
export function notNumbers({ draft }: Form): [string, string][] {
  return [
    ...textsIn(draft.resources, "/resources"),
    ...textsIn(draft.transformer?.resources, "/transformer/resources"),
    ...textsIn(draft.inference_batcher, "/inference_batcher"),
  ];
}

/** `value` without the texts in it. */
function numbersIn<Value>(value: Value): Value {
  return (
    value &&
    JSON.parse(JSON.stringify(value), (_, it) => (typeof it === "string" ? undefined : it))
  );
}

/** What the form sends to the server; what was typed and is no number is left out. */
export function bodyOf({ draft, base }: Form): Partial<Body> {
  const { framework: _, env_vars, golden_request, files, name, ...plain } = draft;
  const { transformer } = plain;
  const isSame = (it: Name) => JSON.stringify(draft[it]) === JSON.stringify(base.draft[it]);
  const isOtherArtifact = FILES.some((it) => !isSame(it)) || !isSame("model_version");
  const isKept = base.draft.artifact_version !== undefined && isSame("artifact_version");
  const variables = (env_vars ?? []).filter(([it, value]) => it || value);
  const sent = {
    ...compact(plain),
    // A number that the user did not choose follows from the files.
    artifact_version: isKept && isOtherArtifact ? undefined : plain.artifact_version,
    resources: compact(numbersIn(plain.resources)),
    transformer:
      transformer && compact({ ...transformer, resources: numbersIn(transformer.resources) }),
    // Without members these mean their defaults, which is not the same as nothing.
    inference_logger: plain.inference_logger && (compact(plain.inference_logger) ?? {}),
    inference_batcher:
      plain.inference_batcher && (compact(numbersIn(plain.inference_batcher)) ?? {}),
    name,
    files: files?.length ? files : undefined,
    env_vars: variables.length ? Object.fromEntries(variables) : undefined,
    golden_request: golden(golden_request, base, isSame("model_version")),
  };
  return known(sent) as Partial<Body>;
}

function golden(text: string | undefined, base: Base, isSameModel: boolean): unknown {
  if (!text?.trim()) {
    return undefined;
  }
  const known = base.golden;
  if (known && text === base.draft.golden_request) {
    // The answer was recorded with the model version of the base.
    return isSameModel ? known : { request: known.request };
  }
  return { request: parsed(text) };
}

/** The variable that is given twice, if there is one. */
export function repeated({ env_vars = [] }: Draft): string | undefined {
  const names = env_vars.map(([it]) => it);
  return names.find((it, index) => it && names.indexOf(it) !== index);
}

type Artifact = Schemas["ArtifactDetail"];

/** The values that stand for the files of an artifact version. */
export function filesOf(artifact: Artifact) {
  const at = (role: Artifact["files"][number]["role"]) =>
    artifact.files.filter((it) => it.role === role).map((it) => `${artifact.path}/${it.name}`);
  const [transformer] = at("transformer");
  const more = at("file");
  return {
    script_file: at("predictor")[0],
    config_file: at("configfile")[0],
    environment_lock: at("environment")[0],
    files: more.length ? more : undefined,
    transformer: transformer ? { script_file: transformer } : undefined,
  };
}

/** The values of a deployment that exists; its files stay those of its artifact. */
export function baseOf(detail: Schemas["DeploymentDetail"], artifact: Artifact): Base {
  const { specification: sealed } = detail;
  const files = filesOf(artifact);
  const draft = {
    ...files,
    model: sealed.model.name,
    model_version: sealed.model.version,
    name: sealed.name,
    description: sealed.description ?? undefined,
    artifact_version: sealed.artifact.version || undefined,
    serving_tool: sealed.serving_tool,
    api_protocol: sealed.api_protocol,
    resources: sealed.predictor.resources,
    transformer: sealed.transformer
      ? { ...files.transformer, resources: sealed.transformer.resources }
      : undefined,
    inference_logger: sealed.inference_logger ?? undefined,
    inference_batcher: sealed.inference_batcher ?? undefined,
    environment: sealed.environment ?? undefined,
    env_vars: Object.entries(sealed.env_vars ?? {}),
    golden_request: sealed.golden_request
      ? JSON.stringify(sealed.golden_request.request, null, 1)
      : undefined,
  };
  return { draft: known(draft), golden: sealed.golden_request ?? undefined };
}

/** `values` without members that have no value. */
function known(values: object): object {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  );
}
