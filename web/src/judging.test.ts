import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Judgement } from "./api.ts";

const told: Judgement[] = [];
let refuses = false;

beforeEach(() => {
  vi.resetModules();
  told.length = 0;
  refuses = false;
  vi.stubGlobal("localStorage", { getItem: () => JSON.stringify({ person: "Ann" }), setItem: () => undefined });
  vi.stubGlobal("fetch", async (address: string, init: RequestInit = {}) => {
    if (init.method !== "POST") {
      const items = address.includes("q=dog") ? [{ query: "dog", asset_id: "a", verdict: 1, by: "Ann" }] : [];
      return Response.json({ total: items.length, items });
    }
    if (refuses) return new Response("{}", { status: 503 });
    const judgement = JSON.parse(String(init.body)) as Judgement;
    told.push(judgement);
    return Response.json({ ...judgement, changed: true });
  });
});

afterEach(() => vi.unstubAllGlobals());

const fresh = async () => (await import("./judging.svelte.ts")).judging;

test("what the person said before is shown again", async () => {
  const judging = await fresh();
  await judging.follow("dog");
  expect([judging.verdict("a"), judging.verdict("b"), judging.count]).toEqual([1, 0, 1]);
});

test("a verdict is told with the query and who says it", async () => {
  const judging = await fresh();
  await judging.follow("cat");
  await judging.say("b", -1);
  expect(told).toEqual([{ query: "cat", asset_id: "b", verdict: -1, by: "Ann" }]);
  expect(judging.verdict("b")).toBe(-1);
});

test("the same verdict again takes it back", async () => {
  const judging = await fresh();
  await judging.follow("dog");
  await judging.say("a", 1);
  expect(told.map(({ verdict }) => verdict)).toEqual([0]);
  expect(judging.count).toBe(0);
});

test("a verdict that the site refuses does not stay", async () => {
  const judging = await fresh();
  await judging.follow("cat");
  refuses = true;
  await judging.say("b", 1);
  expect(judging.verdict("b")).toBe(0);
  expect(judging.problem?.status).toBe(503);
});

test("another query begins without verdicts", async () => {
  const judging = await fresh();
  await judging.follow("dog");
  await judging.follow("cat");
  expect(judging.count).toBe(0);
});
