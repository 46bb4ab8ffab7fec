/** What a site says of itself and the others, and the words for it. Pure. */

import { formatCount, formatSpan } from "./format.ts";

export interface Receiving {
  filter: string | null;
  lag_events: number;
  lag_s: number;
  events: number;
  bytes: number;
  last_success_ms: number | null;
  error: string | null;
  remedy: string;
}

export interface Sending {
  filter: string | null;
  lag_events: number;
  last_contact_ms: number | null;
}

export interface SiteCard {
  id: string;
  name: string;
  url: string | null;
  retired: boolean;
  revoked: boolean;
  connected: boolean;
  state: string;
  receives: Receiving | null;
  sends: Sending | null;
}

/** Events go from `source` to `target`. */
export interface SiteLink {
  target: string;
  source: string;
  filtered: boolean;
}

export interface SitesOverview {
  id: string;
  name: string;
  url: string | null;
  recovering: { step: string; done: number; total: number } | null;
  needs_recovery: boolean;
  conflicts: number;
  /** Ids of the sites from which stability waits for word. */
  waiting_for: string[];
  blobs: { policy: string; waiting: number; bytes_waiting: number; bytes_per_s: number; failed: number };
  sites: SiteCard[];
  links: SiteLink[];
}

/** How urgent a state is; each has a colour. */
export type Tone = "good" | "busy" | "waiting" | "bad" | "off";

interface Words {
  tone: Tone;
  word: string;
}

const STATES: Readonly<Record<string, Words>> = {
  "up-to-date": { tone: "good", word: "Up to date" },
  "catching-up": { tone: "busy", word: "Catching up" },
  connecting: { tone: "busy", word: "Connecting" },
  recovering: { tone: "busy", word: "Recovering" },
  waiting: { tone: "waiting", word: "Trying again" },
  "waiting-to-retry": { tone: "waiting", word: "Trying again" },
  unavailable: { tone: "bad", word: "Does not answer" },
  refused: { tone: "bad", word: "Refused" },
  "filtered-cycle": { tone: "bad", word: "Stopped" },
  "read-by": { tone: "good", word: "Reads from here" },
  retired: { tone: "off", word: "Retired" },
  disconnected: { tone: "off", word: "Disconnected" },
  known: { tone: "off", word: "Not connected" },
};

/** The tone and the word of a state; a state that is new to this page keeps its own word. */
export function wordsOf(card: SiteCard): Words {
  if (card.revoked) return { tone: "bad", word: "Key revoked" };
  if (isHindered(card)) return { tone: "bad", word: "Cannot connect" };
  return STATES[card.state] ?? { tone: "waiting", word: card.state.replaceAll("-", " ") };
}

/** True where a person wanted a connection that could not be made. */
function isHindered(card: SiteCard): boolean {
  return !card.connected && !card.retired && Boolean(card.receives?.error);
}

/** What a state means for the people at both sites, and what an administrator can do, if anything. */
export interface Explanation {
  means: string;
  remedy: string;
  /** A command that helps, ready to be copied. */
  command: string;
}

const NOTHING = { remedy: "", command: "" };

/** Explain how this site stands with another one; what the site itself says as a remedy goes first. */
export function explain(card: SiteCard): Explanation {
  const told = explained(card);
  return card.receives?.remedy ? { ...told, remedy: card.receives.remedy } : told;
}

