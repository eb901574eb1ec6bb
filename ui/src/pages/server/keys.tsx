/** API keys: list, create, revoke. */

import { useState } from "preact/hooks";
import {
  api,
  ask,
  me,
  type ProblemError,
  problemIn,
  type Schemas,
  type Scope,
} from "../../api.ts";
import { Page } from "../../frame.tsx";
import { useLoad, usePages } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import {
  curl,
  Example,
  ForCurl,
  SameIn,
  Snippet,
  shell,
  type Ways,
} from "../../parts/Code.tsx";
import { confirm, Dialog } from "../../parts/Dialog.tsx";
import { CheckField, problemsAt, TextField } from "../../parts/Field.tsx";
import { Empty, Shown } from "../../parts/Problem.tsx";
import { type Column, sortOf, Table } from "../../parts/Table.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { Chip, Note, State, Time, type Tone } from "../../parts/Text.tsx";
import { toast } from "../../parts/Toast.tsx";
import { to, withQuery } from "../../route.ts";
import { logOut } from "../../session.ts";
import { many } from "../../words.ts";

type Row = Schemas["KeyRow"];

const LIST = "/api/v1/keys";
const DAY_S = 86_400;

export const TABS = [
  { label: "API keys", href: to("/keys") },
  { label: "Your logins", href: to("/keys/logins") },
];

/** How a key's state looks. */
const TONES: Record<Row["state"], Tone> = { valid: "ok", expired: "warn", revoked: "off" };

function columns(reload: () => void): readonly Column<Row>[] {
  return [
    {
      id: "name",
      head: "Name",
      isSorted: true,
      cell: (it) => (
        <>
          <b>{it.name}</b> {it.is_own ? <Chip>you use it now</Chip> : null}
        </>
      ),
    },
    {
      id: "state",
      head: "State",
      isSorted: true,
      cell: (it) => (
        <State tone={TONES[it.state]} word={it.state}>
          {it.revoked ? <Time at={it.revoked} /> : null}
        </State>
      ),
    },
    {
      id: "scopes",
      head: "Scopes",
      cell: (it) => (
        <span class="chips">
          {it.scopes.map((scope) => (
            <Chip key={scope}>{scope}</Chip>
          ))}
        </span>
      ),
    },
    {
      id: "sessions",
      head: "Browsers",
      isNumber: true,
      cell: (it) => it.sessions || <span class="muted">–</span>,
    },
    { id: "created", head: "Created", isSorted: true, cell: (it) => <Time at={it.created} /> },
    {
      id: "expires",
      head: "Expires",
      isSorted: true,
      cell: (it) => (it.expires ? <Time at={it.expires} /> : "never"),
    },
    { id: "id", head: "Id", cell: (it) => <span class="mono">{it.id}</span> },
    {
      id: "actions",
      head: "",
      cell: (it) =>
        it.state === "valid" ? (
          <Action small scope="admin" onClick={() => askToRevoke(it, reload)}>
            Revoke
          </Action>
        ) : null,
    },
  ];
}

function askToRevoke(row: Row, reload: () => void): void {
  confirm({
    title: `Revoke the key ${row.name}?`,
    action: "Revoke",
    isDangerous: true,
    body: (
      <>
        <p>
          Requests with the key <b>{row.name}</b> (<span class="mono">{row.id}</span>) are
          refused from now on, and {many(row.sessions, "browser")} that it logged in{" "}
          {row.sessions === 1 ? "is" : "are"} logged out. This cannot be undone. Models and
          deployments that were created with the key keep its name as their creator.
        </p>
        {row.is_own ? (
          <Note kind="warn">You use this key now: you will be logged out.</Note>
        ) : null}
        <SameIn
          ways={{
            cli: `hopsartifacts keys revoke ${shell(row.id)}`,
            curl: curl("DELETE", `${LIST}/${row.id}`),
          }}
        />
      </>
    ),
    run: async () => {
      const params = { path: { key: row.id } };
      await ask(api.DELETE("/api/v1/keys/{key}", { params }));
      toast(`The key ${row.name} is revoked`);
      reload();
    },
  });
}

