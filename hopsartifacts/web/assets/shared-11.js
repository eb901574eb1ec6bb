import {
  Source
} from "./shared-13.js";
import {
  $,
  A,
  Note,
  Shown,
  Size,
  State,
  a,
  api,
  asProblem,
  ask,
  count,
  d,
  many,
  observed,
  place,
  toast,
  useLoad
} from "./shared-1.js";

// src/parts/pieces.ts
function untrailed(title) {
  let end = title.length;
  while (title[end - 1] === "#") {
    end -= 1;
  }
  return title.slice(0, end).trimEnd();
}
var PIECES = /(`[^`]+`)|\*\*([^*]+)\*\*|(?<![\w*])[*_]([^*_\s][^*_]*)[*_](?!\w)|\[([^[\]]{1,500})\]\((https?:\/\/[^()\s]{1,2000})\)/g;

// src/parts/Markdown.tsx
function Markdown({ text }) {
  return /* @__PURE__ */ a("div", { class: "markdown", children: blocks(text.split("\n")) });
}
var LIST = /^\s*(?:[-*+]|\d+[.)])\s+/;
var HEADING = /^(#{1,6})\s/;
var ENDS = /^(?:#{1,6}\s|```|>|\s*(?:[-*+]|\d+[.)])\s|\s*$)/;
function blocks(lines) {
  const out = [];
  let at = 0;
  const take = (fits) => {
    const from = at++;
    while (at < lines.length && fits(lines[at] ?? "")) {
      at += 1;
    }
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? "";
    const heading = HEADING.exec(line);
    if (line.startsWith("```")) {
      const code = take((it) => !it.startsWith("```")).slice(1);
      at += 1;
      out.push(
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
        /* @__PURE__ */ a("pre", { class: "code", tabIndex: 0, children: code.join("\n") })
      );
    } else if (heading) {
      at += 1;
      const title = line.slice(heading[0].length).trim();
      out.push(/* @__PURE__ */ a("p", { class: `heading h${heading[1]?.length}`, children: inline(untrailed(title)) }));
    } else if (LIST.test(line)) {
      const items = take((it) => LIST.test(it));
      const shown = items.map((it) => /* @__PURE__ */ a("li", { children: inline(it.replace(LIST, "")) }, it));
      out.push(/^\s*\d/.test(line) ? /* @__PURE__ */ a("ol", { children: shown }) : /* @__PURE__ */ a("ul", { children: shown }));
    } else if (line.startsWith(">")) {
      const quoted = take((it) => it.startsWith(">")).map((it) => it.replace(/^> ?/, ""));
      out.push(/* @__PURE__ */ a("blockquote", { children: blocks(quoted) }));
    } else if (line.trim()) {
      out.push(/* @__PURE__ */ a("p", { children: inline(take((it) => !ENDS.test(it)).join("\n")) }));
    } else {
      at += 1;
    }
  }
  return out;
}
function inline(text) {
  const out = [];
  let end = 0;
  for (const found of text.matchAll(PIECES)) {
    out.push(text.slice(end, found.index));
    const [whole, code, strong, soft, label, href] = found;
    if (code) {
      out.push(/* @__PURE__ */ a("code", { children: code.slice(1, -1) }));
    } else if (strong) {
      out.push(/* @__PURE__ */ a("strong", { children: strong }));
    } else if (soft) {
      out.push(/* @__PURE__ */ a("em", { children: soft }));
    } else {
      out.push(
        /* @__PURE__ */ a("a", { href, rel: "noreferrer noopener", target: "_blank", children: label })
      );
    }
    end = found.index + whole.length;
  }
  return [...out, text.slice(end)];
}

