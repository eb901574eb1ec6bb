/** Markdown as nodes: headings, lists, code, quotes, emphasis and links, and no HTML. */

import type { ComponentChildren } from "preact";
import { PIECES, untrailed } from "./pieces.ts";

/** The text of a Markdown document. */
export function Markdown({ text }: { text: string }) {
  return <div class="markdown">{blocks(text.split("\n"))}</div>;
}

const LIST = /^\s*(?:[-*+]|\d+[.)])\s+/;
const HEADING = /^(#{1,6})\s/;
const ENDS = /^(?:#{1,6}\s|```|>|\s*(?:[-*+]|\d+[.)])\s|\s*$)/;

function blocks(lines: readonly string[]): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  let at = 0;
  /** Take lines while they fit, beginning with one that does. */
  const take = (fits: (line: string) => boolean) => {
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
        <pre class="code" tabIndex={0}>
          {code.join("\n")}
        </pre>,
      );
    } else if (heading) {
      at += 1;
      const title = line.slice(heading[0].length).trim();
      out.push(<p class={`heading h${heading[1]?.length}`}>{inline(untrailed(title))}</p>);
    } else if (LIST.test(line)) {
      const items = take((it) => LIST.test(it));
      const shown = items.map((it) => <li key={it}>{inline(it.replace(LIST, ""))}</li>);
      out.push(/^\s*\d/.test(line) ? <ol>{shown}</ol> : <ul>{shown}</ul>);
    } else if (line.startsWith(">")) {
      const quoted = take((it) => it.startsWith(">")).map((it) => it.replace(/^> ?/, ""));
      out.push(<blockquote>{blocks(quoted)}</blockquote>);
    } else if (line.trim()) {
      out.push(<p>{inline(take((it) => !ENDS.test(it)).join("\n"))}</p>);
    } else {
      at += 1;
    }
  }
  return out;
}

function inline(text: string): ComponentChildren[] {
  const out: ComponentChildren[] = [];
  let end = 0;
  for (const found of text.matchAll(PIECES)) {
    out.push(text.slice(end, found.index));
    const [whole, code, strong, soft, label, href] = found;
    if (code) {
      out.push(<code>{code.slice(1, -1)}</code>);
    } else if (strong) {
      out.push(<strong>{strong}</strong>);
    } else if (soft) {
      out.push(<em>{soft}</em>);
    } else {
      out.push(
        <a href={href} rel="noreferrer noopener" target="_blank">
          {label}
        </a>,
      );
    }
    end = found.index + whole.length;
  }
  return [...out, text.slice(end)];
}
