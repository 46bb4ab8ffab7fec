/** Decides what the grid shows for the present address, and keeps it up to date. */

import { AnswerListing, understood, type FetchMore, type Understood } from "./answer-listing.svelte.ts";
import { api, isAbort, Problem, type Answer, type Chip } from "./api.ts";
import type { CatalogEvent } from "./changes.ts";
import { ArchiveListing, type Anchor, type Listing } from "./listing.svelte.ts";
import { askedQuery, type Route } from "./query.ts";

const HITS_A_PAGE = 100;
const SIMILAR_HITS = 200;
/** Shortest time between two renewals while the catalog grows, in milliseconds. */
const RENEWAL_MS = 1500;

/** How the grid takes part in a renewal. */
export interface GridEye {
  anchor(): Anchor;
  /** Called right before `listing` is replaced by a later state of itself. */
  follow(anchor: Anchor, index: number): void;
}

class Gallery {
  listing = $state.raw<Listing | null>(null);
  /** The key of the address that `listing` answers. */
  key = "";
  /** Grows whenever another listing is shown; not when a listing is renewed or grows. */
  turn = $state(0);
  /** True where `listing` answers a question rather than showing the whole archive. */
  isAnswer = $state(false);
  /** How the query was understood; null where nothing was asked. */
  understood = $state.raw<Understood | null>(null);
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  /** The dropped or pasted picture of a search by picture. */
  picture = $state.raw<Blob | null>(null);
  eye: GridEye | null = null;

  #archive: ArchiveListing | null = null;
  #request: AbortController | null = null;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #renewing = false;
  #latest = 0;
  #route: Route | null = null;
  #isStale = false;
  /** Of the answer that came last. */
  #understood: Understood | null = null;
  /** The key of the address that is being asked for. */
  #asking: string | null = null;

  /** Show what the address asks for; what was shown stays until the answer is here. */
  async show(route: Route, key: string): Promise<void> {
    if (key === this.#asking && !this.#isStale) return;
    this.#request?.abort();
    this.#asking = null;
    this.busy = false;
    if (key === this.key && this.listing && !this.problem && !this.#isStale) return;
    this.#isStale = false;
    this.#asking = key;
    const { signal } = (this.#request = new AbortController());
    this.#route = route;
    this.busy = true;
    try {
      const listing = await this.#load(route, signal);
      if (signal.aborted) return;
      this.problem = null;
      this.understood = this.#understood;
      this.#replace(listing, key);
      this.isAnswer = listing !== this.#archive;
      this.#renewLater();
    } catch (error) {
      if (isAbort(error) || signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
      this.key = key;
    } finally {
      if (!signal.aborted) {
        this.busy = false;
        this.#asking = null;
      }
    }
  }

  /** The parts of the words that were asked for; an asset to be alike that the address names is none. */
  get chips(): readonly Chip[] {
    const chips = this.understood?.chips ?? [];
    const isNamed = Boolean(this.#route?.like && this.#route.q.trim());
    return isNamed && chips[0]?.kind === "like" ? chips.slice(1) : chips;
  }

  /** Set the picture for the address `?picture`; a former one is forgotten. */
  searchByPicture(picture: Blob): void {
    this.picture = picture;
    if (!this.#route?.picture) return;
    this.#isStale = true;
    void this.show(this.#route, this.key);
  }

  /** Take note that the catalog grew; the listing follows soon. */
  take(event: CatalogEvent): void {
    this.#latest = event.position;
    this.#renewLater();
  }

  async #load(route: Route, signal: AbortSignal): Promise<Listing> {
    const q = askedQuery(route);
    if (route.picture && !route.like) {
      if (!this.picture) throw new Problem(404, "No picture", "The picture is no longer here.", "Drop it or paste it into the search box again.");
      return this.#answered(await api.searchLike(this.picture, q, SIMILAR_HITS, signal));
    }
    if (route.like && !route.q.trim()) return this.#answered(await api.similar(route.like, SIMILAR_HITS, signal));
    if (q) return this.#search(q, route, signal);
    this.#understood = null;
    this.#archive ??= await ArchiveListing.load("", this.#outdated, signal);
    return this.#archive;
  }

  async #search(q: string, { mode, beyond }: Route, signal: AbortSignal): Promise<Listing> {
    const asked = { q, mode, cuts: !beyond };
    const first = await api.search(asked, 0, HITS_A_PAGE, signal);
    if (first.strong !== null) {
      const more = (offset: number, answer: string, later: AbortSignal) =>
        api.search({ ...asked, answer }, offset, HITS_A_PAGE, later);
      return this.#answered(first, more);
    }
    // Nothing is ranked: what fulfils the conditions stands in display order, like the archive.
    const listing = await ArchiveListing.load(q, this.#outdated, signal);
    this.#understood = understood(first);
    return listing;
  }

  #answered(answer: Answer, more: FetchMore | null = null): AnswerListing {
    this.#understood = understood(answer);
    return new AnswerListing(answer, more);
  }

  #replace(listing: Listing, key: string): void {
    if (this.listing !== listing && this.listing !== this.#archive) this.listing?.close();
    this.listing = listing;
    this.key = key;
    this.turn += 1;
  }

  #outdated = (): void => {
    this.#latest = Math.max(this.#latest, Infinity);
    this.#renewLater();
  };

  #renewLater(): void {
    if (this.#renewal !== undefined || this.#renewing) return;
    if (!(this.listing instanceof ArchiveListing) || this.#latest <= this.listing.position) return;
    this.#renewal = setTimeout(() => void this.#renew(), RENEWAL_MS / 5);
  }

  async #renew(): Promise<void> {
    const { listing, key } = this;
    this.#renewal = undefined;
    if (!(listing instanceof ArchiveListing)) return;
    this.#renewing = true;
    const started = performance.now();
    try {
      const anchor = this.eye?.anchor() ?? { index: 0, id: null };
      const { signal } = new AbortController();
      const renewed = await listing.renewed(anchor, this.#outdated, signal);
      if (this.#latest === Infinity) this.#latest = renewed.listing.position;
      if (this.listing === listing && this.key === key) {
        this.eye?.follow(anchor, renewed.index);
        listing.close();
        if (this.#archive === listing) this.#archive = renewed.listing;
        this.listing = renewed.listing;
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    } finally {
      const pause = Math.max(RENEWAL_MS, 5 * (performance.now() - started));
      setTimeout(() => {
        this.#renewing = false;
        this.#renewLater();
      }, pause);
    }
  }
}

export const gallery = new Gallery();
