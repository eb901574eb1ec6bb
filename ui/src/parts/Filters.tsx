/** Filters of a list, kept in the URL and shown as chips. */

import { useEffect, useRef, useState } from "preact/hooks";
import { place, setQuery } from "../route.ts";
import { Menu } from "./Menu.tsx";

/** One filter: a choice if it has options, else a text. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
}

const TYPING_MS = 120;

/** The values of filters that the URL has. */
export function filtered(filters: readonly Filter[]): Record<string, string> {
  const query = place.value.query;
  const given = filters.map((it) => [it.name, query.get(it.name) ?? ""] as const);
  return Object.fromEntries(given.filter(([, value]) => value));
}

/** A text field that changes the URL while the user types. */
export function SearchField(props: { name: string; label: string }) {
  const given = place.value.query.get(props.name) ?? "";
  const [text, setText] = useState(given);
  const timer = useRef(0);
  useEffect(() => {
    setText((now) => (timer.current ? now : given));
  }, [given]);
  const change = (value: string) => {
    setText(value);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      timer.current = 0;
      setQuery({ [props.name]: value });
    }, TYPING_MS);
  };
  return (
    <input
      type="search"
      class="input filter"
      placeholder={props.label}
      aria-label={props.label}
      value={text}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}

export function Filters({ filters }: { filters: readonly Filter[] }) {
  return (
    <fieldset class="filters">
      <legend class="hidden">Filters</legend>
      {filters.map((it) =>
        it.options ? (
          <Choice key={it.name} filter={it} />
        ) : (
          <SearchField key={it.name} name={it.name} label={it.label} />
        ),
      )}
    </fieldset>
  );
}

function Choice({ filter }: { filter: Filter }) {
  const value = place.value.query.get(filter.name) ?? "";
  const shown = filter.options?.find((it) => it.value === value)?.label ?? value;
  if (value) {
    return (
      <button
        type="button"
        class="chip pick on"
        aria-label={`Remove filter ${filter.label}: ${shown}`}
        onClick={() => setQuery({ [filter.name]: undefined })}
      >
        {filter.label}: {shown} ✕
      </button>
    );
  }
  return (
    <Menu kind="chip" label={`${filter.label} ▾`}>
      {filter.options?.length ? null : <span class="sub">nothing to choose from</span>}
      {filter.options?.map((it) => (
        <button
          type="button"
          key={it.value}
          class="menu-item"
          onClick={() => setQuery({ [filter.name]: it.value })}
        >
          {it.label}
        </button>
      ))}
    </Menu>
  );
}
