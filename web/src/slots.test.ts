import { expect, test } from "vitest";

import { Slots } from "./slots.ts";

test("a row keeps its slot while it is shown", () => {
  const slots = new Slots();
  const before = slots.assign([4, 5, 6]).get(6);
  expect(slots.assign([5, 6, 7]).get(6)).toBe(before);
});

test("scrolling reuses slots instead of making new ones", () => {
  const slots = new Slots();
  const used = new Set<number>();
  for (let first = 0; first < 1000; first += 3) {
    const rows = Array.from({ length: 12 }, (_, at) => first + at);
    for (const slot of slots.assign(rows).values()) used.add(slot);
  }
  expect(used.size).toBe(12);
});

test("no two shown rows share a slot", () => {
  const slots = new Slots();
  slots.assign([1, 2, 3]);
  const assigned = slots.assign([3, 90, 91, 92]);
  expect(new Set(assigned.values()).size).toBe(4);
});

test("renumbered rows keep their slots", () => {
  const slots = new Slots();
  const before = slots.assign([10, 11]).get(11);
  slots.renumber(2);
  expect(slots.assign([12, 13]).get(13)).toBe(before);
});
