/** The upload queue: at most three files at once, each with its own progress and fate. */

import { problemOf } from "./api.ts";
import type { Drop, DroppedFile } from "./dropped.ts";

export type UploadState = "waiting" | "sending" | "archived" | "known" | "refused" | "cancelled";

const AT_ONCE = 3;

export class Upload {
  state = $state<UploadState>("waiting");
  /** Share of the bytes sent, 0 to 1. */
  progress = $state(0);
  reason = $state("");
  remedy = $state("");
  assetId = $state<string | null>(null);
  request: XMLHttpRequest | null = null;

  constructor(
    readonly key: number,
    readonly file: File,
    readonly path: string,
  ) {}

  get isOver(): boolean {
    return this.state !== "waiting" && this.state !== "sending";
  }

  refuse(reason: string, remedy: string): void {
    this.state = "refused";
    this.reason = reason;
    this.remedy = remedy;
  }
}

class Uploads {
  all = $state.raw<Upload[]>([]);
  #made = 0;
  #sending = 0;

  readonly open = $derived(this.all.filter((upload) => !upload.isOver).length);
  readonly refused = $derived(this.all.filter((upload) => upload.state === "refused").length);
  readonly done = $derived(
    this.all.filter((upload) => upload.state === "archived" || upload.state === "known").length,
  );

  add(files: readonly DroppedFile[]): void {
    const fresh = files.map(({ file, path }) => new Upload(this.#made++, file, path));
    this.all = [...this.all, ...fresh];
    this.#advance();
  }

  addDrop({ files, unread }: Drop): void {
    const lost = unread.map((path) => new Upload(this.#made++, new File([], path), path));
    for (const upload of lost) {
      upload.refuse("The browser could not read it.", "See whether it still lies there and may be read, then drop it again.");
    }
    this.all = [...this.all, ...lost];
    this.add(files);
  }

  retry(upload: Upload): void {
    if (upload.state !== "refused" && upload.state !== "cancelled") return;
    upload.state = "waiting";
    upload.progress = 0;
    upload.reason = upload.remedy = "";
    this.#advance();
  }

  retryRefused(): void {
    for (const upload of this.all) if (upload.state === "refused") this.retry(upload);
  }

  cancel(upload: Upload): void {
    if (upload.isOver) return;
    upload.state = "cancelled";
    upload.request?.abort();
  }

  cancelAll(): void {
    for (const upload of this.all) this.cancel(upload);
  }

  /** Forget everything that is over. */
  clear(): void {
    this.all = this.all.filter((upload) => !upload.isOver);
  }

  #advance(): void {
    for (const upload of this.all) {
      if (this.#sending >= AT_ONCE) return;
      if (upload.state === "waiting") this.#send(upload);
    }
  }

  #send(upload: Upload): void {
    const request = new XMLHttpRequest();
    upload.request = request;
    upload.state = "sending";
    this.#sending += 1;
    request.open("POST", `/api/assets?${new URLSearchParams({ filename: upload.file.name })}`);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) upload.progress = event.loaded / event.total;
    });
    request.addEventListener("load", () => take(upload, request));
    request.addEventListener("error", () =>
      upload.refuse("The file could not be sent.", "See whether the site still runs and the file still lies there, then retry."),
    );
    request.addEventListener("loadend", () => {
      upload.request = null;
      this.#sending -= 1;
      this.#advance();
    });
    request.send(upload.file);
  }
}

function take(upload: Upload, request: XMLHttpRequest): void {
  if (request.status !== 200 && request.status !== 201) {
    const problem = problemOf(request.status, request.responseText);
    upload.refuse(problem.detail || problem.title, problem.remedy);
    return;
  }
  const answer = JSON.parse(request.responseText) as { id: string; outcome: string };
  upload.assetId = answer.id;
  upload.progress = 1;
  upload.state = answer.outcome === "recognised" ? "known" : "archived";
}

export const uploads = new Uploads();
