import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const source = new URL("./src/early-theme.js", import.meta.url);

/**
 * Emit `src/early-theme.js` as a plain hashed file and load it, blocking, in the head.
 *
 * The remembered theme must stand before the first paint. A module script runs too late and an
 * inline script is refused by the content security policy.
 */
export function earlyTheme(): Plugin {
  let href = "/src/early-theme.js";
  return {
    name: "early-theme",
    transformIndexHtml: {
      order: "post",
      handler(_html, context) {
        const emitted = Object.values(context.bundle ?? {}).find((chunk) =>
          chunk.fileName.startsWith("assets/early-theme-"),
        );
        if (emitted) href = `/${emitted.fileName}`;
        return [{ tag: "script", attrs: { src: href }, injectTo: "head-prepend" }];
      },
    },
    generateBundle: {
      order: "pre",
      handler() {
        this.emitFile({
          type: "asset",
          name: "early-theme.js",
          source: readFileSync(source, "utf8"),
        });
      },
    },
  };
}
