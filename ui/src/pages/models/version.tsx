/** All about one version of a model. */

import { useState } from "preact/hooks";
import { api, ask, problemOf } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, Snippet, shell } from "../../parts/Code.tsx";
import { confirm } from "../../parts/Dialog.tsx";
import { Menu } from "../../parts/Menu.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Chip, Digest, Size, Time } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { go, to } from "../../route.ts";
import { many, metric } from "../../words.ts";
import { IntegrityMark, Verify } from "../files/integrity.tsx";
import type { PageProps } from "../routes.tsx";
import { askToDeleteVersion, askToSetAlias } from "./actions.tsx";
import { Artifacts } from "./artifacts.tsx";
import {
  about,
  aliasHref,
  archiveHref,
  compareHref,
  contentHref,
  type Detail,
  deployHref,
  deploymentHref,
  fileHref,
  modelHref,
  readValue,
  sentValue,
  shownValue,
  typedValue,
} from "./data.ts";
import { Description } from "./description.tsx";
import { Editable, type Seen } from "./edit.tsx";
import { useModel } from "./frame.tsx";
import { Schema } from "./schema.tsx";

const IMAGES = /^images\/[^/]+\.(png|jpe?g|gif|webp|svg)$/i;
const MOST_FILES = 200;
const SHORT = 100;

/** `/ui/models/:model/versions/:version`. */
export function ModelVersion({ params }: PageProps) {
  const { model = "", version = "" } = params;
  const loaded = useLoad(
    `version ${model} ${version}`,
    (signal) => {
      const params = { path: { model, version } };
      return ask(api.GET("/api/v1/models/{model}/versions/{version}", { params, signal }));
    },
    (event) => about(model)(event) || event.name.startsWith("deployment"),
  );
  const data = loaded.data;
  return (
    <Page
      crumbs={[
        { label: "Models", href: to("/models") },
        { label: model, href: modelHref(model) },
        { label: `version ${version}` },
      ]}
      title={
        <>
          {model} version {version}
          {data ? <Chip>{data.framework}</Chip> : null}
          {data?.aliases.map((alias) => (
            <Chip key={alias} kind="alias" href={aliasHref(model, alias)}>
              {alias}
            </Chip>
          ))}
        </>
      }
      actions={data ? <Actions of={data} /> : null}
    >
      <Shown loaded={loaded} lines={14}>
        {(it) => <About of={it} />}
      </Shown>
    </Page>
  );
}

function Actions({ of }: { of: Detail }) {
  const { model, version } = of;
  return (
    <>
      <Menu label="More">
        <Action
          kind="quiet"
          small
          scope="write"
          onClick={() => askToSetAlias(model, "", version)}
        >
          Set an alias…
        </Action>
        <Action
          kind="quiet"
          small
          scope="write"
          onClick={() => askToDeleteVersion(of, () => go(modelHref(model)))}
        >
          Delete version {version}…
        </Action>
      </Menu>
      <CompareMenu of={of} />
      <Action href={deployHref(model, version)} kind="primary" scope="deploy">
        Deploy
      </Action>
    </>
  );
}

/** The versions that this one is most often compared with. */
function CompareMenu({ of: { model, version } }: { of: Detail }) {
  const found = useModel(model).data;
  const named = Object.entries(found?.aliases ?? {});
  const latest: [string, number][] = found ? [["latest", found.latest]] : [];
  const others = [...named, ...latest].filter(([, other]) => other !== version);
  return (
    <Menu label="Compare">
      {others.map(([name, other]) => (
        <a key={name} class="menu-item" href={compareHref(model, [other, version])}>
          with {name}, version {other}
        </a>
      ))}
      <a class="menu-item" href={compareHref(model, [version])}>
        with another…
      </a>
    </Menu>
  );
}

