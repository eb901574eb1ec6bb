import {
  Menu
} from "./shared-12.js";
import {
  $,
  A,
  T,
  TYPING_MS,
  a,
  count,
  d,
  place,
  setQuery,
  useLoad
} from "./shared-1.js";

// src/parts/Filters.tsx
function optionsOf(facet = {}) {
  return Object.entries(facet).map(([value, number]) => ({
    value,
    label: value,
    count: number
  }));
}
function filtered(filters) {
  const query = place.value.query;
  const given = filters.map((it) => [it.name, query.get(it.name) ?? ""]);
  return Object.fromEntries(given.filter(([, value]) => value));
}
function SearchField(props) {
  const given = place.value.query.get(props.name) ?? "";
  const [text, setText] = d(given);
  const timer = T(0);
  A(() => {
    setText((now) => timer.current ? now : given);
  }, [given]);
  const change = (value) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      setQuery({ [props.name]: value });
    }, TYPING_MS);
  };
  return /* @__PURE__ */ a(
    "input",
    {
      type: "search",
      class: "input filter",
      placeholder: props.label,
      "aria-label": props.label,
      value: text,
      onInput: (event) => change(event.currentTarget.value)
    }
  );
}
function Filters({ filters }) {
  return /* @__PURE__ */ a("fieldset", { class: "filters", children: [
    /* @__PURE__ */ a("legend", { class: "hidden", children: "Filters" }),
    filters.map(
      (it) => it.options || it.find ? /* @__PURE__ */ a(Choice, { filter: it }, it.name) : /* @__PURE__ */ a(SearchField, { name: it.name, label: it.label }, it.name)
    )
  ] });
}
function Choice({ filter }) {
  const value = place.value.query.get(filter.name) ?? "";
  const shown = filter.options?.find((it) => it.value === value)?.label ?? value;
  const box = T(null);
  const before = T(value);
  A(() => {
    if (before.current !== value && document.activeElement === document.body) {
      box.current?.querySelector("button")?.focus();
    }
    before.current = value;
  }, [value]);
  return /* @__PURE__ */ a("span", { ref: box, children: value ? /* @__PURE__ */ a(
    "button",
    {
      type: "button",
      class: "chip pick on",
      "aria-label": `Remove filter ${filter.label}: ${shown}`,
      onClick: () => setQuery({ [filter.name]: void 0 }),
      children: [
        filter.label,
        ": ",
        shown,
        " ✕"
      ]
    }
  ) : /* @__PURE__ */ a(Menu, { kind: "chip", label: `${filter.label} ▾`, children: filter.find ? /* @__PURE__ */ a(Found, { filter, find: filter.find }) : /* @__PURE__ */ a(Options, { filter, options: filter.options ?? [] }) }) });
}
function Options(props) {
  return /* @__PURE__ */ a($, { children: [
    props.options.length ? null : /* @__PURE__ */ a("span", { class: "sub", children: "nothing to choose from" }),
    props.options.map((it) => /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "menu-item",
        onClick: () => setQuery({ [props.filter.name]: it.value }),
        children: [
          it.label,
          it.count === void 0 ? null : /* @__PURE__ */ a("span", { class: "muted", children: [
            " ",
            count(it.count)
          ] })
        ]
      },
      it.value
    ))
  ] });
}
function Found(props) {
  const { filter, find } = props;
  const [text, setText] = d("");
  const key = `filter ${filter.name} ${place.value.path}?${place.value.query} ${text}`;
  const found = useLoad(key, (signal) => find(text, signal));
  return /* @__PURE__ */ a($, { children: [
    filter.isSearched ? /* @__PURE__ */ a(
      "input",
      {
        type: "search",
        class: "input",
        "aria-label": `Search: ${filter.label}`,
        value: text,
        onInput: (event) => setText(event.currentTarget.value)
      }
    ) : null,
    found.data ? /* @__PURE__ */ a(Options, { filter, options: found.data }) : null,
    found.problem ? /* @__PURE__ */ a("span", { class: "hint bad", children: found.problem.detail }) : null
  ] });
}

export {
  optionsOf,
  filtered,
  SearchField,
  Filters
};