export function KeysPage() {
  const [isOpen, setOpen] = useState(false);
  const sort = sortOf("-created");
  const list = withQuery(LIST, { sort });
  const pages = usePages<Row>(
    me.value?.has_keys === false ? null : list,
    (cursor, limit, signal) =>
      ask(api.GET("/api/v1/keys", { params: { query: { cursor, limit, sort } }, signal })),
  );
  return (
    <Page
      crumbs={[{ label: "Keys" }]}
      title="Keys"
      actions={
        <Action
          kind="primary"
          scope="admin"
          disabledBy={me.value?.has_keys === false ? "This server has no API keys." : ""}
          onClick={() => setOpen(true)}
        >
          Create key
        </Action>
      }
    >
      <Tabs tabs={TABS} label="Keys" />
      {me.value?.has_keys === false ? (
        <NoKeys />
      ) : (
        <>
          <Table
            label="API keys"
            pages={pages}
            columns={columns(pages.reload)}
            idOf={(it) => it.id}
            sort="-created"
            empty={
              <Empty title="No keys yet">
                <Example way="cli" code={CREATE} />
              </Empty>
            }
          />
          <SameIn ways={{ cli: "hopsartifacts keys list", curl: curl("GET", list) }} />
        </>
      )}
      {isOpen ? (
        <Create
          onClose={() => setOpen(false)}
          onMade={() => {
            pages.reload();
          }}
        />
      ) : null}
    </Page>
  );
}

function NoKeys() {
  return (
    <Empty title="This server has no keys">
      <p>
        It serves the project only to you, the user who runs it. To share the project, create a
        key for each person, and start a server for others:
      </p>
      <Example way="cli" code={`${CREATE}\nhopsartifacts serve --host 0.0.0.0`} />
    </Empty>
  );
}

/** With the smallest scope, so that nobody gets more by accident. */
const CREATE =
  "hopsartifacts keys create NAME --scope read   # or write, deploy, admin: docs/server.md";

/** The form for a key, and then the key, which is shown only once. */
function Create(props: { onClose: () => void; onMade: () => void }) {
  const scopes = useLoad("scopes", (signal) => ask(api.GET("/api/v1/scopes", { signal })));
  const [name, setName] = useState("");
  const [days, setDays] = useState("");
  const [chosen, setChosen] = useState<readonly Scope[] | null>(null);
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [made, setMade] = useState<Schemas["MadeKey"] | null>(null);
  if (made) {
    return <Made made={made} onClose={props.onClose} />;
  }
  const given =
    // The smallest one, so that nobody gets more by accident.
    chosen ?? (["read"] as const);
  const body = {
    name: name.trim(),
    scopes: [...given],
    expires_in_s: days.trim() ? Number(days) * DAY_S : null,
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      setMade(await ask(api.POST("/api/v1/keys", { body })));
      props.onMade();
    } catch (cause) {
      setProblem(problemIn(cause));
    } finally {
      setBusy(false);
    }
  };
  const at = (pointer: string) => problemsAt(problem?.problems, pointer);
  const isPlaced = ["/name", "/scopes", "/expires_in_s"].some((it) => at(it).length);
  return (
    <Dialog title="Create a key" onClose={props.onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <TextField
          label="Name"
          value={name}
          onInput={setName}
          problems={at("/name")}
          hint="The person or the program that will use the key. What is created with the key has this name as its creator."
        />
        <Shown loaded={scopes} lines={4}>
          {(known) => (
            <fieldset class="field scopes">
              <legend>Scopes</legend>
              {known.map((it) => {
                const by = known.find(
                  (other) => given.includes(other.scope) && other.includes.includes(it.scope),
                );
                return (
                  <CheckField
                    key={it.scope}
                    label={it.scope}
                    isOn={given.includes(it.scope) || Boolean(by)}
                    disabledBy={
                      by && !given.includes(it.scope)
                        ? `${it.allows} (included in “${by.scope}”)`
                        : ""
                    }
                    hint={it.allows}
                    onChange={(isOn) =>
                      setChosen(
                        known
                          .map((other) => other.scope)
                          .filter((other) =>
                            other === it.scope ? isOn : given.includes(other),
                          ),
                      )
                    }
                  />
                );
              })}
              {at("/scopes").map((found) => (
                <div key={found.detail} class="hint bad" role="alert">
                  {found.detail}
                </div>
              ))}
            </fieldset>
          )}
        </Shown>
        <TextField
          label="Expires after days"
          type="number"
          value={days}
          onInput={setDays}
          problems={at("/expires_in_s")}
          hint="If this is empty, the key does not expire: it is valid until it is revoked."
        />
        <div role="alert">
          {problem && !isPlaced ? <Note kind="bad">{problem.detail}</Note> : null}
        </div>
        <SameIn ways={waysToCreate(body)} />
        <div class="dialog-foot">
          <Action onClick={props.onClose}>Cancel</Action>
          <Action kind="primary" type="submit">
            {isBusy ? "Creating…" : "Create"}
          </Action>
        </div>
      </form>
    </Dialog>
  );
}

function waysToCreate(body: Schemas["NewKey"]): Ways {
  const scopes = (body.scopes ?? []).map((it) => ` --scope ${it}`).join("");
  const life = body.expires_in_s ? ` --expires ${body.expires_in_s}` : "";
  return {
    cli: `hopsartifacts keys create ${shell(body.name || "NAME")}${scopes}${life}`,
    curl: curl("POST", LIST, body),
  };
}

