import {
  $,
  A,
  P,
  Problem,
  T,
  Waiting,
  a,
  count,
  d,
  go,
  isTyping,
  place,
  setQuery,
  useKeys
} from "./shared-1.js";

// src/parts/Menu.tsx
function Menu(props) {
  const [isOpen, setOpen] = d(false);
  const box = T(null);
  const button = T(null);
  const id = P();
  A(() => {
    if (!isOpen) {
      return;
    }
    const click = (event) => {
      if (!box.current?.contains(event.target)) {
        setOpen(false);
      }
    };
    addEventListener("click", click);
    return () => removeEventListener("click", click);
  }, [isOpen]);
  useKeys((event) => {
    if (isOpen && event.key === "Escape") {
      setOpen(false);
      button.current?.focus();
    }
  });
  return /* @__PURE__ */ a("div", { class: "menu", ref: box, children: [
    /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        ref: button,
        class: props.kind === "chip" ? "chip pick" : "button small",
        "aria-expanded": isOpen,
        "aria-controls": id,
        "aria-label": props.name,
        onClick: () => setOpen(!isOpen),
        children: props.label
      }
    ),
    isOpen ? (
      // biome-ignore lint/a11y/useKeyWithClickEvents: keys reach the items themselves
      // biome-ignore lint/a11y/noStaticElementInteractions: the items are the controls
      /* @__PURE__ */ a(
        "div",
        {
          class: "menu-panel",
          id,
          onClick: (event) => {
            if (event.target.closest(".menu-item")) {
              setOpen(false);
              button.current?.focus();
            }
          },
          children: props.children
        }
      )
    ) : null
  ] });
}

// src/parts/Table.tsx
function chosenColumns(columns) {
  const chosen = place.value.query.get("columns")?.split(",");
  return columns.filter((it) => chosen ? chosen.includes(it.id) : !it.isOptional);
}
function sortOf(fallback = "") {
  return place.value.query.get("sort") || fallback;
}
function toggled(set, id) {
  const next = new Set(set);
  if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}
