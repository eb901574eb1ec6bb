import assert from "node:assert/strict";
import { test } from "node:test";
import { PIECES, untrailed } from "../src/parts/pieces.ts";

test("the pieces of a line are found", () => {
  const text = "see [a b](https://x.y/z?q=1) `c` **d** _e_ [no](javascript:x) [[f](http://g)";
  const found = [...text.matchAll(PIECES)].map(([it]) => it);
  assert.deepEqual(found, ["[a b](https://x.y/z?q=1)", "`c`", "**d**", "_e_", "[f](http://g)"]);
  assert.equal(untrailed("a # b ##"), "a # b");
  assert.equal(untrailed("##"), "");
});

test("no text takes long", () => {
  const start = performance.now();
  for (const part of ["[", "[a](http://", "**a ", " _a", "``", "#", "# "]) {
    const text = part.repeat(200_000 / part.length);
    assert.ok([...text.matchAll(PIECES)].length >= 0);
    assert.ok(untrailed(`${text}x`));
  }
  assert.ok(performance.now() - start < 5000);
});
