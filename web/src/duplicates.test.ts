import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { DuplicateGroup, DuplicateMember } from "./api.ts";

const member = (id: string, bits: number | null = 2) => ({ id, filename: `${id}.jpg`, bits }) as DuplicateMember;
const group = (id: string, members: DuplicateMember[]): DuplicateGroup => ({ id, suggested: id, why: [], members });

let groups: DuplicateGroup[] = [];
let told: { path: string; body: Record<string, unknown> }[] = [];
let status = 200;

beforeEach(() => {
  vi.resetModules();
  groups = [group("a", [member("a", 0), member("b"), member("far", null)]), group("x", [member("x", 0), member("y")])];
  told = [];
  status = 200;
  vi.stubGlobal("localStorage", { getItem: () => JSON.stringify({ person: "Ann" }), setItem: () => undefined });
  vi.stubGlobal("fetch", async (address: string, init: RequestInit = {}) => {
    const { pathname } = new URL(address, "http://localhost");
    if (init.method === "POST") {
      if (status !== 200) return new Response("{}", { status });
      const body = JSON.parse(String(init.body)) as Record<string, unknown>;
      told.push({ path: pathname, body });
      if (pathname.endsWith("/undo")) return Response.json({ restored: ["b"] });
      return Response.json({ id: "k1", asset_id: body["keep"], trashed: body["only"], fields: [], tags: [], collections: [] });
    }
    if (pathname === "/api/duplicates") return Response.json({ total: groups.length, spare: 2, items: groups });
    return Response.json({ ...groups[0], takes_over: { fields: {}, tags: [], collections: [], left: [], guarded: [] } });
  });
});

afterEach(() => vi.unstubAllGlobals());

async function fresh() {
  const { duplicates } = await import("./duplicates.svelte.ts");
  await duplicates.load();
  return duplicates;
}

test("what is suggested is chosen at first, and only its own duplicates go", async () => {
  const duplicates = await fresh();
  expect([duplicates.kept, [...duplicates.going]]).toEqual(["a", ["b"]]);
});

test("keeping another member tells which go", async () => {
  const duplicates = await fresh();
  duplicates.choose("b");
  duplicates.toggle("far");
  await duplicates.keep();
  expect(told).toEqual([{ path: "/api/duplicates/a/keep", body: { by: "Ann", keep: "b", only: ["a", "far"] } }]);
});

test("the next group comes once one was seen to", async () => {
  const duplicates = await fresh();
  await duplicates.keep();
  expect([duplicates.shown?.id, duplicates.total, duplicates.canUndo]).toEqual(["x", 1, true]);
});

test("a keeping is taken back by its id", async () => {
  const duplicates = await fresh();
  await duplicates.keep();
  await duplicates.undo();
  expect(told.at(-1)).toEqual({ path: "/api/duplicates/undo", body: { by: "Ann", keeping: "k1" } });
  expect([duplicates.canUndo, duplicates.total]).toEqual([false, 2]);
});

test("nothing goes where nobody lets it go", async () => {
  const duplicates = await fresh();
  duplicates.toggle("b");
  await duplicates.keep();
  expect(told).toEqual([]);
});

test("a group that somebody else has seen to is asked for anew, with the reason told", async () => {
  const duplicates = await fresh();
  status = 409;
  groups = groups.slice(1);
  await duplicates.keep();
  expect([duplicates.problem?.status, duplicates.shown?.id]).toEqual([409, "x"]);
});