function explained(card: SiteCard): Explanation {
  const { name } = card;
  if (card.revoked) {
    const means = `The key of ${name} was revoked: nothing is exchanged with it any more.`;
    return { means, remedy: "Invite it again if it is to come back.", command: "museion sites invite" };
  }
  if (isHindered(card)) return { ...NOTHING, means: `This site is to read from ${name}, but the connection cannot be made.` };
  switch (card.state) {
    case "up-to-date":
      return { ...NOTHING, means: `Everything that ${name} has to give is here.` };
    case "catching-up":
      return { ...NOTHING, means: `Reading what ${name} has and this site does not have yet.` };
    case "connecting":
      return { ...NOTHING, means: `Asking ${name} who it is.` };
    case "recovering":
      return { ...NOTHING, means: "Events that were lost are being brought back; other exchange waits for it." };
    case "waiting":
    case "waiting-to-retry":
      return { ...NOTHING, means: "The last try failed; the next one comes by itself. Both sites can go on working, nothing is lost." };
    case "unavailable":
      return {
        means: `${name} does not answer. Both sites can go on working; what is written meanwhile comes across by itself once the line is back.`,
        remedy: `See whether the machine of ${name} is on, whether “museion serve” runs there, and whether this machine reaches it:`,
        command: card.url ? `curl ${card.url.replace(/\/$/, "")}/api/site` : "",
      };
    case "refused":
      return {
        ...NOTHING,
        means: `${name} answers, but does not let this site read.`,
        remedy: `Look at the reason above. If ${name} has forgotten this site, make a new invitation there and join again.`,
      };
    case "filtered-cycle":
      return {
        means: "Stopped, because going on would lose events: a connection that lets only a part through lies on a circle of connections.",
        remedy: "Take one connection of the circle away, or let everything through on all of it:",
        command: `museion sites disconnect ${shellWord(name)}`,
      };
    case "read-by":
      return { ...NOTHING, means: `${name} reads from here. This site does not read from it.` };
    case "retired":
      return { ...NOTHING, means: `${name} takes part no more. What it wrote stays.` };
    case "disconnected":
    case "known":
      return {
        means: `Known, but nothing is exchanged with ${name} directly.`,
        remedy: "To connect:",
        command: `museion sites connect ${shellWord(name)}`,
      };
    default:
      return { ...NOTHING, means: "" };
  }
}

/** "12 events, 4 s behind" or "nothing behind". */
export function lagOf(receives: Pick<Receiving, "lag_events" | "lag_s">): string {
  if (receives.lag_events <= 0) return "nothing behind";
  const events = formatCount(receives.lag_events, "event");
  return receives.lag_s >= 0.05 ? `${events}, ${formatSpan(receives.lag_s)} behind` : `${events} behind`;
}

/** When a site was last in contact, in either direction; null for never. */
export function lastContact_ms(card: SiteCard): number | null {
  const latest = Math.max(card.receives?.last_success_ms ?? 0, card.sends?.last_contact_ms ?? 0);
  return latest || null;
}

/** One line on how everything stands. */
export function summaryOf(overview: SitesOverview): string {
  const connected = overview.sites.filter((card) => wordsOf(card).tone !== "off");
  const inTrouble = connected.filter((card) => ["bad", "waiting"].includes(wordsOf(card).tone));
  const behind = connected.filter((card) => wordsOf(card).tone === "busy");
  if (connected.length === 0) return "No other site is connected.";
  if (inTrouble.length) return `${namesOf(inTrouble)}: the line is interrupted. Everyone can go on working.`;
  if (behind.length) return `Catching up with ${namesOf(behind)}.`;
  return "Everything that the other sites have to give is here.";
}

function namesOf(cards: readonly SiteCard[]): string {
  return cards.map((card) => card.name).join(", ");
}

/** A word as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Bytes a second that come from each site, from what was told over the last seconds. */
export class Rates {
  #told: { time_ms: number; bytes: Map<string, number> }[] = [];

  constructor(private readonly window_ms = 10_000) {}

  /** Take note of an overview that was told at a time. */
  take(overview: SitesOverview, time_ms: number): void {
    const bytes = new Map(overview.sites.map((card) => [card.id, card.receives?.bytes ?? 0]));
    this.#told = [...this.#told.filter((each) => time_ms - each.time_ms <= this.window_ms), { time_ms, bytes }];
  }

  /** Bytes a second from a site; 0 until two overviews are known, or where its count began anew. */
  of(id: string): number {
    const first = this.#told.find((each) => each.bytes.has(id));
    const last = this.#told.at(-1);
    const span_s = first && last ? (last.time_ms - first.time_ms) / 1000 : 0;
    if (!first || !last || span_s <= 0) return 0;
    return Math.max(0, ((last.bytes.get(id) ?? 0) - (first.bytes.get(id) ?? 0)) / span_s);
  }
}
