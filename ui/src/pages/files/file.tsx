/** One file beside its folder: what it is, what uses it, and what it contains. */

import { api, ask, type Schemas } from "../../api.ts";
import { isTyping, useKeys } from "../../keyboard.ts";
import { useLoad } from "../../load.ts";
import { Diff } from "../../parts/Code.tsx";
import { Preview } from "../../parts/Preview.tsx";
import { Note, Size, Time } from "../../parts/Text.tsx";
import { go } from "../../route.ts";
import { Download } from "./actions.tsx";
import { IntegrityMark, Repair, Verify } from "./integrity.tsx";
import { Owner, Users } from "./owner.tsx";

type FileRow = Schemas["FileRow"];

/** `before` and `after` are the addresses of the files beside it in the list. */
export function FilePane(props: {
  row: FileRow;
  before?: string;
  after?: string;
  onClose: string;
  onChange: () => void;
}) {
  const { row, before, after } = props;
  useKeys((event) => {
    const there = { ArrowLeft: before, ArrowRight: after }[event.key];
    const isScrolling = (event.target as HTMLElement).closest?.(".source, .sheet, .code");
    if (there && !isTyping(event) && !isScrolling && !event.shiftKey) {
      event.preventDefault();
      go(there, { replace: true });
    }
  });
  const { integrity } = row;
  const isThere = integrity?.state !== "missing";
  const version = `${row.modified} ${row.size_bytes} ${integrity?.state} ${integrity?.checked}`;
  return (
    <article class="card file" aria-label={row.name}>
      <div class="file-head">
        <h2>{row.name}</h2>
        <span class="grow" />
        {isThere ? <Download of={row} small /> : null}
        <Step href={before} label="Previous file" sign="←" />
        <Step href={after} label="Next file" sign="→" />
        <a class="button small" href={props.onClose} aria-label="Close the file">
          ✕
        </a>
      </div>
      <p class="sub">
        <Size of={row.size_bytes} /> · <Time at={row.modified} />
        {row.is_managed ? (
          <>
            {" "}
            · <Owner of={row} /> <Users of={row} />
          </>
        ) : null}
      </p>
      {integrity ? (
        <div class="file-tools">
          <IntegrityMark of={integrity} />
          <span class="grow" />
          <Verify path={row.stored} label="Verify this file" small onDone={props.onChange} />
          {integrity.detail ? <Repair path={row.stored} small onDone={props.onChange} /> : null}
        </div>
      ) : null}
      {integrity?.detail ? <Note kind="bad">{integrity.detail}</Note> : null}
      {integrity?.state === "changed" ? (
        <Changed path={row.path} at={integrity.checked} />
      ) : null}
      {isThere ? <Preview path={row.path} version={version} /> : null}
    </article>
  );
}

function Step(props: { href?: string; label: string; sign: string }) {
  return props.href ? (
    <a class="button small" href={props.href} aria-label={props.label}>
      {props.sign}
    </a>
  ) : (
    <span class="button small" aria-disabled="true">
      {props.sign}
    </span>
  );
}

/** The lines of a changed file that differ from what was saved, where that is known. */
function Changed({ path, at }: { path: string; at: string | null | undefined }) {
  const { data } = useLoad(`changes ${path} ${at}`, (signal) =>
    ask(api.GET("/api/v1/files/{path}/changes", { params: { path: { path } }, signal })),
  );
  return data?.lines?.length ? (
    <>
      <h3>As saved → as it is stored now</h3>
      <Diff lines={data.lines} />
      <h3>As it is stored now</h3>
    </>
  ) : null;
}
