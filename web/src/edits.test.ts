import { describe, expect, test } from "vitest";

import type { Detail, FieldVersion } from "./api.ts";
import { applied, tagsIn, textOf } from "./edits.ts";

const version = (text: string, change: Partial<FieldVersion> = {}): FieldVersion => ({
  id: "a:1", value: text, cleared: false, by: "Ann", site: "a", site_name: "Vienna", time: "2026-01-01T00:00:00Z", text, ...change,
});

const detail = {
  id: "x",
  title: "Dawn",
  caption: null,
  rating: 3,
  tags: ["sea"],
  fields: [{ field: "creator", label: "Creator", value: "Bob", source: "iptc", others: [] }],
  said: [{ field: "title", label: "Title", in_conflict: false, versions: [version("Dawn")] }],
} as unknown as Detail;

describe("a change, before the site has answered", () => {
  test("shows the new texts and stars", () => {
    const shown = applied(detail, { set: { title: "Dusk", rating: 5 } });
    expect([shown.title, shown.rating, textOf(shown, "title")]).toEqual(["Dusk", 5, "Dusk"]);
  });

  test("takes stars away", () => {
    expect(applied(detail, { clear: ["rating"] }).rating).toBeNull();
  });

  test("adds and removes tags, in order and each once", () => {
    expect(applied(detail, { add_tags: ["boat", "sea"] }).tags).toEqual(["boat", "sea"]);
    expect(applied(detail, { remove_tags: ["sea"] }).tags).toEqual([]);
  });

  test("leaves what was shown before untouched", () => {
    applied(detail, { set: { title: "Dusk" }, add_tags: ["boat"] });
    expect([detail.title, detail.tags]).toEqual(["Dawn", ["sea"]]);
  });
});

describe("the text of a field", () => {
  test("is what people said, else what the original says", () => {
    expect(textOf(detail, "title")).toBe("Dawn");
    expect(textOf(detail, "creator")).toBe("Bob");
    expect(textOf(detail, "credit")).toBe("");
  });

  test("is the original's again once it was cleared", () => {
    const said = [{ field: "creator", label: "Creator", in_conflict: false, versions: [version("", { cleared: true })] }];
    expect(textOf({ ...detail, said }, "creator")).toBe("Bob");
  });
});

test("tags are parted by commas; those that are there already are left out", () => {
  expect(tagsIn(" boat,  old  pier , Sea, boat", ["sea"])).toEqual(["boat", "old pier"]);
  expect(tagsIn(" , ", [])).toEqual([]);
});
