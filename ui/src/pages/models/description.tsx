/** The description of a version, edited in place. */

import { api, ask, problemOf } from "../../api.ts";
import { curl, python, shell } from "../../parts/Code.tsx";
import { Editable, type Seen } from "./edit.tsx";

/** `text` is shown until it is edited; then the newest text is read. */
export function Description(props: { model: string; version: number; text: string }) {
  const { model, version, text } = props;
  const params = { path: { model, version: String(version) } };
  const path = `/api/v1/models/${encodeURIComponent(model)}/versions/${version}/description`;
  const read = async (): Promise<Seen> => {
    const { data, error, response } = await api.GET(
      "/api/v1/models/{model}/versions/{version}/description",
      { params },
    );
    if (!data) {
      throw problemOf(response, error);
    }
    return { text: data.description, etag: response.headers.get("etag") ?? "" };
  };
  return (
    <Editable
      label={`Description of version ${version}`}
      text={text}
      read={read}
      write={(description, etag) =>
        ask(
          api.PUT("/api/v1/models/{model}/versions/{version}/description", {
            params: { ...params, header: { "If-Match": etag } },
            body: { description },
          }),
        )
      }
      ways={(description) => ({
        python: `mr = project.get_model_registry()\nmr.get_model(${python(model)}, ${version}).set_description(${python(description)})`,
        cli: `hopsartifacts models describe ${shell(model)} ${version} ${shell(description)}`,
        curl: curl("PUT", path, { description }),
      })}
    >
      <span class="text">
        {text || `Version ${version} has no description: say what it is for.`}
      </span>
    </Editable>
  );
}
