/** The sealed specification of a deployment: everything about it, as JSON. */

import { Action } from "../../parts/Action.tsx";
import { curl, python, SameIn, Snippet, shell } from "../../parts/Code.tsx";
import { Time } from "../../parts/Text.tsx";
import { type TabProps, tabOf } from "./tab.ts";

export function SettingsTab({ name, deployment }: TabProps) {
  const path = `/api/v1/deployments/${encodeURIComponent(name)}/versions/${deployment.version}`;
  return (
    <>
      <div class="tools">
        <p>
          Version {deployment.version}, sealed <Time at={deployment.updated} />. It never
          changes: an edit makes the next version.
        </p>
        <span class="grow" />
        <Action scope="deploy" href={tabOf(name, "edit")}>
          Edit
        </Action>
      </div>
      <Snippet
        label={`Specification of ${name}`}
        text={JSON.stringify(deployment.specification, null, 2)}
      />
      <SameIn
        ways={{
          python: `project.get_model_serving().get_deployment(${python(name)}).specification`,
          cli: `hopsartifacts deployments show ${shell(name)} --json`,
          curl: curl("GET", path),
        }}
      />
    </>
  );
}
