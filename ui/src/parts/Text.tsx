/** Small pieces of text: times, sizes, digests, chips, states. */

import type { ComponentChildren } from "preact";
import { bytes, count, exact, relative, shortDigest } from "../words.ts";
import { toast } from "./Toast.tsx";

/** A time: relative, with the exact one on hover. */
export function Time({ at }: { at: string | null | undefined }) {
  if (!at) {
    return <span class="muted">–</span>;
  }
  return (
    <time dateTime={at} title={exact(at)}>
      {relative(at)}
    </time>
  );
}

/** Who did something: `ben@host` for `ben@host:123`, whose number is of a process. */
export function By({ of }: { of: string }) {
  return <span title={of}>{of.replace(/(@.+):\d+$/, "$1")}</span>;
}

/** A size; the number of bytes on hover. */
export function Size({ of }: { of: number }) {
  return <span title={`${count(of)} bytes`}>{bytes(of)}</span>;
}

/** Copy text to the clipboard, and say so. */
export async function copy(text: string, what = "Copied"): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
  } catch {
    toast("This browser does not allow copying here: select the text and copy it", "bad");
  }
}

/** A digest, shortened; a click copies the whole. */
export function Digest({ of }: { of: string }) {
  return (
    <button
      type="button"
      class="digest mono"
      title={`${of} (copy)`}
      aria-label={`Copy digest ${shortDigest(of)}`}
      onClick={() => void copy(of, "Digest copied")}
    >
      {shortDigest(of)}
    </button>
  );
}

/** A button that copies `text`. */
export function Copy({ text, label = "Copy" }: { text: string; label?: string }) {
  return (
    <button type="button" class="button small" onClick={() => void copy(text)}>
      {label}
    </button>
  );
}

/** A small label; with `href` a link. */
export function Chip(props: { children: ComponentChildren; kind?: "alias"; href?: string }) {
  const name = `chip ${props.kind ?? ""}`;
  return props.href ? (
    <a class={name} href={props.href}>
      {props.children}
    </a>
  ) : (
    <span class={name}>{props.children}</span>
  );
}

export type Tone = "ok" | "bad" | "busy" | "off" | "warn";

/** A state: a dot, a word, and a sentence below it. */
export function State(props: { tone: Tone; word: string; children?: ComponentChildren }) {
  return (
    <>
      <span class={`state ${props.tone}`}>{props.word}</span>
      {props.children ? <div class="sub">{props.children}</div> : null}
    </>
  );
}

/** A remark beside a form or a page. */
export function Note(props: { kind?: "bad" | "warn"; children: ComponentChildren }) {
  return <div class={`note ${props.kind ?? ""}`}>{props.children}</div>;
}
