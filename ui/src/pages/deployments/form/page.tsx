/** The pages that create and edit a deployment. */

import { useState } from "preact/hooks";
import { api, ask, asProblem, type ProblemError, problemIn } from "../../../api.ts";
import { type Crumb, Page } from "../../../frame.tsx";
import type { PageProps } from "../../../lazy.tsx";
import { useLoad } from "../../../load.ts";
import { Action } from "../../../parts/Action.tsx";
import { SameIn } from "../../../parts/Code.tsx";
import { problemsAt, TextField } from "../../../parts/Field.tsx";
import { Shown } from "../../../parts/Problem.tsx";
import { Note } from "../../../parts/Text.tsx";
import { toast } from "../../../parts/Toast.tsx";
import { go, to } from "../../../route.ts";
import { Advanced } from "./advanced.tsx";
import { localProblems, useCheck } from "./check.ts";
import { Outcome } from "./outcome.tsx";
import { inForm, problemInForm } from "./phrases.ts";
import { useRules } from "./rules.ts";
import { same } from "./same.ts";
import { Basics, type Part } from "./simple.tsx";
import { type Base, type Body, baseOf, bodyOf, formOf, NOTHING } from "./state.ts";

const DEPLOYMENTS: Crumb = { label: "Deployments", href: to("/deployments") };

export function NewDeployment() {
  return <FormPage base={NOTHING} isFull={false} />;
}

export function NewDeploymentInFull() {
  return <FormPage base={NOTHING} isFull />;
}

/** A deployment that is edited. */
interface Edited {
  readonly name: string;
  readonly version: number;
  /** Whether it runs, so that a save moves it. */
  readonly isRunning: boolean;
}

export function EditDeployment({ params: { name = "" } }: PageProps) {
  const loaded = useLoad(
    `edit ${name}`,
    async (signal) => {
      const params = { path: { name } };
      const detail = await ask(api.GET("/api/v1/deployments/{name}", { params, signal }));
      const { model, artifact } = detail.specification;
      const path = {
        model: model.name,
        version: String(model.version),
        artifact: String(artifact.version),
      };
      const files = await ask(
        api.GET("/api/v1/models/{model}/versions/{version}/artifacts/{artifact}", {
          params: { path },
          signal,
        }),
      );
      const edited = { name, version: detail.version, isRunning: detail.state.deployed };
      return { base: baseOf(detail, files), edited };
    },
    (event) => event.name.startsWith("deployment") && event.data.name === name,
  );
  return loaded.data ? (
    <FormPage base={loaded.data.base} edited={loaded.data.edited} isFull />
  ) : (
    <Page crumbs={[DEPLOYMENTS, { label: name }]} title={`Edit ${name}`}>
      <Shown loaded={loaded} lines={12}>
        {() => null}
      </Shown>
    </Page>
  );
}

/** Fields that are empty at first. */
const EMPTY_AT_FIRST = ["model", "model_version", "script_file"] as const;

