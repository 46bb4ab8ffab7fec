/** Why the asset in the viewer fits the query: which part of its picture does, once one asks. */

import { api, isAbort, Problem, type Hit, type Tile, type WhyPicture } from "./api.ts";

export class Why {
  /** True while the parts that fit are shown over the picture. */
  shown = $state(false);
  picture = $state.raw<WhyPicture | null>(null);
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  #of = $state("");
  #request: AbortController | null = null;

  /** What lies over an asset's picture now; null while nothing is shown or known. */
  over(id: string, q: string): WhyPicture | null {
    return this.shown && this.#of === keyOf(id, q) ? this.picture : null;
  }

  /** Follow the viewer to an asset and query: what is shown goes on being shown for the next one. */
  follow(id: string, q: string): void {
    if (keyOf(id, q) === this.#of) return;
    this.#request?.abort();
    this.picture = null;
    this.problem = null;
    this.busy = false;
    this.#of = "";
    if (this.shown) void this.#load(id, q);
  }

  toggle(id: string, q: string): void {
    this.shown = !this.shown;
    if (this.shown && this.#of !== keyOf(id, q)) void this.#load(id, q);
  }

  close(): void {
    this.#request?.abort();
  }

  async #load(id: string, q: string): Promise<void> {
    this.#request?.abort();
    const { signal } = (this.#request = new AbortController());
    this.busy = true;
    this.problem = null;
    try {
      const picture = await api.why(id, q, signal);
      if (signal.aborted) return;
      this.picture = picture;
      this.#of = keyOf(id, q);
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    } finally {
      if (!signal.aborted) this.busy = false;
    }
  }
}

function keyOf(id: string, q: string): string {
  return `${id} ${q}`;
}

/** A tile as a hit; null of an asset that is none. */
export function hitOf(tile: Tile | null | undefined): Hit | null {
  return tile && "why" in tile ? (tile as Hit) : null;
}

/** The second at which a film or recording fits best; null where it fits as a whole. */
export function bestSecond(hit: Hit | null): number | null {
  return hit?.moments[0]?.start_s ?? hit?.why.find((reason) => typeof reason.second === "number")?.second ?? null;
}

/** The page on which a document fits best; null where none is named. */
export function bestPage(hit: Hit | null): number | null {
  return hit?.why.find((reason) => typeof reason.page === "number")?.page ?? null;
}
