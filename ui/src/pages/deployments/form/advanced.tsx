/** The full form: every setting of a deployment, with what it may be combined with. */

import type { ComponentChildren } from "preact";
import { api, ask } from "../../../api.ts";
import { useLoad } from "../../../load.ts";
import { CheckField, SelectField, TextField } from "../../../parts/Field.tsx";
import { count, many } from "../../../words.ts";
import { labelOfNumber } from "../batcher.ts";
import { FileField, nameOf } from "./files.tsx";
import { defaultOf, forbiddenBy, meaningOf, ruleFor } from "./rules.ts";
import { Basics, isKept, Outline, type Part } from "./simple.tsx";
import {
  type Amount,
  type Draft,
  filesOf,
  type Resources,
  type Typed,
  typed,
} from "./state.ts";

/** The numbers of a batcher. */
type Batcher = Omit<NonNullable<Draft["inference_batcher"]>, "enabled">;

const ARTIFACTS = 200;

function Section(props: { title: string; children: ComponentChildren; sub?: string }) {
  return (
    <fieldset>
      <legend>{props.title}</legend>
      {props.sub ? <p class="sub">{props.sub}</p> : null}
      {props.children}
    </fieldset>
  );
}

/** All fields of the form. */
export function Advanced(part: Part) {
  const { form, at, rules } = part;
  const tool = form.draft.serving_tool ?? rules.default_tool;
  const usual = defaultOf(rules, "api_protocol");
  const protocol = form.draft.api_protocol ?? usual;
  const { cores, memory } = rules.resources.here;
  return (
    <>
      <Section title="Predictor">
        <Basics {...part} />
        <ArtifactFields {...part} />
        <TextField
          label="Description"
          value={form.draft.description ?? ""}
          onInput={(description) => form.set({ description })}
          problems={at("/description")}
        />
        <SelectField
          label="Serving tool"
          value={tool}
          options={rules.serving_tools.map(({ value }) => ({ value, label: value }))}
          onChange={(serving_tool) => form.set({ serving_tool })}
          problems={at("/serving_tool")}
          hint={rules.serving_tools.find((it) => it.value === tool)?.meaning}
        />
      </Section>
      <TransformerFields {...part} />
      <LoggerFields {...part} />
      <BatcherFields {...part} />
      <Section
        title="Resources"
        sub={`This machine has ${many(cores, "core")}${memory ? ` and ${count(memory)} MB` : ""}.`}
      >
        <ResourceFields
          part={part}
          pointer="/resources"
          value={form.draft.resources}
          onChange={(resources) => form.set({ resources })}
        />
      </Section>
      <Section title="API protocol">
        <SelectField
          label="Protocol"
          value={protocol}
          options={rules.api_protocols.map(({ value }) => ({
            value,
            label: value,
            disabledBy: value === usual ? "" : forbidden(part, "/api_protocol"),
          }))}
          onChange={(api_protocol) => form.set({ api_protocol })}
          problems={at("/api_protocol")}
          hint={rules.api_protocols.find((it) => it.value === protocol)?.meaning}
        />
      </Section>
      <EnvironmentFields {...part} />
      <Section title="Golden request">
        <TextField
          label="Request"
          remark="rows or a whole request, as JSON"
          value={form.draft.golden_request ?? ""}
          onInput={(golden_request) => form.set({ golden_request })}
          lines={5}
          isMono
          problems={at("/golden_request")}
          hint={goldenHint(part)}
        />
      </Section>
    </>
  );
}

/** Why the rules forbid `setting` with the other values; empty if they allow it. */
function forbidden({ form, rules, check }: Part, setting: string, isAny = false): string {
  const framework = check?.model?.framework ?? form.draft.framework;
  return forbiddenBy(ruleFor(rules, framework, form.draft), setting, isAny);
}

