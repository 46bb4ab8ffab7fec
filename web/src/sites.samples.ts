/** Sites for tests: how a site would tell of itself and the others. */

import type { Receiving, SiteCard, SitesOverview } from "./sites.ts";

export const receives: Receiving = { filter: null, lag_events: 0, lag_s: 0, events: 5, bytes: 1000, last_success_ms: 1000, error: null, remedy: "" };

export const card = (name: string, change: Partial<SiteCard> = {}): SiteCard => ({
  id: name.toLowerCase(),
  name,
  url: `http://${name.toLowerCase()}.example/`,
  retired: false,
  revoked: false,
  connected: true,
  state: "up-to-date",
  receives,
  sends: { filter: null, lag_events: 0, last_contact_ms: 3000 },
  ...change,
});

export const overviewOf = (sites: SiteCard[], change: Partial<SitesOverview> = {}): SitesOverview => ({
  id: "vienna",
  name: "Vienna",
  url: null,
  recovering: null,
  needs_recovery: false,
  conflicts: 0,
  waiting_for: [],
  blobs: { policy: "everything", waiting: 0, bytes_waiting: 0, bytes_per_s: 0, failed: 0 },
  sites,
  links: [],
  ...change,
});
