import { describe, expect, test } from "vitest";

import { justify, neighbour, rowAt, rowOf, sectionAt, tilesOfRow, type LayoutOptions } from "./layout.ts";

const options: LayoutOptions = { width: 1200, rowHeight: 200, gap: 4, headerHeight: 40, captionHeight: 0 };

/** Deterministic ratios between 0.1 and 10 (mulberry32). */
function ratios(count: number, seed = 1): Uint16Array {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Uint16Array.from({ length: count }, () => Math.round(100 * 100 ** next()));
}

describe("justify", () => {
  test("every asset stands in exactly one row, in order", () => {
    const layout = justify(ratios(1000), [], options);
    expect(layout.rowFirst[0]).toBe(0);
    expect(layout.rowFirst[layout.rows]).toBe(1000);
    for (let row = 0; row < layout.rows; row++) {
      expect(layout.rowFirst[row + 1]).toBeGreaterThan(layout.rowFirst[row] ?? 0);
    }
  });

  test("every row but the last of a section ends exactly at the width", () => {
    for (const width of [390, 777, 1200, 2560]) {
      const aspects = ratios(2000, width);
      const layout = justify(aspects, [], { ...options, width });
      for (let row = 0; row < layout.rows - 1; row++) {
        const last = tilesOfRow(layout, aspects, row).at(-1);
        expect((last?.left ?? 0) + (last?.width ?? 0)).toBe(width);
      }
    }
  });

  test("neighbouring tiles are one gap apart and never empty", () => {
    const aspects = ratios(500, 9);
    const layout = justify(aspects, [], options);
    for (let row = 0; row < layout.rows; row++) {
      const boxes = tilesOfRow(layout, aspects, row);
      boxes.forEach((box, at) => {
        const next = boxes[at + 1];
        if (next) expect(next.left - (box.left + box.width)).toBe(4);
        expect(box.width).toBeGreaterThan(0);
      });
    }
  });

  test("full rows come near the height aimed at", () => {
    const aspects = Uint16Array.from({ length: 400 }, (_, at) => [1500, 667, 1333, 1000][at % 4] ?? 1000);
    const layout = justify(aspects, [], options);
    for (let row = 0; row < layout.rows - 1; row++) {
      expect(layout.rowHeight[row]).toBeGreaterThan(150);
      expect(layout.rowHeight[row]).toBeLessThan(270);
    }
  });

  test("an unfilled last row is not blown up", () => {
    const layout = justify(Uint16Array.of(1500), [], options);
    expect(layout.rowHeight[0]).toBe(230);
    expect(tilesOfRow(layout, Uint16Array.of(1500), 0)).toEqual([{ index: 0, left: 0, width: 345 }]);
  });

  test("each section begins a new row under its heading", () => {
    const sections = [
      { offset: 0, count: 3, label: "May", year: "2024" },
      { offset: 3, count: 7, label: "April", year: "2024" },
    ];
    const layout = justify(ratios(10, 4), sections, options);
    expect(layout.sectionTop[0]).toBe(0);
    expect(layout.rowTop[0]).toBe(40);
    expect(layout.rowFirst[layout.sectionRow[1] ?? 0]).toBe(3);
    expect(sectionAt(layout, (layout.sectionTop[1] ?? 0) - 1)).toBe(0);
    expect(sectionAt(layout, layout.sectionTop[1] ?? 0)).toBe(1);
  });

  test("rows never overlap and leave room for their caption line", () => {
    const layout = justify(ratios(300, 5), [], { ...options, captionHeight: 30 });
    for (let row = 0; row + 1 < layout.rows; row++) {
      const bottom = (layout.rowTop[row] ?? 0) + (layout.rowHeight[row] ?? 0) + 30;
      expect(layout.rowTop[row + 1]).toBe(bottom + 4);
    }
  });

  test("an empty listing has no rows and no height", () => {
    expect(justify(new Uint16Array(0), [], options)).toMatchObject({ rows: 0, height: 0 });
  });

  test("800,000 assets are laid out within a frame or two", () => {
    const aspects = ratios(800_000);
    justify(aspects, [], options);
    const start = performance.now();
    const layout = justify(aspects, [], options);
    expect(layout.count).toBe(800_000);
    expect(performance.now() - start).toBeLessThan(250); // generous: the machine is shared
  });
});

describe("finding rows", () => {
  const aspects = ratios(5000, 6);
  const layout = justify(aspects, [], options);

  test("rowOf agrees with a plain scan", () => {
    for (let index = 0; index < 5000; index += 37) {
      const scanned = layout.rowFirst.findIndex((_, row) => (layout.rowFirst[row + 1] ?? 5000) > index);
      expect(rowOf(layout, index)).toBe(scanned);
    }
  });

  test("rowAt agrees with a plain scan, also between and beyond rows", () => {
    for (let y = -50; y < layout.height + 500; y += 333.3) {
      const tops = Array.from(layout.rowTop.subarray(0, layout.rows));
      expect(rowAt(layout, y)).toBe(Math.max(0, tops.filter((top) => top <= y).length - 1));
    }
  });
});

describe("neighbour", () => {
  const aspects = Uint16Array.from({ length: 40 }, () => 1500);
  const layout = justify(aspects, [], options);

  test("up undoes down in a regular grid", () => {
    const below = neighbour(layout, aspects, 1, "down");
    expect(rowOf(layout, below)).toBe(1);
    expect(neighbour(layout, aspects, below, "up")).toBe(1);
  });

  test("arrows stay inside the listing", () => {
    expect(neighbour(layout, aspects, 0, "left")).toBe(0);
    expect(neighbour(layout, aspects, 0, "up")).toBe(0);
    expect(neighbour(layout, aspects, 39, "right")).toBe(39);
    expect(neighbour(layout, aspects, 39, "down")).toBe(39);
  });
});
