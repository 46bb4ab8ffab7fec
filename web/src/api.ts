/** The HTTP contract of a site, typed. Every call takes a signal and rejects with `Problem`. */

import type { SitesOverview } from "./sites.ts";

export type Kind = "image" | "raw" | "vector" | "video" | "document" | "sound";

export interface Tile {
  id: string;
  filename: string;
  digest: string;
  media_type: string;
  kind: Kind;
  width: number | null;
  height: number | null;
  aspect: number;
  duration_s: number | null;
  capture_time: string | null;
  ingest_time: string;
  title: string | null;
  caption: string | null;
  rating: number | null;
  place: string | null;
  thumbnail: string | null;
  preview: string | null;
  alt: string;
  state: "ready" | "pending" | "quarantined";
}

/** Why an asset is a hit: what speaks for it, and where it stands. */
export interface Reason {
  signal: string;
  text: string;
  strength?: Strength | null;
  /** Words of the query that were found. */
  words?: string[];
  /** Page of a document, from 1. */
  page?: number | null;
  /** Second of a film or recording. */
  second?: number | null;
  /** What stands there, with the words in it. */
  passage?: string | null;
}

export type Strength = "strong" | "weak";

/** Where a film fits, in seconds. */
export interface MomentHit {
  start_s: number;
  end_s: number;
  similarity: number;
}

export interface Hit extends Tile {
  score: number;
  scores: Record<string, number>;
  why: Reason[];
  /** Null where nothing was ranked. */
  strength: Strength | null;
  /** Of a film, where it fits best, the best first. */
  moments: MomentHit[];
  /** Ids of assets that look the same; this one stands for them. */
  alike: string[];
}

/** A part of a query as it was understood; the chips' texts, with spaces between, are the query. */
export interface Chip {
  kind: string;
  /** As it was typed. */
  text: string;
  label: string;
  /** The form that means the same wherever it stands. */
  explicit: string;
  /** What to type so that it stays plain words; empty where it is that already. */
  words: string;
}

export type Mode = "all" | "words" | "meaning";

export interface Answer {
  query: { text: string; chips: Chip[]; offers: Chip[]; stored: string };
  total: number;
  took_ms: number;
  /** The best first: those that fit, then those that may fit. */
  hits: Hit[];
  /** How many fit; null where nothing was ranked. */
  strong: number | null;
  /** Names the ranking, for the next page; empty where nothing was ranked. */
  answer: string;
  /** Words that nothing contains, with what was looked for instead. */
  corrected: Record<string, string>;
}

export interface Rendition {
  kind: string;
  url: string;
  width: number;
  height: number;
  media_type: string;
  size_bytes: number;
}

export interface FieldValue {
  field: string;
  label: string;
  value: string;
  source: string;
  others: { value: string; source: string }[];
}

/** What a person gave a field: text, stars, or the ids of sites. */
export type PersonValue = string | number | string[] | null;

/** One version of a field that a person set: who, where, when; `text` is the value for people. */
export interface FieldVersion {
  id: string;
  value: PersonValue;
  cleared: boolean;
  by: string;
  site: string;
  site_name: string | null;
  time: string;
  text: string;
}

/** A field that people set; several versions in conflict wait for a person. */
export interface PersonField {
  field: string;
  label: string;
  in_conflict: boolean;
  versions: FieldVersion[];
}

export interface Remark {
  text: string;
  by: string;
  site: string;
  site_name: string | null;
  time: string;
}

/** One change of fields, by which it can be taken back. */
export interface Change {
  id: string;
  by: string;
  fields: string[];
  site: string;
  site_name: string | null;
  time: string;
  undoes: string;
}

/** What is to become of an asset's fields, all at once. */
export interface Changes {
  set?: Record<string, PersonValue>;
  clear?: string[];
  add_tags?: string[];
  remove_tags?: string[];
}

/** What became of an asset: `conflicts` are ids of those that are open now. */
export interface EditOutcome {
  id: string;
  changed: boolean;
  seen: string;
  conflicts: string[];
}

