import { describe, expect, test } from "vitest";

import { completed, formatRoute, HOME, isFiltersOnly, listingKey, parseRoute, withoutChip } from "./query.ts";

const chip = (kind: string, text: string) => ({ kind, text, label: text });

describe("the address", () => {
  test.each([
    HOME,
    { ...HOME, q: 'a dog "on the beach" -cat after:2020', asset: "x1" },
    { ...HOME, like: "abc" },
    { ...HOME, picture: true },
    { ...HOME, page: "quarantine" as const },
    { ...HOME, page: "sites" as const },
    { ...HOME, page: "conflicts" as const, conflict: "abc:caption" },
  ])("holds the whole state: %o", (route) => {
    expect(parseRoute(formatRoute(route))).toEqual(route);
  });

  test("an unknown path is the grid", () => {
    expect(parseRoute("/somewhere/else")).toEqual(HOME);
  });

  test("opening an asset keeps the listing", () => {
    const route = { ...HOME, q: "dog" };
    expect(listingKey({ ...route, asset: "x" })).toBe(listingKey(route));
  });
});

describe("chips", () => {
  test("a removed chip takes only its own word", () => {
    const q = "dogs type:video dog";
    expect(withoutChip(q, chip("type", "type:video"))).toBe("dogs dog");
    expect(withoutChip(q, chip("text", "dog"))).toBe("dogs type:video");
  });

  test("the text chip takes all of its words, wherever they stand", () => {
    expect(withoutChip("a dog after:2020 running", chip("text", "a dog running"))).toBe("after:2020");
  });

  test("a quoted phrase goes with its quotes", () => {
    expect(withoutChip('sea "red boat"', chip("phrase", '"red boat"'))).toBe("sea");
  });

  test("filters alone are answered in display order; words are not", () => {
    expect(isFiltersOnly("", [chip("type", "type:video")])).toBe(true);
    expect(isFiltersOnly("", [chip("exclude", "-cat")])).toBe(false);
    expect(isFiltersOnly("dog", [chip("type", "type:video")])).toBe(false);
    expect(isFiltersOnly("", [])).toBe(false);
  });
});

describe("completed", () => {
  test("replaces the last word", () => {
    expect(completed("dog ty", "type:video")).toBe("dog type:video ");
  });

  test("leaves the cursor behind the colon of a filter", () => {
    expect(completed("af", "after:")).toBe("after:");
  });

  test("an open quote belongs to the last word", () => {
    expect(completed('sea tag:x "red bo', '"red boat"')).toBe('sea tag:x "red boat" ');
  });
});
