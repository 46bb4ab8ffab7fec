/** What a chip can be changed to, in the explicit form of queries. Pure. */

import type { Chip } from "./api.ts";

/** A value that a chip may have instead, and how the query says it. */
export interface ChipChoice {
  label: string;
  explicit: string;
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  type: ["photo", "raw", "vector", "video", "sound", "document"],
  orientation: ["landscape", "portrait", "square"],
  colour: ["black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"],
  rights: ["free", "restricted", "unknown"],
  rating: ["1", "2", "3", "4", "5"],
};

/** The values of a chip that can be listed; empty where anything may be written. */
export function choicesOf(chip: Chip): ChipChoice[] {
  const minus = chip.explicit.startsWith("-") ? "-" : "";
  return (VALUES[chip.kind] ?? []).map((value) => ({
    label: chip.kind === "rating" ? `${value} ★ or more` : value,
    explicit: `${minus}${chip.kind}:${chip.kind === "rating" ? `>=${value}` : value}`,
  }));
}

/** A stretch of days, both ends included; an empty end is open. */
export interface Days {
  from: string;
  to: string;
}

/** True where a chip is a stretch of time. */
export function isTime(chip: Chip): boolean {
  return /^-?(date|after|before):/.test(chip.explicit);
}

/** The days of a chip as far as it names them; words such as “last summer” move on and name none. */
export function daysOf({ explicit }: Chip): Days {
  const [, name, value] = /^-?(date|after|before):"?([^"]*)"?$/.exec(explicit) ?? [];
  const [first = "", last = first] = (value ?? "").split("..");
  if (name === "after") return { from: edge(first, false), to: "" };
  if (name === "before") return { from: "", to: dayBefore(edge(first, false)) };
  return { from: edge(first, false), to: edge(last, true) };
}

/** How the query says a stretch of days; null where both ends are open. */
export function timeFilter({ from, to }: Days): string | null {
  if (from && to) return from === to ? `date:${from}` : `date:${from}..${to}`;
  if (from) return `after:${from}`;
  return to ? `before:${dayAfter(to)}` : null;
}

/** The first or last day of "2020", "2020-05" or "2020-05-03"; empty of anything else. */
function edge(time: string, atEnd: boolean): string {
  const [, year, month, day] = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/.exec(time) ?? [];
  if (!year) return "";
  if (day) return time;
  if (month) return `${year}-${month}-${atEnd ? daysIn(Number(year), Number(month)) : "01"}`;
  return `${year}-${atEnd ? "12-31" : "01-01"}`;
}

function daysIn(year: number, month: number): string {
  return String(new Date(Date.UTC(year, month, 0)).getUTCDate());
}

function dayAfter(day: string): string {
  return shifted(day, 1);
}

function dayBefore(day: string): string {
  return day && shifted(day, -1);
}

function shifted(day: string, days: number): string {
  const time = new Date(`${day}T00:00:00Z`);
  time.setUTCDate(time.getUTCDate() + days);
  return time.toISOString().slice(0, 10);
}
