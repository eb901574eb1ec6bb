/** JSON that users type, and the numbers in it that would not stay as they are. */

const PARTS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Why `text` is no JSON, or cannot be sent as it is; empty if it can. */
export function jsonProblem(text: string): string {
  try {
    JSON.parse(text || "null");
  } catch (cause) {
    return `This is not JSON: ${(cause as Error).message}`;
  }
  const changed = text.match(PARTS)?.find(isChanged);
  return changed
    ? `A browser cannot keep the number ${changed} as it is: use the command line or Python.`
    : "";
}

/** The same for a text that need not be JSON. */
export function valueProblem(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return "";
  }
  return jsonProblem(text);
}

/** Whether a number, as text, becomes another one: a browser has only 53 bits. */
function isChanged(part: string): boolean {
  const value = Number(part);
  const isWhole = /^-?\d+$/.test(part);
  return (
    !part.startsWith('"') && !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value))
  );
}
