// src/json.ts
var PARTS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
function jsonProblem(text) {
  try {
    JSON.parse(text || "null");
  } catch (cause) {
    return `This is not JSON: ${cause.message}`;
  }
  const changed = text.match(PARTS)?.find(isChanged);
  return changed ? `A browser cannot keep the number ${changed} as it is: use the command line or Python.` : "";
}
function valueProblem(text) {
  try {
    JSON.parse(text);
  } catch {
    return "";
  }
  return jsonProblem(text);
}
function isChanged(part) {
  const value = Number(part);
  const isWhole = /^-?\d+$/.test(part);
  return !part.startsWith('"') && !(isWhole ? Number.isSafeInteger(value) : Number.isFinite(value));
}

export {
  jsonProblem,
  valueProblem
};
