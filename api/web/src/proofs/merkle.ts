/** Proofs of RFC 6962 trees (section 2.1; verification as in RFC 9162, section 2.1.3 and 2.1.4), with SHA-256. */

import { sha256 } from "@noble/hashes/sha2.js";

import { concat, equal, HASH } from "./bytes";
import { refuse } from "./error";

export const EMPTY_ROOT = sha256(new Uint8Array(0));
export const leafHash = (data: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(0), data));
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concat(Uint8Array.of(1), left, right));

/** Checks that the leaf hash `leaf` stands at `index` in the tree of `size` leaves under the trusted root. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) refuse("LeafOutOfRange", `leaf ${index} of ${size}`);
  const climb = new Climb(index, size - 1);
  let node = hash(leaf);
  for (const sibling of proof.map(hash)) node = climb.step() ? nodeHash(sibling, node) : nodeHash(node, sibling);
  climb.close();
  same(node, root, `leaf ${index} is not under this root`);
}

/** Checks that the tree of `oldSize` leaves is a prefix of the one of `newSize`. */
export function verifyConsistency(
  oldSize: number,
  newSize: number,
  proof: readonly Uint8Array[],
  oldRoot: Uint8Array,
  newRoot: Uint8Array,
): void {
  if (!(oldSize >= 0 && oldSize <= newSize && Number.isSafeInteger(newSize)))
    refuse("LeafOutOfRange", `a tree of ${oldSize} leaves is no prefix of one of ${newSize}`);
  const path = proof.map(hash);
  if (oldSize === 0 || oldSize === newSize) {
    if (path.length) refuse("BadProof", "the proof is too long");
    same(oldSize === 0 ? EMPTY_ROOT : newRoot, oldRoot, "the old root is another");
    if (newSize === 0) same(EMPTY_ROOT, newRoot, "the new root is another");
    return;
  }
  if (2 ** Math.round(Math.log2(oldSize)) === oldSize) path.unshift(hash(oldRoot));
  const first = path.shift();
  if (first === undefined) return refuse("BadProof", "the proof is too short");
  const climb = new Climb(oldSize - 1, newSize - 1);
  climb.skipRights();
  let older = first;
  let newer = first;
  for (const sibling of path) {
    if (climb.step()) {
      older = nodeHash(sibling, older);
      newer = nodeHash(sibling, newer);
    } else newer = nodeHash(newer, sibling);
  }
  climb.close();
  same(older, oldRoot, "the old root is another");
  same(newer, newRoot, "the new root is another");
}

/** A way from a leaf to the root: `place` of the node on its level, `last` that of the level's last. */
class Climb {
  constructor(
    private place: number,
    private last: number,
  ) {}

  /** One level up; whether the sibling is the left one. */
  step(): boolean {
    if (this.last === 0) refuse("BadProof", "the proof is too long");
    const left = this.isRight || this.place === this.last;
    if (left) while (!this.isRight && this.place) this.up();
    this.up();
    return left;
  }

  skipRights(): void {
    while (this.isRight) this.up();
  }

  close(): void {
    if (this.last) refuse("BadProof", "the proof is too short");
  }

  private get isRight(): boolean {
    return this.place % 2 === 1;
  }

  private up(): void {
    this.place = Math.floor(this.place / 2);
    this.last = Math.floor(this.last / 2);
  }
}

function hash(value: Uint8Array): Uint8Array {
  return value.length === HASH ? value : refuse("BadProof", `a hash is ${HASH} bytes, not ${value.length}`);
}

function same(found: Uint8Array, expected: Uint8Array, message: string): void {
  if (!equal(found, expected)) refuse("RootMismatch", message);
}
