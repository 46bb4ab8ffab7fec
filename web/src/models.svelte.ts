/** Which model is on its way, and how far: asked for now and then while one is. */

import { api, Problem, type Model } from "./api.ts";

const AGAIN_MS = 5000;

class Models {
  /** The model whose embeddings are being computed; null where none is. */
  coming = $state.raw<Model | null>(null);

  /** Look once, and again while a model is on its way. Returns a function that ends it. */
  follow(): () => void {
    const controller = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      await this.#look(controller.signal);
      if (this.coming && !controller.signal.aborted) again = setTimeout(() => void look(), AGAIN_MS);
    };
    void look();
    return () => {
      clearTimeout(again);
      controller.abort();
    };
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      const models = await api.models(signal);
      this.coming = models.find((model) => model.use === "coming") ?? null;
    } catch (error) {
      if (error instanceof Problem || signal.aborted) return; // the page works without
      throw error;
    }
  }
}

export const models = new Models();