function Made({ made, onClose }: { made: Schemas["MadeKey"]; onClose: () => void }) {
  return (
    <Dialog
      title={`The key ${made.name}`}
      onClose={onClose}
      footer={
        <Action kind="primary" onClick={onClose}>
          Done
        </Action>
      }
      isWide
    >
      <Note kind="warn">
        Copy it now: it is shown only once. The server keeps a hash of it.
      </Note>
      <Snippet text={made.key} label="API key" />
      <p class="sub">
        Give it to the person or program over a channel that others cannot read. In a browser it
        is pasted once, at the login; programs send it with each request:
      </p>
      <Snippet
        text={`curl ${location.origin}/api/v1/me -H "Authorization: ApiKey ${made.key}"`}
        label="A request with it"
      />
      <ForCurl />
      <p class="sub">
        The address of this server is <code>{location.origin}</code>.
      </p>
    </Dialog>
  );
}

/** The browsers that are logged in with the caller's key. */
export function Logins() {
  const sort = sortOf("-used");
  const list = withQuery("/api/v1/sessions", { sort });
  const pages = usePages<Schemas["SessionRow"]>(list, (cursor, limit, signal) =>
    ask(api.GET("/api/v1/sessions", { params: { query: { cursor, limit, sort } }, signal })),
  );
  const end = async (row: Schemas["SessionRow"]) => {
    if (row.is_this) {
      await logOut();
      return;
    }
    const params = { path: { session: row.id } };
    await ask(api.DELETE("/api/v1/sessions/{session}", { params }));
    toast("That browser is logged out");
    pages.reload();
  };
  const logins: readonly Column<Schemas["SessionRow"]>[] = [
    {
      id: "agent",
      head: "Browser",
      cell: (it) => (
        <>
          {it.is_this ? <Chip kind="alias">this browser</Chip> : null}{" "}
          <span title={it.agent}>{browserOf(it.agent)}</span>
        </>
      ),
    },
    { id: "address", head: "Address", cell: (it) => <span class="mono">{it.address}</span> },
    { id: "used", head: "Last used", isSorted: true, cell: (it) => <Time at={it.used} /> },
    {
      id: "created",
      head: "Logged in",
      isSorted: true,
      cell: (it) => <Time at={it.created} />,
    },
    { id: "expires", head: "Ends", cell: (it) => <Time at={it.expires} /> },
    {
      id: "actions",
      head: "",
      cell: (it) => (
        <Action small onClick={() => end(it)}>
          Log out
        </Action>
      ),
    },
  ];
  const total = pages.data?.total ?? 0;
  return (
    <Page
      crumbs={[{ label: "Keys", href: to("/keys") }, { label: "Your logins" }]}
      title="Your logins"
      actions={
        <Action
          kind="danger"
          disabledBy={total ? "" : "No browser is logged in with your key."}
          onClick={() => askToEndAll(total)}
        >
          Log out everywhere
        </Action>
      }
    >
      <Tabs tabs={TABS} label="Keys" />
      <Table
        label="Logins"
        pages={pages}
        columns={logins}
        idOf={(it) => it.id}
        sort="-used"
        empty={<Empty title="No browser is logged in with your key" />}
      />
      <SameIn ways={{ curl: curl("GET", list) }} />
    </Page>
  );
}

/** How a browser calls itself, shortened: `Firefox 140 on Linux`. */
function browserOf(agent: string): string {
  const [, name, version] =
    agent.match(/(Firefox|Edg|OPR|HeadlessChrome|Chrome)\/(\d+)/) ??
    agent.match(/(Version)\/(\d+).*Safari/) ??
    [];
  const [system] = agent.match(/Android|iPhone|iPad|Windows|Mac OS X|CrOS|Linux/) ?? [];
  if (!name) {
    return agent || "unknown browser";
  }
  const known: Record<string, string> = { Edg: "Edge", OPR: "Opera", Version: "Safari" };
  return `${known[name] ?? name} ${version}${system ? ` on ${system}` : ""}`;
}

function askToEndAll(total: number): void {
  confirm({
    title: "Log out everywhere?",
    action: "Log out everywhere",
    isDangerous: true,
    body: (
      <>
        <p>
          {many(total, "browser")} with the key <b>{me.value?.name}</b>{" "}
          {total === 1 ? "is" : "are"} logged out, including this one. The key stays valid.
        </p>
        <SameIn ways={{ curl: curl("DELETE", "/api/v1/sessions") }} />
      </>
    ),
    run: async () => {
      await ask(api.DELETE("/api/v1/sessions"));
      await logOut();
    },
  });
}
