/** Fields of forms: label, input, hint, and the problem that the server found with it. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { FieldProblem } from "../api.ts";

interface FieldProps {
  readonly label: string;
  /** A remark behind the label, such as why the field is needed. */
  readonly remark?: string;
  readonly hint?: ComponentChildren;
  readonly problems?: readonly FieldProblem[];
  readonly children: (ids: {
    id: string;
    "aria-describedby": string;
    "aria-invalid": boolean;
  }) => ComponentChildren;
}

/** A labelled field; `children` gets the attributes that tie the input to its label. */
export function Field(props: FieldProps) {
  const id = useId();
  const about = `${id}-about`;
  const problems = props.problems ?? [];
  return (
    <div class="field">
      <label for={id}>
        {props.label}
        {props.remark ? <span class="muted"> · {props.remark}</span> : null}
      </label>
      {props.children({ id, "aria-describedby": about, "aria-invalid": problems.length > 0 })}
      <div id={about} aria-live="polite">
        {problems.map((it) => (
          <div key={it.detail} class="hint bad">
            {it.detail}
            {it.fix ? ` ${it.fix}` : ""}
          </div>
        ))}
        {problems.length ? null : <div class="hint">{props.hint}</div>}
      </div>
    </div>
  );
}

/** The problems whose pointer is `pointer` or leads below it. */
export function problemsAt(
  problems: readonly FieldProblem[] | undefined,
  pointer: string,
): FieldProblem[] {
  return (problems ?? []).filter(
    (it) => it.pointer === pointer || it.pointer.startsWith(`${pointer}/`),
  );
}

/** A text field. */
export function TextField(props: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  remark?: string;
  hint?: ComponentChildren;
  problems?: readonly FieldProblem[];
  placeholder?: string;
  type?: "text" | "number" | "password" | "datetime-local" | "url";
  lines?: number;
  isMono?: boolean;
  disabledBy?: string;
  autocomplete?: "off" | "current-password";
}) {
  const name = `input ${props.isMono ? "mono" : ""}`;
  return (
    <Field {...props} hint={props.disabledBy || props.hint}>
      {(ids) =>
        props.lines ? (
          <textarea
            {...ids}
            class={name}
            rows={props.lines}
            value={props.value}
            placeholder={props.placeholder}
            disabled={Boolean(props.disabledBy)}
            spellcheck={false}
            onInput={(event) => props.onInput(event.currentTarget.value)}
          />
        ) : (
          <input
            {...ids}
            class={name}
            type={(props.type ?? "text") as "text"}
            step={props.type === "number" ? "any" : undefined}
            value={props.value}
            placeholder={props.placeholder}
            disabled={Boolean(props.disabledBy)}
            autocomplete={props.autocomplete ?? "off"}
            spellcheck={false}
            onInput={(event) => props.onInput(event.currentTarget.value)}
          />
        )
      }
    </Field>
  );
}

/** A choice among few. */
export function SelectField(props: {
  label: string;
  value: string;
  options: readonly { value: string; label: string; disabledBy?: string }[];
  onChange: (value: string) => void;
  remark?: string;
  hint?: ComponentChildren;
  problems?: readonly FieldProblem[];
  disabledBy?: string;
}) {
  return (
    <Field {...props} hint={props.disabledBy || props.hint}>
      {(ids) => (
        <select
          {...ids}
          class="input"
          value={props.value}
          disabled={Boolean(props.disabledBy)}
          onChange={(event) => props.onChange(event.currentTarget.value)}
        >
          {props.options.map((it) => (
            <option key={it.value} value={it.value} disabled={Boolean(it.disabledBy)}>
              {it.disabledBy ? `${it.label} (${it.disabledBy})` : it.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A choice that is switched on or off. */
export function CheckField(props: {
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  hint?: ComponentChildren;
  disabledBy?: string;
}) {
  const id = useId();
  return (
    <div class="field check">
      <label for={id}>
        <input
          id={id}
          type="checkbox"
          checked={props.isOn}
          disabled={Boolean(props.disabledBy)}
          onChange={(event) => props.onChange(event.currentTarget.checked)}
        />
        {props.label}
      </label>
      <div class="hint">{props.disabledBy || props.hint}</div>
    </div>
  );
}
