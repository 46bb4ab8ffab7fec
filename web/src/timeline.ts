/** Months of the archive as sections of the grid. Pure. */

import type { MonthCount } from "./api.ts";
import { formatMonth, formatMonths } from "./format.ts";
import type { Section } from "./layout.ts";

/** Neighbouring months with fewer assets than this share a heading: one can look over them at once. */
const SPARSE = 10;

/**
 * Consecutive sections that cover `total` assets.
 *
 * Sparse months that follow each other become one section; a month with enough assets stands alone,
 * and so do assets without a date. A timeline that disagrees with the total (the catalog grew
 * between two answers) is cut, or filled up with a section of its own.
 */
export function sectionsOf(timeline: readonly MonthCount[], total: number): Section[] {
  const sections: Section[] = [];
  let run: MonthCount[] = [];
  let offset = 0;

  const close = () => {
    const [newest, oldest] = [run[0], run.at(-1)];
    if (!newest || !oldest) return;
    const count = run.reduce((sum, month) => sum + month.count, 0);
    sections.push({ offset, count, label: formatMonths(oldest.month, newest.month), year: yearOf(newest) });
    offset += count;
    run = [];
  };

  for (const month of fitting(timeline, total)) {
    const [last] = run;
    const joins = last && isSparse(last) && isSparse(month) && run.reduce((sum, each) => sum + each.count, 0) < SPARSE;
    if (!joins) close();
    run.push(month);
  }
  close();
  if (offset < total) sections.push({ offset, count: total - offset, label: "More", year: "" });
  return sections;
}

/** Where an asset should stand now: as far from the older end of its month as before. */
export function guessIndex(
  index: number,
  before: readonly MonthCount[],
  now: readonly MonthCount[],
  total: number,
): number {
  const own = before.find(({ offset, count }) => index >= offset && index < offset + count);
  const same = now.find(({ month }) => own !== undefined && month === own.month);
  const guess = own && same ? same.offset + Math.max(0, index - own.offset + same.count - own.count) : index;
  return Math.max(0, Math.min(guess, total - 1));
}

function fitting(timeline: readonly MonthCount[], total: number): MonthCount[] {
  let left = total;
  const cut = timeline.map((month) => {
    const count = Math.max(0, Math.min(month.count, left));
    left -= count;
    return { ...month, count };
  });
  return cut.filter(({ count }) => count > 0);
}

function isSparse({ month, count }: MonthCount): boolean {
  return month !== null && count < SPARSE;
}

function yearOf({ month }: MonthCount): string {
  return month?.slice(0, 4) ?? formatMonth(null);
}