/** A field that waits for a person; the version that was written last comes first. */
export interface Conflict {
  id: string;
  asset_id: string;
  filename: string;
  thumbnail: string | null;
  field: string;
  label: string;
  seen: string;
  versions: FieldVersion[];
}

export interface ConflictPage {
  total: number;
  items: Conflict[];
}

export interface Detail extends Tile {
  size_bytes: number;
  original: string;
  renditions: Rendition[];
  fields: FieldValue[];
  keywords: string[];
  tags: string[];
  labels: { word: string; score: number; synonyms?: string[] }[];
  latitude: number | null;
  longitude: number | null;
  camera: string | null;
  lens: string | null;
  sources: string[];
  fingerprint: string | null;
  failures: { processor: string; reason: string; remedy: string }[];
  /** Causal token of this state; a change that gives it says what its author had looked at. */
  seen: string;
  said: PersonField[];
  /** Ids of the conflicts that are open. */
  conflicts: string[];
  /** Ids of the sites that may have the asset; null for all. */
  access: string[] | null;
  comments: Remark[];
  changes: Change[];
  /** Ids of its collections. */
  collections: string[];
  /** True where assets that look like it can be found. */
  comparable: boolean;
}

export interface SiteSummary {
  id: string;
  name: string;
  version: string;
  assets: number;
  kinds: Partial<Record<Kind, number>>;
  position: number;
  pending: number;
  quarantined: number;
  encoder: { name: string; dimension: number; licence: string } | null;
  /** What the site's processors wait for; null when they can go on. */
  trouble: string | null;
}

/** A line of text in a picture; its box as shares of the picture. */
export interface TextBox {
  text: string;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Which part of a picture fits a query: cells row by row, each in 0..1. */
export interface WhyPicture {
  text: string;
  similarity: number | null;
  rows: number;
  columns: number;
  relevance: number[][];
  boxes: TextBox[];
}

/** What happens when in a film or recording, in seconds, in order. */
export interface Moments {
  shots: { start_s: number; end_s: number; at_s: number; frame: string }[];
  utterances: { start_s: number; end_s: number; text: string }[];
}

export interface MonthCount {
  month: string | null;
  count: number;
  offset: number;
}

export interface AssetPage {
  total: number;
  position: number;
  items: Tile[];
}

export interface Suggestion {
  text: string;
  label: string;
  kind: string;
}

/** What a person says of a hit: 1 fits, -1 does not, 0 takes it back. */
export type Verdict = 1 | -1 | 0;

export interface Judgement {
  query: string;
  asset_id: string;
  verdict: Verdict;
  by: string;
}

/** One of several assets that show the same picture, compared with the one that is suggested to be kept. */
export interface DuplicateMember extends Tile {
  size_bytes: number;
  camera: string | null;
  /** In how many of 64 bits the fingerprints differ; null where they are duplicates of a third only. */
  bits: number | null;
  similarity: number | null;
  tags: string[];
  collections: string[];
}

export interface DuplicateGroup {
  id: string;
  suggested: string;
  why: string[];
  members: DuplicateMember[];
}

/** What the suggested member takes over when it is kept. */
export interface TakenOver {
  fields: Record<string, PersonValue>;
  tags: string[];
  collections: string[];
  /** Values that contradict, and are left. */
  left: { asset_id: string; field: string; value: PersonValue; kept: PersonValue }[];
  /** Members that fewer sites may read: nothing is taken over from them. */
  guarded: string[];
}

/** What a keeping did; its `id` undoes it. */
export interface Keeping {
  id: string;
  asset_id: string;
  trashed: string[];
  fields: string[];
  tags: string[];
  collections: string[];
}

/** A collection; its members are what `query` finds, or where that is empty, those that people put in. */
export interface Collection {
  id: string;
  name: string;
  description: string;
  query: string;
  /** Null where a query finds the members. */
  count: number | null;
  cover: string | null;
}

/** A model as the site knows it; `coming` is being built beside the current one. */
export interface Model {
  name: string;
  use: "current" | "coming" | "unused";
  embedded: number;
  of: number;
}

export interface QuarantineEntry {
  id: string;
  filename: string;
  path: string | null;
  reason: string;
  remedy: string;
  time: string;
  asset_id: string | null;
}

/** Width over height of every asset in display order, in thousandths. */
export interface AspectList {
  position: number;
  aspects: Uint16Array;
}

/** What the site says went wrong, with what to do. Status 0: the site did not answer. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly remedy: string,
  ) {
    super(detail || title);
    this.name = "Problem";
  }

  static unreachable(): Problem {
    return new Problem(
      0,
      "The site does not answer",
      "The connection to the site was lost.",
      "See whether “museion serve” still runs; this page reconnects by itself.",
    );
  }
}

/** The problem that a refused answer describes; plain text becomes the detail. */
export function problemOf(status: number, text: string): Problem {
  try {
    const said = JSON.parse(text) as Partial<Record<"title" | "detail" | "remedy", string>>;
    return new Problem(status, said.title ?? `Status ${status}`, said.detail ?? "", said.remedy ?? "");
  } catch {
    return new Problem(status, `Status ${status}`, text.slice(0, 300), "");
  }
}

/** True where a rejected call was given up by its own caller. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw Problem.unreachable();
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, signal ? { signal } : {});
  return (await response.json()) as T;
}

/** Browsers let requests of up to 64 KiB outlive their page; a letter takes up to four bytes. */
const MOST_KEPT_ALIVE = 16_000;

/** Send a change. A short one reaches the site also when the page is left at once. */
async function send<T>(method: "POST" | "PATCH", path: string, content: object): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify(content);
  const response = await ask(path, { method, headers, body, keepalive: body.length < MOST_KEPT_ALIVE });
  return (await response.json()) as T;
}