// src/parts/Preview.tsx
var MOST_IMAGE_BYTES = 16 * 1024 * 1024;
function Preview({ path, version = "" }) {
  const [isRaw, setRaw] = d(false);
  A(() => setRaw(false), [path]);
  const loaded = useLoad(
    `preview ${path} ${version} ${isRaw}`,
    (signal) => ask(
      api.GET("/api/v1/files/{path}/preview", {
        params: { path: { path }, query: { raw: isRaw } },
        signal
      })
    )
  );
  return /* @__PURE__ */ a(Shown, { loaded, lines: 8, children: ({ content, notes, size_bytes }) => /* @__PURE__ */ a("section", { class: "preview", "aria-label": "Content", children: [
    notes.map((it) => /* @__PURE__ */ a(Note, { children: [
      it[0]?.toUpperCase() + it.slice(1),
      "."
    ] }, it)),
    /* @__PURE__ */ a(Drawn, { path, version, content, size: size_bytes }),
    hasText(content) || isRaw ? /* @__PURE__ */ a("button", { type: "button", class: "link", onClick: () => setRaw(!isRaw), children: isRaw ? "Show it formatted" : "Show its text as it is" }) : null
  ] }) });
}
function lineIn(line) {
  const query = new URLSearchParams(place.value.query);
  query.set("line", String(line));
  return `?${query}`;
}
function hasText(content) {
  return content.kind === "text" && content.format !== "plain" || content.kind === "notebook" || content.kind === "table" && content.format === "csv";
}
function Drawn(props) {
  const { path, version, content } = props;
  switch (content.kind) {
    case "text":
      if (content.format === "plain") {
        return content.text ? /* @__PURE__ */ a(
          Source,
          {
            path,
            line: Number(place.value.query.get("line")) || void 0,
            hrefOf: lineIn
          },
          version
        ) : /* @__PURE__ */ a("p", { class: "sub", children: "This file is empty." });
      }
      return content.format === "markdown" ? /* @__PURE__ */ a(Markdown, { text: content.text }) : /* @__PURE__ */ a(Plain, { text: content.text });
    case "table":
      return /* @__PURE__ */ a(Rows, { path, first: content }, path + version);
    case "notebook":
      return /* @__PURE__ */ a(Cells, { book: content });
    case "image":
      return /* @__PURE__ */ a(Picture, { path, image: content, size: props.size });
    case "tensors":
      return /* @__PURE__ */ a(TensorTable, { found: content });
    case "pickle":
      return /* @__PURE__ */ a(Imports, { of: content });
    case "archive":
      return /* @__PURE__ */ a($, { children: [
        content.pickle ? /* @__PURE__ */ a(Imports, { of: content.pickle }) : null,
        /* @__PURE__ */ a("p", { class: "sub", children: [
          many(content.entries_in_file, "file"),
          " in this archive"
        ] }),
        /* @__PURE__ */ a(
          Grid,
          {
            heads: ["Name", "Size"],
            numbers: [1],
            rows: content.entries.map((it) => [
              it.name,
              /* @__PURE__ */ a(Size, { of: it.size_bytes }, "size")
            ])
          }
        )
      ] });
    case "binary":
      return /* @__PURE__ */ a(Plain, { text: content.text });
    default:
      return /* @__PURE__ */ a(Note, { kind: "warn", children: [
        "No preview: ",
        content.reason,
        "."
      ] });
  }
}
function Plain({ text }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    /* @__PURE__ */ a("pre", { class: "code", tabIndex: 0, children: text })
  );
}
function Grid(props) {
  const name = (index) => props.numbers?.includes(index) ? "num" : "";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    /* @__PURE__ */ a("section", { class: "sheet", tabIndex: 0, "aria-label": "Rows", children: /* @__PURE__ */ a("table", { children: [
      /* @__PURE__ */ a("thead", { children: /* @__PURE__ */ a("tr", { children: props.heads.map((it, index) => /* @__PURE__ */ a("th", { scope: "col", class: name(index), children: it }, index)) }) }),
      /* @__PURE__ */ a("tbody", { children: props.rows.map((row, index) => /* @__PURE__ */ a("tr", { children: row.map((it, place2) => /* @__PURE__ */ a("td", { class: name(place2), children: it ?? /* @__PURE__ */ a("span", { class: "muted", children: "null" }) }, place2)) }, index)) })
    ] }) })
  );
}
function Rows({ path, first }) {
  const [pages, setPages] = d([first]);
  const [isBusy, setBusy] = d(false);
  const last = pages.at(-1) ?? first;
  const rows = pages.flatMap((it) => it.rows);
  const more = async () => {
    setBusy(true);
    try {
      const { content } = await ask(
        api.GET("/api/v1/files/{path}/preview", {
          params: { path: { path }, query: { offset: last.next ?? 0, rows: 200 } }
        })
      );
      setPages(content.kind === "table" ? [...pages, content] : pages);
    } catch (cause) {
      toast(asProblem(cause).message, "bad");
    } finally {
      setBusy(false);
    }
  };
  const total = first.rows_in_file;
  const { columns } = first;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { class: "sub", role: "status", children: [
      total == null ? many(rows.length, "row") : `${count(rows.length)} of ${many(total, "row")}`,
      ", ",
      many(first.columns_in_file, "column"),
      total == null && last.next ? " so far" : ""
    ] }),
    /* @__PURE__ */ a(
      Grid,
      {
        heads: columns.map((it) => /* @__PURE__ */ a($, { children: [
          it.name,
          it.type ? /* @__PURE__ */ a("span", { class: "type", children: it.type }) : null
        ] })),
        numbers: columns.flatMap((it, index) => it.is_number ? [index] : []),
        rows
      }
    ),
    last.next ? /* @__PURE__ */ a("div", { class: "more", children: /* @__PURE__ */ a("button", { type: "button", class: "button", "aria-busy": isBusy, onClick: () => void more(), children: "Show more rows" }) }) : null
  ] });
}
function Cells({ book }) {
  return /* @__PURE__ */ a("div", { class: "notebook", children: book.cells.map((cell, index) => /* @__PURE__ */ a("div", { class: "cell", children: [
    cell.kind === "markdown" ? /* @__PURE__ */ a(Markdown, { text: cell.source }) : /* @__PURE__ */ a($, { children: [
      cell.kind === "code" ? /* @__PURE__ */ a("span", { class: "sub", children: [
        "[",
        cell.number ?? " ",
        "]"
      ] }) : null,
      /* @__PURE__ */ a(Plain, { text: cell.source })
    ] }),
    cell.outputs.map(
      (it, place2) => it.kind !== "image" ? /* @__PURE__ */ a("pre", { class: it.kind === "error" ? "output bad" : "output", children: it.text }, place2) : it.data ? /* @__PURE__ */ a(
        "img",
        {
          alt: `Output ${place2 + 1} of cell ${index + 1}`,
          src: `data:${it.text};base64,${it.data}`
        },
        place2
      ) : /* @__PURE__ */ a("p", { class: "sub", children: "This image is too large for a preview" }, place2)
    )
  ] }, index)) });
}
function Picture(props) {
  const { path, image } = props;
  const isSmall = props.size <= MOST_IMAGE_BYTES;
  const [source, setSource] = d("");
  const loaded = useLoad(isSmall ? `image ${path} ${props.size}` : null, async (signal) => {
    const place2 = `${location.origin}/api/v1/files/${encodeURIComponent(path)}/content`;
    return (await observed(new Request(place2, { signal }))).blob();
  });
  A(() => {
    if (loaded.data) {
      const made = URL.createObjectURL(new Blob([loaded.data], { type: image.media_type }));
      setSource(made);
      return () => URL.revokeObjectURL(made);
    }
  }, [loaded.data, image.media_type]);
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { class: "sub", children: [
      image.width ? `${count(image.width)} × ${count(image.height ?? 0)} pixels, ` : "",
      image.media_type
    ] }),
    source ? /* @__PURE__ */ a("img", { class: "picture", src: source, alt: path }) : null,
    isSmall ? null : /* @__PURE__ */ a(Note, { children: "This image is too large to be shown here: download it." })
  ] });
}
function TensorTable({ found }) {
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { class: "sub", children: [
      many(found.tensors_in_file, "tensor"),
      ", ",
      many(found.parameters, "parameter")
    ] }),
    Object.keys(found.metadata).length ? /* @__PURE__ */ a(Grid, { heads: ["Metadata", ""], rows: Object.entries(found.metadata) }) : null,
    /* @__PURE__ */ a(
      Grid,
      {
        heads: ["Tensor", "Type", "Shape", "Size"],
        numbers: [3],
        rows: found.tensors.map((it) => [
          it.name,
          it.type,
          it.shape.join(" × ") || "scalar",
          /* @__PURE__ */ a(Size, { of: it.size_bytes }, "size")
        ])
      }
    )
  ] });
}
function Imports({ of }) {
  const sorted = [...of.imports].sort(
    (a2, b) => Number(b.is_dangerous) - Number(a2.is_dangerous)
  );
  const bad = sorted.filter((it) => it.is_dangerous).length;
  return /* @__PURE__ */ a($, { children: [
    /* @__PURE__ */ a("p", { children: [
      "When this pickle is loaded, it imports ",
      many(of.imports.length, "name"),
      of.is_complete ? "" : " or more",
      ". To find this out, it was read and not loaded."
    ] }),
    bad ? /* @__PURE__ */ a(Note, { kind: "bad", children: [
      bad === 1 ? "One of them" : `${count(bad)} of them`,
      " can run commands, or reach files or the network. Load the pickle only if you trust its source."
    ] }) : null,
    /* @__PURE__ */ a("ul", { class: "imports mono", children: sorted.map((it) => /* @__PURE__ */ a("li", { children: it.is_dangerous ? /* @__PURE__ */ a(State, { tone: "bad", word: it.name }) : it.name }, it.name)) })
  ] });
}

export {
  Preview
};
