import { expect, test } from "vitest";

import { marked } from "./marking.ts";

const marks = (text: string, ...words: string[]) => marked(text, words).filter((each) => each.marked).map((each) => each.text);

test("words are marked in any case, accent and form", () => {
  expect(marks("Two Dogs at the Café, walking", "dog", "cafe", "walked")).toEqual(["Dogs", "Café", "walking"]);
});

test("words that only begin alike are not marked", () => {
  expect(marks("a doorway and an island", "dog", "islam")).toEqual([]);
});

test("the words of a phrase are marked one by one", () => {
  expect(marks("the red slide", "red slide")).toEqual(["red", "slide"]);
});

test("the stretches together are the text", () => {
  const text = "  “The dog”, said he — dog!  ";
  expect(marked(text, ["dog"]).map((each) => each.text).join("")).toBe(text);
});
