/** Logging in with an API key; or, on one's own machine, how to get a link. */

import { useEffect, useState } from "preact/hooks";
import { api, asProblem, loadMe, type ProblemError, problemIn, problemOf } from "../../api.ts";
import { Mark } from "../../frame.tsx";
import { startLive } from "../../live.ts";
import { forgetAll } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Snippet } from "../../parts/Code.tsx";
import { TextField } from "../../parts/Field.tsx";
import { Waiting } from "../../parts/Problem.tsx";
import { Note } from "../../parts/Text.tsx";
import { go, place, to } from "../../route.ts";
import { session } from "../../session.ts";
import { active } from "../../uploads.ts";
import { many, sentence } from "../../words.ts";

/** How this server lets browsers in; `in` if this one is logged in already. */
type Way = "key" | "link" | "in";

/** The page to come back to; only one of ours. */
function next(): string {
  const wanted = place.value.query.get("next") ?? "";
  return wanted.startsWith("/ui/") && !wanted.startsWith("/ui/login") ? wanted : to("");
}

async function wayIn(): Promise<{ way: Way; words: string }> {
  const { response, error } = await api.GET("/api/v1/me");
  if (response.ok) {
    return { way: "in", words: "" };
  }
  const problem = problemOf(response, error);
  if (response.status !== 401) {
    throw problem;
  }
  const isLink = response.headers.get("www-authenticate") === "Link";
  return { way: isLink ? "link" : "key", words: problem.detail };
}

/** Show the pages again, with the data of the key that is used now. */
async function enter(): Promise<void> {
  forgetAll();
  await loadMe();
  startLive();
  go(next(), { replace: true });
}

export function Login() {
  const [way, setWay] = useState<Way | null>(null);
  const [words, setWords] = useState("");
  useEffect(() => {
    document.title = "Log in · hopsartifacts";
    let timer = 0;
    const look = () => {
      clearTimeout(timer);
      wayIn().then(
        (found) => {
          setWay(found.way);
          setWords(found.words);
          if (found.way === "in") {
            void enter();
          } else if (found.way === "link") {
            // The link opens another tab, which logs this one in, too.
            timer = window.setTimeout(look, RETRY_MS);
          }
        },
        (cause) => {
          setWords(asProblem(cause).message);
          timer = window.setTimeout(look, RETRY_MS);
        },
      );
    };
    look();
    const seen = () => document.hidden || look();
    document.addEventListener("visibilitychange", seen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, []);
  return (
    <main class="login" id="main">
      <div class="card">
        <div class="brand">
          <Mark />
          <h1>hopsartifacts</h1>
        </div>
        {way === "key" ? <KeyForm /> : null}
        {way === "link" ? <LinkWords words={words} /> : null}
        {active.value.length ? (
          <Note>
            {many(active.value.length, "upload")} of this tab will continue after you log in.
            Keep this tab open.
          </Note>
        ) : null}
        {way === null ? words ? <Note kind="bad">{words}</Note> : <Waiting lines={3} /> : null}
      </div>
    </main>
  );
}

const RETRY_MS = 2000;

function KeyForm() {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<ProblemError | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      await session("POST", { key });
      await enter();
    } catch (cause) {
      setProblem(problemIn(cause));
    } finally {
      setBusy(false);
    }
  };
  const problems = problem ? [{ pointer: "/key", detail: sentence(problem.detail) }] : [];
  return (
    <form onSubmit={(event) => void submit(event)}>
      <TextField
        label="API key"
        type="password"
        value={key}
        onInput={setKey}
        problems={problems}
        isMono
        autocomplete="current-password"
        hint="This browser gets a cookie and does not store the key."
      />
      <Action kind="primary" type="submit" disabledBy={key.trim() ? "" : "Paste a key first."}>
        {isBusy ? "Logging in…" : "Log in"}
      </Action>
      <p class="sub">
        The person who runs this server creates keys on the server's machine, with{" "}
        <code>hopsartifacts keys create NAME</code>. Users whose key has the scope “admin” can
        also create keys in the browser.
      </p>
    </form>
  );
}

function LinkWords({ words }: { words: string }) {
  return (
    <>
      <p>{sentence(words)}</p>
      <Snippet text="hopsartifacts ui" label="Command" />
      <p class="sub">
        The command opens this page in your browser, or prints a link for one use. Only the user
        who runs the server can log in.
      </p>
    </>
  );
}
