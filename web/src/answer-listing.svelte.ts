/** Hits in order of rank: those that fit, then those that may fit; more are fetched as one scrolls on. */

import { api, isAbort, Problem, type Answer, type Chip, type Hit } from "./api.ts";
import type { Section } from "./layout.ts";
import type { Listing } from "./listing.svelte.ts";

/** More hits from an offset on, in the ranking that the first page named. */
export type FetchMore = (offset: number, answer: string, signal: AbortSignal) => Promise<Answer>;

/** More is fetched when fewer than this many hits lie behind what is in sight. */
const AHEAD = 60;
/** Look-alikes that are laid open at once. */
const MOST_ALIKE = 48;

/** What an answer was made of, besides its hits. */
export interface Understood {
  chips: readonly Chip[];
  offers: readonly Chip[];
  /** The whole query in its explicit form, as it is kept. */
  stored: string;
  corrected: Readonly<Record<string, string>>;
  took_ms: number;
}

export function understood({ query, corrected, took_ms }: Answer): Understood {
  return { ...query, corrected, took_ms };
}

/** A hit, or an asset that looks the same as one and is laid open behind it. */
interface Place {
  hit: Hit;
  /** Id of the hit that stands for it. */
  of: string | null;
}

export class AnswerListing implements Listing {
  readonly explains = true;
  #places = $state.raw<readonly Place[]>([]);
  aspects = $state.raw(new Uint16Array());
  #total = $state(0);
  #strong = $state<number | null>(null);
  #isComplete = $state(false);
  #answer = "";
  #more: AbortController | null = null;
  #opening = new Map<string, AbortController>();

  constructor(
    answer: Answer,
    private readonly fetchMore: FetchMore | null,
  ) {
    this.#answer = answer.answer;
    this.#take(answer);
  }

  /** Hits; what is laid open does not count. */
  get total(): number {
    return this.#total;
  }

  /** True where no hit is left to be fetched. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** How many hits fit; null where nothing was ranked. */
  get strong(): number | null {
    return this.#strong;
  }

  /** What fits and what may fit, as far as it is known; empty where all fits. */
  get sections(): readonly Section[] {
    return sectionsOfHits(this.#places.map(({ hit }) => hit.strength), this.#strong, this.#total);
  }

  tile(index: number): Hit | undefined {
    return this.#places[index]?.hit;
  }

  /** The hit for which the asset at a place is laid open; null of a hit itself. */
  openedFor(index: number): string | null {
    return this.#places[index]?.of ?? null;
  }

  /** True where what looks the same as a hit is laid open behind it. */
  isOpen(id: string): boolean {
    return this.#places.some((place) => place.of === id);
  }

  want(_first: number, last: number): void {
    if (this.fetchMore && !this.#isComplete && !this.#more && last > this.#places.length - AHEAD) void this.#grow();
  }

  /** Lay open behind a hit what looks the same, or put it away again. Rejects with `Problem`. */
  async toggleAlike(id: string): Promise<void> {
    if (this.isOpen(id)) {
      this.#set(this.#places.filter((place) => place.of !== id));
      return;
    }
    const own = this.#places.find(({ hit }) => hit.id === id)?.hit;
    if (!own || this.#opening.has(id)) return;
    const controller = new AbortController();
    this.#opening.set(id, controller);
    try {
      const wanted = own.alike.slice(0, MOST_ALIKE);
      const found = await Promise.all(wanted.map((each) => this.#alike(each, own, controller.signal)));
      const opened = found.filter((hit) => hit !== null).map((hit) => ({ hit, of: id }));
      this.#set(this.#places.flatMap((place) => (place.hit.id === id ? [place, ...opened] : [place])));
    } catch (error) {
      if (!isAbort(error)) throw error;
    } finally {
      this.#opening.delete(id);
    }
  }

  close(): void {
    this.#more?.abort();
    for (const controller of this.#opening.values()) controller.abort();
  }

  async #alike(id: string, of: Hit, signal: AbortSignal): Promise<Hit | null> {
    try {
      const asset = await api.detail(id, signal);
      const why = [{ signal: "alike", text: `looks the same as ${of.title ?? of.filename}` }];
      return { ...asset, score: of.score, scores: {}, why, strength: of.strength, moments: [], alike: [] };
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null; // it has gone meanwhile
      throw error;
    }
  }

  async #grow(): Promise<void> {
    if (!this.fetchMore) return;
    const more = (this.#more = new AbortController());
    try {
      const offset = this.#places.filter(({ of }) => of === null).length;
      this.#take(await this.fetchMore(offset, this.#answer, more.signal));
    } catch (error) {
      if (!isAbort(error) && !(error instanceof Problem)) throw error;
      // The next scrolling asks again.
    } finally {
      this.#more = null;
    }
  }

  #take(answer: Answer): void {
    const ids = new Set(this.#places.map(({ hit }) => hit.id));
    const fresh = answer.hits.filter((hit) => !ids.has(hit.id)).map((hit) => ({ hit, of: null }));
    this.#set([...this.#places, ...fresh]);
    const hits = this.#places.filter(({ of }) => of === null).length;
    this.#isComplete = !this.fetchMore || answer.hits.length === 0 || hits >= answer.total;
    this.#total = this.#isComplete ? hits : Math.max(answer.total, hits);
    this.#strong = answer.strong;
  }

  #set(places: readonly Place[]): void {
    this.#places = places;
    this.aspects = Uint16Array.from(places, ({ hit }) => Math.round(hit.aspect * 1000));
  }
}

/**
 * Sections over hits that are known so far. None where nothing is weak: there is nothing to divide.
 *
 * @param strengths of what is shown, in order
 * @param strong how many hits fit, of `total`
 */
export function sectionsOfHits(
  strengths: readonly (Hit["strength"])[],
  strong: number | null,
  total: number,
): Section[] {
  if (strong === null || strong >= total) return [];
  const found = strengths.indexOf("weak");
  const fitting = found < 0 ? strengths.length : found;
  const sections: Section[] = [];
  if (fitting > 0) sections.push({ offset: 0, count: fitting, shown: strong, label: "These fit", year: "" });
  if (fitting < strengths.length) {
    const count = strengths.length - fitting;
    sections.push({ offset: fitting, count, shown: total - strong, label: "These may fit", year: "" });
  }
  return sections;
}
