/** RFC 6962 trees with SHA-256 over payload blocks, as in ledger/crypto/merkle.py. */
import { sha256 } from "@noble/hashes/sha2.js";
import { join, type Bytes } from "./bytes";
import { HEADER, SEALED_BLOCK } from "./chunked";

export const FIRST_LEAF = HEADER + SEALED_BLOCK;
export const HASH = 32;

export async function leafHash(block: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", join(Uint8Array.of(0), block)));
}

function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(join(Uint8Array.of(1), left, right));
}

/** Leaves of a payload of `total` ciphertext bytes. */
export function leafCount(total: number): number {
  return total <= FIRST_LEAF ? Math.min(total, 1) : 1 + Math.ceil((total - FIRST_LEAF) / SEALED_BLOCK);
}

/** The bytes `[start, end)` of leaf `index`. */
export function leafRange(index: number, total: number): [start: number, end: number] {
  return [index === 0 ? 0 : HEADER + index * SEALED_BLOCK, Math.min(HEADER + (index + 1) * SEALED_BLOCK, total)];
}

/** The root of a growing list of leaf hashes. */
export class RootBuilder {
  private size = 0;
  private readonly roots: Uint8Array[] = []; // of the perfect subtrees, largest first

  append(leaf: Uint8Array): void {
    let node = leaf;
    for (let size = this.size; size % 2 === 1; size = Math.floor(size / 2)) node = nodeHash(this.roots.pop()!, node);
    this.roots.push(node);
    this.size += 1;
  }

  root(): Uint8Array {
    return this.roots.length === 0 ? sha256(new Uint8Array()) : this.roots.reduceRight((right, left) => nodeHash(left, right));
  }
}
