/** Every key of the page, as the help dialog lists them. */

export interface Shortcut {
  keys: readonly string[];
  does: string;
}

export const SHORTCUTS: readonly { where: string; keys: readonly Shortcut[] }[] = [
  {
    where: "Everywhere",
    keys: [
      { keys: ["/"], does: "Search" },
      { keys: ["u"], does: "Add photos" },
      { keys: ["?"], does: "Show these keys" },
      { keys: ["Esc"], does: "Close, or leave the search" },
    ],
  },
  {
    where: "Grid",
    keys: [
      { keys: ["←", "→", "↑", "↓"], does: "Move" },
      { keys: ["Enter"], does: "Open" },
      { keys: ["l"], does: "More like this" },
      { keys: ["s"], does: "Show what looks the same" },
      { keys: ["Home", "End"], does: "Newest, oldest" },
      { keys: ["+", "−"], does: "Larger, smaller tiles; while judging: fits, does not fit" },
    ],
  },
  {
    where: "Viewer",
    keys: [
      { keys: ["←", "→"], does: "Previous, next" },
      { keys: ["i"], does: "Information" },
      { keys: ["z"], does: "Zoom" },
      { keys: ["w"], does: "Show where the query fits" },
      { keys: ["l"], does: "More like this" },
      { keys: ["d"], does: "Download the original" },
      { keys: ["Esc"], does: "Back to the grid" },
    ],
  },
  {
    where: "Parts of the query",
    keys: [
      { keys: ["←", "→"], does: "Another part" },
      { keys: ["Enter"], does: "Change it" },
      { keys: ["Del"], does: "Take it away" },
    ],
  },
  {
    where: "Duplicates",
    keys: [
      { keys: ["↑", "↓"], does: "Another group" },
      { keys: ["←", "→", "1", "2"], does: "Choose which one to keep" },
      { keys: ["Enter"], does: "Keep it, trash the others" },
      { keys: ["n"], does: "They are no duplicates" },
      { keys: ["z"], does: "Take the last keeping back" },
    ],
  },
  {
    where: "Conflicts",
    keys: [
      { keys: ["↑", "↓"], does: "Another conflict" },
      { keys: ["←", "→"], does: "Choose among the versions" },
      { keys: ["1", "2"], does: "Choose the first, the second" },
      { keys: ["Enter"], does: "Keep the chosen one" },
      { keys: ["m"], does: "Merge" },
      { keys: ["z"], does: "Take the decision back" },
    ],
  },
];

/** True where a key belongs to what is being typed. */
export function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    (target instanceof HTMLElement && target.isContentEditable)
  );
}

/** True where a key comes with a modifier that makes it the browser's. */
export function isModified(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}
