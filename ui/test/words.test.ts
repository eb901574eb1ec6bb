import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytes,
  count,
  duration,
  many,
  metric,
  now,
  relative,
  shortDigest,
} from "../src/words.ts";

const TABLE: readonly (readonly [string, string])[] = [
  [bytes(0), "0 B"],
  [bytes(1023), "1023 B"],
  [bytes(1024), "1.0 KiB"],
  [bytes(48.2 * 1024 * 1024), "48.2 MiB"],
  [bytes(2 * 1024 ** 3), "2.0 GiB"],
  [bytes(3e18), "2665 PiB"],
  [count(10_000), "10,000"],
  [many(1, "file"), "1 file"],
  [many(2, "file"), "2 files"],
  [many(0, "entry", "entries"), "0 entries"],
  [metric(null), "–"],
  [metric(0), "0"],
  [metric(0.98361), "0.98361"],
  [metric(1_000_000), "1,000,000"],
  [metric(0.0000123), "1.230e-5"],
  [metric(1234567.25), "1.235e+6"],
  [metric(-0.5), "-0.5"],
  [duration(0.41), "0.41 ms"],
  [duration(4.123), "4.1 ms"],
  [duration(312.4), "312 ms"],
  [duration(1250), "1.25 s"],
  [duration(61_000), "1 min 1 s"],
  [shortDigest("sha256:9f31c0aa11bb22cc"), "sha256:9f31c0aa11…"],
];

for (const [index, [said, expected]] of TABLE.entries()) {
  test(`${index}: ${expected}`, () => assert.equal(said, expected));
}

const MINUTE = 60_000;
const AGES: readonly (readonly [number, string])[] = [
  [5_000, "just now"],
  [2 * MINUTE, "2 minutes ago"],
  [60 * MINUTE, "1 hour ago"],
  [24 * 60 * MINUTE, "yesterday"],
  [3 * 24 * 60 * MINUTE, "3 days ago"],
  [-5 * MINUTE, "in 5 minutes"],
];

for (const [age, expected] of AGES) {
  test(`relative: ${expected}`, () => assert.equal(relative(now.value - age), expected));
}

test("a date for what is more than a week away", () => {
  now.value = Date.parse("2026-11-30T12:00:00Z");
  assert.equal(relative("2026-11-01T12:00:00Z"), "1 Nov 2026");
});
