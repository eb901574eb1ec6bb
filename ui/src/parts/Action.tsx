/** Buttons that do something, and say why they cannot. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { may, me, problemIn, type Scope } from "../api.ts";
import { sentence } from "../words.ts";
import { toast } from "./Toast.tsx";

interface Props {
  readonly children: ComponentChildren;
  readonly onClick?: () => unknown;
  readonly href?: string;
  /** The scope that the caller's key needs. */
  readonly scope?: Scope;
  /** Why this is not possible now; empty if it is. */
  readonly disabledBy?: string;
  /** How it looks; an `item` is one of a menu. */
  readonly kind?: "primary" | "quiet" | "danger" | "item" | "";
  readonly small?: boolean;
  readonly type?: "button" | "submit";
  readonly label?: string;
}

/** Why the caller may not do what needs `scope`; empty if they may. */
export function forbidden(scope: Scope | undefined): string {
  if (!scope || !me.value || may(scope)) {
    return "";
  }
  if (me.value.read_only) {
    return "This server was started with --read-only: it shows the project and changes nothing.";
  }
  return `The key “${me.value.name}” does not allow this: it lacks the scope “${scope}”.`;
}

/**
 * A button, or a link that looks like one.
 *
 * While its work is done it is busy; a failure is shown as a message. A button that is not
 * possible stays in its place and says why.
 */
export function Action(props: Props) {
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const reason = props.disabledBy || forbidden(props.scope);
  const name =
    props.kind === "item"
      ? "menu-item"
      : `button ${props.kind ?? ""} ${props.small ? "small" : ""}`;
  if (props.href && !reason) {
    return (
      <a class={name} href={props.href} aria-label={props.label}>
        {props.children}
      </a>
    );
  }
  const click = async (event: Event) => {
    if (reason || isBusy) {
      event.preventDefault();
      if (reason) {
        toast(reason, "bad");
      }
      return;
    }
    const work = props.onClick?.();
    if (work instanceof Promise) {
      setBusy(true);
      try {
        await work;
      } catch (cause) {
        const problem = problemIn(cause);
        toast(sentence(problem.detail), "bad");
      } finally {
        setBusy(false);
      }
    }
  };
  return (
    <>
      <button
        type={props.type ?? "button"}
        class={name}
        aria-label={props.label}
        aria-disabled={reason ? "true" : undefined}
        aria-busy={isBusy}
        aria-describedby={reason ? id : undefined}
        title={reason || undefined}
        onClick={(event) => void click(event)}
      >
        {props.children}
      </button>
      {reason ? (
        <span id={id} class="hidden">
          {reason}
        </span>
      ) : null}
    </>
  );
}
