/** The numbers of a batcher as labels. */

const UNITS: Readonly<Record<string, string>> = { max_latency: "ms", timeout: "s" };

/** `Max latency (ms)` for `max_latency`. */
export function labelOfNumber(name: string): string {
  const words = name.slice(0, 1).toUpperCase() + name.slice(1).replaceAll("_", " ");
  return UNITS[name] ? `${words} (${UNITS[name]})` : words;
}
