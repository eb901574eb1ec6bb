import {
  Field
} from "./shared-9.js";
import {
  A,
  P,
  T,
  TYPING_MS,
  a,
  d,
  useLoad
} from "./shared-1.js";

// src/parts/Combobox.tsx
function Combobox(props) {
  const [text, setText] = d(null);
  const [typed, setTyped] = d("");
  const [at, setAt] = d(0);
  const list = P();
  const timer = T(0);
  const isOpen = text !== null;
  const found = useLoad(
    isOpen ? `${props.searchKey} ${typed}` : null,
    (signal) => props.search(typed, signal)
  );
  A(() => setAt(0), [typed]);
  A(() => () => clearTimeout(timer.current), []);
  const options = found.data ?? [];
  const close = () => setText(null);
  const choose = (value) => {
    props.onChoose(value);
    close();
  };
  const type = (value) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setTyped(value), TYPING_MS);
  };
  const press = (event) => {
    const option = options[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen) {
        type("");
      }
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(Math.max(0, Math.min(options.length - 1, at + step)));
    } else if (event.key === "Enter" && isOpen && option) {
      choose(option.value);
    } else if (event.key === "Escape" && isOpen) {
      close();
    } else {
      return;
    }
    event.preventDefault();
  };
  return /* @__PURE__ */ a(Field, { ...props, children: (ids) => /* @__PURE__ */ a("div", { class: "combobox", children: [
    /* @__PURE__ */ a(
      "input",
      {
        ...ids,
        class: "input",
        role: "combobox",
        "aria-expanded": isOpen,
        "aria-controls": list,
        "aria-autocomplete": "list",
        "aria-activedescendant": isOpen && options[at] ? `${list}-${at}` : void 0,
        autocomplete: "off",
        spellcheck: false,
        placeholder: props.placeholder,
        value: text ?? props.value,
        onFocus: () => type(""),
        onInput: (event) => type(event.currentTarget.value),
        onBlur: close,
        onKeyDown: press
      }
    ),
    isOpen ? /* @__PURE__ */ a("div", { class: "options-list", role: "listbox", id: list, "aria-label": props.label, children: [
      options.map((it, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
        /* @__PURE__ */ a(
          "div",
          {
            id: `${list}-${index}`,
            role: "option",
            tabIndex: -1,
            "aria-selected": index === at,
            class: index === at ? "at" : "",
            onMouseDown: (event) => event.preventDefault(),
            onClick: () => choose(it.value),
            children: [
              /* @__PURE__ */ a("b", { children: it.value }),
              " ",
              /* @__PURE__ */ a("span", { class: "sub", children: it.detail })
            ]
          },
          it.value
        )
      )),
      found.data && !options.length ? /* @__PURE__ */ a("div", { class: "sub", children: [
        "nothing fits ",
        typed
      ] }) : null,
      found.problem ? /* @__PURE__ */ a("div", { class: "hint bad", children: found.problem.detail }) : null
    ] }) : null
  ] }) });
}

export {
  Combobox
};
