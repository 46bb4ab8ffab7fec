import { expect, test } from "vitest";

import { Reach } from "./reach.ts";

const HEIGHT = 800;

function scrolling(pixels_per_s: number, direction: 1 | -1 = 1): Reach {
  const reach = new Reach();
  reach.widen();
  for (let frame = 0; frame < 60; frame++) {
    reach.moved((direction * pixels_per_s) / 60, HEIGHT, 1000 + (frame * 1000) / 60);
  }
  return reach;
}

test("after a jump only what is in sight is drawn, until it widens", () => {
  const reach = scrolling(1000);
  reach.moved(50_000, HEIGHT, 3000);
  expect(reach.extent(HEIGHT).below).toBeLessThan(HEIGHT / 4);
  reach.widen();
  expect(reach.extent(HEIGHT).below).toBeGreaterThan(HEIGHT);
});

test("it reaches further the way one scrolls", () => {
  const down = scrolling(1000, 1).extent(HEIGHT);
  const up = scrolling(1000, -1).extent(HEIGHT);
  expect(down.below).toBeGreaterThan(down.above);
  expect(up.above).toBeGreaterThan(up.below);
});

test("it grows with the speed and has a limit", () => {
  const [slow, quick, quicker] = [500, 4000, 7000].map((speed) => scrolling(speed).extent(HEIGHT).below);
  expect(quick).toBeGreaterThan(slow ?? 0);
  expect(quicker).toBeLessThanOrEqual(4 * HEIGHT);
});

test("faster than anyone can look, hardly anything is drawn ahead", () => {
  expect(scrolling(20_000).extent(HEIGHT).below).toBeLessThan(HEIGHT);
});
