/** Follows how the sites stand while somebody looks. */

import { api, isAbort, Problem } from "./api.ts";
import { Rates, type SitesOverview } from "./sites.ts";

const LOOK_MS = 2000;

export class SitesWatch {
  overview = $state.raw<SitesOverview | null>(null);
  /** Why the last look failed; what was told before stays. */
  problem = $state.raw<Problem | null>(null);
  /** Bytes a second that come from each site. */
  rates = $state.raw<ReadonlyMap<string, number>>(new Map());
  /** When `overview` was told, for "3 min ago". */
  now_ms = $state(Date.now());
  #rates = new Rates();

  /** Look every two seconds, but not while the page is hidden. Returns a function that ends it. */
  follow(): () => void {
    const controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") await this.#look(controller.signal);
      if (!controller.signal.aborted) timer = setTimeout(() => void look(), LOOK_MS);
    };
    void look();
    return () => {
      controller.abort();
      clearTimeout(timer);
    };
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const overview = await api.sites(signal);
      this.#rates.take(overview, performance.now());
      this.rates = new Map(overview.sites.map(({ id }) => [id, this.#rates.of(id)]));
      this.now_ms = Date.now();
      this.overview = overview;
      this.problem = null;
    } catch (error) {
      if (isAbort(error)) return;
      if (!(error instanceof Problem)) throw error;
      this.problem = error;
    }
  }
}
