/** The dialogs that keys open: search from anywhere, and the list of keys. */

import { Fragment } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { api, ask, type Schemas } from "./api.ts";
import { KEYS, opened } from "./keyboard.ts";
import { TYPING_MS, useLoad } from "./load.ts";
import { Dialog } from "./parts/Dialog.tsx";
import { Problem } from "./parts/Problem.tsx";
import { Chip } from "./parts/Text.tsx";
import { go, to } from "./route.ts";

type Hit = Schemas["Hit"];

const close = () => {
  opened.value = null;
};

/** The field in the bar that opens the search. */
export function SearchButton() {
  return (
    <button type="button" class="find" onClick={() => (opened.value = "search")}>
      <span>Search models, deployments, files</span>
      <kbd>/</kbd>
    </button>
  );
}

export function Dialogs() {
  if (opened.value === "search") {
    return <Search />;
  }
  return opened.value === "keys" ? (
    <Dialog title="Keys" onClose={close}>
      <dl>
        {KEYS.map(([key, words]) => (
          <Fragment key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{words}</dd>
          </Fragment>
        ))}
      </dl>
    </Dialog>
  ) : null;
}

/** The page of a hit. */
function hrefOf(hit: Hit): string {
  switch (hit.kind) {
    case "model":
      return to("/models", hit.name);
    case "version":
      return `${to("/models", hit.model ?? "")}/versions/${hit.version}`;
    case "deployment":
      return to("/deployments", hit.name);
    default:
      return to("/files", ...(hit.path ?? "").split("/"));
  }
}

function Search() {
  const [text, setText] = useState("");
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const timer = useRef(0);
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const found = useLoad(typed ? `search ${typed}` : null, (signal) =>
    ask(api.GET("/api/v1/search", { params: { query: { q: typed } }, signal })),
  );
  const hits = found.data?.hits ?? [];
  useEffect(() => {
    field.current?.focus();
    return () => clearTimeout(timer.current);
  }, []);
  const type = (value: string) => {
    setText(value);
    setAt(0);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setTyped(value.trim()), TYPING_MS);
  };
  const open = (hit: Hit) => {
    close();
    go(hrefOf(hit));
  };
  const press = (event: KeyboardEvent) => {
    const hit = hits[at];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      setAt(Math.max(0, Math.min(hits.length - 1, at + step)));
    } else if (event.key === "Enter" && hit) {
      open(hit);
    } else {
      return;
    }
    event.preventDefault();
  };
  return (
    <Dialog title="Search" onClose={close} isWide>
      <input
        ref={field}
        class="input"
        role="combobox"
        aria-label="Search models, deployments and files"
        aria-expanded={hits.length > 0}
        aria-controls={list}
        aria-activedescendant={hits[at] ? `${list}-${at}` : undefined}
        placeholder="Name, alias or tag; several words must all occur"
        value={text}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={press}
      />
      <div class="hits" role="listbox" id={list} aria-label="Found">
        {hits.map((hit, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
          <div
            key={`${hit.kind} ${hit.name} ${hit.version ?? ""}`}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            class={index === at ? "at" : ""}
            onClick={() => open(hit)}
          >
            <Chip>{hit.kind}</Chip>{" "}
            <b>
              {hit.path ?? hit.model ?? hit.name}
              {hit.version ? ` version ${hit.version}` : ""}
            </b>{" "}
            <span class="sub">{hit.matched}</span>
          </div>
        ))}
      </div>
      {found.problem ? <Problem problem={found.problem} onRetry={found.reload} /> : null}
      <p class="sub" role="status">
        {typed && found.data && !hits.length
          ? `Nothing fits “${typed}”. Files of models and artifacts are not searched: open the model. `
          : ""}
        {found.data?.is_whole === false
          ? "Not all files were searched, as there are too many: open a folder and search there."
          : ""}
      </p>
    </Dialog>
  );
}
