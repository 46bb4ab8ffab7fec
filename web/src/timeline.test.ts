import { describe, expect, test } from "vitest";

import { guessIndex, sectionsOf } from "./timeline.ts";

/** A timeline from [month, count] pairs, newest first. */
function timeline(...months: [string | null, number][]) {
  let offset = 0;
  return months.map(([month, count]) => {
    const entry = { month, count, offset };
    offset += count;
    return entry;
  });
}

describe("sectionsOf", () => {
  test("a month with many assets has its own heading", () => {
    const sections = sectionsOf(timeline(["2025-11", 40], ["2025-10", 12]), 52);
    expect(sections.map(({ label, offset, count }) => [label, offset, count])).toEqual([
      ["November 2025", 0, 40],
      ["October 2025", 40, 12],
    ]);
  });

  test("sparse months share a heading, up to the next full one", () => {
    const months = timeline(["2025-11", 2], ["2025-09", 3], ["2025-08", 90], ["2024-12", 1], ["2023-02", 4]);
    expect(sectionsOf(months, 100).map(({ label, count }) => [label, count])).toEqual([
      ["September – November 2025", 5],
      ["August 2025", 90],
      ["February 2023 – December 2024", 5],
    ]);
  });

  test("a run of sparse months ends once it has enough", () => {
    const months = timeline(["2025-04", 6], ["2025-03", 6], ["2025-02", 6]);
    expect(sectionsOf(months, 18).map(({ count }) => count)).toEqual([12, 6]);
  });

  test("assets without a date stand alone", () => {
    const months = timeline(["2025-04", 2], [null, 3]);
    expect(sectionsOf(months, 5).map(({ label }) => label)).toEqual(["April 2025", "Undated"]);
  });

  test.each([0, 3, 7, 9])("sections cover exactly the total of %i, whatever the timeline says", (total) => {
    const sections = sectionsOf(timeline(["2025-04", 5], [null, 2]), total);
    expect(sections.reduce((sum, { count }) => sum + count, 0)).toBe(total);
    sections.forEach(({ offset }, at) => {
      const before = sections[at - 1];
      expect(offset).toBe(before ? before.offset + before.count : 0);
    });
  });
});

describe("guessIndex", () => {
  const before = timeline(["2025-11", 10], ["2025-10", 20]);

  test("assets that came into a newer month push it down", () => {
    expect(guessIndex(15, before, timeline(["2025-11", 13], ["2025-10", 20]), 33)).toBe(18);
  });

  test("assets that came into its own month are taken to be newer", () => {
    expect(guessIndex(15, before, timeline(["2025-11", 10], ["2025-10", 22]), 32)).toBe(17);
  });

  test("it stays inside of the listing", () => {
    expect(guessIndex(29, before, timeline(["2025-11", 4]), 4)).toBe(3);
    expect(guessIndex(0, [], [], 0)).toBe(0);
  });
});
