/** The fields that both forms begin with: framework, model, version, name, script. */

import { useRef } from "preact/hooks";
import { api, ask, type FieldProblem, type Schemas } from "../../../api.ts";
import { useLoad } from "../../../load.ts";
import { Combobox, type Option } from "../../../parts/Combobox.tsx";
import { SelectField, TextField } from "../../../parts/Field.tsx";
import { count, many, metric, sentence } from "../../../words.ts";
import type { Check } from "./check.ts";
import { FileField } from "./files.tsx";
import { labelOf, type Rules, ruleFor } from "./rules.ts";
import type { Form } from "./state.ts";

type ModelRow = Schemas["ModelRow"];
type VersionRow = Schemas["VersionRow"];
type Framework = ModelRow["framework"];

const OPTIONS = 20;
const VERSIONS = 200;

/** What each part of a form gets. */
export interface Part {
  readonly form: Form;
  readonly rules: Rules;
  readonly check?: Check;
  /** The problems to show at the field with this pointer. */
  readonly at: (pointer: string) => FieldProblem[];
  /** Whether a deployment is edited, whose name and model stay. */
  readonly isEdit: boolean;
}

/** The fields of the simple form. */
export function Basics(part: Part) {
  return (
    <>
      {part.isEdit ? null : <FrameworkField {...part} />}
      {part.isEdit ? null : <ModelField {...part} />}
      <div class="grid2">
        <VersionField {...part} />
        <NameField {...part} />
      </div>
      <ScriptField {...part} />
    </>
  );
}

function FrameworkField({ form, rules, check }: Part) {
  const group = useRef<HTMLDivElement>(null);
  // A link to this form names a model, and so its framework.
  const framework = form.draft.framework ?? check?.model?.framework;
  const counts = useLoad(
    "frameworks",
    async (signal) => {
      const query = { facets: true, limit: 1 };
      const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
      return page.facets?.framework ?? {};
    },
    ["model", "model-removed"],
  );
  const names = rules.frameworks.map((it): string => it.framework);
  const choose = (name: string) => {
    if (name !== framework) {
      form.set({ framework: name, model: undefined, model_version: undefined });
    }
  };
  const press = (event: KeyboardEvent) => {
    const isNext = event.key === "ArrowRight" || event.key === "ArrowDown";
    if (!isNext && event.key !== "ArrowLeft" && event.key !== "ArrowUp") {
      return;
    }
    event.preventDefault();
    const at = names.indexOf(framework ?? "") + (isNext ? 1 : -1);
    const to = (at + names.length) % names.length;
    const chosen = names[to];
    if (chosen) {
      choose(chosen);
      (group.current?.children[to] as HTMLElement | undefined)?.focus();
    }
  };
  return (
    <div class="field">
      <div class="label" id="frameworks">
        Model framework
      </div>
      <div
        class="options"
        role="radiogroup"
        aria-labelledby="frameworks"
        tabIndex={-1}
        ref={group}
        onKeyDown={press}
      >
        {rules.frameworks.map((it, index) => {
          const isChosen = it.framework === framework;
          const total = counts.data && (counts.data[it.framework] ?? 0);
          return (
            // biome-ignore lint/a11y/useSemanticElements: as above
            <button
              key={it.framework}
              type="button"
              class="option"
              role="radio"
              aria-checked={isChosen}
              tabIndex={isChosen || (!framework && !index) ? 0 : -1}
              onClick={() => choose(it.framework)}
            >
              <b>{it.label}</b>
              <span class="sub">{total === undefined ? " " : many(total, "model")}</span>
            </button>
          );
        })}
      </div>
    </div>
  );
}

function ModelField({ form, at, check }: Part) {
  const { framework, model } = form.draft;
  const rows = useRef(new Map<string, ModelRow>());
  const search = async (name: string, signal: AbortSignal): Promise<readonly Option[]> => {
    const query = {
      name,
      framework: framework as Framework | undefined,
      limit: OPTIONS,
      sort: "-updated",
    };
    const page = await ask(api.GET("/api/v1/models", { params: { query }, signal }));
    for (const row of page.items) {
      rows.current.set(row.name, row);
    }
    return page.items.map((row) => ({ value: row.name, detail: aboutModel(row) }));
  };
  const choose = (name: string) => {
    const row = rows.current.get(name);
    if (row && name !== model) {
      form.set({ model: name, model_version: row.latest, framework: row.framework });
    }
  };
  const found = check?.model;
  return (
    <Combobox
      label="Model"
      value={model ?? ""}
      placeholder="Pick a model"
      searchKey={`models ${framework ?? ""}`}
      search={search}
      onChoose={choose}
      problems={at("/model")}
      hint={
        found && found.name === model
          ? `${many(found.latest, "version")} so far`
          : "Its last version, and a name for the deployment, are filled in for you."
      }
    />
  );
}

