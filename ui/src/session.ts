/** The login of this browser. */

import { me, observed, problemOf } from "./api.ts";
import { forgetAll } from "./load.ts";
import { go, to } from "./route.ts";
import { stopAll } from "./uploads.ts";

/** Log this browser in with a key, or out. */
export async function session(
  method: "POST" | "DELETE",
  body?: { key: string },
): Promise<void> {
  const headers = { "content-type": "application/json" };
  const sent = body ? { headers, body: JSON.stringify(body) } : {};
  const response = await observed(new Request("/ui/session", { method, ...sent }));
  if (!response.ok) {
    throw problemOf(response, await response.json().catch(() => null));
  }
}

/** Log this browser out, and show the login page. What was sent of uploads is kept. */
export async function logOut(): Promise<void> {
  await session("DELETE");
  stopAll();
  me.value = null;
  forgetAll();
  go(to("/login"));
}
