import { expect, test } from "vitest";

import { placesIn } from "./places.ts";

const DIGEST = "0123456789abcdef".repeat(4);
const problem = (change: object) =>
  JSON.stringify({ status: 503, remedy: "It is on its way.", detail: `Blob ${DIGEST} is not here yet: it lies at Graz, Linz.`, ...change });

test("the places of a blob are those that the answer names", () => {
  expect(placesIn(problem({ places: [{ id: "g", name: "St. Pölten" }] })).places).toEqual(["St. Pölten"]);
});

test("an answer without names has them in its sentence", () => {
  expect(placesIn(problem({})).places).toEqual(["Graz", "Linz"]);
  expect(placesIn(problem({ detail: `Blob ${DIGEST} is not here yet: no site that answers has it.` })).places).toEqual([]);
});

test("nobody has to read a digest", () => {
  expect(placesIn(problem({})).said).toBe("It is not here yet: it lies at Graz, Linz. It is on its way.");
});

test("an answer that cannot be read names no place", () => {
  expect(placesIn("<html>")).toEqual({ places: [], said: "" });
});

test("where nobody has it, nobody has to read what each site answered", () => {
  const detail = `Blob ${DIGEST} is not here yet: no site that answers has it. Blob ${DIGEST} could not be fetched. Graz has failed.`;
  expect(placesIn(problem({ detail, remedy: "Wait." })).said).toBe("It is not here yet: no site that answers has it. Wait.");
});