function FormPage(props: { base: Base; edited?: Edited; isFull: boolean }) {
  const { edited, isFull } = props;
  const form = formOf(props.base);
  const rules = useRules();
  const checked = useCheck(form, edited?.name);
  const project = useLoad("project", (signal) => ask(api.GET("/api/v1/project", { signal })));
  const [isTried, setTried] = useState(false);
  const [refused, setRefused] = useState<{ body: string; problem: ProblemError } | null>(null);
  const body = bodyOf(form);
  const refusal = refused?.body === JSON.stringify(body) ? refused.problem : undefined;
  const problems = [...checked.problems, ...(refusal?.problems ?? []).map(problemInForm)];

  // What an empty form lacks is said after a first attempt.
  const isShown = (pointer: string) =>
    isTried || !EMPTY_AT_FIRST.some((it) => pointer === `/${it}` && !form.draft[it]);
  const at: Part["at"] = (pointer) => (isShown(pointer) ? problemsAt(problems, pointer) : []);
  const isStuck = localProblems(form).length > 0 || (!checked.isOld && problems.length > 0);
  const save = async (isStarted: boolean) => {
    setTried(true);
    if (isStuck) {
      requestAnimationFrame(focusFirstProblem);
      return;
    }
    const name = await saved(body, edited).catch((cause) => {
      const problem = problemIn(cause);
      setRefused({ body: JSON.stringify(body), problem });
      requestAnimationFrame(focusFirstProblem);
    });
    if (name) {
      const isMoving = isStarted || Boolean(edited?.isRunning);
      if (isStarted) {
        await started(name);
      }
      go(isMoving ? to("/deployments", name, "progress") : to("/deployments", name));
    }
  };
  const title = edited ? `Edit ${edited.name}` : "Create a deployment";
  const crumbs = edited
    ? [
        DEPLOYMENTS,
        { label: edited.name, href: to("/deployments", edited.name) },
        { label: "Edit" },
      ]
    : [DEPLOYMENTS, { label: "New" }];
  const other = isFull ? to("/deployments/new") : to("/deployments/new/advanced");
  const projectName = project.data?.name;
  return (
    <Page
      crumbs={crumbs}
      title={title}
      actions={
        edited ? null : (
          <Action kind="quiet" href={other + location.search}>
            {isFull ? "Fewer options" : "Advanced options"}
          </Action>
        )
      }
    >
      <div class="split">
        <form class="card" noValidate onSubmit={(event) => event.preventDefault()}>
          <Shown loaded={rules} lines={8}>
            {(known) => {
              const part = {
                form,
                rules: known,
                check: checked.check,
                at,
                isEdit: Boolean(edited),
              };
              return (
                <>
                  {isFull ? <Advanced {...part} /> : <Basics {...part} />}
                  {isFull ? (
                    <TextField
                      label="Why"
                      remark="the history shows it"
                      value={form.draft.why ?? ""}
                      onInput={(why) => form.set({ why })}
                      problems={at("/why")}
                    />
                  ) : null}
                </>
              );
            }}
          </Shown>
          <div role="alert">
            {refusal ? <Note kind="bad">{inForm(refusal.detail)}</Note> : null}
          </div>
          <div class="form-foot">
            <Buttons edited={edited} onSave={save} isChanged={form.isChanged} />
            <span class="grow" />
            {projectName && body.model ? (
              <SameIn ways={same(form, projectName, edited?.name)} />
            ) : null}
          </div>
        </form>
        <Outcome
          checked={checked}
          form={form}
          edited={edited}
          isShown={(pointer) => pointer === "/script_file" || isShown(pointer)}
        />
      </div>
    </Page>
  );
}

function Buttons(props: {
  edited?: Edited;
  isChanged: boolean;
  onSave: (isStarted: boolean) => Promise<void>;
}) {
  const { edited, isChanged, onSave } = props;
  const scope = "deploy";
  if (!edited) {
    return (
      <>
        <Action kind="primary" scope={scope} onClick={() => onSave(true)}>
          Create and start
        </Action>
        <Action scope={scope} onClick={() => onSave(false)}>
          Create new deployment
        </Action>
      </>
    );
  }
  const disabledBy = isChanged ? "" : "Nothing was changed.";
  return (
    <>
      <Action kind="primary" {...{ scope, disabledBy }} onClick={() => onSave(false)}>
        {edited.isRunning ? "Save and update" : "Save"}
      </Action>
      {edited.isRunning ? null : (
        <Action {...{ scope, disabledBy }} onClick={() => onSave(true)}>
          Save and start
        </Action>
      )}
    </>
  );
}

/** Save it; return its name. */
async function saved(body: Partial<Body>, edited?: Edited): Promise<string> {
  if (!edited) {
    return (await ask(api.POST("/api/v1/deployments", { body: body as Body }))).name;
  }
  const { name, ...settings } = body as Body;
  const params = { path: { name: edited.name } };
  await ask(api.PUT("/api/v1/deployments/{name}", { params, body: settings }));
  return edited.name;
}

async function started(name: string): Promise<void> {
  const params = { path: { name } };
  try {
    await ask(api.POST("/api/v1/deployments/{name}/start", { params }));
  } catch (cause) {
    // It was saved: its page shows the state, and can start it.
    toast(asProblem(cause).message, "bad");
  }
}

function focusFirstProblem(): void {
  const found = document.querySelector<HTMLElement>('[aria-invalid="true"]');
  found?.scrollIntoView({ block: "center" });
  found?.focus();
}
