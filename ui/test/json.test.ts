import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonProblem, valueProblem } from "../src/json.ts";

const KEPT = ["", "1", "-1.5e3", "0.1", '{"a": [9007199254740991, "9007199254740993"]}'];
const CHANGED = ["9007199254740993", '[{"a\\"": -12345678901234567890}]', "1e400"];

test("JSON is sent if a browser keeps its numbers", () => {
  for (const text of KEPT) {
    assert.equal(jsonProblem(text), "", text);
  }
  for (const text of CHANGED) {
    assert.match(jsonProblem(text), /cannot keep the number -?[1-9]/, text);
    assert.match(valueProblem(text), /cannot keep/, text);
  }
  assert.match(jsonProblem("{"), /^This is not JSON/);
  assert.equal(valueProblem("version 9007199254740993"), "");
});