function assetPath(id: string, call = ""): string {
  return `/api/assets/${encodeURIComponent(id)}${call}`;
}

/** Address of the frame that a film shows at a second. */
export function frameAddress(id: string, at_s: number): string {
  return assetPath(id, `/frame?at=${Math.max(0, Math.round(at_s * 1000) / 1000)}`);
}

/** Address of the picture of a document's page, from 1. */
export function pageAddress(id: string, page: number): string {
  return assetPath(id, `/page?number=${page}`);
}

function withParameters(path: string, parameters: Record<string, string | number>): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== "");
  const query = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]));
  return query.size ? `${path}?${query}` : path;
}

export const api = {
  site: (signal?: AbortSignal) => json<SiteSummary>("/api/site", signal),

  async layout(q: string, signal?: AbortSignal): Promise<AspectList> {
    const response = await ask(withParameters("/api/layout", { q }), signal ? { signal } : {});
    const view = new DataView(await response.arrayBuffer());
    const aspects = new Uint16Array(view.byteLength >> 1);
    for (let i = 0; i < aspects.length; i++) aspects[i] = view.getUint16(i * 2, true);
    return { position: Number(response.headers.get("X-Position") ?? 0), aspects };
  },

  timeline: (q: string, signal?: AbortSignal) =>
    json<MonthCount[]>(withParameters("/api/timeline", { q }), signal),

  assets: (q: string, offset: number, limit: number, signal?: AbortSignal) =>
    json<AssetPage>(withParameters("/api/assets", { offset, limit, q }), signal),

  detail: (id: string, signal?: AbortSignal) => json<Detail>(assetPath(id), signal),

  similar: (id: string, limit: number, signal?: AbortSignal) =>
    json<Answer>(withParameters(assetPath(id, "/similar"), { limit }), signal),

  /** `answer` of the first page makes the others go on in the same ranking. */
  search: (asked: { q: string; mode: Mode; cuts: boolean; answer?: string }, offset: number, limit: number, signal?: AbortSignal) =>
    json<Answer>(
      withParameters("/api/search", {
        q: asked.q,
        limit,
        offset,
        mode: asked.mode === "all" ? "" : asked.mode,
        cut: asked.cuts ? "" : "false",
        answer: asked.answer ?? "",
      }),
      signal,
    ),

  /** `q` says what hits shall fit besides looking like the picture. */
  async searchLike(picture: Blob, q: string, limit: number, signal?: AbortSignal): Promise<Answer> {
    const init: RequestInit = { method: "POST", body: picture };
    if (signal) init.signal = signal;
    return (await (await ask(withParameters("/api/search/like", { q, limit }), init)).json()) as Answer;
  },

  why: (id: string, q: string, signal?: AbortSignal) =>
    json<WhyPicture>(withParameters(assetPath(id, "/why"), { q }), signal),

  moments: (id: string, signal?: AbortSignal) => json<Moments>(assetPath(id, "/moments"), signal),

  suggest: (q: string, signal?: AbortSignal) =>
    json<Suggestion[]>(withParameters("/api/suggest", { q }), signal),

  judge: (judgement: Judgement) => send<Judgement & { changed: boolean }>("POST", "/api/judgements", judgement),

  judgements: (q: string, by: string, signal?: AbortSignal) =>
    json<{ total: number; items: Judgement[] }>(withParameters("/api/judgements", { q, by }), signal),

  duplicates: (offset: number, limit: number, signal?: AbortSignal) =>
    json<{ total: number; spare: number; items: DuplicateGroup[] }>(withParameters("/api/duplicates", { offset, limit }), signal),

  duplicateGroup: (id: string, signal?: AbortSignal) =>
    json<DuplicateGroup & { takes_over: TakenOver }>(`/api/duplicates/${encodeURIComponent(id)}`, signal),

  keep: (group: string, wanted: { by: string; keep: string; only: string[] }) =>
    send<Keeping>("POST", `/api/duplicates/${encodeURIComponent(group)}/keep`, wanted),

  dismissDuplicates: (group: string, by: string) =>
    send<{ ids: string[] }>("POST", `/api/duplicates/${encodeURIComponent(group)}/dismiss`, { by }),

  undoKeeping: (keeping: string, by: string) =>
    send<{ restored: string[] }>("POST", "/api/duplicates/undo", { by, keeping }),

  collections: (signal?: AbortSignal) => json<Collection[]>("/api/collections", signal),

  makeCollection: (wanted: { by: string; name: string; query: string }) =>
    send<Collection>("POST", "/api/collections", wanted),

  removeCollection: (id: string, by: string, removed: boolean) =>
    send<Collection | null>("PATCH", `/api/collections/${encodeURIComponent(id)}`, { by, removed }),

  models: (signal?: AbortSignal) => json<Model[]>("/api/models", signal),

  quarantine: (signal?: AbortSignal) => json<QuarantineEntry[]>("/api/quarantine", signal),

  async retryQuarantined(): Promise<number> {
    const response = await ask("/api/quarantine/retry", { method: "POST" });
    return ((await response.json()) as { retried: number }).retried;
  },

  edit: (id: string, changes: Changes & { by: string; seen: string }) =>
    send<EditOutcome>("PATCH", assetPath(id), changes),

  undo: (id: string, change: string, by: string) =>
    send<EditOutcome>("POST", assetPath(id, "/undo"), { by, change }),

  comment: (id: string, text: string, by: string) =>
    send<EditOutcome>("POST", assetPath(id, "/comments"), { by, text }),

  conflicts: (offset: number, limit: number, signal?: AbortSignal) =>
    json<ConflictPage>(withParameters("/api/conflicts", { offset, limit }), signal),

  resolve: (id: string, resolution: { by: string; seen: string } & ({ choice: string } | { value: PersonValue })) =>
    send<EditOutcome>("POST", `/api/conflicts/${encodeURIComponent(id)}/resolve`, resolution),

  sites: (signal?: AbortSignal) => json<SitesOverview>("/api/sites", signal),
};
