import { describe, expect, test } from "vitest";

import { mapOf as mapIn, NODE_RADIUS } from "./sites-map.ts";
import { card, overviewOf, receives as everything } from "./sites.samples.ts";
import type { SitesOverview } from "./sites.ts";

const mapOf = (overview: SitesOverview, width = 540) => mapIn(overview, width);
const NAMES = ["Graz", "Linz", "Wels", "Steyr", "Enns", "Krems", "Melk", "Zwettl", "Tulln", "Horn", "Baden"];

describe("the map", () => {
  test("shows this site and each of the others once", () => {
    const map = mapOf(overviewOf(NAMES.map((name) => card(name))));
    expect(map.nodes.map((node) => node.name).sort()).toEqual([...NAMES, "Vienna"].sort());
    expect(map.nodes.filter((node) => node.isOwn).map((node) => node.id)).toEqual(["vienna"]);
  });

  test.each([1, 2, 3, 5, 11].flatMap((count) => [[count, 340], [count, 540]] as const))("keeps %i other sites apart and inside %i pixels", (count, available) => {
    const { nodes, width, height } = mapOf(overviewOf(NAMES.slice(0, count).map((name) => card(name))), available);
    expect(width).toBe(available);
    for (const one of nodes) {
      expect(one.x).toBeGreaterThan(NODE_RADIUS);
      expect(one.x).toBeLessThan(width - NODE_RADIUS);
      expect(one.y).toBeGreaterThan(NODE_RADIUS);
      expect(one.y).toBeLessThan(height - NODE_RADIUS);
      for (const other of nodes) {
        if (one !== other) expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThan(2 * NODE_RADIUS);
      }
    }
  });

  test("does not depend on the order in which sites are told", () => {
    const sites = NAMES.map((name) => card(name));
    expect(mapOf(overviewOf([...sites].reverse()))).toEqual(mapOf(overviewOf(sites)));
  });

  test("draws both ways between two sites side by side, each from source to target", () => {
    const links = [
      { source: "graz", target: "vienna", filtered: false },
      { source: "vienna", target: "graz", filtered: false },
    ];
    const map = mapOf(overviewOf([card("Graz")], { links }));
    const [there, back] = map.links;
    const graz = map.nodes.find((node) => node.id === "graz");
    expect(there && graz && Math.hypot(there.from.x - graz.x, there.from.y - graz.y)).toBeLessThan(2 * NODE_RADIUS);
    expect(there?.from.y).not.toBe(back?.to.y);
  });

  test("colours a link by the state of what comes in, and by what goes out is behind", () => {
    const links = [
      { source: "graz", target: "vienna", filtered: false },
      { source: "vienna", target: "graz", filtered: false },
      { source: "graz", target: "linz", filtered: false },
    ];
    const graz = card("Graz", { state: "unavailable", sends: { filter: null, lag_events: 3, last_contact_ms: null } });
    const map = mapOf(overviewOf([graz, card("Linz")], { links }));
    expect(map.links.map((link) => link.tone)).toEqual(["bad", "waiting", "unknown"]);
  });

  test("says what a filter lets through, as far as it is known here", () => {
    const links = [
      { source: "graz", target: "vienna", filtered: true },
      { source: "graz", target: "linz", filtered: true },
    ];
    const receives = { ...everything, filter: "tag:sports" };
    const map = mapOf(overviewOf([card("Graz", { receives }), card("Linz")], { links }));
    expect(map.links.map((link) => link.note)).toEqual(["tag:sports", "a part"]);
  });

  test("leaves out links of sites that are not known", () => {
    const links = [{ source: "atlantis", target: "vienna", filtered: false }];
    expect(mapOf(overviewOf([card("Graz")], { links })).links).toEqual([]);
  });
});
