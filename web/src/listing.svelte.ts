/** What the grid shows: every asset of the archive (or of a filter), or the hits of an answer. */

import { api, type AssetPage, type Hit, type MonthCount, type Tile } from "./api.ts";
import type { Section } from "./layout.ts";
import { Pages, type Heading } from "./pages.ts";
import { guessIndex, sectionsOf } from "./timeline.ts";

export interface Listing {
  /** Width over height in thousandths, in display order. */
  readonly aspects: Uint16Array;
  readonly sections: readonly Section[];
  /** How many there are on the site; an answer may show fewer until one scrolls on. */
  readonly total: number;
  /** True where each tile carries a reason. */
  readonly explains: boolean;
  /** The asset at a place, once known. Reactive. */
  tile(index: number): Tile | Hit | undefined;
  /** Say what is in sight and which way sight moves. */
  want(first: number, last: number, direction: Heading): void;
  close(): void;
}

/** The asset a person looks at: where it stood, and who it is if known. */
export interface Anchor {
  index: number;
  id: string | null;
}

const PAGE = 100;
/** How many pages away from the guess an anchor is looked for. */
const REACH = 5;
/** How far into its month an asset opened by its address is looked for. */
const FURTHEST = 5000;

export class ArchiveListing implements Listing {
  readonly explains = false;
  readonly sections: readonly Section[];
  #pages: Pages;
  #version = $state(0);

  private constructor(
    readonly q: string,
    readonly position: number,
    readonly aspects: Uint16Array,
    private readonly months: readonly MonthCount[],
    seed: ReadonlyMap<number, AssetPage>,
    outdated: () => void,
  ) {
    this.sections = sectionsOf(months, aspects.length);
    const arrived = (page: AssetPage) => {
      this.#version += 1;
      if (page.total !== aspects.length) outdated();
    };
    const fetchPage = (offset: number, limit: number, signal: AbortSignal) =>
      api.assets(q, offset, limit, signal);
    this.#pages = new Pages(aspects.length, fetchPage, arrived, { size: PAGE });
    for (const [page, answer] of seed) this.#pages.store(page * PAGE, answer);
  }

  get total(): number {
    return this.aspects.length;
  }

  /** Fetch the geometry and the first page together. `outdated` is called when a page disagrees. */
  static async load(q: string, outdated: () => void, signal: AbortSignal): Promise<ArchiveListing> {
    const [layout, timeline, first] = await Promise.all([
      api.layout(q, signal),
      api.timeline(q, signal),
      api.assets(q, 0, PAGE, signal),
    ]);
    const seed = new Map([[0, first]]);
    return new ArchiveListing(q, layout.position, layout.aspects, timeline, seed, outdated);
  }

  /**
   * The same listing as it is now, with what is in sight already known, and where the anchor went.
   *
   * Nothing of this listing changes, so the grid can switch from one to the other in one frame.
   */
  async renewed(
    anchor: Anchor,
    outdated: () => void,
    signal: AbortSignal,
  ): Promise<{ listing: ArchiveListing; index: number }> {
    const [layout, timeline] = await Promise.all([
      api.layout(this.q, signal),
      api.timeline(this.q, signal),
    ]);
    const total = layout.aspects.length;
    const guess = guessIndex(anchor.index, this.months, timeline, total);
    const seed = new Map<number, AssetPage>();
    const index = await this.#locate(anchor.id, guess, total, seed, signal);
    await this.#fetchInto(seed, [index, index + 60], total, signal);
    const { position, aspects } = layout;
    return { listing: new ArchiveListing(this.q, position, aspects, timeline, seed, outdated), index };
  }

  tile(index: number): Tile | undefined {
    void this.#version;
    return this.#pages.tile(index);
  }

  want(first: number, last: number, direction: Heading): void {
    this.#pages.want(first, last, direction);
  }

  close(): void {
    this.#pages.close();
  }

  /** Where an asset stands, looked for around its month and the places near by; -1 if not there. */
  async find(id: string, month: string | null, signal: AbortSignal): Promise<number> {
    const own = this.months.find((each) => each.month === month);
    if (!own) return -1;
    const end = Math.min(own.offset + own.count, own.offset + FURTHEST);
    for (let offset = own.offset - (own.offset % PAGE); offset < end; offset += PAGE) {
      const page = await api.assets(this.q, offset, PAGE, signal);
      this.#pages.store(offset, page);
      const at = page.items.findIndex((tile) => tile.id === id);
      if (at >= 0) return offset + at;
    }
    return -1;
  }

  async #locate(
    id: string | null,
    guess: number,
    total: number,
    seed: Map<number, AssetPage>,
    signal: AbortSignal,
  ): Promise<number> {
    if (id === null || total === 0) return guess;
    for (let distance = 0; distance <= REACH; distance++) {
      for (const side of distance ? [-1, 1] : [1]) {
        const near = guess + side * distance * PAGE;
        if (near < 0 || near >= total + PAGE) continue;
        await this.#fetchInto(seed, [Math.min(near, total - 1)], total, signal);
        for (const [page, { items }] of seed) {
          const at = items.findIndex((tile) => tile.id === id);
          if (at >= 0) return page * PAGE + at;
        }
      }
    }
    return guess;
  }

  async #fetchInto(
    seed: Map<number, AssetPage>,
    indexes: number[],
    total: number,
    signal: AbortSignal,
  ): Promise<void> {
    const pages = indexes.map((index) => Math.floor(index / PAGE));
    const missing = [...new Set(pages)].filter((page) => !seed.has(page) && page * PAGE < total);
    const fetched = await Promise.all(missing.map((page) => api.assets(this.q, page * PAGE, PAGE, signal)));
    missing.forEach((page, at) => {
      const answer = fetched[at];
      if (answer) seed.set(page, answer);
    });
  }
}
