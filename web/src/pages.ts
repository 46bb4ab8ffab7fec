/** Details of a listing's assets, fetched page by page as they come into sight. */

import type { AssetPage, Tile } from "./api.ts";

export type FetchPage = (offset: number, limit: number, signal: AbortSignal) => Promise<AssetPage>;

/** Which way sight moves: towards later places, earlier ones, or neither. */
export type Heading = 1 | -1 | 0;

export interface PagesOptions {
  /** Assets a page; the site allows 500. */
  size?: number;
  /** Requests under way at once. */
  concurrent?: number;
  /** Pages kept; those farthest from sight go first. */
  keep?: number;
  /** Wait before a failed page is asked for again, in milliseconds. */
  retry_ms?: number;
}

/**
 * Fetches what is wanted, nearest need first; gives up requests for what was passed.
 *
 * At most `concurrent` requests run at once, and never two for one page. Failed pages are asked for
 * again while they are wanted.
 */
export class Pages {
  #pages = new Map<number, Tile[]>();
  #underWay = new Map<number, AbortController>();
  #wanted: number[] = [];
  #options: Required<PagesOptions>;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param count assets in the listing
   * @param arrived called after a page was stored
   */
  constructor(
    readonly count: number,
    private readonly fetchPage: FetchPage,
    private readonly arrived: (page: AssetPage) => void,
    options: PagesOptions = {},
  ) {
    this.#options = { size: 100, concurrent: 3, keep: 120, retry_ms: 1000, ...options };
  }

  get size(): number {
    return this.#options.size;
  }

  /** The asset at a place, once its page is here. O(1). */
  tile(index: number): Tile | undefined {
    return this.#pages.get(Math.floor(index / this.size))?.[index % this.size];
  }

  /** Keep a page that was fetched otherwise. `offset` is a multiple of the page size. */
  store(offset: number, page: AssetPage): void {
    this.#pages.set(offset / this.size, page.items);
  }

  /** Say what is in sight (`first` to `last`, inclusive) and which way sight moves; 0: fetch no more. */
  want(first: number, last: number, direction: Heading): void {
    const lowest = Math.floor(first / this.size);
    const highest = Math.floor(last / this.size);
    const inSight = Array.from({ length: highest - lowest + 1 }, (_, at) => lowest + at);
    if (direction === -1) inSight.reverse();
    const down = [highest + 1, highest + 2, lowest - 1];
    const up = [lowest - 1, lowest - 2, highest + 1];
    const ahead = direction === 1 ? down : direction === -1 ? up : [];
    const lastPage = Math.floor((this.count - 1) / this.size);
    this.#wanted = [...inSight, ...ahead].filter((page) => page >= 0 && page <= lastPage);
    for (const [page, controller] of this.#underWay) {
      if (this.#wanted.includes(page)) continue;
      controller.abort();
      this.#underWay.delete(page);
    }
    this.#advance();
  }

  /** Give up everything under way. */
  close(): void {
    this.#wanted = [];
    clearTimeout(this.#retry);
    for (const controller of this.#underWay.values()) controller.abort();
    this.#underWay.clear();
  }

  #advance(): void {
    for (const page of this.#wanted) {
      if (this.#underWay.size >= this.#options.concurrent) return;
      if (!this.#pages.has(page) && !this.#underWay.has(page)) void this.#fetch(page);
    }
  }

  async #fetch(page: number): Promise<void> {
    const controller = new AbortController();
    this.#underWay.set(page, controller);
    try {
      const answer = await this.fetchPage(page * this.size, this.size, controller.signal);
      if (controller.signal.aborted) return;
      this.#pages.set(page, answer.items);
      this.#evict(page);
      this.arrived(answer);
    } catch {
      if (controller.signal.aborted) return;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#advance(), this.#options.retry_ms);
      this.#underWay.delete(page);
      return;
    }
    this.#underWay.delete(page);
    this.#advance();
  }

  #evict(near: number): void {
    if (this.#pages.size <= this.#options.keep) return;
    const farthest = [...this.#pages.keys()].reduce((far, page) =>
      Math.abs(page - near) > Math.abs(far - near) ? page : far,
    );
    this.#pages.delete(farthest);
  }
}
