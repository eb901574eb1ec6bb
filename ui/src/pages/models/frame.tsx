/** The frame of the pages of one model: its name, aliases, description and tabs. */

import type { ComponentChildren } from "preact";
import { api, ask } from "../../api.ts";
import { Page } from "../../frame.tsx";
import { type Loaded, useLoad } from "../../load.ts";
import { Action } from "../../parts/Action.tsx";
import { Menu } from "../../parts/Menu.tsx";
import { Shown } from "../../parts/Problem.tsx";
import { Tabs } from "../../parts/Tabs.tsx";
import { Chip } from "../../parts/Text.tsx";
import { go, to, withQuery } from "../../route.ts";
import { many } from "../../words.ts";
import { askToDeleteModel, askToSetAlias } from "./actions.tsx";
import { about, deployHref, type Model, modelHref } from "./data.ts";
import { Description } from "./description.tsx";
import { AliasChips } from "./list.tsx";

/** A model, kept up to date. */
export function useModel(model: string): Loaded<Model> {
  return useLoad(
    `model ${model}`,
    (signal) => ask(api.GET("/api/v1/models/{model}", { params: { path: { model } }, signal })),
    about(model),
  );
}

/** A page of a model; `children` gets the model. */
export function ModelPage(props: {
  model: string;
  children: (model: Model) => ComponentChildren;
}) {
  const { model } = props;
  const loaded = useModel(model);
  const data = loaded.data;
  const href = modelHref(model);
  const uses = data ? many(data.deployments.length, "deployment") : "deployments";
  return (
    <Page
      crumbs={[{ label: "Models", href: to("/models") }, { label: model }]}
      title={
        <>
          {model}
          {data ? <Chip>{data.framework}</Chip> : null}
          {data ? <AliasChips of={data} /> : null}
        </>
      }
      actions={data ? <Actions model={data} /> : null}
    >
      <Shown loaded={loaded} lines={12}>
        {(it) => (
          <>
            <Description model={model} version={it.latest} text={it.description} />
            <Tabs
              label={`Pages of ${model}`}
              tabs={[
                { label: "Versions", href },
                { label: "Aliases", href: `${href}/aliases` },
                { label: `Used by ${uses}`, href: `${href}/uses` },
                { label: "History", href: `${href}/history` },
              ]}
            />
            {props.children(it)}
          </>
        )}
      </Shown>
    </Page>
  );
}

function Actions({ model }: { model: Model }) {
  return (
    <>
      <Menu label="More">
        <Action
          kind="quiet"
          small
          scope="write"
          onClick={() => askToSetAlias(model.name, "", model.latest)}
        >
          Set an alias…
        </Action>
        <Action
          kind="quiet"
          small
          scope="write"
          onClick={() => askToDeleteModel(model, () => go(to("/models")))}
        >
          Delete all versions…
        </Action>
      </Menu>
      <Action href={withQuery(to("/models/save"), { model: model.name })} scope="write">
        Save a version
      </Action>
      <Action href={deployHref(model.name, model.latest)} kind="primary" scope="deploy">
        Deploy version {model.latest}
      </Action>
    </>
  );
}
