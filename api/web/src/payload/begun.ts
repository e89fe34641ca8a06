/**
 * An upload that has begun, kept so that a reload of the page does not lose it: never the file, and no key that could be
 * read out. The data key leaves this module sealed to the vault only; what stays encrypts the blocks of this one file.
 *
 * Two texts encrypted at one place would give both away, so only a file with the same hash goes on.
 */
import { fromHex, join, same, type Bytes } from "../crypto/bytes";
import { BLOCK, DATA_KEY, Message, SALT } from "../crypto/chunked";
import { depositInfo, seal } from "../crypto/seal";
import { ask } from "../lib/api";
import { stored } from "../lib/database";
import type { Hex } from "../wallet/provider";

export interface Begun {
  deposit: string;
  key: CryptoKey;
  nonce: Bytes;
  header: Bytes;
  sealedKey: Bytes;
  name: string;
  size: number;
  /** See `fingerprint`. */
  hash: Bytes;
}

/** Not the file that was begun. The message is that one's name. */
export class OtherFile extends Error {}

/** SHA-256 over the SHA-256 of each block. */
export async function fingerprint(file: File): Promise<Bytes> {
  const blocks: Bytes[] = [];
  for (let at = 0; at < file.size; at += BLOCK) blocks.push(await sha256(await file.slice(at, at + BLOCK).arrayBuffer()));
  return sha256(join(...blocks).buffer);
}

export async function begin(file: File): Promise<Begun> {
  const hash = await fingerprint(file);
  const opened = await ask("post", "/v1/deposits", { headers: { "idempotency-key": crypto.randomUUID().replaceAll("-", "") } });
  const context = fromHex(opened.context);
  const dataKey = crypto.getRandomValues(new Uint8Array(DATA_KEY));
  const { key, nonce, header } = await Message.from(dataKey, context, crypto.getRandomValues(new Uint8Array(SALT)));
  const sealedKey = await seal(dataKey, fromHex(opened.vault_public_key), depositInfo(context));
  dataKey.fill(0);
  return { deposit: opened.id, key, nonce, header, sealedKey, name: file.name, size: file.size, hash };
}

export async function isOf(begun: Begun, file: File): Promise<boolean> {
  return begun.size === file.size && same(begun.hash, await fingerprint(file));
}

/** What an account began and did not finish; `about` is what its seller wrote. */
export interface Kept<T> {
  begun: Begun;
  about: T;
}

/** `listing` is null for a new one. */
export function kept<T>(account: Hex, listing: string | null): Promise<Kept<T> | undefined> {
  return stored<Kept<T>>("uploads", "readonly", (store) => store.get(place(account, listing)));
}

export async function keep<T>(account: Hex, listing: string | null, what: Kept<T>): Promise<void> {
  await stored("uploads", "readwrite", (store) => store.put(what, place(account, listing)));
}

export async function forget(account: Hex, listing: string | null): Promise<void> {
  await stored("uploads", "readwrite", (store) => store.delete(place(account, listing)));
}

function place(account: Hex, listing: string | null): string {
  return `${account}/${listing ?? "new"}`;
}

async function sha256(bytes: ArrayBuffer): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
