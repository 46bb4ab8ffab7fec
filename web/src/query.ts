/** What the address says: which listing, which asset, which page. Pure. */

import type { Chip, Mode } from "./api.ts";

export type PageName = "grid" | "quarantine" | "sites" | "conflicts" | "duplicates" | "collections";

export interface Route {
  page: PageName;
  q: string;
  /** What the ranking listens to. */
  mode: Mode;
  /** Show also what fits less than weakly. */
  beyond: boolean;
  /** Show what is like this asset, and fits `q`. */
  like: string | null;
  /** Show what is like the picture that was dropped or pasted, and fits `q`. */
  picture: boolean;
  /** The asset open in the viewer. */
  asset: string | null;
  /** The conflict that is shown first. */
  conflict: string | null;
}

export const HOME: Route = { page: "grid", q: "", mode: "all", beyond: false, like: null, picture: false, asset: null, conflict: null };

const MODES: readonly Mode[] = ["words", "meaning"];
const PAGES: readonly PageName[] = ["quarantine", "sites", "conflicts", "duplicates", "collections"];

export function parseRoute(address: string): Route {
  const url = new URL(address, "http://localhost");
  const get = (name: string) => url.searchParams.get(name);
  return {
    page: PAGES.find((page) => url.pathname === `/${page}`) ?? "grid",
    q: get("q") ?? "",
    mode: MODES.find((mode) => mode === get("mode")) ?? "all",
    beyond: url.searchParams.has("beyond"),
    like: get("like") || null,
    picture: get("like") === null && url.searchParams.has("picture"),
    asset: get("asset") || null,
    conflict: get("conflict") || null,
  };
}

export function formatRoute(route: Route): string {
  const query = new URLSearchParams();
  if (route.q) query.set("q", route.q);
  if (route.mode !== "all") query.set("mode", route.mode);
  if (route.beyond) query.set("beyond", "1");
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

/** The query as the site is asked it: an asset to be alike is a part of it like any other. */
export function askedQuery(route: Route): string {
  return [route.like ? `like:${route.like}` : "", route.q.trim()].filter(Boolean).join(" ");
}

/** The query that chips make: their texts as they were typed, in order. */
export function queryOf(chips: readonly Chip[]): string {
  return chips.map((chip) => chip.text).join(" ");
}

/** The query with one chip typed otherwise; without it where that is empty. */
export function withChip(chips: readonly Chip[], at: number, typed: string): string {
  const texts = chips.map((chip, place) => (place === at ? typed : chip.text));
  return texts.filter(Boolean).join(" ");
}

/** The explicit form of a chip's opposite; null where there is none. */
export function opposite(chip: Chip): string | null {
  if (chip.kind === "text" || chip.kind === "group" || chip.kind === "without" || !chip.explicit) return null;
  return chip.explicit.startsWith("-") ? chip.explicit.slice(1) : `-${chip.explicit}`;
}

/** The query with an offer taken: the words that could mean a filter in the filter's own form. */
export function withOffer(q: string, offer: Chip): string {
  for (let at = q.indexOf(offer.text); at >= 0; at = q.indexOf(offer.text, at + 1)) {
    const [before, after] = [q.slice(0, at), q.slice(at + offer.text.length)];
    if (/(^|\s)$/.test(before) && /^(\s|$)/.test(after)) return before + offer.explicit + after;
  }
  return `${q} ${offer.explicit}`.trim();
}

/** The query with words that nothing contains replaced by those that were looked for instead. */
export function withCorrections(q: string, corrected: Readonly<Record<string, string>>): string {
  return q.replace(/[\p{L}\p{N}]+/gu, (word) => corrected[word] ?? corrected[word.toLowerCase()] ?? word);
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
