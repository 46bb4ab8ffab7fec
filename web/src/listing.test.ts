import { afterEach, expect, test, vi } from "vitest";

import type { Tile } from "./api.ts";
import { ArchiveListing } from "./listing.svelte.ts";

const never = new AbortController().signal;

/** A site in memory: assets by id, newest first, all of one month; it answers the layout contract. */
function siteOf(ids: string[]) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    const url = new URL(address, "http://localhost");
    asked.push(url.pathname);
    if (url.pathname === "/api/layout") return new Response(Uint16Array.from(ids, () => 1500));
    if (url.pathname === "/api/timeline") return Response.json([{ month: "2024-05", count: ids.length, offset: 0 }]);
    const offset = Number(url.searchParams.get("offset"));
    const items = ids.slice(offset, offset + Number(url.searchParams.get("limit")));
    return Response.json({ total: ids.length, position: 1, items: items.map((id) => ({ id }) as Tile) });
  });
  return { asked };
}

const idsOf = (count: number, prefix = "a") => Array.from({ length: count }, (_, at) => `${prefix}${at}`);

afterEach(() => vi.unstubAllGlobals());

test("a listing knows its geometry and its first page at once", async () => {
  siteOf(idsOf(250));
  const listing = await ArchiveListing.load("", () => undefined, never);
  expect(listing.total).toBe(250);
  expect(listing.sections.map(({ label }) => label)).toEqual(["May 2024"]);
  expect(listing.tile(99)?.id).toBe("a99");
  expect(listing.tile(100)).toBeUndefined();
});

test("a renewed listing tells where the asset in sight has gone, and knows what is around it", async () => {
  siteOf(idsOf(1000));
  const before = await ArchiveListing.load("", () => undefined, never);
  siteOf([...idsOf(150, "new"), ...idsOf(1000)]);
  const { listing, index } = await before.renewed({ index: 420, id: "a420" }, () => undefined, never);
  expect(index).toBe(570);
  expect(listing.tile(570)?.id).toBe("a420");
  expect(listing.tile(615)).toBeDefined();
});

test("an asset that went away is replaced by what stands in its place", async () => {
  siteOf(idsOf(300));
  const before = await ArchiveListing.load("", () => undefined, never);
  siteOf(idsOf(200));
  const { index } = await before.renewed({ index: 290, id: "a290" }, () => undefined, never);
  expect(index).toBeGreaterThanOrEqual(0);
  expect(index).toBeLessThan(200);
});

test("an archive that became empty has nothing to find", async () => {
  siteOf(idsOf(5));
  const before = await ArchiveListing.load("", () => undefined, never);
  siteOf([]);
  const { listing, index } = await before.renewed({ index: 2, id: "a2" }, () => undefined, never);
  expect([listing.total, index]).toEqual([0, 0]);
});

test("an asset opened by its address is found in its month", async () => {
  siteOf(idsOf(900));
  const listing = await ArchiveListing.load("", () => undefined, never);
  expect(await listing.find("a640", "2024-05", never)).toBe(640);
  expect(await listing.find("a640", "1999-01", never)).toBe(-1);
});
