/** Everything about the asset in the viewer; it fills by itself while the asset is enriched. */

import { api, isAbort, Problem, type Detail, type Hit } from "./api.ts";
import { viewing } from "./viewing.svelte.ts";

const SIMILAR = 24;
const AGAIN_MS = 500;
/** An index takes a moment to learn of an asset that is enriched; some assets it never learns of. */
const MOST_VAIN_TRIES = 8;

export class OpenedAsset {
  /** Of the asset asked for last; of the one before it until that is here. */
  detail = $state.raw<Detail | null>(null);
  /** What looks like it; null until that is known. */
  similar = $state.raw<Hit[] | null>(null);
  problem = $state.raw<Problem | null>(null);
  #renewing = false;
  #outdated = false;

  /** Begin anew: nothing is known of the next asset. */
  clear(): void {
    this.similar = null;
    this.problem = null;
  }

  /** Ask anew for the asset that is shown, because it has changed; several changes come together. */
  async renew(id: string): Promise<void> {
    this.#outdated = true;
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      while (this.#outdated && this.detail?.id === id) {
        await pause(AGAIN_MS, new AbortController().signal);
        this.#outdated = false;
        const found = await api.detail(id);
        if (this.detail?.id === id) this.detail = found;
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    } finally {
      this.#renewing = false;
    }
  }

  /** Ask for an asset, again and again until it is enriched and what looks like it is known. */
  async follow(id: string, signal: AbortSignal): Promise<void> {
    try {
      for (let tries = 0; tries < MOST_VAIN_TRIES && !signal.aborted; ) {
        const found = (this.detail = await api.detail(id, signal));
        if (viewing.index < 0) await viewing.locate(found, signal);
        if (found.state !== "pending") {
          const hits = found.comparable ? await similarTo(id, signal) : null;
          // None may mean that what looks like it is still on its way into the index.
          if (hits) this.similar = hits;
          if (hits?.length) return;
          tries += 1;
        }
        await pause(AGAIN_MS, signal);
      }
      if (!signal.aborted) this.similar ??= [];
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
  }
}

/** The look-alikes of an asset, or null where the index does not know it. */
async function similarTo(id: string, signal: AbortSignal): Promise<Hit[] | null> {
  try {
    return (await api.similar(id, SIMILAR, signal)).hits;
  } catch (error) {
    if (error instanceof Problem) return null; // the rest is worth showing
    throw error;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(over), resolve()), { once: true });
  });
}
