/** Changes of the question that is asked, as a person makes them outside of the search box. */

import type { Chip } from "./api.ts";
import { gallery } from "./gallery.svelte.ts";
import { withChip } from "./query.ts";
import { router } from "./router.svelte.ts";

/** Ask with one chip typed otherwise; an empty text takes it away. */
export function retype(at: number, typed: string): void {
  router.go({ page: "grid", beyond: false, q: withChip(gallery.chips, at, typed), asset: null });
}

/** Ask without an asset or picture to be alike. */
export function dropLike(): void {
  router.go({ like: null, picture: false });
}

/** The id of the asset that a chip asks to be alike, or unlike; null where it is no such chip. */
export function likedId(chip: Chip): string | null {
  return chip.kind === "like" ? chip.explicit.replace(/^-?like:/, "") : null;
}
