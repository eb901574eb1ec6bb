/** Where a deployment answers, and a call of it in several languages. */

import { api, ask, type Schemas } from "../../api.ts";
import { useLoad } from "../../load.ts";
import { curl, json, python, Snippet } from "../../parts/Code.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Copy } from "../../parts/Text.tsx";
import { place, setQuery } from "../../route.ts";
import type { TabProps } from "./tab.ts";

type Endpoint = Schemas["DeploymentEndpoint"];

const PLACES: Record<Endpoint["place"], string> = {
  server: "Through this server",
  inference_port: "At the port for predictions",
  process: "At the deployment itself, on the server's machine only",
};

/** Where the example comes from, in words. */
export const SOURCES: Record<NonNullable<Schemas["Endpoints"]["example"]>, string> = {
  golden_request: "the golden request of the deployment",
  input_example: "the input example of the model",
};

type Write = (endpoint: Endpoint, name: string) => string;

const LANGUAGES: Record<string, { readonly label: string; readonly write: Write }> = {
  curl: {
    label: "curl",
    write: ({ url, body, needs_key }) => curl("POST", url, body, needs_key),
  },
  requests: { label: "Python", write: requests },
  client: { label: "Hopsworks client", write: client },
  javascript: { label: "JavaScript", write: javascript },
};

/** Read where a deployment answers; again when its state changes. */
export function useEndpoints(name: string) {
  return useLoad(
    `endpoints ${name}`,
    (signal) => {
      const params = { path: { name } };
      return ask(api.GET("/api/v1/deployments/{name}/endpoints", { params, signal }));
    },
    (event) => event.name === "deployment" && event.data.name === name,
  );
}

export function Calls({ name }: TabProps) {
  const loaded = useEndpoints(name);
  return (
    <section class="card" aria-label="Endpoints">
      <h2>Endpoints</h2>
      <Shown loaded={loaded} lines={8}>
        {(data) => <Endpoints name={name} of={data} />}
      </Shown>
    </section>
  );
}

function idOf(endpoint: Endpoint): string {
  return `${endpoint.place}-${endpoint.protocol}`;
}

function Endpoints({ name, of }: { name: string; of: Schemas["Endpoints"] }) {
  const query = place.value.query;
  const callable = of.endpoints.filter((it) => it.body !== null);
  const chosen = callable.find((it) => idOf(it) === query.get("endpoint")) ?? callable[0];
  const language = LANGUAGES[query.get("language") ?? ""] ?? LANGUAGES.curl;
  return (
    <>
      {of.is_answering ? null : (
        <p class="sub">The deployment does not answer now: start it, and wait until it runs.</p>
      )}
      <ul class="endpoints">
        {of.endpoints.map((it) => (
          <li key={idOf(it)}>
            <span class="chip">{it.protocol}</span>
            <span class="mono url">{it.url}</span>
            <Copy text={it.url} />
            <div class="sub">
              {PLACES[it.place]}
              {it.needs_key ? ", with an API key" : ""}
            </div>
          </li>
        ))}
      </ul>
      {chosen && language ? (
        <>
          <h3>Call it</h3>
          <div class="tools">
            {callable.length > 1 ? (
              <select
                class="input"
                aria-label="Endpoint"
                value={idOf(chosen)}
                onChange={(event) => setQuery({ endpoint: event.currentTarget.value })}
              >
                {callable.map((it) => (
                  <option key={idOf(it)} value={idOf(it)}>
                    {it.protocol} · {PLACES[it.place]}
                  </option>
                ))}
              </select>
            ) : null}
            <fieldset class="picks">
              <legend class="hidden">Language</legend>
              {Object.entries(LANGUAGES).map(([id, it]) => (
                <button
                  key={id}
                  type="button"
                  class={`chip pick ${it === language ? "on" : ""}`}
                  aria-pressed={it === language}
                  onClick={() => setQuery({ language: id })}
                >
                  {it.label}
                </button>
              ))}
            </fieldset>
          </div>
          <Snippet text={language.write(chosen, name)} label={`Call in ${language.label}`} />
          {of.example ? <p class="sub">The rows are {SOURCES[of.example]}.</p> : null}
        </>
      ) : (
        <p class="sub">
          There is no example request: the model has no input example, and the deployment no
          golden request. Save the next version of the model with <code>input_example=</code>.
        </p>
      )}
    </>
  );
}

function requests({ url, body, needs_key }: Endpoint): string {
  const lines = ["import requests", ""];
  if (needs_key) {
    lines.push('key = open("key.txt").read().strip()');
  }
  lines.push("answer = requests.post(", `    ${JSON.stringify(url)},`);
  if (needs_key) {
    lines.push('    headers={"Authorization": f"ApiKey {key}"},');
  }
  lines.push(`    json=${python(body)},`, ")", "answer.raise_for_status()");
  return `${lines.join("\n")}\nprint(answer.json())`;
}

function client({ body }: Endpoint, name: string): string {
  const { hostname, port, protocol } = location;
  const at = port || (protocol === "https:" ? "443" : "80");
  return `import hopsworks

key = open("key.txt").read().strip()
project = hopsworks.login(host=${JSON.stringify(hostname)}, port=${at}, api_key_value=key)
deployment = project.get_model_serving().get_deployment(${JSON.stringify(name)})
print(deployment.predict(${python(body)}))`;
}

function javascript({ url, body, needs_key }: Endpoint): string {
  const key = needs_key ? '\n    Authorization: "ApiKey " + key,' : "";
  return `const answer = await fetch(${JSON.stringify(url)}, {
  method: "POST",
  headers: {${key}
    "Content-Type": "application/json",
  },
  body: JSON.stringify(${json(body, "  ")}),
});
if (!answer.ok) throw new Error(await answer.text());
console.log(await answer.json());`;
}
