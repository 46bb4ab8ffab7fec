/** Where sites and the links between them stand on the map: a circle, this site at the top. Pure. */

import { wordsOf, type SiteLink, type SitesOverview, type Tone } from "./sites.ts";

export interface MapNode {
  id: string;
  name: string;
  isOwn: boolean;
  tone: Tone;
  word: string;
  x: number;
  y: number;
  /** Where the name stands, and which of its ends is at that point. */
  label: { x: number; y: number; anchor: "start" | "middle" | "end" };
}

export interface MapLink {
  source: string;
  target: string;
  /** "from → to", for those who hear the map. */
  title: string;
  tone: Tone | "unknown";
  filtered: boolean;
  /** What a filter lets through, as far as it is known here. */
  note: string;
  from: { x: number; y: number };
  to: { x: number; y: number };
  /** Where the note stands. */
  noted: { x: number; y: number };
}

export interface SitesMap {
  width: number;
  height: number;
  nodes: MapNode[];
  links: MapLink[];
}

export const NODE_RADIUS = 24;
/** Links of both ways between two sites run side by side at this distance from the middle. */
const ASIDE = 7;
/** Room that an arrow leaves to the rim of a node. */
const GAP = 6;
/** Below this width names stand below their nodes, above it outside of the circle. */
const NARROW = 460;
const LEAST_WIDTH = 280;
/** How far along a link its note stands: notes of both ways then do not cover each other. */
const NOTE_AT = 0.4;

/**
 * Place sites and links on a surface of a width, in pixels. The same overview always gives the same map.
 */
export function mapOf(overview: SitesOverview, available: number): SitesMap {
  const size = sizeFor(overview.sites.length + 1, Math.max(LEAST_WIDTH, Math.round(available)));
  const places = placed(overview, size);
  const linked = overview.links.filter((link) => places.has(link.source) && places.has(link.target));
  return {
    ...size,
    nodes: [...places.values()],
    links: linked.flatMap((link) => {
      const [source, target] = [places.get(link.source), places.get(link.target)];
      return source && target ? [drawn(link, source, target, overview)] : [];
    }),
  };
}

interface Size {
  width: number;
  height: number;
}

function sizeFor(count: number, width: number): Size {
  if (count <= 2) return { width, height: 150 };
  const most = width < NARROW ? 40 : 26;
  return { width, height: Math.max(320, 170 + count * most) };
}

/** Half axes of the ellipse on which the sites stand. */
function axes(count: number, { width, height }: Size): { rx: number; ry: number } {
  if (count <= 2) return { rx: Math.min(160, width / 2 - 60), ry: 0 };
  const margin = width < NARROW ? 52 : 142;
  return { rx: Math.min(240, width / 2 - margin), ry: height / 2 - 66 };
}

function placed(overview: SitesOverview, size: Size): Map<string, MapNode> {
  const own = { id: overview.id, name: overview.name, tone: ownTone(overview), word: "This site" };
  const others = overview.sites
    .map((card) => ({ id: card.id, name: card.name, ...wordsOf(card) }))
    .sort((one, other) => one.name.localeCompare(other.name, "en") || (one.id < other.id ? -1 : 1));
  const all = [own, ...others];
  const { rx, ry } = axes(all.length, size);
  // Two sites stand side by side.
  const turn = all.length === 2 ? Math.PI : -Math.PI / 2;
  return new Map(
    all.map((site, at) => {
      const angle = turn + (2 * Math.PI * at) / all.length;
      const x = size.width / 2 + Math.cos(angle) * rx;
      const y = size.height / 2 + Math.sin(angle) * ry - (all.length <= 2 ? 16 : 0);
      return [site.id, { ...site, isOwn: at === 0, x, y, label: labelAt(x, y, angle, size.width >= NARROW && ry > 0) }];
    }),
  );
}

function labelAt(x: number, y: number, angle: number, outside: boolean): MapNode["label"] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const out = NODE_RADIUS + 12;
  if (!outside || Math.abs(cos) < 0.1) {
    const isAbove = Math.abs(cos) < 0.1 && sin < 0;
    return { x, y: isAbove ? y - out - 16 : y + out, anchor: "middle" };
  }
  return { x: x + Math.sign(cos) * out, y: y - 7, anchor: cos > 0 ? "start" : "end" };
}

function ownTone(overview: SitesOverview): Tone {
  if (overview.needs_recovery) return "bad";
  return overview.recovering ? "busy" : "good";
}

function drawn(link: SiteLink, source: MapNode, target: MapNode, overview: SitesOverview): MapLink {
  const [dx, dy] = [target.x - source.x, target.y - source.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const aside = { x: -uy * ASIDE, y: ux * ASIDE };
  const end = NODE_RADIUS + GAP;
  const at = (node: MapNode, sign: 1 | -1) => ({
    x: node.x + aside.x + sign * ux * end,
    y: node.y + aside.y + sign * uy * end,
  });
  const [from, to] = [at(source, 1), at(target, -1)];
  return {
    source: link.source,
    target: link.target,
    title: `${source.name} → ${target.name}`,
    filtered: link.filtered,
    note: noteOf(link, overview),
    tone: toneOf(link, overview),
    from,
    to,
    noted: { x: from.x + (to.x - from.x) * NOTE_AT, y: from.y + (to.y - from.y) * NOTE_AT },
  };
}

/** Only of its own links a site knows the state. */
function toneOf(link: SiteLink, overview: SitesOverview): Tone | "unknown" {
  if (link.target === overview.id) {
    const card = overview.sites.find((each) => each.id === link.source);
    return card ? wordsOf(card).tone : "unknown";
  }
  if (link.source !== overview.id) return "unknown";
  const card = overview.sites.find((each) => each.id === link.target);
  if (!card?.sends) return "unknown";
  if (card.sends.lag_events <= 0) return "good";
  return ["bad", "waiting"].includes(wordsOf(card).tone) ? "waiting" : "busy";
}

function noteOf(link: SiteLink, overview: SitesOverview): string {
  const inward = link.target === overview.id ? overview.sites.find((each) => each.id === link.source)?.receives : null;
  const outward = link.source === overview.id ? overview.sites.find((each) => each.id === link.target)?.sends : null;
  return (inward ?? outward)?.filter ?? (link.filtered ? "a part" : "");
}
