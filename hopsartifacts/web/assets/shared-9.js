import {
  P,
  a
} from "./shared-1.js";

// src/parts/Field.tsx
function Field(props) {
  const id = P();
  const about = `${id}-about`;
  const problems = props.problems ?? [];
  return /* @__PURE__ */ a("div", { class: "field", children: [
    /* @__PURE__ */ a("label", { for: id, children: [
      props.label,
      props.remark ? /* @__PURE__ */ a("span", { class: "muted", children: [
        " · ",
        props.remark
      ] }) : null
    ] }),
    props.children({ id, "aria-describedby": about, "aria-invalid": problems.length > 0 }),
    /* @__PURE__ */ a("div", { id: about, "aria-live": "polite", children: [
      problems.map((it) => /* @__PURE__ */ a("div", { class: "hint bad", children: [
        it.detail,
        it.fix ? ` ${it.fix}` : ""
      ] }, it.detail)),
      problems.length ? null : /* @__PURE__ */ a("div", { class: "hint", children: props.hint })
    ] })
  ] });
}
function problemsAt(problems, pointer) {
  return (problems ?? []).filter(
    (it) => it.pointer === pointer || it.pointer.startsWith(`${pointer}/`)
  );
}
function TextField(props) {
  const name = `input ${props.isMono ? "mono" : ""}`;
  return /* @__PURE__ */ a(Field, { ...props, hint: props.disabledBy || props.hint, children: (ids) => props.lines ? /* @__PURE__ */ a(
    "textarea",
    {
      ...ids,
      class: name,
      rows: props.lines,
      value: props.value,
      placeholder: props.placeholder,
      disabled: Boolean(props.disabledBy),
      spellcheck: false,
      onInput: (event) => props.onInput(event.currentTarget.value)
    }
  ) : /* @__PURE__ */ a(
    "input",
    {
      ...ids,
      class: name,
      type: props.type ?? "text",
      step: props.type === "number" ? "any" : void 0,
      value: props.value,
      placeholder: props.placeholder,
      disabled: Boolean(props.disabledBy),
      autocomplete: props.autocomplete ?? "off",
      spellcheck: false,
      onInput: (event) => props.onInput(event.currentTarget.value)
    }
  ) });
}
function SelectField(props) {
  return /* @__PURE__ */ a(Field, { ...props, hint: props.disabledBy || props.hint, children: (ids) => /* @__PURE__ */ a(
    "select",
    {
      ...ids,
      class: "input",
      value: props.value,
      disabled: Boolean(props.disabledBy),
      onChange: (event) => props.onChange(event.currentTarget.value),
      children: props.options.map((it) => /* @__PURE__ */ a("option", { value: it.value, disabled: Boolean(it.disabledBy), children: it.disabledBy ? `${it.label} (${it.disabledBy})` : it.label }, it.value))
    }
  ) });
}
function CheckField(props) {
  const id = P();
  return /* @__PURE__ */ a("div", { class: "field check", children: [
    /* @__PURE__ */ a("label", { for: id, children: [
      /* @__PURE__ */ a(
        "input",
        {
          id,
          type: "checkbox",
          checked: props.isOn,
          disabled: Boolean(props.disabledBy),
          onChange: (event) => props.onChange(event.currentTarget.checked)
        }
      ),
      props.label
    ] }),
    /* @__PURE__ */ a("div", { class: "hint", children: props.disabledBy || props.hint })
  ] });
}

export {
  Field,
  problemsAt,
  TextField,
  SelectField,
  CheckField
};
