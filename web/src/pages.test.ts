import { expect, test, vi } from "vitest";

import type { AssetPage, Tile } from "./api.ts";
import { Pages, type FetchPage } from "./pages.ts";

const tileAt = (index: number) => ({ id: `a${index}` }) as Tile;

function pageOf(offset: number, limit: number, total: number): AssetPage {
  const length = Math.max(0, Math.min(limit, total - offset));
  return { total, position: 1, items: Array.from({ length }, (_, at) => tileAt(offset + at)) };
}

/** A site that answers only when told to, and remembers what it was asked. */
function slowSite(total: number) {
  const asked: number[] = [];
  const given: number[] = [];
  const answers = new Map<number, () => void>();
  const fetchPage: FetchPage = (offset, limit, signal) =>
    new Promise((resolve, reject) => {
      asked.push(offset);
      answers.set(offset, () => resolve(pageOf(offset, limit, total)));
      signal.addEventListener("abort", () => {
        given.push(offset);
        reject(new DOMException("", "AbortError"));
      });
    });
  return { asked, givenUp: given, fetchPage, answer: (offset: number) => answers.get(offset)?.() };
}

test("an asset is known once its page arrived", async () => {
  const arrived = vi.fn();
  const pages = new Pages(1000, async (offset, limit) => pageOf(offset, limit, 1000), arrived);
  expect(pages.tile(250)).toBeUndefined();
  pages.want(240, 260, 1);
  await vi.waitFor(() => expect(pages.tile(250)?.id).toBe("a250"));
  expect(arrived).toHaveBeenCalled();
});

test("what is in sight is asked for before what lies ahead", () => {
  const site = slowSite(1000);
  new Pages(1000, site.fetchPage, () => {}).want(150, 210, 1);
  expect(site.asked).toEqual([100, 200, 300]);
});

test("going up prefetches upwards", () => {
  const site = slowSite(1000);
  new Pages(1000, site.fetchPage, () => {}).want(550, 580, -1);
  expect(site.asked).toEqual([500, 400, 300]);
});

test("without a direction only what is in sight is asked for", () => {
  const site = slowSite(1000);
  new Pages(1000, site.fetchPage, () => {}).want(550, 580, 0);
  expect(site.asked).toEqual([500]);
});

test("a page that was passed is given up", () => {
  const site = slowSite(10_000);
  const pages = new Pages(10_000, site.fetchPage, () => {});
  pages.want(0, 50, 1);
  pages.want(9000, 9050, 1);
  expect(site.givenUp).toEqual([0, 100, 200]);
  expect(site.asked).toContain(9000);
});

test("no page is asked for twice while it is under way", () => {
  const site = slowSite(1000);
  const pages = new Pages(1000, site.fetchPage, () => {});
  pages.want(0, 50, 1);
  pages.want(10, 60, 1);
  expect(site.asked.filter((offset) => offset === 0)).toHaveLength(1);
});

test("a failed page is asked for again while it is wanted", async () => {
  let failures = 1;
  const fetchPage: FetchPage = async (offset, limit) => {
    if (offset === 0 && failures-- > 0) throw new Error("lost");
    return pageOf(offset, limit, 200);
  };
  const pages = new Pages(200, fetchPage, () => {}, { retry_ms: 1 });
  pages.want(0, 20, 1);
  await vi.waitFor(() => expect(pages.tile(3)?.id).toBe("a3"));
});

test("nothing beyond the ends is asked for", () => {
  const site = slowSite(150);
  new Pages(150, site.fetchPage, () => {}).want(100, 149, 1);
  expect(site.asked).toEqual([100, 0]);
});

test("pages far from sight are forgotten beyond the limit", async () => {
  const fetchPage: FetchPage = async (offset, limit) => pageOf(offset, limit, 10_000);
  const pages = new Pages(10_000, fetchPage, () => {}, { keep: 5 });
  for (const first of [0, 2000, 4000]) {
    pages.want(first, first + 20, 1);
    await vi.waitFor(() => expect(pages.tile(first + 299)).toBeDefined());
  }
  expect(pages.tile(0)).toBeUndefined();
  expect(pages.tile(4000)).toBeDefined();
});
