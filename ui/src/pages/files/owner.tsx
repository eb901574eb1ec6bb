/** What a managed file belongs to, and which deployments use it, as links. */

import type { Schemas } from "../../api.ts";
import { to } from "../../route.ts";

type FileRow = Schemas["FileRow"];

const MOST_SHOWN = 5;

/** The address of a model version. */
export function versionPage(model: string, version: number): string {
  return `${to("/models", model)}/versions/${version}`;
}

/** The model version, artifact or deployment that a file belongs to. */
export function Owner({ of }: { of: FileRow }) {
  const it = of.belongs_to;
  if (!it) {
    return null;
  }
  return (
    <>
      {it.deployment ? (
        <>
          deployment <a href={to("/deployments", it.deployment)}>{it.deployment}</a>
          {it.deployment_version ? ` version ${it.deployment_version}` : ""}
          {it.model ? ", which runs " : ""}
        </>
      ) : null}
      {it.artifact ? `artifact ${it.artifact} of ` : ""}
      {it.model ? (
        <>
          model{" "}
          {it.version ? (
            <a href={versionPage(it.model, it.version)}>
              {it.model} version {it.version}
            </a>
          ) : (
            <a href={to("/models", it.model)}>{it.model}</a>
          )}
        </>
      ) : null}
    </>
  );
}

/** The deployments that use a file; nothing for the files of a deployment itself. */
export function Users({ of }: { of: FileRow }) {
  if (of.belongs_to?.deployment || !of.belongs_to?.version) {
    return null;
  }
  return of.deployments.length ? (
    <span>
      · used by <Names names={of.deployments} />
    </span>
  ) : (
    <span>· no deployment uses it</span>
  );
}

/** Links to deployments. */
export function Names({ names }: { names: readonly string[] }) {
  const shown = names.slice(0, MOST_SHOWN);
  return (
    <>
      {shown.map((name, index) => (
        <span key={name}>
          {index ? ", " : ""}
          <a href={to("/deployments", name)}>{name}</a>
        </span>
      ))}
      {names.length > shown.length ? ` and ${names.length - shown.length} more` : ""}
    </>
  );
}
