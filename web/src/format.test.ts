import { expect, test } from "vitest";

import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatMonth,
  formatPosition,
  formatSpan,
  formatTime,
  formatZone,
} from "./format.ts";

test("a capture time is shown as the clock at the place showed it", () => {
  expect(formatTime("2024-05-03T14:22:05+02:00")).toBe("3 May 2024, 14:22");
  expect(formatTime("2024-05-03T14:22:05")).toBe("3 May 2024, 14:22");
  expect(formatTime("2024-05-03")).toBe("3 May 2024");
});

test("the zone is said only where it is known", () => {
  expect(formatZone("2024-05-03T14:22:05+02:00")).toBe("+02:00");
  expect(formatZone("2024-05-03T14:22:05Z")).toBe("UTC");
  expect(formatZone("2024-05-03T14:22:05")).toBe("");
});

test("sizes keep two telling digits", () => {
  expect([0, 999, 1000, 8_412_331, 999_950, 123_456_789].map(formatBytes)).toEqual([
    "0 B", "999 B", "1.0 kB", "8.4 MB", "1.0 MB", "123 MB",
  ]);
});

test("durations carry hours only where there are any", () => {
  expect([7.2, 64, 3723].map(formatDuration)).toEqual(["0:07", "1:04", "1:02:03"]);
});

test("months, counts and positions read naturally", () => {
  expect(formatMonth("2024-05")).toBe("May 2024");
  expect(formatMonth(null)).toBe("Undated");
  expect(formatCount(1, "asset")).toBe("1 asset");
  expect(formatCount(10000, "asset")).toBe("10,000 assets");
  expect(formatPosition(-9.5, 38.7223)).toBe("9.50000° S, 38.72230° E");
});

test("a span is told in the unit that people would use", () => {
  expect([0.04, 4.26, 64, 400, 7300, 200_000].map(formatSpan)).toEqual(["0.0 s", "4.3 s", "64 s", "7 min", "2 h", "2 days"]);
});

test("what was a moment ago is told as now, what never was as never", () => {
  expect(formatAgo(100_000, 103_000)).toBe("just now");
  expect(formatAgo(100_000, 400_000)).toBe("5 min ago");
  expect(formatAgo(null, 400_000)).toBe("never");
});
