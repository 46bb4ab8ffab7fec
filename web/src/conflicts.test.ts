import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Conflict } from "./api.ts";
import { conflicts, SECOND_THOUGHT_MS } from "./conflicts.svelte.ts";

const conflictOf = (id: string): Conflict => ({
  id, asset_id: id, filename: `${id}.jpg`, thumbnail: null, field: "caption", label: "Caption", seen: `seen-${id}`, versions: [],
});
const pendingOf = (id: string) => ({ conflict: conflictOf(id), decision: { choice: `${id}:1` }, by: "Ann", text: "Dawn" });

/** A site with open conflicts, which remembers what was decided. */
class Site {
  open = ["a", "b"];
  decided: { id: string; body: unknown }[] = [];
  /** What it answers to a decision, where it does not settle it. */
  refusal: Response | null = null;
  remaining: string[] = [];

  answer = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const id = /conflicts\/(.*)\/resolve/.exec(path)?.[1];
    if (!id) return Response.json({ total: this.open.length, items: this.open.map(conflictOf) });
    this.decided.push({ id, body: JSON.parse(String(init.body)) });
    if (this.refusal) return this.refusal;
    if (!this.remaining.length) this.open = this.open.filter((each) => each !== id);
    return Response.json({ id, changed: true, seen: "", conflicts: this.remaining });
  };
}

let site: Site;

beforeEach(async () => {
  vi.useFakeTimers();
  site = new Site();
  vi.stubGlobal("fetch", site.answer);
  conflicts.undo();
  conflicts.watched = true;
  await conflicts.refresh();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a decision is sent only after a second thought", async () => {
  conflicts.decide(pendingOf("a"));
  expect(site.decided).toEqual([]);
  expect([conflicts.total, conflicts.open.map((each) => each.id)]).toEqual([1, ["b"]]);
  await vi.advanceTimersByTimeAsync(SECOND_THOUGHT_MS);
  expect(site.decided).toEqual([{ id: "a", body: { by: "Ann", seen: "seen-a", choice: "a:1" } }]);
  expect([conflicts.total, conflicts.pending]).toEqual([1, null]);
});

test("a decision that was taken back is never sent", async () => {
  conflicts.decide(pendingOf("a"));
  expect(conflicts.undo()?.id).toBe("a");
  await vi.advanceTimersByTimeAsync(2 * SECOND_THOUGHT_MS);
  expect([site.decided, conflicts.total]).toEqual([[], 2]);
});

test("the next decision sends the one before it, and each once", async () => {
  conflicts.decide(pendingOf("a"));
  conflicts.decide(pendingOf("b"));
  await vi.advanceTimersByTimeAsync(2 * SECOND_THOUGHT_MS);
  expect(site.decided.map((each) => each.id)).toEqual(["a", "b"]);
  expect(conflicts.total).toBe(0);
});

test("a decision that is on its way cannot be taken back any more, and is not shown again", async () => {
  conflicts.decide(pendingOf("a"));
  const sending = conflicts.flush();
  expect(conflicts.undo()).toBeNull();
  expect([conflicts.total, conflicts.open.map((each) => each.id)]).toEqual([1, ["b"]]);
  await sending;
  expect([conflicts.total, conflicts.open.map((each) => each.id)]).toEqual([1, ["b"]]);
});

test("a version that came in meanwhile keeps the conflict open, and is told", async () => {
  site.remaining = ["a"];
  conflicts.decide(pendingOf("a"));
  await conflicts.flush();
  expect(conflicts.told).toContain("came in meanwhile");
  expect(conflicts.open.map((each) => each.id)).toEqual(["a", "b"]);
});

test("a decision that is refused leaves the conflict open, and is explained", async () => {
  site.refusal = new Response(JSON.stringify({ detail: "The disk is full.", remedy: "Make room." }), { status: 503 });
  conflicts.decide(pendingOf("a"));
  await conflicts.flush();
  expect(conflicts.told).toBe("Not settled: The disk is full. Make room.");
  expect(conflicts.total).toBe(2);
});

test("what somebody else settled first is told so", async () => {
  site.refusal = new Response("{}", { status: 404 });
  conflicts.decide(pendingOf("a"));
  await conflicts.flush();
  expect(conflicts.told).toBe("Somebody settled it meanwhile.");
});
