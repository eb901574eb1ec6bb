/** What a deployment runs besides the model: the files of its artifact, with their source. */

import { api, ask, type Schemas } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { curl, python, SameIn, shell } from "../../parts/Code.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Source } from "../../parts/Source.tsx";
import { Digest, Note, Size } from "../../parts/Text.tsx";
import { place, to } from "../../route.ts";
import { type Deployment, errorIn, lineOf, type TabProps } from "./tab.ts";

type Artifact = Schemas["ArtifactDetail"];

export function ArtifactTab({ name, deployment }: TabProps) {
  const { model, artifact } = deployment.specification;
  const number = artifact.version;
  const path = { model: model.name, version: String(model.version), artifact: String(number) };
  const loaded = useLoad(
    `artifact ${model.name} ${model.version} ${number}`,
    (signal) =>
      ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", {
          params: { path },
          signal,
        }),
      ),
    ["deployment", "deployment-removed"],
  );
  return (
    <>
      <Explained name={name} />
      <Shown loaded={loaded}>
        {(found) =>
          found.files.length ? (
            <Files of={found} name={name} deployment={deployment} />
          ) : (
            <p>
              Artifact version {number} has no files: the model server runs the model without
              scripts.
            </p>
          )
        }
      </Shown>
      <SameIn ways={waysOf(name, deployment)} />
    </>
  );
}

/** Which artifact version has these files, and why, in the server's words. */
function Explained({ name }: { name: string }) {
  const loaded = useLoad(
    `explanation ${name}`,
    (signal) =>
      ask(
        api.GET("/api/v1/deployments/{name}/explanation", {
          params: { path: { name } },
          signal,
        }),
      ),
    (event) => event.name === "deployment" && event.data.name === name,
  );
  return (
    <Shown loaded={loaded} lines={1}>
      {(found) => <Note>{found.text}</Note>}
    </Shown>
  );
}

function Files(props: { of: Artifact; name: string; deployment: Deployment }) {
  const { of: artifact, name } = props;
  const query = place.value.query;
  const asked = query.get("file");
  const shown =
    artifact.files.find((it) => it.name === asked || it.name === `${it.role}-${asked}`) ??
    artifact.files.find((it) => it.role === "predictor") ??
    artifact.files[0];
  const line = Number(query.get("line")) || undefined;
  const error = errorIn(props.deployment);
  const isIn = error && shown?.name === error.file && error.line !== null;
  const users = artifact.deployments.filter((it) => it.deployment !== name);
  return (
    <div class="tab">
      <div class="panel">
        <table aria-label="Files of the artifact">
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col">Role</th>
              <th scope="col" class="num">
                Size
              </th>
              <th scope="col">SHA-256</th>
              <th scope="col" />
            </tr>
          </thead>
          <tbody>
            {artifact.files.map((it) => (
              <tr key={it.name}>
                <td class="first" data-head="File">
                  <a
                    class="mono"
                    href={lineOf(name, it.name, "")}
                    aria-current={it === shown ? "true" : undefined}
                  >
                    {it.name}
                  </a>
                </td>
                <td data-head="Role">{it.role}</td>
                <td class="num" data-head="Size">
                  <Size of={it.size_bytes} />
                </td>
                <td data-head="SHA-256">
                  <Digest of={it.sha256} />
                </td>
                <td>
                  <a
                    class="button small"
                    href={sealed(props.deployment, it.name)}
                    download={it.name}
                    aria-label={`Download ${it.name}`}
                  >
                    Download
                  </a>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="sub">
        Artifact version {artifact.version} of {props.deployment.model} version{" "}
        {props.deployment.model_version}:{" "}
        <a href={to("/files", ...artifact.path.split("/"))}>{artifact.path}</a>, identity{" "}
        <Digest of={artifact.identity} />
        {users.length ? (
          <>
            ; also run by{" "}
            {[...new Set(users.map((it) => it.deployment))].map((it, index) => (
              <span key={it}>
                {index ? ", " : ""}
                <a href={to("/deployments", it)}>{it}</a>
              </span>
            ))}
          </>
        ) : null}
      </p>
      {shown ? (
        <section aria-labelledby="source">
          <h2 id="source" class="mono">
            {shown.name}
          </h2>
          <Source
            path={`${artifact.path}/${shown.name}`}
            line={line}
            remark={
              isIn
                ? {
                    line: error.line ?? 0,
                    text: error.type ? `${error.type}: ${error.message}` : error.message,
                  }
                : undefined
            }
            hrefOf={(number) => lineOf(name, shown.name, number)}
          />
        </section>
      ) : null}
    </div>
  );
}

/** The address of the bytes of a file as they were sealed. */
function sealed({ specification }: Deployment, file: string): string {
  const { model, artifact } = specification;
  const parts = [model.name, "versions", model.version, "artifacts", artifact.version, "files"];
  return `/api/v1/models/${[...parts, file].map(encodeURIComponent).join("/")}`;
}

function waysOf(name: string, deployment: Deployment) {
  const { model, artifact } = deployment.specification;
  return {
    python: `deployment = project.get_model_serving().get_deployment(${python(name)})\nprint(deployment.explain())\ndeployment.download_artifact()`,
    cli: `hopsartifacts artifacts show ${shell(model.name)} ${model.version} ${artifact.version}`,
    curl: curl(
      "GET",
      `/api/v1/models/${encodeURIComponent(model.name)}/versions/${model.version}/artifacts/${artifact.version}`,
    ),
  };
}
