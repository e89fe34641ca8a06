/**
 * What came of a payload before it was cut off, in the page's private file system (OPFS): the blocks of ciphertext, each
 * verified, a file each. Without the key, which is asked for anew each time, nobody can read them.
 */
import type { Bytes } from "../crypto/bytes";

const FOLDER = "payloads";

export class Kept {
  private constructor(
    private readonly root: string,
    /** Null where there is no such file system, or no room. */
    private folder: FileSystemDirectoryHandle | null,
  ) {}

  static async of(root: string): Promise<Kept> {
    try {
      const all = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER, { create: true });
      return new Kept(root, await all.getDirectoryHandle(root, { create: true }));
    } catch {
      return new Kept(root, null);
    }
  }

  /** Block `index`, or null. A file appears when it is whole. */
  async block(index: number): Promise<Bytes | null> {
    try {
      const file = await (await this.folder!.getFileHandle(String(index))).getFile();
      return file.size === 0 ? null : new Uint8Array(await file.arrayBuffer());
    } catch {
      return null;
    }
  }

  async add(index: number, block: Bytes): Promise<void> {
    if (this.folder === null) return;
    try {
      const writer = await (await this.folder.getFileHandle(String(index), { create: true })).createWritable();
      await writer.write(block);
      await writer.close();
    } catch {
      this.folder = null;
    }
  }

  async forget(): Promise<void> {
    await forget(this.root);
    this.folder = null;
  }
}

/** Whether anything of the payload is kept. */
export async function isKept(root: string): Promise<boolean> {
  try {
    const all = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    await (await all.getDirectoryHandle(root)).getFileHandle("0");
    return true;
  } catch {
    return false;
  }
}

export async function forget(root: string): Promise<void> {
  try {
    const all = await (await navigator.storage.getDirectory()).getDirectoryHandle(FOLDER);
    await all.removeEntry(root, { recursive: true });
  } catch {
    // nothing is kept
  }
}
