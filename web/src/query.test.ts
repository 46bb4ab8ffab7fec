import { describe, expect, test } from "vitest";

import type { Chip } from "./api.ts";
import { askedQuery, completed, formatRoute, HOME, listingKey, opposite, parseRoute, queryOf, withChip, withCorrections, withOffer } from "./query.ts";

const chip = (kind: string, text: string, explicit = text, words = ""): Chip => ({ kind, text, label: text, explicit, words });
const SLIDE = [
  chip("text", "two kids on a red slide"),
  chip("time", "last summer,", 'date:"last summer"', "\\last \\summer,"),
  chip("without", "no adults,", "without:adults", "\\no \\adults,"),
  chip("orientation", "landscape", "orientation:landscape", "\\landscape"),
];

describe("the address", () => {
  test.each([
    HOME,
    { ...HOME, q: 'a dog "on the beach" -cat after:2020', asset: "x1" },
    { ...HOME, like: "abc" },
    { ...HOME, like: "abc", q: "at night", mode: "meaning" as const, beyond: true },
    { ...HOME, picture: true },
    { ...HOME, page: "quarantine" as const },
    { ...HOME, page: "sites" as const },
    { ...HOME, page: "duplicates" as const, asset: "x1" },
    { ...HOME, page: "collections" as const },
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
  test("together are the query as it was typed", () => {
    expect(queryOf(SLIDE)).toBe("two kids on a red slide last summer, no adults, landscape");
  });

  test("a removed chip takes its own words and no other", () => {
    expect(withChip(SLIDE, 2, "")).toBe("two kids on a red slide last summer, landscape");
    const dogs = [chip("text", "dogs"), chip("type", "type:video"), chip("text", "dog")];
    expect(withChip(dogs, 2, "")).toBe("dogs type:video");
  });

  test("a chip is kept as plain words in its place", () => {
    expect(withChip(SLIDE, 1, SLIDE[1]?.words ?? "")).toBe("two kids on a red slide \\last \\summer, no adults, landscape");
  });

  test("a filter has an opposite, whose opposite it is", () => {
    const landscape = SLIDE[3] as Chip;
    expect(opposite(landscape)).toBe("-orientation:landscape");
    expect(opposite({ ...landscape, explicit: "-orientation:landscape" })).toBe("orientation:landscape");
  });

  test("text and groups have no opposite", () => {
    expect(SLIDE.slice(0, 1).map(opposite)).toEqual([null]);
    expect(opposite(chip("group", "(a OR b)"))).toBeNull();
  });

  test("an offer that is taken replaces its own words", () => {
    expect(withOffer("viennas vienna zoo", chip("place", "vienna", "place:Vienna"))).toBe("viennas place:Vienna zoo");
  });

  test("corrections replace the words that nothing contains", () => {
    expect(withCorrections("red sldie type:photo", { sldie: "slide" })).toBe("red slide type:photo");
  });

  test("an asset to be alike is asked for with the words", () => {
    expect(askedQuery({ ...HOME, like: "abc", q: "at night" })).toBe("like:abc at night");
    expect(askedQuery({ ...HOME, q: " dog " })).toBe("dog");
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
