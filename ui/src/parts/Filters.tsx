/** Filters of a list, kept in the URL and shown as chips. */

import { useEffect, useRef, useState } from "preact/hooks";
import { TYPING_MS, useLoad } from "../load.ts";
import { place, setQuery } from "../route.ts";
import { count } from "../words.ts";
import { Menu } from "./Menu.tsx";

/** One value that a filter can have; `count` is how many rows there would be. */
export interface FilterOption {
  readonly value: string;
  readonly label: string;
  readonly count?: number;
}

/** One filter: a choice if it has options or finds them, else a text. */
export interface Filter {
  readonly name: string;
  readonly label: string;
  readonly options?: readonly FilterOption[];
  /** Returns the options from the server, when the menu is opened. */
  readonly find?: (text: string, signal: AbortSignal) => Promise<readonly FilterOption[]>;
  /** Whether there are so many that the menu has a field to search them. */
  readonly isSearched?: boolean;
}

/** The options of a facet of a list: its values, with the number of rows for each. */
export function optionsOf(facet: Readonly<Record<string, number>> = {}): FilterOption[] {
  return Object.entries(facet).map(([value, number]) => ({
    value,
    label: value,
    count: number,
  }));
}

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
        it.options || it.find ? (
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
  const box = useRef<HTMLSpanElement>(null);
  const before = useRef(value);
  useEffect(() => {
    // The button that was pressed is gone: the focus goes to the one in its place.
    if (before.current !== value && document.activeElement === document.body) {
      box.current?.querySelector("button")?.focus();
    }
    before.current = value;
  }, [value]);
  return (
    <span ref={box}>
      {value ? (
        <button
          type="button"
          class="chip pick on"
          aria-label={`Remove filter ${filter.label}: ${shown}`}
          onClick={() => setQuery({ [filter.name]: undefined })}
        >
          {filter.label}: {shown} ✕
        </button>
      ) : (
        <Menu kind="chip" label={`${filter.label} ▾`}>
          {filter.find ? (
            <Found filter={filter} find={filter.find} />
          ) : (
            <Options filter={filter} options={filter.options ?? []} />
          )}
        </Menu>
      )}
    </span>
  );
}

function Options(props: { filter: Filter; options: readonly FilterOption[] }) {
  return (
    <>
      {props.options.length ? null : <span class="sub">nothing to choose from</span>}
      {props.options.map((it) => (
        <button
          type="button"
          key={it.value}
          class="menu-item"
          onClick={() => setQuery({ [props.filter.name]: it.value })}
        >
          {it.label}
          {it.count === undefined ? null : <span class="muted"> {count(it.count)}</span>}
        </button>
      ))}
    </>
  );
}

/** The options that the server has, searched while the user types. */
function Found(props: { filter: Filter; find: NonNullable<Filter["find"]> }) {
  const { filter, find } = props;
  const [text, setText] = useState("");
  const key = `filter ${filter.name} ${place.value.path}?${place.value.query} ${text}`;
  const found = useLoad(key, (signal) => find(text, signal));
  return (
    <>
      {filter.isSearched ? (
        <input
          type="search"
          class="input"
          aria-label={`Search: ${filter.label}`}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      ) : null}
      {found.data ? <Options filter={filter} options={found.data} /> : null}
      {found.problem ? <span class="hint bad">{found.problem.detail}</span> : null}
    </>
  );
}
