import { expect, test } from "vitest";

import { ScrollWindow } from "./scroll-window.ts";

function over(total: number, cap = 4_000_000): ScrollWindow {
  const window = new ScrollWindow(cap);
  window.resize(total);
  return window;
}

test("a listing below the cap is scrolled as it is", () => {
  const window = over(430_000);
  expect(window.span).toBe(430_000);
  expect(window.toScroll(123_456)).toBe(123_456);
  expect(window.base).toBe(0);
});

test("every place of a very tall listing can be reached, exactly", () => {
  const window = over(60_000_000);
  for (const y of [0, 17, 3_999_999, 33_554_433, 59_999_000, 60_000_000, 12]) {
    const scrollTop = window.toScroll(y);
    expect(scrollTop).toBeGreaterThanOrEqual(0);
    expect(scrollTop).toBeLessThanOrEqual(window.span);
    expect(window.toListing(scrollTop)).toBe(y);
  }
});

test("small steps in the middle of the stretch do not move it", () => {
  const window = over(60_000_000);
  window.toScroll(30_000_000);
  const { base } = window;
  window.toScroll(30_400_000);
  expect(window.base).toBe(base);
});

test("the first and the last place are comfortable at the ends", () => {
  const window = over(60_000_000);
  expect(window.toScroll(0)).toBe(0);
  expect(window.isComfortable(0)).toBe(true);
  window.toScroll(60_000_000);
  expect(window.isComfortable(60_000_000)).toBe(true);
});

test("a listing that shrinks takes the window with it", () => {
  const window = over(60_000_000);
  window.toScroll(59_000_000);
  window.resize(1_000_000);
  expect(window.base).toBe(0);
  expect(window.span).toBe(1_000_000);
});
