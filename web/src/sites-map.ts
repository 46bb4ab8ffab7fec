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
  middle: { x: number; y: number };
}

export interface SitesMap {
  width: number;
  height: number;
  nodes: MapNode[];
  links: MapLink[];
}

export const NODE_RADIUS = 26;
/** Links of both ways between two sites run side by side at this distance from the middle. */
const ASIDE = 7;
/** Room that an arrow leaves to the rim of a node. */
const GAP = 6;
const MARGIN = { x: 110, y: 62 };

/** Place sites and links. The same overview always gives the same map. */
export function mapOf(overview: SitesOverview): SitesMap {
  const places = placed(overview);
  const linked = overview.links.filter((link) => places.has(link.source) && places.has(link.target));
  const { width, height } = sizeFor(places.size);
  return {
    width,
    height,
    nodes: [...places.values()],
    links: linked.flatMap((link) => {
      const [source, target] = [places.get(link.source), places.get(link.target)];
      return source && target ? [drawn(link, source, target, overview)] : [];
    }),
  };
}

function sizeFor(count: number): { width: number; height: number } {
  if (count <= 2) return { width: 400, height: 150 };
  const radius = Math.max(120, (count * (NODE_RADIUS * 2 + 34)) / (2 * Math.PI));
  return { width: Math.round(2 * (radius + MARGIN.x)), height: Math.round(2 * (radius + MARGIN.y)) };
}

function placed(overview: SitesOverview): Map<string, MapNode> {
  const own = { id: overview.id, name: overview.name, tone: ownTone(overview), word: "This site" };
  const others = overview.sites
    .map((card) => ({ id: card.id, name: card.name, ...wordsOf(card) }))
    .sort((one, other) => one.name.localeCompare(other.name, "en") || (one.id < other.id ? -1 : 1));
  const all = [own, ...others];
  const { width, height } = sizeFor(all.length);
  const [rx, ry] = [width / 2 - MARGIN.x, height / 2 - MARGIN.y];
  // Two sites stand side by side: a name has its room to the left and right.
  const turn = all.length === 2 ? Math.PI : -Math.PI / 2;
  return new Map(
    all.map((site, at) => {
      const angle = turn + (2 * Math.PI * at) / all.length;
      const x = width / 2 + Math.cos(angle) * rx;
      const y = height / 2 + Math.sin(angle) * ry;
      return [site.id, { ...site, isOwn: at === 0, x, y, label: labelAt(x, y, angle) }];
    }),
  );
}

function labelAt(x: number, y: number, angle: number): MapNode["label"] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const out = NODE_RADIUS + 12;
  if (Math.abs(cos) < 0.35 || Math.abs(sin) < 0.05) {
    return { x, y: sin < -0.05 ? y - out - 12 : y + out + 4, anchor: "middle" };
  }
  return { x: x + Math.sign(cos) * out, y: y + sin * 10, anchor: cos > 0 ? "start" : "end" };
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
    middle: { x: (from.x + to.x) / 2 + aside.x * 1.6, y: (from.y + to.y) / 2 + aside.y * 1.6 },
  };
}

/** Only of its own links a site knows the state. */
function toneOf(link: SiteLink, overview: SitesOverview): Tone | "unknown" {
  if (link.target === overview.id) {
    const card = overview.sites.find((each) => each.id === link.source);
    return card ? wordsOf(card).tone : "unknown";
  }
  if (link.source !== overview.id) return "unknown";
  const sends = overview.sites.find((each) => each.id === link.target)?.sends;
  if (!sends) return "unknown";
  return sends.lag_events > 0 ? "busy" : "good";
}

function noteOf(link: SiteLink, overview: SitesOverview): string {
  const inward = link.target === overview.id ? overview.sites.find((each) => each.id === link.source)?.receives : null;
  const outward = link.source === overview.id ? overview.sites.find((each) => each.id === link.target)?.sends : null;
  return (inward ?? outward)?.filter ?? (link.filtered ? "a part" : "");
}
