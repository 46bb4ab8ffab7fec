import { describe, expect, test } from "vitest";

import type { Chip } from "./api.ts";
import { choicesOf, daysOf, isTime, timeFilter } from "./chip-editing.ts";

const chip = (kind: string, explicit: string): Chip => ({ kind, text: explicit, label: explicit, explicit, words: "" });

describe("choices", () => {
  test("an orientation can be changed to the others", () => {
    expect(choicesOf(chip("orientation", "orientation:landscape")).map(({ explicit }) => explicit)).toEqual([
      "orientation:landscape",
      "orientation:portrait",
      "orientation:square",
    ]);
  });

  test("what is excluded stays excluded", () => {
    expect(choicesOf(chip("type", "-type:photo"))[3]).toEqual({ label: "video", explicit: "-type:video" });
  });

  test("what may be anything has no list", () => {
    expect(choicesOf(chip("place", "place:Vienna"))).toEqual([]);
  });
});

describe("days", () => {
  test.each([
    ["date:2020", { from: "2020-01-01", to: "2020-12-31" }],
    ["date:2024-02", { from: "2024-02-01", to: "2024-02-29" }],
    ["date:1985..1990", { from: "1985-01-01", to: "1990-12-31" }],
    ["date:2020-05-03", { from: "2020-05-03", to: "2020-05-03" }],
    ["after:2020-05", { from: "2020-05-01", to: "" }],
    ["before:2021", { from: "", to: "2020-12-31" }],
    ['date:"last summer"', { from: "", to: "" }],
  ])("of %s", (explicit, days) => {
    expect(daysOf(chip("time", explicit))).toEqual(days);
  });

  test.each([
    [{ from: "2020-05-03", to: "2020-05-03" }, "date:2020-05-03"],
    [{ from: "2020-05-03", to: "2020-06-01" }, "date:2020-05-03..2020-06-01"],
    [{ from: "2020-05-03", to: "" }, "after:2020-05-03"],
    [{ from: "", to: "2020-12-31" }, "before:2021-01-01"],
    [{ from: "", to: "" }, null],
  ])("%o as a filter", (days, filter) => {
    expect(timeFilter(days)).toBe(filter);
  });

  test("only times have days", () => {
    expect([isTime(chip("time", "-date:2020")), isTime(chip("place", "place:Vienna"))]).toEqual([true, false]);
  });
});