function aboutModel(row: ModelRow): string {
  const [first] = Object.entries(row.metrics);
  const parts = [
    many(row.versions, "version"),
    first ? `${first[0]} ${metric(first[1])}` : "",
    ...Object.entries(row.aliases).map(([alias, version]) => `${alias} → ${version}`),
  ];
  return parts.filter(Boolean).join(" · ");
}

function VersionField({ form, at, isEdit }: Part) {
  const { model, model_version: chosen } = form.draft;
  const versions = useLoad(
    model ? `versions of ${model}` : null,
    (signal) => {
      const params = {
        path: { model: model ?? "" },
        query: { limit: VERSIONS, sort: "-version" },
      };
      return ask(api.GET("/api/v1/models/{model}/versions", { params, signal }));
    },
    ["model", "alias"],
  );
  const rows = versions.data?.items ?? [];
  const options = rows.map((row, index) => ({
    value: String(row.version),
    label: aboutVersion(row, index === 0),
  }));
  if (chosen !== undefined && !options.some((it) => it.value === String(chosen))) {
    options.push({ value: String(chosen), label: String(chosen) });
  }
  const more = (versions.data?.total ?? 0) - rows.length;
  const aliases = rows.find((it) => it.version === chosen)?.aliases ?? [];
  const hint = aliases.length
    ? `The deployment stays on version ${chosen} when ${aliases.join(", ")} moves.`
    : more > 0
      ? `The newest ${count(rows.length)}; deploy one of ${count(more)} older ones from its page.`
      : "The deployment stays on this version.";
  return (
    <SelectField
      label="Model version"
      value={chosen === undefined ? "" : String(chosen)}
      options={chosen === undefined ? [{ value: "", label: "" }, ...options] : options}
      onChange={(value) => form.set({ model_version: value ? Number(value) : undefined })}
      hint={model ? hint : undefined}
      disabledBy={model ? "" : "Pick a model first."}
      problems={at("/model_version")}
      remark={isEdit ? `of ${model}` : undefined}
    />
  );
}

function aboutVersion(row: VersionRow, isLatest: boolean): string {
  const [first] = Object.entries(row.metrics);
  const parts = [
    isLatest ? `${row.version} (latest)` : String(row.version),
    ...row.aliases,
    first ? `${first[0]} ${metric(first[1])}` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

function NameField({ form, check, at, isEdit, rules }: Part) {
  return (
    <TextField
      label="Name"
      value={form.draft.name ?? check?.name?.value ?? ""}
      onInput={(name) => form.set({ name })}
      problems={at("/name")}
      hint={sentence(rules.deployment_names.rule)}
      disabledBy={
        isEdit ? "The name cannot be changed, as it is in the address of the deployment." : ""
      }
    />
  );
}

function ScriptField({ form, rules, check, at }: Part) {
  const { draft } = form;
  const framework = check?.model?.framework ?? draft.framework;
  const rule = ruleFor(rules, framework, draft);
  const script = check?.scripts.find((it) => it.component === "predictor");
  const isRefused = rule?.script === "not allowed" && !draft.script_file;
  return (
    <FileField
      label="Predictor script"
      value={draft.script_file}
      onChange={(script_file) => form.set({ script_file })}
      suffixes={[rules.script_suffix]}
      remark={rule && framework ? `${rule.script} for ${labelOf(rules, framework)} models` : ""}
      disabledBy={isRefused ? sentence(rule.script_sentence) : ""}
      isKept={isKept(form, draft.script_file)}
      problems={at("/script_file")}
      hint={
        script && draft.script_file ? (
          <Outline script={script} />
        ) : rule ? (
          sentence(rule.script_sentence)
        ) : undefined
      }
    />
  );
}

/** Whether the file `path` is one that the edited deployment has already. */
export function isKept(form: Form, path: string | undefined): boolean {
  const { script_file, config_file, environment_lock, transformer, files } = form.base.draft;
  const known = [script_file, config_file, environment_lock, transformer?.script_file];
  return Boolean(path) && [...known, ...(files ?? [])].includes(path);
}

/** What a script has: its class with methods, and what it imports. */
export function Outline({ script }: { script: Check["scripts"][number] }) {
  const missing = script.imports.filter((it) => !it.is_here);
  return (
    <>
      {script.class_name ? (
        <>
          class <b>{script.class_name}</b>
          {script.methods.length ? `, ${script.methods.join(", ")}` : ""}
        </>
      ) : null}
      {script.imports.length
        ? ` · imports ${script.imports.map((it) => it.module).join(", ")}`
        : ""}
      {missing.length ? (
        <span class="hint bad">
          {" "}
          · {missing.map((it) => it.module).join(", ")} {missing.length === 1 ? "is" : "are"}{" "}
          not installed here
        </span>
      ) : null}
    </>
  );
}
