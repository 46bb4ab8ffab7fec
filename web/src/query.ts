/** What the address says: which listing, which asset, which page. Pure. */

import type { Chip } from "./api.ts";

export type PageName = "grid" | "quarantine" | "sites" | "conflicts";

export interface Route {
  page: PageName;
  q: string;
  /** Show what is like this asset. */
  like: string | null;
  /** Show what is like the picture that was dropped or pasted. */
  picture: boolean;
  /** The asset open in the viewer. */
  asset: string | null;
  /** The conflict that is shown first. */
  conflict: string | null;
}

export const HOME: Route = { page: "grid", q: "", like: null, picture: false, asset: null, conflict: null };

const PAGES: readonly PageName[] = ["quarantine", "sites", "conflicts"];

export function parseRoute(address: string): Route {
  const url = new URL(address, "http://localhost");
  const get = (name: string) => url.searchParams.get(name);
  return {
    page: PAGES.find((page) => url.pathname === `/${page}`) ?? "grid",
    q: get("q") ?? "",
    like: get("like") || null,
    picture: get("like") === null && url.searchParams.has("picture"),
    asset: get("asset") || null,
    conflict: get("conflict") || null,
  };
}

export function formatRoute(route: Route): string {
  const query = new URLSearchParams();
  if (route.q) query.set("q", route.q);
  if (route.like) query.set("like", route.like);
  else if (route.picture) query.set("picture", "1");
  if (route.asset) query.set("asset", route.asset);
  if (route.conflict) query.set("conflict", route.conflict);
  const path = route.page === "grid" ? "/" : `/${route.page}`;
  return query.size ? `${path}?${query}` : path;
}

/** Names the listing behind the viewer; equal for two addresses that show the same grid. */
export function listingKey(route: Route): string {
  return formatRoute({ ...route, asset: null, conflict: null });
}

const FILTERS = new Set(["type", "after", "before", "camera", "place-near", "rating", "tag", "collection", "size"]);

/** True where the site can answer in display order, with the layout of every asset. */
export function isFiltersOnly(text: string, chips: readonly Chip[]): boolean {
  return text.trim() === "" && chips.length > 0 && chips.every((chip) => FILTERS.has(chip.kind));
}

/** The query without one chip's words. */
export function withoutChip(q: string, chip: Chip): string {
  const words = chip.kind === "text" ? chip.text.split(/\s+/) : [chip.text];
  return words.reduce(withoutWord, q).replace(/\s+/g, " ").trim();
}

function withoutWord(q: string, word: string): string {
  for (let at = q.indexOf(word); at >= 0; at = q.indexOf(word, at + 1)) {
    const startsWord = at === 0 || /\s/.test(q[at - 1] ?? "");
    const endsWord = /^(\s|$)/.test(q.slice(at + word.length));
    if (startsWord && endsWord) return `${q.slice(0, at)} ${q.slice(at + word.length)}`;
  }
  return q;
}

/** The query with its last word replaced by a suggestion; a whole word is followed by a space. */
export function completed(q: string, suggestion: string): string {
  const head = q.replace(/(-?"[^"]*|\S*)$/, "");
  return head + suggestion + (suggestion.endsWith(":") ? "" : " ");
}

/** A word or phrase as a query says it. */
export function quoted(words: string): string {
  return /\s/.test(words) ? `"${words}"` : words;
}
