/** Files of a drop or a choice, with those inside of folders. */

export interface DroppedFile {
  file: File;
  /** Path below the dropped folder, or the name. */
  path: string;
}

/** True where a drag carries files from outside of the page. */
export function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/**
 * Every file of a drop, depth first. Hidden files are left out.
 *
 * Must be called within the drop's handler: the entries are gone afterwards.
 */
export async function filesOfDrop(transfer: DataTransfer): Promise<DroppedFile[]> {
  const entries = Array.from(transfer.items, (given) => given.webkitGetAsEntry());
  const plain = Array.from(transfer.files);
  if (entries.every((entry) => entry === null)) return plain.map((file) => ({ file, path: file.name }));
  const found: DroppedFile[] = [];
  for (const entry of entries) if (entry) await collect(entry, found);
  return found;
}

export function filesOfChoice(files: Iterable<File>): DroppedFile[] {
  return Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })).filter(
    ({ file }) => !file.name.startsWith("."),
  );
}

async function collect(entry: FileSystemEntry, found: DroppedFile[]): Promise<void> {
  if (entry.name.startsWith(".")) return;
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, path: entry.fullPath.replace(/^\//, "") });
  } else if (isFolder(entry)) {
    for (const child of await childrenOf(entry)) await collect(child, found);
  }
}

async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    // A reader hands out at most a hundred entries a call; an empty batch is the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return children;
    children.push(...batch);
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