function About({ of }: { of: Detail }) {
  const images = of.files.filter((it) => IMAGES.test(it.path));
  const files = `${of.path}/Files`;
  return (
    <>
      <Description model={of.model} version={of.version} text={of.description} />
      <div class="split wide-left below">
        <div class="stack">
          <section class="card" aria-label="Metrics">
            <h2>Metrics</h2>
            <Metrics of={of} />
          </section>
          {images.length ? (
            <section class="card" aria-label="Images">
              <h2>Images</h2>
              <div class="images">
                {images.map((it) => (
                  <figure key={it.path}>
                    <a href={fileHref(`${files}/${it.path}`)}>
                      <img
                        src={contentHref(`${files}/${it.path}`)}
                        alt={it.path}
                        loading="lazy"
                      />
                    </a>
                    <figcaption class="sub">{it.path.replace(/^images\//, "")}</figcaption>
                  </figure>
                ))}
              </div>
            </section>
          ) : null}
          <section class="card" aria-label="Schema">
            <h2>Schema</h2>
            <Schema of={of.model_schema} />
          </section>
          <section class="card" aria-label="Input example">
            <h2>Input example</h2>
            {of.input_example === null ? (
              <p class="muted">
                No input example was saved. If there is one, the page of a deployment can send
                it as a request.
              </p>
            ) : (
              <Snippet text={exampleText(of.input_example)} label="Example as JSON" />
            )}
          </section>
          <Files of={of} folder={files} />
          <Artifacts model={of.model} version={of.version} />
        </div>
        <aside class="stack">
          <section class="card" aria-label="Facts">
            <h2>Facts</h2>
            <Facts of={of} folder={files} />
          </section>
          <section class="card" aria-label="Tags">
            <h2>Tags</h2>
            <Tags of={of} />
          </section>
          <section class="card" aria-label="Used by">
            <h2>Used by</h2>
            <Uses of={of} />
          </section>
          <section class="card aside-code" aria-label="Load it">
            <h2>Load it</h2>
            <LoadCode of={of} />
          </section>
        </aside>
      </div>
    </>
  );
}

/** An example on one line if it is short. */
function exampleText(value: unknown): string {
  const short = JSON.stringify(value);
  return short.length <= SHORT ? short : JSON.stringify(value, null, 1);
}

function Metrics({ of }: { of: Detail }) {
  const all = Object.entries(of.metrics);
  if (!all.length) {
    return <p class="muted">No metrics were saved.</p>;
  }
  return (
    <dl class="pairs">
      {all.map(([name, value]) => (
        <div key={name}>
          <dt>
            <a href={`${modelHref(of.model)}?metric=${encodeURIComponent(name)}`}>{name}</a>
          </dt>
          <dd title={String(value)}>{metric(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Facts({ of, folder }: { of: Detail; folder: string }) {
  return (
    <dl>
      <dt>Saved</dt>
      <dd>
        <Time at={of.created} /> by {of.creator}
      </dd>
      <dt>Framework</dt>
      <dd>{of.framework}</dd>
      <dt>Size</dt>
      <dd>
        <Size of={of.size_bytes} /> in {many(of.files.length, "file")}
      </dd>
      <dt>Folder</dt>
      <dd>
        <a class="mono" href={fileHref(folder)}>
          {folder}
        </a>
      </dd>
      <dt>Id</dt>
      <dd class="mono">{of.id}</dd>
      <dt>History</dt>
      <dd>
        <a href={`${modelHref(of.model)}/history`}>everything that happened to {of.model}</a>
      </dd>
    </dl>
  );
}

function Uses({ of }: { of: Detail }) {
  if (!of.deployments.length) {
    return <p class="muted">No deployment uses it.</p>;
  }
  return (
    <ul class="names">
      {of.deployments.map((it) => (
        <li key={`${it.deployment} ${it.version}`}>
          <a href={deploymentHref(it.deployment)}>{it.deployment}</a>{" "}
          <span class="sub">
            version {it.version}
            {it.is_active ? ", active" : ", not active: it can be rolled back to"}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Files({ of, folder }: { of: Detail; folder: string }) {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? of.files : of.files.slice(0, MOST_FILES);
  return (
    <section aria-label="Files">
      <div class="tools">
        <h2>{many(of.files.length, "file")}</h2>
        <span class="grow" />
        <Integrity folder={of.path} />
        <a class="button small" href={archiveHref(folder)} download>
          Download as zip
        </a>
      </div>
      <div class="panel">
        <table>
          <thead>
            <tr>
              <th scope="col">File</th>
              <th scope="col" class="num">
                Size
              </th>
              <th scope="col">SHA-256</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((it) => (
              <tr key={it.path}>
                <td>
                  <a href={fileHref(`${folder}/${it.path}`)}>{it.path}</a>
                </td>
                <td class="num" data-head="Size">
                  <Size of={it.digest.size_bytes} />
                </td>
                <td data-head="SHA-256">
                  <Digest of={it.digest.sha256} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < of.files.length ? (
        <div class="more">
          <button type="button" class="button" onClick={() => setAll(true)}>
            Show all {many(of.files.length, "file")}
          </button>
        </div>
      ) : null}
    </section>
  );
}

/** What the last verification found in the folder of a version, and a new one. */
function Integrity({ folder }: { folder: string }) {
  const { data, reload } = useLoad(`row ${folder}`, (signal) =>
    ask(api.GET("/api/v1/files/{path}", { params: { path: { path: folder } }, signal })),
  );
  return (
    <>
      {data?.integrity ? (
        <span role="status">
          <IntegrityMark of={data.integrity} isBrief />{" "}
          {data.integrity.checked ? (
            <span class="sub">
              <Time at={data.integrity.checked} />
            </span>
          ) : null}
        </span>
      ) : null}
      <Verify path={folder} label="Verify" small onDone={reload} />
    </>
  );
}

function LoadCode({ of }: { of: Detail }) {
  const { model, version } = of;
  const alias = of.aliases[0];
  const lines = [
    "mr = project.get_model_registry()",
    `model = mr.get_model(${python(model)}, version=${version})`,
    ...(alias ? [`# or: mr.get_model(${python(model)}, alias=${python(alias)})`] : []),
    "folder = model.download()",
  ];
  return (
    <>
      <Snippet text={lines.join("\n")} label="Python" />
      <h3>Command line</h3>
      <Snippet
        text={`hopsartifacts models download ${shell(model)} ${version}`}
        label="Shell"
      />
    </>
  );
}

function Tags({ of }: { of: Detail }) {
  const all = Object.entries(of.tags as Record<string, unknown>);
  return (
    <>
      {all.length ? null : <p class="muted">No tags yet.</p>}
      {all.map(([tag, value]) => (
        <Tag key={tag} of={of} tag={tag} value={value} />
      ))}
      <NewTag of={of} />
    </>
  );
}

const TAG = "/api/v1/models/{model}/versions/{version}/tags/{tag}";
const HINT = "Text, or JSON such as 3, true or a list.";

function waysToTag({ model, version }: Detail, tag: string, value: unknown) {
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}/tags/${encodeURIComponent(tag)}`;
  return {
    python: `mr = project.get_model_registry()\nmr.get_model(${python(model)}, ${version}).set_tag(${python(tag)}, ${python(value)})`,
    cli: `hopsartifacts models tag ${shell(model)} ${version} ${shell(`${tag}=${typedValue(value)}`)}`,
    curl: curl("PUT", path, value),
  };
}

function Tag({ of, tag, value }: { of: Detail; tag: string; value: unknown }) {
  const path = { model: of.model, version: String(of.version), tag };
  const read = async (): Promise<Seen> => {
    const { data, error, response } = await api.GET(TAG, { params: { path } });
    if (!response.ok) {
      throw problemOf(response, error);
    }
    return { text: typedValue(data), etag: response.headers.get("etag") ?? "" };
  };
  const write = async (text: string, etag: string) =>
    ask(
      api.PUT(TAG, {
        params: { path, header: { "If-Match": etag } },
        body: sentValue(text),
      }),
    );
  return (
    <Editable
      label={`Tag ${tag}`}
      text={typedValue(value)}
      lines={2}
      hint={HINT}
      read={read}
      write={write}
      ways={(text) => waysToTag(of, tag, readValue(text))}
      more={
        <Action
          kind="quiet"
          small
          scope="write"
          label={`Delete tag ${tag}`}
          onClick={() => askToDeleteTag(of, tag, value)}
        >
          Delete
        </Action>
      }
    >
      <span class="text">
        <b>{tag}</b> {shownValue(value)}
      </span>
    </Editable>
  );
}

function askToDeleteTag(of: Detail, tag: string, value: unknown): void {
  const { model, version } = of;
  confirm({
    title: `Delete tag ${tag} of version ${version}?`,
    action: "Delete tag",
    isDangerous: true,
    body: (
      <p>
        Its value <b>{shownValue(value)}</b> stays in the history of {model}.
      </p>
    ),
    run: async () => {
      const path = { model, version: String(version), tag };
      await ask(api.DELETE(TAG, { params: { path } }));
      toast(`Deleted tag ${tag}`);
    },
  });
}

function NewTag({ of }: { of: Detail }) {
  const [isOpen, setOpen] = useState(false);
  const [tag, setTag] = useState("");
  const [text, setText] = useState("");
  if (!isOpen) {
    return (
      <Action kind="quiet" small scope="write" onClick={() => setOpen(true)}>
        Add a tag
      </Action>
    );
  }
  const path = { model: of.model, version: String(of.version), tag };
  const add = async () => {
    await ask(
      api.PUT(TAG, {
        params: { path, header: { "If-None-Match": "*" } },
        body: sentValue(text),
      }),
    );
    toast(`Tag ${tag} added`);
    setTag("");
    setText("");
    setOpen(false);
  };
  return (
    <fieldset>
      <legend>New tag</legend>
      <label class="field">
        <span>Name</span>
        <input
          class="input"
          value={tag}
          onInput={(event) => setTag(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Value</span>
        <input
          class="input"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <span class="hint">{HINT}</span>
      </label>
      <div class="acts">
        <Action
          kind="primary"
          small
          scope="write"
          disabledBy={tag ? "" : "Give it a name first."}
          onClick={add}
        >
          Add
        </Action>
        <Action small onClick={() => setOpen(false)}>
          Cancel
        </Action>
        <SameIn ways={waysToTag(of, tag || "name", readValue(text))} />
      </div>
    </fieldset>
  );
}
