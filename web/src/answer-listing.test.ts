import { afterEach, expect, test, vi } from "vitest";

import { AnswerListing, sectionsOfHits } from "./answer-listing.svelte.ts";
import type { Answer, Hit } from "./api.ts";

afterEach(() => vi.unstubAllGlobals());

const hitOf = (id: string, rest: Partial<Hit> = {}) => ({ id, filename: `${id}.jpg`, aspect: 1.5, strength: "strong", alike: [], ...rest }) as Hit;

function answerOf(from: number, to: number, total: number, strong: number | null = null): Answer {
  const strength = (at: number) => (strong !== null && at >= strong ? "weak" : "strong");
  const hits = Array.from({ length: to - from }, (_, at) => hitOf(`h${from + at}`, { strength: strength(from + at) }));
  const query = { text: "dog", chips: [], offers: [], stored: "dog" };
  return { query, total, took_ms: 1, hits, strong, answer: "7.a", corrected: {} };
}

test("an answer grows as one scrolls on, without repeating a hit", async () => {
  const more = vi.fn(async (offset: number) => answerOf(offset - 1, offset + 99, 1000));
  const listing = new AnswerListing(answerOf(0, 100, 1000), more);
  listing.want(0, 20);
  expect(more).not.toHaveBeenCalled();
  listing.want(60, 80);
  await vi.waitFor(() => expect(listing.aspects.length).toBe(199));
  expect(new Set(Array.from({ length: 199 }, (_, at) => listing.tile(at)?.id)).size).toBe(199);
  expect(listing.aspects[198]).toBe(1500);
});

test("later pages go on in the ranking of the first", async () => {
  const more = vi.fn(async () => answerOf(100, 120, 120));
  const listing = new AnswerListing(answerOf(0, 100, 120), more);
  listing.want(60, 99);
  await vi.waitFor(() => expect(listing.isComplete).toBe(true));
  expect(more).toHaveBeenCalledWith(100, "7.a", expect.anything());
});

test("an answer that is complete asks for nothing more", () => {
  const more = vi.fn();
  const listing = new AnswerListing(answerOf(0, 12, 12), more);
  listing.want(0, 11);
  expect(more).not.toHaveBeenCalled();
  expect(listing.isComplete).toBe(true);
});

test("what may fit is divided from what fits", () => {
  const listing = new AnswerListing(answerOf(0, 12, 12, 5), null);
  expect(listing.sections.map(({ offset, count, label }) => [offset, count, label])).toEqual([
    [0, 5, "These fit"],
    [5, 7, "These may fit"],
  ]);
});

test("where all fits, or nothing was ranked, nothing is divided", () => {
  expect(sectionsOfHits(["strong", "strong"], 2, 2)).toEqual([]);
  expect(sectionsOfHits([null, null], null, 2)).toEqual([]);
});

test("where nothing fits well all is said to be uncertain", () => {
  expect(sectionsOfHits(["weak", "weak"], 0, 9).map(({ label, shown }) => [label, shown])).toEqual([["These may fit", 9]]);
});

test("what looks the same is laid open behind its hit, and put away again", async () => {
  vi.stubGlobal("fetch", async (address: string) => Response.json(hitOf(address.split("/").at(-1) ?? "")));
  const answer = answerOf(0, 3, 3, 2);
  answer.hits[0] = hitOf("h0", { alike: ["a1", "a2"] });
  const listing = new AnswerListing(answer, null);
  const shown = () => Array.from(listing.aspects, (_, at) => listing.tile(at)?.id);

  await listing.toggleAlike("h0");
  expect(shown()).toEqual(["h0", "a1", "a2", "h1", "h2"]);
  expect([listing.openedFor(1), listing.openedFor(3), listing.total]).toEqual(["h0", null, 3]);
  expect(listing.sections.map(({ count }) => count)).toEqual([4, 1]);

  await listing.toggleAlike("h0");
  expect(shown()).toEqual(["h0", "h1", "h2"]);
});

test("a look-alike that has gone is passed over", async () => {
  vi.stubGlobal("fetch", async (address: string) =>
    address.endsWith("gone") ? new Response("{}", { status: 404 }) : Response.json(hitOf("a1")),
  );
  const answer = answerOf(0, 1, 1);
  answer.hits[0] = hitOf("h0", { alike: ["gone", "a1"] });
  const listing = new AnswerListing(answer, null);
  await listing.toggleAlike("h0");
  expect(Array.from(listing.aspects, (_, at) => listing.tile(at)?.id)).toEqual(["h0", "a1"]);
});
