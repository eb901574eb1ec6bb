/** Files that the user chooses or drops, with the folders they are in. */

import type { Chosen } from "./uploads.ts";

/** The files of an input; those of a folder have the folder in their names. */
export function chosenIn(input: HTMLInputElement): Chosen[] {
  return [...(input.files ?? [])].map((file) => ({
    file,
    name: file.webkitRelativePath || file.name,
  }));
}

/** The files that were dropped, also those in folders at any depth. */
export async function dropped(transfer: DataTransfer): Promise<Chosen[]> {
  const entries = [...transfer.items]
    .filter((it) => it.kind === "file")
    .map((it) => ({ entry: it.webkitGetAsEntry(), file: it.getAsFile() }));
  const found: Chosen[] = [];
  for (const { entry, file } of entries) {
    if (entry) {
      await walk(entry, "", found);
    } else if (file) {
      found.push({ file, name: file.name });
    }
  }
  return found;
}

async function walk(entry: FileSystemEntry, above: string, found: Chosen[]): Promise<void> {
  const name = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ file, name });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A folder is read in several parts; an empty one is its end.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (!part.length) {
      return;
    }
    for (const it of part) {
      await walk(it, `${name}/`, found);
    }
  }
}
