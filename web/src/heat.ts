/** How relevance looks over a picture: what fits stays bright and is tinted, the rest is dimmed. Pure. */

/** Red, green, blue and opacity, each in 0..255. */
export type Colour = readonly [number, number, number, number];

/** Relevance from which a part is tinted rather than dimmed. */
const TINTED_FROM = 0.55;
const DIMMEST = 0.66;
const MOST_TINT = 0.34;
const TINT = [255, 170, 40] as const;

/** The colour laid over a part. Opacity falls to nothing where dimming goes over into the tint. */
export function heatColour(relevance: number): Colour {
  const share = Math.min(1, Math.max(0, relevance));
  if (share < TINTED_FROM) return [0, 0, 0, Math.round(255 * DIMMEST * (1 - share / TINTED_FROM))];
  const strength = (share - TINTED_FROM) / (1 - TINTED_FROM);
  return [...TINT, Math.round(255 * MOST_TINT * strength)];
}

/**
 * Cells made finer by interpolating between their middles, so that no cell's edge is seen.
 *
 * @param relevance row by row, at least one cell
 * @returns `width` × `height` values, row by row
 */
export function smoothed(relevance: readonly (readonly number[])[], width: number, height: number): Float32Array {
  const rows = relevance.length;
  const columns = relevance[0]?.length ?? 0;
  const values = new Float32Array(width * height);
  const at = (row: number, column: number) => relevance[clamp(row, rows)]?.[clamp(column, columns)] ?? 0;
  for (let y = 0; y < height; y++) {
    const [top, down] = split(((y + 0.5) / height) * rows - 0.5);
    for (let x = 0; x < width; x++) {
      const [left, right] = split(((x + 0.5) / width) * columns - 0.5);
      const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
      const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
      values[y * width + x] = above * (1 - down) + below * down;
    }
  }
  return values;
}

/** A place as a whole number and an eased share of the way to the next. */
function split(place: number): [number, number] {
  const whole = Math.floor(place);
  const share = place - whole;
  return [whole, share * share * (3 - 2 * share)];
}

function clamp(place: number, count: number): number {
  return Math.min(Math.max(0, place), count - 1);
}
