/** The box beside the form: what saving it would do, and what is in the way. */

import type { ComponentChildren } from "preact";
import type { FieldProblem } from "../../../api.ts";
import { Changes as Differences, FileChanges } from "../../../parts/Changes.tsx";
import { Problem, Waiting } from "../../../parts/Problem.tsx";
import { Chip, Digest, Note, Size, State } from "../../../parts/Text.tsx";
import { to } from "../../../route.ts";
import { many, sentence } from "../../../words.ts";
import type { Check, Checked } from "./check.ts";
import type { Form } from "./state.ts";

type Artifact = NonNullable<Check["artifact"]>;
type Difference = NonNullable<Check["difference"]>;

/** The two boxes: what will happen, and what is to be done before. */
export function Outcome(props: {
  checked: Checked;
  form: Form;
  /** The version that is edited; undefined for a new deployment. */
  edited?: { name: string; version: number };
  /** Whether the problems at a pointer are shown already. */
  isShown: (pointer: string) => boolean;
}) {
  const { check, isOld, failure } = props.checked;
  const problems = props.checked.problems.filter(({ pointer }) => props.isShown(pointer));
  return (
    <aside aria-label="What will happen">
      <div class="card" aria-busy={isOld}>
        <h2>
          What will happen <span class="sub">{isOld ? "checking…" : ""}</span>
        </h2>
        <div aria-live="polite">
          {failure ? <Problem problem={failure} /> : null}
          {check ? (
            <What
              check={check}
              edited={props.edited}
              form={props.form}
              isPossible={!problems.length}
            />
          ) : null}
          {check || failure || !isOld ? null : <Waiting lines={5} />}
        </div>
      </div>
      <Before problems={problems} check={check} />
    </aside>
  );
}

function What(props: {
  check: Check;
  edited?: { name: string; version: number };
  form: Form;
  /** Whether it could be saved. */
  isPossible: boolean;
}) {
  const { draft } = props.form.base;
  const { artifact, model, runs_here, model_server, difference, scripts } = props.check;
  if (!model) {
    return <p class="muted">Pick a model: then this box says what saving would do.</p>;
  }
  return (
    <>
      {props.edited && difference ? (
        <Changes difference={difference} of={props.edited} />
      ) : null}
      {artifact ? (
        <ArtifactNote
          artifact={artifact}
          model={model.name}
          version={model.version}
          kept={
            draft.model_version === model.version ? Number(draft.artifact_version) : undefined
          }
        />
      ) : null}
      <dl>
        <dt>Model files</dt>
        <dd>
          {many(model.files, "file")}, <Size of={model.size_bytes} />,{" "}
          <Digest of={model.manifest} />
        </dd>
        {model_server ? (
          <>
            <dt>Model server</dt>
            <dd class="mono">{model_server}</dd>
          </>
        ) : null}
        {scripts.length ? (
          <>
            <dt>Imports</dt>
            <dd>
              <Imports scripts={scripts} />
            </dd>
          </>
        ) : null}
        {runs_here && props.isPossible ? (
          <>
            <dt>Runs here</dt>
            <dd>
              {runs_here.is_possible ? (
                <State tone="ok" word="yes" />
              ) : (
                <State tone="bad" word="no">
                  it can be saved, and started on a machine that has what is missing here
                </State>
              )}
            </dd>
          </>
        ) : null}
      </dl>
    </>
  );
}

function Imports({ scripts }: { scripts: Check["scripts"] }) {
  const all = new Map(scripts.flatMap((it) => it.imports.map((one) => [one.module, one])));
  return all.size ? (
    <span class="chips">
      {[...all.values()].map((it) => (
        <Chip key={it.module}>
          {it.module}
          {it.is_here ? null : <b class="missing">missing</b>}
        </Chip>
      ))}
    </span>
  ) : (
    <>none</>
  );
}

/** What happens to the artifact version, by the action that the server names. */
const HEADS: Record<Artifact["action"], (number: number | null) => string> = {
  create: (number) => `Artifact version ${number} will be created.`,
  reuse: (number) => `Artifact version ${number} will be reused.`,
  keep: (number) => `Artifact version ${number} is kept.`,
  none: (number) => `Artifact version ${number}, without files.`,
  unknown: () => "The artifact version is not known yet.",
};

function ArtifactNote(props: {
  artifact: Artifact;
  model: string;
  version: number;
  kept?: number;
}) {
  const { artifact, model, version } = props;
  const { nearest, used_by, files, compared } = artifact;
  // The one that the deployment has already.
  const isSame = props.kept !== undefined && artifact.version === props.kept;
  const action = isSame && artifact.action === "reuse" ? "keep" : artifact.action;
  const link = (number: number) => {
    const folder = `Models/${model}/${version}/Artifacts/${number}`;
    return <a href={to("/files", ...folder.split("/"))}>version {number}</a>;
  };
  let why: ComponentChildren = artifact.sentence;
  if (action === "create" && nearest) {
    why = (
      <>
        No artifact version has these files. The most similar is {link(nearest.version)}
        <Users names={nearest.used_by} />
        {nearest.lines ? `; ${many(nearest.lines, "line")} differ` : ""}.
      </>
    );
  } else if (action === "create" && !compared) {
    why = `It will have ${files.join(", ")}.`;
  } else if (artifact.action === "reuse" && artifact.version) {
    why = (
      <>
        The files are those of {link(artifact.version)}
        <Users names={used_by} />.
      </>
    );
  }
  return (
    <>
      <Note>
        <b title={artifact.sentence}>{HEADS[action](artifact.version)}</b>
        <br />
        {why}
      </Note>
      {/* The difference to the version that is edited is shown already. */}
      {nearest && nearest.version !== props.kept ? <FileChanges files={nearest.files} /> : null}
    </>
  );
}

function Users({ names }: { names: readonly string[] }) {
  return names.length ? (
    <>
      {", used by "}
      {names.map((it, index) => (
        <span key={it}>
          {index ? ", " : ""}
          <a href={to("/deployments", it)}>{it}</a>
        </span>
      ))}
    </>
  ) : null;
}

function Changes(props: { difference: Difference; of: { name: string; version: number } }) {
  const { difference, of } = props;
  const isSame = !difference.settings.length && !difference.files.files.length;
  return (
    <Note kind={isSame ? undefined : "warn"}>
      <b>
        {isSame
          ? `Nothing differs from version ${of.version}.`
          : `Differs from version ${of.version}, which is active:`}
      </b>
      {isSame ? (
        <div>Saving would not create another version.</div>
      ) : (
        <Differences of={difference} none="" />
      )}
    </Note>
  );
}

function Before({ problems, check }: { problems: readonly FieldProblem[]; check?: Check }) {
  const reasons = check?.runs_here?.reasons ?? [];
  if (!problems.length && !reasons.length) {
    return null;
  }
  return (
    <div class="card">
      <h2>{problems.length ? "Fix this first" : "Before it can start here"}</h2>
      {problems.map((it) => (
        <Note key={it.pointer + it.detail} kind="bad">
          {sentence(it.detail)} {it.fix ? sentence(it.fix) : ""}
        </Note>
      ))}
      {reasons.map((it) => (
        <Note key={it} kind="warn">
          {sentence(it)}
        </Note>
      ))}
    </div>
  );
}
