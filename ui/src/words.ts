/** Numbers, sizes and times as people read them. */

import { signal } from "@preact/signals";

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `48.2 MiB` for a number of bytes. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

const WHOLE = new Intl.NumberFormat("en");

/** `10,000` for a whole number. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** `3 files`, `1 file`. */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}

/** A metric with enough digits to tell versions apart; a dash for none. */
export function metric(value: number | null | undefined): string {
  if (value === null || value === undefined) {
    return "–";
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return count(value);
  }
  return size !== 0 && (size >= 1e6 || size < 1e-4)
    ? value.toExponential(3)
    : String(Number(value.toPrecision(5)));
}

/** Milliseconds: `4.1 ms`, `1.25 s`. */
export function duration(ms: number): string {
  if (ms >= 60_000) {
    return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  }
  if (ms >= 1000) {
    return `${(ms / 1000).toFixed(2)} s`;
  }
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(2))} ms`;
}

/** `2 minutes left` for a number of seconds. */
export function timeLeft(seconds: number): string {
  if (seconds < 60) {
    return "less than a minute left";
  }
  const minutes = Math.round(seconds / 60);
  return minutes < 90
    ? `${many(minutes, "minute")} left`
    : `${many(Math.round(minutes / 60), "hour")} left`;
}

/** The time now, for relative times. */
export const now = signal(Date.now());

/** Move `now` on, twice a minute. */
export function startClock(): void {
  setInterval(() => {
    now.value = Date.now();
  }, 30_000);
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
});
const WEEK_MS = 7 * 86_400_000;

/** `2 minutes ago`, `yesterday`; a date for what is more than a week away. */
export function relative(at: string | number | Date): string {
  const moment = new Date(at).getTime();
  const passed = moment - Math.max(now.value, 0);
  if (Math.abs(passed) > WEEK_MS) {
    return DAY.format(moment);
  }
  for (const [unit, size] of STEPS) {
    if (Math.abs(passed) >= size) {
      return RELATIVE.format(Math.trunc(passed / size), unit);
    }
  }
  return "just now";
}

/** The exact time, in the reader's time zone. */
export function exact(at: string | number | Date): string {
  return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
}

/** The time of day with seconds, `16:31:02`; with the date if that is not today's. */
export function clock(at: string | number | Date): string {
  const moment = new Date(at);
  const time = moment.toLocaleTimeString("en-GB");
  return moment.toDateString() === new Date().toDateString()
    ? time
    : `${DAY.format(moment)}, ${time}`;
}

/** The first characters of a digest: `sha256:9f31c0…`. */
export function shortDigest(digest: string): string {
  const [kind, hex] = digest.includes(":") ? digest.split(":") : ["", digest];
  return `${kind ? `${kind}:` : ""}${(hex ?? "").slice(0, 10)}…`;
}

/** The first line of `text`. */
export function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

/** `text` with a capital letter and a full stop. */
export function sentence(text: string): string {
  const full = /[.!?:]$/.test(text) ? text : `${text}.`;
  // Names of settings keep their spelling: `env_vars: …`.
  return full.replace(
    /^[a-z]+(?=[ ,])/,
    (word) => word.slice(0, 1).toUpperCase() + word.slice(1),
  );
}
