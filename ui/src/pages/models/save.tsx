/** Save a version of a model: its files, and what is known about it. */

import { signal, useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { api, ask, ProblemError, problemIn, type Schemas } from "../../api.ts";
import { chosenIn, dropped } from "../../files.ts";
import { Page } from "../../frame.tsx";
import { ended } from "../../jobs.ts";
import { jsonProblem, valueProblem } from "../../json.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, shell, type Ways } from "../../parts/Code.tsx";
import { Combobox } from "../../parts/Combobox.tsx";
import { TextField } from "../../parts/Field.tsx";
import { Problem, Shown } from "../../parts/Problem.tsx";
import { Chip, Note, Size } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { go, place, setQuery, to } from "../../route.ts";
import { add, type Chosen, cancel, forget, type Upload, uploads } from "../../uploads.ts";
import { bytes, many, metric } from "../../words.ts";
import { FolderPicker } from "../files/actions.tsx";
import { Unfinished, UploadRow } from "../files/upload.tsx";

type Framework = Schemas["FrameworkRule"]["framework"];

/** What the user has entered; kept while the user looks at other pages. */
interface Entered {
  readonly framework: Framework | "";
  readonly description: string;
  readonly metrics: readonly Pair[];
  readonly tags: readonly Pair[];
  readonly example: string;
  readonly schema: string;
}

interface Pair {
  readonly name: string;
  readonly value: string;
}

const EMPTY: Entered = {
  framework: "",
  description: "",
  metrics: [],
  tags: [],
  example: "",
  schema: "",
};

const entered = signal(EMPTY);

export function SavePage() {
  const query = place.value.query;
  const name = query.get("model") ?? "";
  const source = query.get("source");
  const failure = useSignal<ProblemError | null>(null);
  const progress = useSignal("");
  const rules = useLoad("rules", (signal) => ask(api.GET("/api/v1/rules", { signal })));
  const known = useModel(name);
  const files = useComputed(() => uploads.value.filter((it) => it.path === null)).value;
  const set = (changes: Partial<Entered>) => {
    entered.value = { ...entered.value, ...changes };
  };
  const framework = entered.value.framework || known?.framework || "";
  const missing =
    (name ? "" : "Name the model.") ||
    (framework ? "" : "Choose the framework.") ||
    (files.length || source ? "" : "Choose the files of the model.");
  const save = async () => {
    failure.value = null;
    try {
      const body = bodyOf(entered.value, framework as Framework, source);
      if (source === null) {
        progress.value = "Waiting for the uploads";
        await allSent(files);
        body.uploads = named(files).map(([path, it]) => ({ path, upload: it.id }));
      }
      progress.value = "Saving";
      const params = { path: { model: name } };
      const job = await ask(api.POST("/api/v1/models/{model}/saves", { params, body }));
      const done = await ended(job as Parameters<typeof ended>[0], ({ progress: at }) => {
        progress.value = at?.size_bytes
          ? `Saving: ${bytes(at.done_bytes)} of ${bytes(at.size_bytes)}`
          : "Saving";
      });
      const result = done.result as Schemas["SaveResult"];
      forget(files);
      entered.value = EMPTY;
      toast(`Saved version ${result.version} of ${result.model}`);
      go(to("/models", result.model, "versions", result.version));
    } catch (cause) {
      failure.value = problemIn(cause);
    } finally {
      progress.value = "";
    }
  };
  return (
    <Page
      crumbs={[{ label: "Models", href: to("/models") }, { label: "Save a version" }]}
      title="Save a version"
    >
      <div class="split">
        <form
          class="card"
          onSubmit={(event) => {
            event.preventDefault();
          }}
        >
          <ModelField name={name} />
          <Shown loaded={rules} lines={2}>
            {(it) => (
              <Frameworks
                rules={it.frameworks}
                value={framework}
                onChoose={(value) => set({ framework: value })}
              />
            )}
          </Shown>
          <Files source={source} files={files} />
          <TextField
            label="Description"
            remark="optional"
            value={entered.value.description}
            lines={2}
            onInput={(description) => set({ description })}
          />
          <Pairs
            title="Metrics"
            hint="Numbers by which you compare versions."
            of={entered.value.metrics}
            onChange={(metrics) => set({ metrics })}
          />
          <Pairs
            title="Tags"
            hint="Text or JSON."
            of={entered.value.tags}
            onChange={(tags) => set({ tags })}
          />
          <TextField
            label="Input example"
            remark="optional, JSON"
            value={entered.value.example}
            lines={4}
            isMono
            hint="One input of the model. The page “Try it” of a deployment starts with this input."
            problems={jsonProblems(entered.value.example)}
            onInput={(example) => set({ example })}
          />
          <TextField
            label="Schema"
            remark="optional, JSON"
            value={entered.value.schema}
            lines={4}
            isMono
            hint="What the model takes and returns."
            problems={jsonProblems(entered.value.schema)}
            onInput={(schema) => set({ schema })}
          />
          {failure.value ? <Problem problem={failure.value} /> : null}
        </form>
        <aside class="card" aria-label="What will happen">
          <h2>What will happen</h2>
          <Outcome name={name} known={known} files={files} source={source} />
          <p>
            <Action
              scope="write"
              kind="primary"
              disabledBy={missing || jsonIn(entered.value)}
              onClick={save}
            >
              Save version
            </Action>
          </p>
          <p class="sub" role="status">
            {progress.value || missing}
          </p>
          <SameIn ways={waysOf(name, framework, entered.value, source)} />
        </aside>
      </div>
    </Page>
  );
}

/** The model with this name; null if there is none. */
function useModel(name: string): Schemas["ModelRow"] | null | undefined {
  const loaded = useLoad(
    name ? `model or none ${name}` : null,
    async (signal) => {
      const params = { query: { name, limit: 1000 } };
      const page = await ask(api.GET("/api/v1/models", { params, signal }));
      return page.items.find((it) => it.name === name) ?? null;
    },
    ["model", "model-removed"],
  );
  return name ? loaded.data : undefined;
}

function ModelField({ name }: { name: string }) {
  return (
    <Combobox
      label="Model"
      value={name}
      placeholder="The name of a model, or of a new one"
      searchKey="models to save"
      search={async (text, signal) => {
        const params = { query: { name: text, limit: 20 } };
        const page = await ask(api.GET("/api/v1/models", { params, signal }));
        const found = page.items.map((it) => ({
          value: it.name,
          detail: `${it.framework}, latest version ${it.latest}`,
        }));
        const isNew = text && !found.some((it) => it.value === text);
        return isNew ? [...found, { value: text, detail: "a new model" }] : found;
      }}
      onChoose={(model) => setQuery({ model })}
    />
  );
}

function Frameworks(props: {
  rules: readonly Schemas["FrameworkRule"][];
  value: string;
  onChoose: (value: Framework) => void;
}) {
  return (
    <fieldset>
      <legend>Framework</legend>
      <div class="options">
        {props.rules.map((it) => (
          <label key={it.framework} class="option">
            <input
              type="radio"
              name="framework"
              checked={props.value === it.framework}
              onChange={() => props.onChoose(it.framework)}
            />{" "}
            {it.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** The files: uploaded from this computer, or copied from a folder of the project. */
function Files(props: { source: string | null; files: readonly Upload[] }) {
  const { source, files } = props;
  return (
    <fieldset>
      <legend>Files</legend>
      <div class="chips">
        <button
          type="button"
          class={`chip pick ${source === null ? "on" : ""}`}
          aria-pressed={source === null}
          onClick={() => setQuery({ source: undefined })}
        >
          From this computer
        </button>
        <button
          type="button"
          class={`chip pick ${source === null ? "" : "on"}`}
          aria-pressed={source !== null}
          onClick={() => setQuery({ source: source ?? "Resources" })}
        >
          From the project
        </button>
      </div>
      {source === null ? (
        <FromComputer files={files} />
      ) : (
        <FolderPicker value={source} onChoose={(path) => setQuery({ source: path || "/" })} />
      )}
    </fieldset>
  );
}

function FromComputer({ files }: { files: readonly Upload[] }) {
  const isOver = useSignal(false);
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (folder.current) {
      folder.current.webkitdirectory = true;
    }
  }, []);
  const take = (found: readonly Chosen[]) => void add(found, null);
  const choose = (input: HTMLInputElement) => {
    take(chosenIn(input));
    input.value = "";
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the buttons do the same
    <div
      class={`drop-here ${isOver.value ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => {
        isOver.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        if (event.dataTransfer) {
          void dropped(event.dataTransfer).then(take);
        }
      }}
    >
      <p>
        Drop files or a folder here, or{" "}
        <Action small scope="write" onClick={() => file.current?.click()}>
          Choose files
        </Action>{" "}
        <Action small scope="write" onClick={() => folder.current?.click()}>
          Choose a folder
        </Action>
      </p>
      <input
        ref={file}
        type="file"
        hidden
        multiple
        aria-label="Files of the model"
        onChange={(event) => choose(event.currentTarget)}
      />
      <input
        ref={folder}
        type="file"
        hidden
        aria-label="Folder of the model"
        onChange={(event) => choose(event.currentTarget)}
      />
      <ul class="tray-list">
        {files.map((it) => (
          <UploadRow key={it.key} of={it} />
        ))}
      </ul>
      {files.length > 1 ? (
        <Action small kind="quiet" onClick={() => cancel(files)}>
          Remove all
        </Action>
      ) : null}
      <Unfinished isForModel />
    </div>
  );
}

/** Names and values in rows; the last row is for the next one. */
function Pairs(props: {
  title: string;
  hint: string;
  of: readonly Pair[];
  onChange: (pairs: readonly Pair[]) => void;
}) {
  const rows = [...props.of, { name: "", value: "" }];
  const change = (at: number, changes: Partial<Pair>) => {
    const changed = rows.map((it, index) => (index === at ? { ...it, ...changes } : it));
    props.onChange(changed.filter((it) => it.name || it.value));
  };
  const one = props.title.replace(/s$/, "");
  return (
    <fieldset class="pairs">
      <legend>{props.title}</legend>
      {rows.map((it, index) => (
        <div key={index} class="pair">
          <input
            class="input"
            aria-label={`${one} ${index + 1}: name`}
            placeholder="name"
            autocomplete="off"
            value={it.name}
            onInput={(event) => change(index, { name: event.currentTarget.value })}
          />
          <input
            class="input mono"
            aria-label={`${one} ${index + 1}: value`}
            placeholder="value"
            autocomplete="off"
            value={it.value}
            onInput={(event) => change(index, { value: event.currentTarget.value })}
          />
        </div>
      ))}
      <div class="hint">{props.hint}</div>
    </fieldset>
  );
}

function Outcome(props: {
  name: string;
  known: Schemas["ModelRow"] | null | undefined;
  files: readonly Upload[];
  source: string | null;
}) {
  const { known, files, source } = props;
  if (!props.name) {
    return <p class="sub">If a save fails, nothing is saved.</p>;
  }
  const size = files.reduce((sum, it) => sum + it.file.size, 0);
  return (
    <>
      <p>
        {known ? (
          <>
            The next version of <a href={to("/models", known.name)}>{known.name}</a> is saved,
            after version {known.latest}.
          </>
        ) : (
          <>
            A new model <b>{props.name}</b> is created, with version 1.
          </>
        )}
      </p>
      <p>
        {source === null ? (
          <>
            {many(files.length, "file")}, <Size of={size} />
          </>
        ) : (
          <>
            All files of <b>{source}</b> are copied; the folder is not changed.
          </>
        )}
      </p>
      {known ? (
        <p class="sub">
          Version {known.latest} has{" "}
          {Object.entries(known.metrics).map(([name, value]) => (
            <Chip key={name}>
              {name} {metric(value)}
            </Chip>
          ))}
          {Object.keys(known.metrics).length ? null : "no metrics"}
        </p>
      ) : null}
      {files.some((it) => it.stage.value === "failed") ? (
        <Note kind="bad">A file was not uploaded: try it again, or remove it.</Note>
      ) : null}
    </>
  );
}

/** The files with their paths in the version: without a folder that all of them are in. */
function named(files: readonly Upload[]): [string, Upload][] {
  const [first] = files;
  const top = first?.name.includes("/") ? first.name.slice(0, first.name.indexOf("/") + 1) : "";
  const isAll = top !== "" && files.every((it) => it.name.startsWith(top));
  return files.map((it) => [isAll ? it.name.slice(top.length) : it.name, it]);
}

/** Wait until all files are on the server. */
function allSent(files: readonly Upload[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const stops: (() => void)[] = [];
    const look = () => {
      const stages = files.map((it) => it.stage.value);
      const isOver = stages.every((it) => it === "done");
      if (isOver || stages.some((it) => it === "failed" || it === "cancelled")) {
        for (const stop of stops) {
          stop();
        }
        const bad = files.find((it) => it.stage.value !== "done");
        const words = `“${bad?.name}” was not uploaded: ${bad?.problem.value || "removed"}`;
        return isOver
          ? resolve()
          : reject(new ProblemError(1, "Not all files were uploaded", words));
      }
    };
    for (const it of files) {
      stops.push(it.stage.subscribe(() => queueMicrotask(look)));
    }
    look();
  });
}

function bodyOf(it: Entered, framework: Framework, source: string | null): Schemas["NewSave"] {
  const optional = (text: string) => (text.trim() ? JSON.parse(text) : null);
  return {
    framework,
    version: null,
    description: it.description || null,
    metrics: members(it.metrics, asNumber) as Record<string, number>,
    tags: members(it.tags, asValue) as Schemas["NewSave"]["tags"],
    input_example: optional(it.example),
    model_schema: optional(it.schema),
    uploads: [],
    source,
  };
}

function members(pairs: readonly Pair[], read: (text: string) => unknown) {
  return Object.fromEntries(pairs.map(({ name, value }) => [name, read(value)]));
}

/** A number if it is one; the server says what is wrong with anything else. */
function asNumber(text: string): unknown {
  const value = Number(text);
  return text.trim() && Number.isFinite(value) ? value : text;
}

function asValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function jsonProblems(text: string) {
  const detail = jsonProblem(text);
  return detail ? [{ pointer: "", detail }] : [];
}

function jsonIn(it: Entered): string {
  const values = [...it.metrics, ...it.tags].map(({ value }) => valueProblem(value));
  return jsonProblem(it.example) || jsonProblem(it.schema) || values.find(Boolean) || "";
}

function waysOf(name: string, framework: string, it: Entered, source: string | null): Ways {
  const body = jsonIn(it) ? null : bodyOf(it, framework as Framework, source);
  const given = Object.entries({
    metrics: body?.metrics,
    description: body?.description,
    input_example: body?.input_example,
    model_schema: body?.model_schema,
    tags: body?.tags,
  }).filter(([, value]) => value && Object.keys(value).length);
  const options = given.map(([key, value]) => `, ${key}=${python(value)}`).join("");
  const lines = [
    "mr = project.get_model_registry()",
    `model = mr.${framework.toLowerCase()}.create_model(${python(name)}${options})`,
    `model.save("model_dir")`,
  ];
  const words = [
    ...it.metrics.map((pair) => ` --metric ${shell(`${pair.name}=${pair.value}`)}`),
    ...it.tags.map((pair) => ` --tag ${shell(`${pair.name}=${pair.value}`)}`),
    it.description ? ` --description ${shell(it.description)}` : "",
    it.example ? " --input-example example.json" : "",
    it.schema ? " --schema schema.json" : "",
  ].join("");
  const flag = framework ? ` --framework ${framework.toLowerCase()}` : "";
  return {
    // Only the server can read a folder of the project.
    python: source === null ? lines.join("\n") : "",
    cli:
      source !== null
        ? undefined
        : `hopsartifacts models save ${shell(name)} model_dir${flag}${words}`,
    curl: curl("POST", `/api/v1/models/${encodeURIComponent(name)}/saves`, {
      ...body,
      uploads: source === null ? [{ path: "model.bin", upload: "…" }] : [],
    }),
  };
}