function Table(props) {
  const { pages, columns, idOf, selected, onSelect } = props;
  const shown = chosenColumns(columns);
  const sort = sortOf(props.sort);
  const [at, setAt] = d(-1);
  const body = T(null);
  const end = T(null);
  const rows = pages.data?.items ?? [];
  useRowKeys(body, rows, at, setAt, props);
  A(() => {
    const last = end.current;
    if (!last) {
      return;
    }
    const watch = new IntersectionObserver(
      (seen) => seen.some((it) => it.isIntersecting) && pages.more(),
      { rootMargin: "400px" }
    );
    watch.observe(last);
    return () => watch.disconnect();
  }, [pages.more]);
  if (!pages.data) {
    return /* @__PURE__ */ a($, { children: [
      /* @__PURE__ */ a("div", { class: "tools", children: props.filters }),
      pages.problem ? /* @__PURE__ */ a(Problem, { problem: pages.problem, onRetry: pages.reload }) : /* @__PURE__ */ a(Waiting, { lines: 10 })
    ] });
  }
  const { total, next, damaged = [] } = pages.data;
  const all = rows.length > 0 && rows.every((row) => selected?.has(idOf(row)));
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("div", { class: "tools", children: [
      props.filters,
      /* @__PURE__ */ a("span", { class: "grow" }),
      /* @__PURE__ */ a("span", { class: "sub", role: "status", children: rows.length ? `1–${count(rows.length)} of ${count(total)}` : "none" }),
      props.tools,
      /* @__PURE__ */ a(ColumnChoice, { columns, shown })
    ] }),
    damaged.length ? /* @__PURE__ */ a("div", { class: "note bad", role: "alert", children: [
      "The logs of ",
      damaged.join(", "),
      " cannot be read, so this list does not show them. To find out why, press “Verify everything” on the health page."
    ] }) : null,
    pages.problem && pages.problem.status !== 0 ? /* @__PURE__ */ a(Problem, { problem: pages.problem, onRetry: pages.reload }) : null,
    rows.length ? /* @__PURE__ */ a("div", { class: "panel", children: /* @__PURE__ */ a("table", { "aria-label": props.label, "aria-busy": pages.isLoading, children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: [
        selected ? /* @__PURE__ */ a("th", { class: "tick", children: /* @__PURE__ */ a(
          "input",
          {
            type: "checkbox",
            "aria-label": "Select all shown",
            checked: all,
            onChange: () => onSelect?.(new Set(all ? [] : rows.map(idOf)))
          }
        ) }) : null,
        shown.map((it) => /* @__PURE__ */ a(Head, { column: it, sort }, it.id))
      ] }) }),
      /* @__PURE__ */ a("tbody", { ref: body, children: rows.map((row, index) => {
        const id = idOf(row);
        return /* @__PURE__ */ a(
          "tr",
          {
            class: index === at ? "at" : "",
            "aria-selected": selected ? selected.has(id) : void 0,
            children: [
              selected ? /* @__PURE__ */ a("td", { class: "tick", children: /* @__PURE__ */ a(
                "input",
                {
                  type: "checkbox",
                  "aria-label": `Select ${id}`,
                  checked: selected.has(id),
                  onChange: () => onSelect?.(toggled(selected, id))
                }
              ) }) : null,
              shown.map((it, place2) => /* @__PURE__ */ a(
                "td",
                {
                  "data-head": it.head,
                  class: `${it.isNumber ? "num" : ""} ${place2 ? "" : "first"}`,
                  children: it.cell(row)
                },
                it.id
              ))
            ]
          },
          id
        );
      }) })
    ] }) }) : props.empty,
    next ? /* @__PURE__ */ a("div", { class: "more", ref: end, children: /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "button",
        onClick: pages.more,
        "aria-busy": pages.isReadingMore,
        children: "Show more"
      }
    ) }) : null
  ] });
}
function Head({ column, sort }) {
  const isUp = sort === column.id;
  const isDown = sort === `-${column.id}`;
  const name = column.isNumber ? "num" : "";
  if (!column.isSorted) {
    return /* @__PURE__ */ a("th", { scope: "col", class: name, children: column.head });
  }
  const first = column.isNumber ? `-${column.id}` : column.id;
  const other = isUp ? `-${column.id}` : column.id;
  return /* @__PURE__ */ a(
    "th",
    {
      scope: "col",
      class: name,
      "aria-sort": isUp ? "ascending" : isDown ? "descending" : void 0,
      children: /* @__PURE__ */ a(
        "button",
        {
          type: "button",
          class: "sort",
          onClick: () => setQuery({ sort: isUp || isDown ? other : first }),
          children: [
            column.head,
            isUp ? " ↑" : isDown ? " ↓" : ""
          ]
        }
      )
    }
  );
}
function ColumnChoice(props) {
  const shown = new Set(props.shown.map((it) => it.id));
  const named = props.columns.filter((it) => it.head);
  const choose = (id) => {
    const next = toggled(shown, id);
    const isDefault = props.columns.every((it) => next.has(it.id) === !it.isOptional);
    const ids = props.columns.map((it) => it.id).filter((it) => next.has(it));
    setQuery({ columns: isDefault ? void 0 : ids.join(",") });
  };
  return /* @__PURE__ */ a(Menu, { label: "Columns", children: named.map((it) => /* @__PURE__ */ a("label", { class: "choice", children: [
    /* @__PURE__ */ a("input", { type: "checkbox", checked: shown.has(it.id), onChange: () => choose(it.id) }),
    it.head
  ] }, it.id)) });
}
function useRowKeys(body, rows, at, setAt, props) {
  const now = T(at);
  now.current = at;
  useKeys((event) => {
    if (isTyping(event) || !rows.length) {
      return;
    }
    const row = rows[now.current];
    if (event.key === "j" || event.key === "k") {
      const step = event.key === "j" ? 1 : -1;
      const next = Math.max(0, Math.min(rows.length - 1, now.current + step));
      now.current = next;
      setAt(next);
      body.current?.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && row && props.hrefOf && isLoose(event)) {
      go(props.hrefOf(row));
    } else if (event.key === "x" && row && props.selected) {
      props.onSelect?.(toggled(props.selected, props.idOf(row)));
    } else {
      return;
    }
    event.preventDefault();
  });
}
function isLoose(event) {
  return !event.target.closest?.("a, button, input, summary");
}

export {
  Menu,
  sortOf,
  Table
};
