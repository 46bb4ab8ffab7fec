import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Absence } from "./absences.svelte.ts";

const NOT_HERE = JSON.stringify({ detail: "Blob is not here yet: it lies at Graz.", remedy: "Ask again." });

/** A site that answers when it is told to. */
let asked: string[];
let answers: ((response: Response) => void)[];

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  answers = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return new Promise((resolve) => answers.push(resolve));
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function answer(status: number): Promise<void> {
  answers.shift()?.(new Response(status === 200 ? "" : NOT_HERE, { status }));
  await vi.advanceTimersByTimeAsync(0);
}

test("a blob that is not here names its place, and is asked for until it comes", async () => {
  const absence = new Absence("/a", "high");
  absence.ask();
  await answer(503);
  expect([absence.places, absence.here, absence.asking]).toEqual([["Graz"], false, false]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toEqual(["/a", "/a"]);
  await answer(200);
  expect(absence.here).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(2);
});

test("a person need not wait for the next time", async () => {
  const absence = new Absence("/a", "high");
  absence.ask();
  await answer(503);
  absence.ask();
  expect(absence.asking).toBe(true);
  expect(asked).toHaveLength(2);
  absence.ask();
  expect(asked).toHaveLength(2);
  await answer(200);
});

test("no more than two are asked for at a time, the others in turn", async () => {
  const absences = ["/a", "/b", "/c"].map((url) => new Absence(url, "low"));
  for (const absence of absences) absence.ask();
  expect(asked).toEqual(["/a", "/b"]);
  await answer(200);
  expect(asked).toEqual(["/a", "/b", "/c"]);
  await answer(200);
  await answer(200);
  expect(absences.every((absence) => absence.here)).toBe(true);
});

test("one that nobody looks at any more is asked for no more", async () => {
  const absence = new Absence("/a", "low");
  absence.ask();
  await answer(503);
  absence.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(1);
});
