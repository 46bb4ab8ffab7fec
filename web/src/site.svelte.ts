/** What the page knows of the site it shows: counts, and whether the site answers. */

import { api, type SiteSummary } from "./api.ts";
import type { CatalogEvent } from "./changes.ts";

class SiteStatus {
  summary = $state.raw<SiteSummary | null>(null);
  position = $state(0);
  total = $state<number | null>(null);
  pending = $state(0);
  quarantined = $state(0);
  online = $state(true);
  /** The last change of the catalog. */
  change = $state.raw<CatalogEvent | null>(null);

  async load(): Promise<void> {
    const summary = await api.site();
    this.summary = summary;
    if (summary.position >= this.position) {
      this.position = summary.position;
      this.total = summary.assets;
      this.pending = summary.pending;
      this.quarantined = summary.quarantined;
    }
  }

  take(event: CatalogEvent): void {
    this.change = event;
    this.position = event.position;
    this.total = event.total;
    this.pending = event.pending;
    this.quarantined = event.quarantined;
  }
}

export const site = new SiteStatus();
