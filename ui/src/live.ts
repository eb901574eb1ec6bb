/**
 * Events of the server, for all open tabs of a browser over one connection.
 *
 * A browser opens few connections to one server, and an event stream takes one for as long
 * as it lasts. So only the tab that holds a lock listens; it passes the events on.
 */

import { signal } from "@preact/signals";
import { api, connection } from "./api.ts";

/** One event. `reload` means that events were missed: everything is to be read again. */
export interface LiveEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Message = { event: LiveEvent } | { isLive: boolean } | { isAsking: true };
type Listener = (event: LiveEvent) => void;

export const EVENTS = [
  "deployment",
  "deployment-removed",
  "model",
  "model-removed",
  "alias",
  "file",
  "job",
  "reload",
] as const;

export type EventName = (typeof EVENTS)[number];

/** Whether events come in now. */
export const isLive = signal(false);

const listeners = new Set<Listener>();
/** Whether this tab is the one that listens for all. */
let isListening = false;
const channel = new BroadcastChannel("hopsartifacts-events");
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;

/** Call `listener` for each event until the returned function is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function receive(message: Message): void {
  if ("event" in message) {
    for (const listener of [...listeners]) {
      listener(message.event);
    }
  } else if ("isLive" in message) {
    isLive.value = message.isLive;
  } else if (isListening) {
    // A tab that was opened later does not know it yet.
    channel.postMessage({ isLive: isLive.value });
  }
}

function tell(message: Message): void {
  channel.postMessage(message);
  receive(message);
}

let isStarted = false;

/** Start to listen, once, in this tab or through the tab that listens already. */
export function startLive(): void {
  if (isStarted) {
    return;
  }
  isStarted = true;
  channel.onmessage = ({ data }) => receive(data as Message);
  channel.postMessage({ isAsking: true });
  void navigator.locks.request("hopsartifacts-events", async () => {
    isListening = true;
    let wait = FIRST_WAIT_MS;
    for (;;) {
      if (await streamed()) {
        wait = FIRST_WAIT_MS;
        // Whatever happened in between was missed.
        tell({ event: { name: "reload", data: {} } });
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      await api.GET("/api/v1/me").catch(() => undefined);
    }
  });
  // A tab that did not listen reads everything again when the server is back.
  connection.subscribe(({ isUp }) => {
    if (!isUp) {
      isLive.value = false;
    }
  });
}

/** Pass on the events of one stream until it ends; return whether it had begun. */
function streamed(): Promise<boolean> {
  return new Promise((resolve) => {
    const source = new EventSource("/api/v1/events");
    let hasBegun = false;
    source.onopen = () => {
      hasBegun = true;
      connection.value = { isUp: true, since: Date.now() };
      tell({ isLive: true });
    };
    for (const name of EVENTS) {
      source.addEventListener(name, ({ data }) =>
        tell({ event: { name, data: JSON.parse(data) } }),
      );
    }
    source.onerror = () => {
      source.close();
      tell({ isLive: false });
      resolve(hasBegun);
    };
  });
}
