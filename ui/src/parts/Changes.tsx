/** How two things differ: values with what was before and after, and files with lines. */

import type { Schemas } from "../api.ts";
import { Diff } from "./Code.tsx";
import { Digest } from "./Text.tsx";

type Difference = Schemas["DeploymentDifference"];
type File = Schemas["FileDifference"];

const SHORT = 40;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Settings that are digests and ids: they differ with what they are of. */
const IDENTIFIERS: readonly string[] = ["artifact.identity", "model.id", "model.manifest"];

/** What the columns of both sides are called. */
type Heads = readonly [before: string, after: string];

/** Settings that differ, then files; a sentence if nothing does. */
export function Changes(props: { of: Difference; none: string; heads?: Heads }) {
  const { settings, files } = props.of;
  const rows = settings.filter((it) => !IDENTIFIERS.includes(it.name));
  const hidden = settings.filter((it) => IDENTIFIERS.includes(it.name));
  return settings.length || files.files.length ? (
    <>
      {rows.length ? <Values rows={rows} heads={props.heads} /> : null}
      <FileChanges files={files.files} />
      {hidden.length ? (
        <details>
          <summary class="sub">Digests and ids that differ</summary>
          <Values rows={hidden} heads={props.heads} />
        </details>
      ) : null}
    </>
  ) : (
    <p>{props.none}</p>
  );
}

/** Values that differ, as a table. */
export function Values(props: { rows: Difference["settings"]; heads?: Heads }) {
  const { rows, heads: [before, after] = ["Before", "After"] } = props;
  return (
    <div class="panel">
      <table aria-label="Settings that differ" class="changes">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">{before}</th>
            <th scope="col">{after}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((it) => (
            <tr key={it.name}>
              <td class="mono first" data-head="Setting">
                {it.name}
              </td>
              <td data-head={before}>
                <Value of={it.before} name="del" />
              </td>
              <td data-head={after}>
                <Value of={it.after} name="add" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Value({ of, name }: { of: unknown; name: string }) {
  if (of === null || of === undefined) {
    return <span class="muted">–</span>;
  }
  if (typeof of === "string" && DIGEST.test(of)) {
    return (
      <span class={name}>
        <Digest of={of} />
      </span>
    );
  }
  return <span class={`mono ${name}`}>{typeof of === "string" ? of : JSON.stringify(of)}</span>;
}

/** Files that differ; the lines of short differences are open. */
export function FileChanges({ files }: { files: readonly File[] }) {
  return (
    <>
      {files.map((it) => (
        <details
          key={it.path}
          class="file-change"
          open={it.change === "changed" && it.lines.length <= SHORT}
        >
          <summary>
            <span class="mono">
              {it.before_path ? `${it.before_path} → ${it.path}` : it.path}
            </span>{" "}
            <span class="sub">{it.change}</span>
          </summary>
          <Lines of={it} />
        </details>
      ))}
    </>
  );
}

/** The lines of a file that differ; the name in the first two is said above them. */
function Lines({ of: { lines } }: { of: File }) {
  const isDiff = lines[0]?.startsWith("---");
  if (!isDiff) {
    return <p class="sub">{lines[0] ?? "The file is empty."}</p>;
  }
  return <Diff lines={lines.slice(2)} />;
}
