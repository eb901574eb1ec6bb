import {
  $,
  A,
  Note,
  Shown,
  T,
  a,
  api,
  ask,
  many,
  usePages
} from "./shared-1.js";

// src/parts/Source.tsx
function Source({ path, line, remark, hrefOf }) {
  const pages = usePages(
    `tokens ${path}`,
    async (cursor, _, signal) => {
      const query = { offset: Number(cursor) };
      const params = { path: { path }, query };
      const found = await ask(api.GET("/api/v1/files/{path}/tokens", { params, signal }));
      const next = found.next === null ? null : String(found.next);
      const items = found.lines;
      return { items, next, total: items.length, damaged: found.notes };
    },
    (event) => event.name === "file" && event.data.path === path
  );
  const { data, more, isReadingMore } = pages;
  const isFurther = line !== void 0 && data?.next && data.items.length < line;
  A(() => {
    if (isFurther && !isReadingMore) {
      more();
    }
  }, [isFurther, isReadingMore, more]);
  return /* @__PURE__ */ a(Shown, { loaded: pages, children: ({ items, next, damaged = [] }) => /* @__PURE__ */ a($, { children: [
    damaged.map((it) => /* @__PURE__ */ a(Note, { children: it }, it)),
    /* @__PURE__ */ a(Lines, { lines: items, line, remark, hrefOf, path }),
    next ? /* @__PURE__ */ a(
      "button",
      {
        type: "button",
        class: "button",
        "aria-busy": pages.isReadingMore,
        onClick: pages.more,
        children: [
          "Show more than ",
          many(items.length, "line")
        ]
      }
    ) : null
  ] }) });
}
function Lines(props) {
  const marked = T(null);
  const { lines, line, remark, hrefOf, path } = props;
  const isThere = line !== void 0 && line <= lines.length;
  A(() => {
    if (isThere) {
      marked.current?.scrollIntoView({ block: "center" });
    }
  }, [line, isThere, path]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    /* @__PURE__ */ a("pre", { class: "code source", tabIndex: 0, children: lines.map((tokens, index) => {
      const number = index + 1;
      const isHere = number === line;
      const isWrong = number === remark?.line;
      return /* @__PURE__ */ a(
        "span",
        {
          ref: isHere ? marked : void 0,
          class: `line ${isHere ? "here" : ""} ${isWrong ? "wrong" : ""}`,
          children: [
            /* @__PURE__ */ a(
              "a",
              {
                class: "number",
                href: hrefOf(number),
                "aria-label": `Line ${number}`,
                "aria-current": isHere ? "location" : void 0,
                children: number
              }
            ),
            tokens.length ? tokens.map(([kind, text], place) => /* @__PURE__ */ a("span", { class: kind ? `t-${kind}` : void 0, children: text }, place)) : " ",
            isWrong ? /* @__PURE__ */ a("span", { class: "remark", children: remark.text }) : null
          ]
        },
        number
      );
    }) })
  );
}

export {
  Source
};
