/** What a change makes of what is shown, before the site has answered. Pure. */

import type { Changes, Detail } from "./api.ts";

/** Fields that say who may do what, and their labels. */
export const RIGHTS = { creator: "Creator", credit: "Credit", copyright: "Copyright", rights: "Licence" } as const;

/** The asset as it will look once the change is taken. */
export function applied(detail: Detail, changes: Changes): Detail {
  const { title, caption, rating } = (changes.set ?? {}) as Partial<Pick<Detail, "title" | "caption" | "rating">>;
  const removed = new Set(changes.remove_tags);
  const kept = detail.tags.filter((tag) => !removed.has(tag));
  const added = (changes.add_tags ?? []).filter((tag) => !kept.includes(tag));
  return {
    ...detail,
    title: title ?? detail.title,
    caption: caption ?? detail.caption,
    rating: changes.clear?.includes("rating") ? null : (rating ?? detail.rating),
    tags: [...kept, ...added].sort((one, other) => one.localeCompare(other, "en")),
    said: detail.said.map((field) => {
      const value = changes.set?.[field.field];
      const [first] = field.versions;
      if (typeof value !== "string" || !first) return field;
      return { ...field, versions: [{ ...first, value, text: value }] };
    }),
  };
}

/** The text that people gave a field, or what stands in its place in the original. */
export function textOf(detail: Detail, field: string): string {
  const said = detail.said.find((each) => each.field === field)?.versions[0];
  if (said && !said.cleared) return said.text;
  return detail.fields.find((each) => each.field === field)?.value ?? "";
}

/** Tags out of what a person typed: parted by commas, without those that are there already. */
export function tagsIn(typed: string, present: readonly string[]): string[] {
  const known = new Set(present.map((tag) => tag.toLowerCase()));
  const tags = typed.split(",").map((tag) => tag.trim().replace(/\s+/g, " ")).filter(Boolean);
  return tags.filter((tag, at) => !known.has(tag.toLowerCase()) && tags.indexOf(tag) === at);
}
