import { expect, test } from "vitest";

import type { Tile } from "./api.ts";
import { GridView } from "./grid-view.svelte.ts";
import type { Listing } from "./listing.svelte.ts";

const size = { width: 1200, height: 800, rowHeight: 200, gap: 4, captionHeight: 0 };

/** A listing of equal pictures that knows all of them. */
function listingOf(count: number): Listing & { wanted: [number, number][] } {
  const wanted: [number, number][] = [];
  return {
    aspects: Uint16Array.from({ length: count }, () => 1500),
    sections: [],
    total: count,
    explains: false,
    wanted,
    tile: (index) => ({ id: `a${index}` }) as Tile,
    want: (first, last) => wanted.push([first, last]),
    close: () => undefined,
  };
}

function viewOf(count: number) {
  let scrollTop = 0;
  const view = new GridView((value) => (scrollTop = value));
  const listing = listingOf(count);
  view.resize(size);
  view.show(listing, null);
  return { view, listing, scrollTop: () => scrollTop };
}

const shownIndexes = (view: GridView) => view.rows.flatMap((row) => row.tiles.map((tile) => tile.index));

test("only what is near the screen is in the document", () => {
  const { view } = viewOf(100_000);
  expect(shownIndexes(view).length).toBeLessThan(100);
  expect(shownIndexes(view)).toContain(0);
});

test("what is on screen is what the listing is asked for", () => {
  const { view, listing } = viewOf(100_000);
  view.scrollTo(50_000);
  const [first, last] = listing.wanted.at(-1) ?? [0, 0];
  expect(first).toBeLessThanOrEqual(view.firstInSight());
  expect(last).toBeGreaterThan(view.firstInSight() + 8);
  expect(last - first).toBeLessThan(40);
});

test("a place is found again after the grid was made narrower", () => {
  const { view } = viewOf(10_000);
  view.scrollTo(80_000);
  const before = view.mark();
  view.resize({ ...size, width: 700 });
  const after = view.mark();
  // The asset that began the row may stand inside of a row now: at most a row's worth earlier.
  expect(before.index - after.index).toBeGreaterThanOrEqual(0);
  expect(before.index - after.index).toBeLessThan(6);
});

test("assets that appear above leave the screen as it is", () => {
  const { view } = viewOf(10_000);
  view.scrollTo(80_000);
  const mark = view.mark();
  const anchor = { index: view.firstInSight(), id: "x" };
  view.follow(anchor, anchor.index + 16);
  view.update(listingOf(10_016));
  expect(view.mark()).toEqual({ ...mark, index: mark.index + 16 });
});

test("rows that stay on screen keep their elements when assets appear above", () => {
  const { view } = viewOf(10_000);
  view.scrollTo(80_000);
  const slotOf = (index: number) => view.rows.find((row) => row.tiles.some((tile) => tile.index === index))?.slot;
  const anchor = { index: view.firstInSight(), id: "x" };
  const slot = slotOf(anchor.index);
  view.follow(anchor, anchor.index + 16);
  view.update(listingOf(10_016));
  expect(slotOf(anchor.index + 16)).toBe(slot);
});

test("at the very top new assets come into sight", () => {
  const { view } = viewOf(10_000);
  view.follow({ index: 0, id: "x" }, 5);
  view.update(listingOf(10_005));
  expect(view.top).toBe(0);
});

test("the last asset of 800,000 can be reached", () => {
  const { view, scrollTop } = viewOf(800_000);
  view.reveal(799_999);
  expect(shownIndexes(view)).toContain(799_999);
  expect(scrollTop()).toBeLessThan(4_000_000);
});

test("the focused row stays in the document while it is out of sight", () => {
  const { view } = viewOf(10_000);
  view.current = 3;
  view.pinned = true;
  view.scrollTo(90_000);
  expect(shownIndexes(view)).toContain(3);
});

test("a mark given before the size is known is honoured", () => {
  const view = new GridView(() => undefined);
  view.show(listingOf(10_000), { index: 4000, offset: 0 });
  view.resize(size);
  expect(view.firstInSight()).toBe(4000);
});
