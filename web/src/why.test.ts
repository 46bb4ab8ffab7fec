import { afterEach, expect, test, vi } from "vitest";

import type { Hit, Reason, WhyPicture } from "./api.ts";
import { bestPage, bestSecond, hitOf, Why } from "./why.svelte.ts";

afterEach(() => vi.unstubAllGlobals());

const hit = (why: Partial<Reason>[], moments: Hit["moments"] = []) => ({ id: "a", why, moments }) as Hit;
const picture = (text: string) => ({ text, rows: 1, columns: 1, relevance: [[1]], boxes: [] }) as unknown as WhyPicture;

test("a film fits best at its best moment, a recording where the words are said", () => {
  expect(bestSecond(hit([{ second: 9 }], [{ start_s: 4, end_s: 6, similarity: 0.3 }]))).toBe(4);
  expect(bestSecond(hit([{}, { second: 9 }]))).toBe(9);
  expect(bestSecond(hit([{}]))).toBeNull();
});

test("a document fits best on the first page that a reason names", () => {
  expect(bestPage(hit([{ page: null }, { page: 3 }, { page: 1 }]))).toBe(3);
  expect(bestPage(null)).toBeNull();
});

test("an asset without reasons is no hit", () => {
  expect(hitOf({ id: "a" } as Hit)).toBeNull();
});

test("where a picture fits is asked for once one wants to see it, and goes on with the next", async () => {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    asked.push(address.split("/")[3] ?? "");
    return Response.json(picture("dog"));
  });
  const why = new Why();
  why.follow("a", "dog");
  expect(asked).toEqual([]);
  why.toggle("a", "dog");
  await vi.waitFor(() => expect(why.over("a", "dog")?.text).toBe("dog"));

  why.follow("b", "dog");
  expect(why.over("b", "dog")).toBeNull();
  await vi.waitFor(() => expect(why.over("b", "dog")).not.toBeNull());
  expect(asked).toEqual(["a", "b"]);
});

test("what cannot be told is said, and nothing lies over the picture", async () => {
  vi.stubGlobal("fetch", async () => Response.json({ title: "No picture", detail: "It has none." }, { status: 404 }));
  const why = new Why();
  why.toggle("a", "dog");
  await vi.waitFor(() => expect(why.problem?.detail).toBe("It has none."));
  expect(why.over("a", "dog")).toBeNull();
});
