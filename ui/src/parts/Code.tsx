/** Code to copy, and differences of texts. */

import { useState } from "preact/hooks";
import { api, ask, me } from "../api.ts";
import { useLoad } from "../load.ts";
import { Dialog } from "./Dialog.tsx";
import { Copy } from "./Text.tsx";

/** A piece of code with a button that copies it. */
export function Snippet({ text, label }: { text: string; label?: string }) {
  return (
    <section class="snippet" aria-label={label ?? "Code"}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls */}
      <pre class="code" tabIndex={0}>
        {text}
      </pre>
      <Copy text={text} />
    </section>
  );
}

/** The lines of a unified difference, coloured by their first character. */
export function Diff({ lines }: { lines: readonly string[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a keyboard has to reach what scrolls
    <pre class="code diff" tabIndex={0}>
      {lines.map((line, index) => {
        const isHead = line.startsWith("+++") || line.startsWith("---");
        const name = isHead || line.startsWith("@@") ? "muted" : TONES[line[0] ?? " "];
        return (
          <span key={index} class={name ?? "same"}>
            {line || " "}
          </span>
        );
      })}
    </pre>
  );
}

const TONES: Record<string, string> = { "+": "add", "-": "del" };

/** The same action in the other interfaces. */
export interface Ways {
  readonly python?: string;
  readonly cli?: string;
  readonly curl: string;
}

const NAMES = { python: "Python", cli: "command line", curl: "curl" } as const;

/** Returns code with the lines before it that open this project. */
export function useWithProject(): (way: keyof Ways, text: string) => string {
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const url = project.data?.url;
  return (way, text) => {
    if (!url || way === "curl") {
      return text;
    }
    return way === "cli"
      ? `export HOPSARTIFACTS_URL=${shell(url)}\n${text}`
      : `import hopsartifacts\n\nproject = hopsartifacts.login(${python(url)})\n${text}`;
  };
}

/** Code as a next step, with the lines that open this project. */
export function Example({ way, code }: { way: keyof Ways; code: string }) {
  return <Snippet text={useWithProject()(way, code)} />;
}

/** Links that show an action as Python, command line and curl. */
export function SameIn({ ways }: { ways: Ways }) {
  const withProject = useWithProject();
  const [shown, setShown] = useState<keyof Ways | null>(null);
  const names = (Object.keys(NAMES) as (keyof Ways)[]).filter((it) => ways[it]);
  return (
    <span class="same-in sub">
      Same in{" "}
      {names.map((it, index) => (
        <span key={it}>
          {index ? " · " : ""}
          <button type="button" class="link" onClick={() => setShown(it)}>
            {NAMES[it]}
          </button>
        </span>
      ))}
      {shown ? (
        <Dialog title={`The same in ${NAMES[shown]}`} onClose={() => setShown(null)} isWide>
          <Snippet text={withProject(shown, ways[shown] ?? "")} label={NAMES[shown]} />
          {shown === "curl" ? <ForCurl /> : null}
        </Dialog>
      ) : null}
    </span>
  );
}

/** What a curl call needs besides what it says. */
export function ForCurl() {
  if (me.value?.has_keys === false) {
    return (
      <p class="sub">
        <code>hopsartifacts ui</code> accepts no API keys. Start a server with{" "}
        <code>hopsartifacts serve</code>, and use its address in place of {location.origin}.
      </p>
    );
  }
  return (
    <p class="sub">
      <code>key.txt</code> contains an API key.
      {location.protocol === "https:" ? (
        <>
          {" "}
          If the server made its own certificate, add <code>--cacert certificate.pem</code>: it
          names that file when it starts.
        </>
      ) : null}
    </p>
  );
}

const LINE_CHARACTERS = 76;

/** `value` as JSON with line breaks; what fits into one line stays in it. */
export function json(value: unknown, indent = ""): string {
  const flat = JSON.stringify(value) ?? "null";
  if (typeof value !== "object" || value === null) {
    return flat;
  }
  const spaced = flat.length < LINE_CHARACTERS ? inOneLine(value) : flat;
  const isList = Array.isArray(value);
  const isDeep = !isList && indent === "";
  if (!isDeep && indent.length + spaced.length <= LINE_CHARACTERS) {
    return spaced;
  }
  const inner = `${indent}  `;
  const parts = isList
    ? value.map((it) => json(it, inner))
    : Object.entries(value).map(([key, it]) => `${JSON.stringify(key)}: ${json(it, inner)}`);
  const [open, close] = isList ? "[]" : "{}";
  return parts.length
    ? `${open}\n${parts.map((it) => inner + it).join(",\n")}\n${indent}${close}`
    : `${open}${close}`;
}

function inOneLine(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(inOneLine).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([key, it]) => `${JSON.stringify(key)}: ${inOneLine(it)}`,
    );
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** A curl call, for `key.txt`: of this server, unless `path` is a whole URL. */
export function curl(method: string, path: string, body?: unknown, hasKey = true): string {
  const url = path.startsWith("/") ? location.origin + path : path;
  const parts = [`curl -X ${method} ${shell(url)}`];
  if (hasKey) {
    parts.push(`-H "Authorization: ApiKey $(cat key.txt)"`);
  }
  if (body !== undefined) {
    const text = json(body).replaceAll("'", "'\\''");
    parts.push(`-H "Content-Type: application/json"`, `-d '${text}'`);
  }
  return parts.join(" \\\n  ");
}

/** `value` as a Python literal. */
export function python(value: unknown): string {
  if (value === null || value === undefined) {
    return "None";
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  if (Array.isArray(value)) {
    return `[${value.map(python).join(", ")}]`;
  }
  if (typeof value === "object") {
    const members = Object.entries(value).map(([key, it]) => `${python(key)}: ${python(it)}`);
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** `value` as one word of a shell. */
export function shell(value: string | number): string {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