function goldenHint({ form: { base, draft } }: Part): string {
  if (base.golden?.answer === undefined || base.golden.answer === null) {
    return "If the answer to this request is recorded, a version must give the same answer before it is ready.";
  }
  const isSame =
    draft.golden_request === base.draft.golden_request &&
    draft.model_version === base.draft.model_version;
  return isSame
    ? "Its answer is recorded and is kept."
    : `The answer was recorded for this request with model version ${base.draft.model_version}. This answer is not saved: record it again.`;
}

function ArtifactFields(part: Part) {
  const { form, at, rules } = part;
  const { artifact_version: chosen, model, model_version, files = [] } = form.draft;
  const path = { model: model ?? "", version: String(model_version) };
  const known = useLoad(
    model && model_version ? `artifacts of ${model} ${model_version}` : null,
    (signal) => {
      const params = { path, query: { limit: ARTIFACTS, sort: "-version" } };
      return ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts", { params, signal }),
      );
    },
    ["deployment"],
  );
  const numbers = (known.data?.items ?? [])
    .filter((it) => it.version)
    .map((it) => ({
      value: String(it.version),
      label: `${it.version}: ${it.files.join(", ")}`,
    }));
  const words = rules.artifact_versions
    .filter((it) => !it.takes_number)
    .map(({ value }) => ({ value: value ?? "", label: value ?? "Determined by the files" }));
  const isNumber = typeof chosen === "number";
  if (isNumber && !numbers.some((it) => it.value === String(chosen))) {
    numbers.push({ value: String(chosen), label: String(chosen) });
  }
  // The files of the chosen version take the place of those that were given.
  const choose = async (artifact: number) => {
    const params = { path: { ...path, artifact: String(artifact) } };
    const found = filesOf(
      await ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", { params }),
      ),
    );
    const { transformer } = found;
    form.set({
      ...found,
      artifact_version: artifact,
      transformer: transformer && { ...form.draft.transformer, ...transformer },
    });
  };
  const meaning = rules.artifact_versions.find((it) =>
    isNumber ? it.takes_number : !it.takes_number && (it.value ?? "") === (chosen ?? ""),
  )?.meaning;
  return (
    <>
      <FileField
        label="Configuration file"
        value={form.draft.config_file}
        onChange={(config_file) => form.set({ config_file })}
        isKept={isKept(form, form.draft.config_file)}
        problems={at("/config_file")}
        hint="The scripts find it at the path in CONFIG_FILE_PATH."
      />
      <FileField
        label="Additional files"
        value={undefined}
        onChange={(path) => form.set({ files: [...files.filter((it) => it !== path), path] })}
        problems={at("/files")}
        hint="They are in the same folder as the scripts."
        noneIs={files.length ? "" : "none"}
      />
      {files.length ? (
        <ul class="picked">
          {files.map((it) => (
            <li key={it}>
              <span class="mono">{isKept(form, it) ? nameOf(it) : it}</span>
              <button
                type="button"
                class="button quiet small"
                aria-label={`Remove ${nameOf(it)}`}
                onClick={() => form.set({ files: files.filter((other) => other !== it) })}
              >
                ✕
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      <SelectField
        label="Artifact version"
        value={chosen === undefined ? "" : String(chosen)}
        options={[...words, ...numbers]}
        onChange={(value) => {
          if (numbers.some((it) => it.value === value)) {
            void choose(Number(value));
          } else {
            form.set({ artifact_version: value || undefined });
          }
        }}
        problems={at("/artifact_version")}
        hint={meaning}
      />
    </>
  );
}

function TransformerFields(part: Part) {
  const { form, at, rules, check } = part;
  const { transformer } = form.draft;
  const reason = forbidden(part, "/transformer");
  const script = check?.scripts.find((it) => it.component === "transformer");
  return (
    <Section title="Transformer">
      <FileField
        label="Transformer script"
        value={transformer?.script_file}
        onChange={(script_file) =>
          form.set({ transformer: script_file ? { ...transformer, script_file } : undefined })
        }
        suffixes={[rules.script_suffix]}
        disabledBy={transformer?.script_file ? "" : reason}
        isKept={isKept(form, transformer?.script_file)}
        problems={at("/transformer")}
        hint={
          script && transformer?.script_file ? (
            <Outline script={script} />
          ) : (
            "It changes requests before the predictor gets them, and answers after it."
          )
        }
      />
      {transformer?.script_file ? (
        <ResourceFields
          part={part}
          pointer="/transformer/resources"
          value={transformer.resources}
          onChange={(resources) => form.set({ transformer: { ...transformer, resources } })}
        />
      ) : null}
    </Section>
  );
}

function LoggerFields(part: Part) {
  const { form, at, rules } = part;
  const { inference_logger: logger } = form.draft;
  const [none] = rules.logger_modes;
  const mode = logger ? (logger.mode ?? rules.default_logger_mode) : (none?.value ?? "");
  const isOff = mode === none?.value;
  const modes = forbidden(part, "/inference_logger/mode");
  const all = forbidden(part, "/inference_logger");
  const topic = logger?.kafka_topic;
  const set = (kafka_topic: typeof topic) =>
    form.set({ inference_logger: { ...logger, kafka_topic } });
  return (
    <Section title="Inference logger">
      <SelectField
        label="What is logged"
        value={mode}
        options={rules.logger_modes.map(({ value }) => ({
          value,
          label: value,
          disabledBy:
            value === none?.value
              ? ""
              : value === rules.default_logger_mode
                ? all
                : all || modes,
        }))}
        onChange={(it) =>
          form.set({
            inference_logger: it === none?.value ? undefined : { ...logger, mode: it },
          })
        }
        problems={at("/inference_logger")}
        hint={rules.logger_modes.find((it) => it.value === mode)?.meaning}
      />
      {isOff ? null : (
        <div class="grid2">
          <TextField
            label="Kafka topic"
            remark="by default the log is stored in the project"
            value={topic?.name ?? ""}
            onInput={(name) => set(name || topic?.servers ? { ...topic, name } : undefined)}
          />
          <TextField
            label="Kafka servers"
            placeholder="host:port,host:port"
            value={topic?.servers ?? ""}
            onInput={(servers) => set({ ...topic, servers })}
            disabledBy={topic?.name ? "" : "Give the topic first."}
          />
        </div>
      )}
    </Section>
  );
}

function BatcherFields(part: Part) {
  const { form, at, rules } = part;
  const { inference_batcher: batcher } = form.draft;
  const finer = forbidden(part, "/inference_batcher", true);
  const set = (name: string, value: Typed | undefined) =>
    form.set({ inference_batcher: { ...batcher, [name]: value } });
  return (
    <Section title="Inference batcher">
      <CheckField
        label="Combine concurrent requests into batches"
        isOn={Boolean(batcher?.enabled)}
        onChange={(isOn) =>
          form.set({ inference_batcher: isOn ? { ...batcher, enabled: true } : undefined })
        }
        disabledBy={batcher ? "" : forbidden(part, "/inference_batcher")}
      />
      {batcher?.enabled ? (
        <div class="grid3">
          {rules.batcher.map((it) => (
            <NumberField
              key={it.name}
              label={labelOfNumber(it.name)}
              value={batcher[it.name as keyof Batcher]}
              placeholder={it.default === null ? undefined : String(it.default)}
              onInput={(value) => set(it.name, value)}
              disabledBy={batcher[it.name as keyof Batcher] === undefined ? finer : ""}
              problems={at(`/inference_batcher/${it.name}`)}
              hint={it.meaning}
            />
          ))}
        </div>
      ) : null}
    </Section>
  );
}

/** A text field whose value is sent as a number; the server refuses what is none. */
function NumberField(props: {
  label: string;
  value: number | string | undefined;
  onInput: (value: number | string | undefined) => void;
  placeholder?: string;
  disabledBy?: string;
  problems?: ReturnType<Part["at"]>;
  hint?: string;
}) {
  return (
    <TextField
      {...props}
      value={props.value === undefined ? "" : String(props.value)}
      onInput={(text) => props.onInput(typed(text))}
    />
  );
}

const UNITS: readonly (readonly [keyof Amount, string])[] = [
  ["cores", "Cores"],
  ["memory", "Memory (MB)"],
  ["gpus", "GPUs"],
];

function ResourceFields(props: {
  part: Part;
  pointer: string;
  value: Resources | undefined;
  onChange: (value: Resources) => void;
}) {
  const { part, pointer, value, onChange } = props;
  const { rules, at } = part;
  const zero = pointer === "/resources" ? forbidden(part, "/resources/num_instances") : "";
  const row = (which: "requests" | "limits", label: string, hint?: string) => (
    <>
      <div class="label">
        {label} <span class="muted">· of each instance{hint ? `; ${hint}` : ""}</span>
      </div>
      <div class="grid3">
        {UNITS.map(([unit, name]) => (
          <NumberField
            key={unit}
            label={name}
            value={value?.[which]?.[unit]}
            placeholder={String(rules.resources[which][unit])}
            onInput={(it) => onChange({ ...value, [which]: { ...value?.[which], [unit]: it } })}
            problems={at(`${pointer}/${which}/${unit}`)}
          />
        ))}
      </div>
    </>
  );
  return (
    <>
      <NumberField
        label="Instances"
        value={value?.num_instances}
        placeholder={String(rules.resources.num_instances)}
        onInput={(num_instances) => onChange({ ...value, num_instances })}
        problems={at(`${pointer}/num_instances`)}
        hint={
          zero ||
          "With 0, the deployment stops while there are no requests, and starts again for the next request."
        }
      />
      {row("requests", "Requests")}
      {row("limits", "Limits", `${rules.resources.no_limit} is no limit`)}
    </>
  );
}

function EnvironmentFields(part: Part) {
  const { form, at, rules } = part;
  const { environment, environment_lock, env_vars = [], ignore_environment } = form.draft;
  const rows = [...env_vars, ["", ""] as const];
  const set = (index: number, name: string, value: string) => {
    const next = rows.map((it, other) => (other === index ? ([name, value] as const) : it));
    form.set({ env_vars: next.filter(([one, two]) => one || two) });
  };
  const problems = at("/env_vars");
  return (
    <Section title="Environment">
      <TextField
        label="Python environment"
        value={environment ?? ""}
        onInput={(it) => form.set({ environment: it })}
        problems={at("/environment")}
        hint={meaningOf(rules, "environment")}
      />
      <FileField
        label="Environment lock"
        value={environment_lock}
        onChange={(it) => form.set({ environment_lock: it })}
        isKept={isKept(form, environment_lock)}
        problems={at("/environment_lock")}
        hint="A lock file with the packages that must be installed where it starts."
      />
      {environment_lock ? (
        <CheckField
          label="Save even if the packages here differ from the lock"
          isOn={Boolean(ignore_environment)}
          onChange={(isOn) => form.set({ ignore_environment: isOn || undefined })}
        />
      ) : null}
      <div class="label">
        Variables <span class="muted">· stored unencrypted: no secrets</span>
      </div>
      {rows.map(([name, value], index) => (
        <div key={index} class="pair">
          <input
            class="input mono"
            aria-label={`Name of variable ${index + 1}`}
            aria-invalid={problems.length > 0 && Boolean(name)}
            placeholder="NAME"
            value={name}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => set(index, event.currentTarget.value, value)}
          />
          <input
            class="input mono"
            aria-label={`Value of variable ${index + 1}`}
            placeholder="value"
            value={value}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => set(index, name, event.currentTarget.value)}
          />
        </div>
      ))}
      <div aria-live="polite">
        {problems.map((it) => (
          <div key={it.detail} class="hint bad">
            {it.detail} {it.fix ?? ""}
          </div>
        ))}
      </div>
    </Section>
  );
}
