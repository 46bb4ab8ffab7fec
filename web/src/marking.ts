/** Which words of a text to mark because a query asked for them. Pure. */

export interface MarkedText {
  text: string;
  marked: boolean;
}

/** Endings of English and German words, longest first. */
const ENDING = /(ings?|edly|ed|ers?|en|em|es|ies|s|e|n|y)$/;
/** Fewest letters that are left of a word without its ending. */
const FEWEST_LEFT = 3;

/** The text in stretches, those marked that are a form of one of the words. Together they are the text. */
export function marked(text: string, words: readonly string[]): MarkedText[] {
  const wanted = words.flatMap((word) => fold(word).split(/[^\p{L}\p{N}]+/u)).filter(Boolean);
  const stretches: MarkedText[] = [];
  for (const part of text.split(/([\p{L}\p{N}\p{M}]+)/u)) {
    if (!part) continue;
    const isMarked = wanted.some((word) => isForm(fold(part), word));
    const last = stretches.at(-1);
    if (last && last.marked === isMarked) last.text += part;
    else stretches.push({ text: part, marked: isMarked });
  }
  return stretches;
}

function isForm(one: string, other: string): boolean {
  return one === other || stem(one) === stem(other) || (other.length >= FEWEST_LEFT && one.startsWith(other) && one.length - other.length <= FEWEST_LEFT);
}

function stem(word: string): string {
  const short = word.replace(ENDING, "");
  return short.length >= FEWEST_LEFT ? short : word;
}

function fold(word: string): string {
  return word.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace("ß", "ss");
}
