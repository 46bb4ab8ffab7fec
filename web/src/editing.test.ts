import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Detail } from "./api.ts";

const detail = { id: "x", title: "Dawn", caption: null, rating: null, tags: [], fields: [], said: [], seen: "token-2" } as unknown as Detail;

let sent: { method: string; path: string; body: Record<string, unknown> }[];
let outcome: () => Response;

beforeEach(() => {
  sent = [];
  outcome = () => Response.json({ id: "x", changed: true, seen: "token-3", conflicts: [] });
  const kept = new Map([["museion.preferences", JSON.stringify({ person: "Ann" })]]);
  vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: () => undefined });
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    if (!init.method) return Response.json({ ...detail, title: "Dusk, from the site" });
    sent.push({ method: init.method, path, body: JSON.parse(String(init.body)) as Record<string, unknown> });
    return outcome();
  });
});

afterEach(() => vi.unstubAllGlobals());

async function editing() {
  const { Editing } = await import("./editing.svelte.ts");
  const shown = { detail: detail as Detail | null };
  return { shown, editing: new Editing(shown, "x") };
}

test("a change says who makes it and what the person had looked at", async () => {
  const { editing: it } = await editing();
  await it.save({ set: { title: "Dusk" } }, "token-1");
  expect(sent).toEqual([{ method: "PATCH", path: "/api/assets/x", body: { by: "Ann", seen: "token-1", set: { title: "Dusk" } } }]);
});

test("a change is shown before the site has answered, then as the site tells it", async () => {
  const { editing: it, shown } = await editing();
  const settled = outcome;
  let meanwhile: string | null | undefined;
  outcome = () => {
    meanwhile = shown.detail?.title;
    return settled();
  };
  expect(await it.save({ set: { title: "Dusk" } }, "token-2")).toBe(true);
  expect(meanwhile).toBe("Dusk");
  expect(shown.detail?.title).toBe("Dusk, from the site");
});

test("a change that is refused is taken back, and the reason told", async () => {
  outcome = () => new Response(JSON.stringify({ detail: "Too long." }), { status: 400 });
  const { editing: it, shown } = await editing();
  expect(await it.save({ set: { title: "Dusk" } }, "token-2")).toBe(false);
  expect([shown.detail?.title, it.problem?.message, it.busy]).toEqual(["Dawn", "Too long.", false]);
});

test("a change that met another one says which conflict is open now", async () => {
  outcome = () => Response.json({ id: "x", changed: true, seen: "", conflicts: ["x:caption", "x:title"] });
  const { editing: it } = await editing();
  await it.save({ set: { title: "Dusk" } }, "token-1");
  expect(it.met).toBe("x:title");
});
