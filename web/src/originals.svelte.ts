/** Downloading an original, wherever it lies. */

import { isAbort } from "./api.ts";

export interface Original {
  url: string;
  filename: string;
}

class Originals {
  /** The one that was asked for and is not at this site. */
  awaited = $state.raw<Original | null>(null);

  /** Download it if it is here; else it is fetched first, and the page says from where. */
  async download(original: Original): Promise<void> {
    this.awaited = null;
    if (await isHere(original.url)) save(original);
    else this.awaited = original;
  }

  /** It has come. */
  arrived(): void {
    if (this.awaited) save(this.awaited);
    this.awaited = null;
  }
}

async function isHere(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { headers: { Range: "bytes=0-0" } });
    await response.body?.cancel();
    return response.status !== 503;
  } catch (error) {
    return isAbort(error); // the banner tells that the site is gone; the browser tells the rest
  }
}

function save({ url, filename }: Original): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.click();
}

export const originals = new Originals();
