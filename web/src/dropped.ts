/** Files of a drop or a choice, with those inside of folders. */

export interface DroppedFile {
  file: File;
  /** Path below the dropped folder, or the name. */
  path: string;
}

/** What a drop held: files to send, and paths that the browser could not read. */
export interface Drop {
  files: DroppedFile[];
  unread: string[];
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
export async function filesOfDrop(transfer: DataTransfer): Promise<Drop> {
  const entries = Array.from(transfer.items, (given) => given.webkitGetAsEntry());
  const plain = Array.from(transfer.files);
  const drop: Drop = { files: [], unread: [] };
  if (entries.every((entry) => entry === null)) drop.files = plain.map((file) => ({ file, path: file.name }));
  for (const entry of entries) if (entry) await collect(entry, drop);
  return drop;
}

export function filesOfChoice(files: Iterable<File>): DroppedFile[] {
  return Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })).filter(
    ({ file }) => !file.name.startsWith("."),
  );
}

async function collect(entry: FileSystemEntry, drop: Drop): Promise<void> {
  if (entry.name.startsWith(".")) return;
  const path = entry.fullPath.replace(/^\//, "");
  try {
    if (isFile(entry)) {
      drop.files.push({ file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)), path });
    } else if (isFolder(entry)) {
      for (const child of await childrenOf(entry)) await collect(child, drop);
    }
  } catch (error) {
    // The entry vanished or may not be read; the others go on and the tray names this one.
    if (!(error instanceof DOMException)) throw error;
    drop.unread.push(path);
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
