import { describe, expect, test } from "vitest";

import { differenceFrom, mergedDraft } from "./difference.ts";

const marked = (text: string, other: string) =>
  differenceFrom(text, other).filter((piece) => !piece.shared).map((piece) => piece.text);

describe("the difference of two texts", () => {
  test("marks the words that the other does not have", () => {
    expect(marked("Two boats on the beach", "Three boats on the shore")).toEqual(["Two", "beach"]);
  });

  test("leaves nothing out and adds nothing", () => {
    const text = "  Dawn,\nover the harbour — 1938 ";
    expect(differenceFrom(text, "Dusk over a harbour").map((piece) => piece.text).join("")).toBe(text);
  });

  test("marks words in a row as one, without the spaces around them", () => {
    expect(marked("The train to Graz", "The train")).toEqual(["to Graz"]);
  });

  test("marks nothing in equal texts, everything against an empty one", () => {
    expect(marked("A dog", "A dog")).toEqual([]);
    expect(marked("A dog", "")).toEqual(["A dog"]);
    expect(differenceFrom("", "A dog")).toEqual([]);
  });

  test("tells letters of any script apart", () => {
    expect(marked("Über die Brücke", "Unter die Brücke")).toEqual(["Über"]);
    expect(marked("橋 の 上", "橋 の 下")).toEqual(["上"]);
  });

  test("does not compare very long texts word by word", () => {
    const long = "word ".repeat(2000);
    expect(differenceFrom(long, `${long}more`)).toEqual([{ text: long, shared: false }]);
  });
});

test("a merge begins with all texts, each once", () => {
  expect(mergedDraft(["Dawn", "Dusk", "Dawn ", ""])).toBe("Dawn\nDusk");
});
