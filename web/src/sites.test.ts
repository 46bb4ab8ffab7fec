import { describe, expect, test } from "vitest";

import { card, overviewOf, receives } from "./sites.samples.ts";
import { explain, lagOf, lastContact_ms, Rates, shellWord, summaryOf, wordsOf } from "./sites.ts";

const STATES = [
  "connecting", "catching-up", "up-to-date", "waiting-to-retry", "unavailable", "refused",
  "filtered-cycle", "recovering", "retired", "disconnected", "known", "read-by",
];

describe("a state", () => {
  test.each(STATES)("is explained in words: %s", (state) => {
    expect(explain(card("Graz", { state })).means).not.toBe("");
    expect(wordsOf(card("Graz", { state })).word).not.toContain("-");
  });

  test("of a connection that was wanted and cannot be made is no quiet one", () => {
    const hindered = card("Graz", { state: "known", connected: false, receives: { ...receives, error: "It would lose events." } });
    expect(wordsOf(hindered)).toEqual({ tone: "bad", word: "Cannot connect" });
    expect(explain(hindered).means).toContain("cannot be made");
  });

  test("that is new to this page keeps its own word", () => {
    expect(wordsOf(card("Graz", { state: "half-asleep" }))).toEqual({ tone: "waiting", word: "half asleep" });
  });

  test("that needs an administrator comes with what to do", () => {
    const { remedy, command } = explain(card("Graz", { state: "unavailable" }));
    expect(remedy).toContain("museion serve");
    expect(command).toBe("curl http://graz.example/api/site");
  });

  test("is told with the site's own remedy, where it has one", () => {
    const told = explain(card("Graz", { state: "refused", receives: { ...receives, remedy: "Roll the key." } }));
    expect(told.remedy).toBe("Roll the key.");
  });

  test("gives way to a revoked key", () => {
    expect(wordsOf(card("Graz", { revoked: true })).tone).toBe("bad");
  });
});

test("lag is told in events and seconds", () => {
  expect(lagOf({ lag_events: 12, lag_s: 0.44 })).toBe("12 events, 0.4 s behind");
  expect(lagOf({ lag_events: 1, lag_s: 0 })).toBe("1 event behind");
  expect(lagOf({ lag_events: 0, lag_s: 9 })).toBe("nothing behind");
});

test("the last contact is that of either direction", () => {
  expect(lastContact_ms(card("Graz"))).toBe(3000);
  expect(lastContact_ms(card("Graz", { sends: null }))).toBe(1000);
  expect(lastContact_ms(card("Graz", { sends: null, receives: null }))).toBeNull();
});

describe("all sites together", () => {
  test("are summed up by who is in trouble, then by who is behind", () => {
    const [behind, lost] = [card("Graz", { state: "catching-up" }), card("Linz", { state: "unavailable" })];
    expect(summaryOf(overviewOf([behind, lost]))).toMatch(/^Linz: .*go on working/);
    expect(summaryOf(overviewOf([behind]))).toBe("Catching up with Graz.");
    expect(summaryOf(overviewOf([card("Graz")]))).toContain("is here");
    expect(summaryOf(overviewOf([card("Graz", { state: "known" })]))).toBe("No other site is connected.");
  });
});

describe("rates", () => {
  const at = (bytes: number) => overviewOf([card("Graz", { receives: { ...receives, bytes } })]);

  test("come from what was told over the last seconds", () => {
    const rates = new Rates(10_000);
    rates.take(at(0), 0);
    expect(rates.of("graz")).toBe(0);
    rates.take(at(4000), 2000);
    expect(rates.of("graz")).toBe(2000);
    rates.take(at(4000), 14_000);
    expect(rates.of("graz")).toBe(0);
  });

  test("are never below zero when a count begins anew", () => {
    const rates = new Rates();
    rates.take(at(4000), 0);
    rates.take(at(10), 2000);
    expect(rates.of("graz")).toBe(0);
  });
});

test("a name with a space is quoted for the shell", () => {
  expect(shellWord("Graz")).toBe("Graz");
  expect(shellWord("St. Pölten's")).toBe(`'St. Pölten'\\''s'`);
});
