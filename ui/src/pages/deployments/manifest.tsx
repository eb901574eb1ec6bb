/** The manifest of a deployment: what to apply to a Kubernetes cluster with KServe. */

import { useState } from "preact/hooks";
import { api, ask } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, Snippet, shell } from "../../parts/Code.tsx";
import { problemsAt, SelectField, TextField } from "../../parts/Field.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { place, setQuery, withQuery } from "../../route.ts";
import type { TabProps } from "./tab.ts";

type Mode = "Standard" | "Knative";

const MODES = [
  { value: "", label: "that of the server's settings" },
  { value: "Standard", label: "Standard" },
  { value: "Knative", label: "Knative" },
] as const;

export function ManifestTab({ name, deployment }: TabProps) {
  const given = place.value.query;
  const image = given.get("image") ?? "";
  const namespace = given.get("namespace") ?? "";
  const mode = given.get("mode") ?? "";
  const claim = given.get("claim") ?? "";
  const query = {
    image: image || undefined,
    namespace: namespace || undefined,
    claim: claim || undefined,
    mode: (mode as Mode) || undefined,
  };
  const path = withQuery(`/api/v1/deployments/${encodeURIComponent(name)}/manifest`, query);
  const loaded = useLoad(`${path} ${deployment.version}`, (signal) =>
    ask(
      api.GET("/api/v1/deployments/{name}/manifest", {
        params: { path: { name }, query },
        signal,
      }),
    ),
  );
  const problems = loaded.problem?.problems;
  return (
    <>
      <p>
        With this text, KServe runs version {deployment.version} on a Kubernetes cluster. It
        names the version by the digest of its specification, which pins every file: pods with
        other files do not start.
      </p>
      <Settings
        key={path}
        image={image}
        namespace={namespace}
        claim={claim}
        mode={mode}
        problemsOf={(field) => problemsAt(problems, `/${field}`)}
      />
      <Shown loaded={loaded} lines={12}>
        {(found) => (
          <>
            <Snippet label={`Manifest of ${name}`} text={found.yaml} />
            <p class="sub">
              Save it as <code>{name}.yaml</code>, and apply it with{" "}
              <code>kubectl apply --server-side -f {name}.yaml</code>
            </p>
          </>
        )}
      </Shown>
      <SameIn
        ways={{
          python: pythonOf(name, query),
          cli: commandOf(name, query),
          curl: curl("GET", path),
        }}
      />
    </>
  );
}

type Given = Record<string, string | undefined>;

function pythonOf(name: string, query: Given): string {
  const settings = Object.entries(query).flatMap(([key, value]) =>
    value ? [`${key}=${python(value)}`] : [],
  );
  const made = settings.length ? `hopsartifacts.ClusterSettings(${settings.join(", ")})` : "";
  return `deployment = project.get_model_serving().get_deployment(${python(name)})\nprint(deployment.manifest(${made}))`;
}

function commandOf(name: string, query: Given): string {
  const options = Object.entries(query).flatMap(([key, value]) =>
    value ? [` --${key} ${shell(value)}`] : [],
  );
  return `hopsartifacts deployments manifest ${shell(name)}${options.join("")}`;
}

function Settings(props: {
  image: string;
  namespace: string;
  claim: string;
  mode: string;
  problemsOf: (field: string) => ReturnType<typeof problemsAt>;
}) {
  const [image, setImage] = useState(props.image);
  const [namespace, setNamespace] = useState(props.namespace);
  const [claim, setClaim] = useState(props.claim);
  const [mode, setMode] = useState(props.mode);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        setQuery({
          image: image.trim() || undefined,
          namespace: namespace.trim() || undefined,
          claim: claim.trim() || undefined,
          mode: mode || undefined,
        });
      }}
    >
      <TextField
        label="Image"
        value={image}
        onInput={setImage}
        problems={props.problemsOf("image")}
        hint="An image with hopsartifacts and the packages that the scripts import, by its digest. Empty: that of the server's settings."
        isMono
      />
      <TextField
        label="Namespace"
        value={namespace}
        onInput={setNamespace}
        problems={props.problemsOf("namespace")}
        hint="Empty: that of the server's settings, or “default”."
        isMono
      />
      <TextField
        label="Volume claim"
        value={claim}
        onInput={setClaim}
        problems={props.problemsOf("claim")}
        hint="The claim of the volume that contains the project, if the project is a folder."
        isMono
      />
      <SelectField label="Mode" value={mode} options={MODES} onChange={setMode} />
      <div class="form-foot">
        <Action kind="primary" type="submit">
          Show the manifest
        </Action>
      </div>
    </form>
  );
}
