/** Which words two texts do not share, so that a reader finds them at once. Pure. */

export interface Piece {
  text: string;
  /** True where the other text says it too. */
  shared: boolean;
}

/** More words than this are not compared one by one: the table grows with the product. */
const MOST_WORDS = 1500;

/** The pieces of `text`, each marked by whether `other` has it too, in the same order. */
export function differenceFrom(text: string, other: string): Piece[] {
  const [own, theirs] = [wordsIn(text), wordsIn(other)];
  if (own.length > MOST_WORDS || theirs.length > MOST_WORDS) return [{ text, shared: text === other }];
  return joined(own, commonIn(own, theirs));
}

/** Words with the space before them as one, so that spaces never come between two marks. */
function wordsIn(text: string): string[] {
  return text.match(/\s*[\p{L}\p{N}]+|\s*[^\s\p{L}\p{N}]|\s+$/gu) ?? [];
}

/** For each word whether it belongs to the longest common sequence. */
function commonIn(own: readonly string[], theirs: readonly string[]): boolean[] {
  const [one, two] = [own.map((word) => word.trim()), theirs.map((word) => word.trim())];
  const width = two.length + 1;
  const longest = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = two.length - 1; j >= 0; j--) {
      const diagonal = (longest[(i + 1) * width + j + 1] ?? 0) + 1;
      const aside = Math.max(longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0);
      longest[i * width + j] = one[i] === two[j] ? diagonal : aside;
    }
  }
  const common = new Array<boolean>(one.length).fill(false);
  for (let i = 0, j = 0; i < one.length && j < two.length; ) {
    if (one[i] === two[j]) {
      common[i] = true;
      i += 1;
      j += 1;
    } else if ((longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0)) i += 1;
    else j += 1;
  }
  return common;
}

/** Words of one kind as one piece; the spaces around what is marked stay outside of the mark. */
function joined(words: readonly string[], common: readonly boolean[]): Piece[] {
  const pieces: Piece[] = [];
  const add = (text: string, shared: boolean) => {
    const last = pieces.at(-1);
    if (last?.shared === shared) last.text += text;
    else if (text) pieces.push({ text, shared });
  };
  words.forEach((word, at) => {
    const shared = common[at] ?? false;
    const bare = word.trimStart();
    const goesOn = !shared && pieces.at(-1)?.shared === false;
    if (!goesOn) add(word.slice(0, word.length - bare.length), true);
    add(goesOn ? word : bare, shared);
  });
  return pieces;
}

/** All texts one below the other, each once: what an editor begins with. */
export function mergedDraft(texts: readonly string[]): string {
  return [...new Set(texts.map((text) => text.trim()).filter(Boolean))].join("\n");
}
