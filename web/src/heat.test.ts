import { expect, test } from "vitest";

import { heatColour, smoothed } from "./heat.ts";

test("what does not fit is dimmed, what fits best is tinted", () => {
  expect(heatColour(0)).toEqual([0, 0, 0, 168]);
  expect(heatColour(1)[0]).toBe(255);
  expect(heatColour(1)[3]).toBeGreaterThan(0);
});

test("dimming goes over into the tint without an edge", () => {
  expect(heatColour(0.549)[3]).toBeLessThan(2);
  expect(heatColour(0.551)[3]).toBeLessThan(2);
});

test("smoothing keeps the middles of cells and never leaves their range", () => {
  const values = smoothed([[0, 1], [0.5, 0.25]], 2, 2);
  expect(Array.from(values)).toEqual([0, 1, 0.5, 0.25]);
  const fine = smoothed([[0, 1], [0.5, 0.25]], 40, 30);
  expect(Math.min(...fine)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...fine)).toBeLessThanOrEqual(1);
});

test("one cell is the same everywhere", () => {
  expect(new Set(smoothed([[0.5]], 8, 8))).toEqual(new Set([0.5]));
});
