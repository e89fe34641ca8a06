/** Proofs of Merkle-Patricia tries (Yellow Paper, appendix D): the encoded nodes from the root down to where the key
 * ends or its absence shows, each exactly once, those without that their parent embeds. The empty trie needs none.
 * Only what the definition permits is a node, so that a set of entries has one root and a key one proof. */

import { digits, equal, HASH, hex, keccak } from "./bytes";
import { refuse, relabel } from "./error";
import { decode, encode, encodeInt, type Item } from "./rlp";

export const EMPTY_ROOT = keccak(Uint8Array.of(0x80));

/** The key under which a block's tries file item `index`. */
export const indexKey = (index: number): Uint8Array => encode(encodeInt(BigInt(index)));

/** What the trie under the trusted root holds at `key`: a value or, proven as well, nothing. */
export function prove(root: Uint8Array, key: Uint8Array, proof: readonly Uint8Array[]): Uint8Array | null {
  let taken = 0;
  const take = (reference: Uint8Array): Uint8Array => {
    const node = proof[taken++];
    if (node === undefined) return refuse("ProofTooShort", `the proof ends after ${proof.length} nodes`);
    if (!equal(keccak(node), reference)) refuse("NodeMismatch", `a node that does not hash to ${hex(reference)}`);
    return node;
  };
  const value = walk(root, key, take);
  if (taken < proof.length) refuse("SurplusNodes", `${proof.length - taken} nodes are no part of the proof`);
  return value;
}

/** Follow `key` down from `root`. `take` gives the encoded node of a hash. */
function walk(root: Uint8Array, key: Uint8Array, take: (hash: Uint8Array) => Uint8Array): Uint8Array | null {
  if (equal(root, EMPTY_ROOT)) return null;
  let rest = digits(key);
  let belowExtension = false;
  let reference: Item = root;
  for (;;) {
    let node: Item[];
    if (reference instanceof Uint8Array) {
      const encoded = take(reference);
      if (encoded.length < HASH && reference !== root)
        refuse("BadNode", "a node short enough to be embedded stands by itself");
      node = list(relabel("RlpError", "BadNode", () => decode(encoded)));
    } else node = reference;
    let child: Item;
    if (node.length === 17) {
      checkBranch(node);
      if (!rest) {
        const value = string(node[16] as Item);
        return value.length ? value : null;
      }
      child = node[parseInt(rest.charAt(0), 16)] as Item;
      rest = rest.slice(1);
      belowExtension = false;
      if (isEmpty(child)) return null;
    } else if (belowExtension) {
      return refuse("BadNode", "an extension to something else than a branch");
    } else if (node.length === 2) {
      const [path, leaf] = hexPrefix(node[0] as Item);
      child = node[1] as Item;
      if (!child.length) refuse("BadNode", "a leaf without a value, or an extension without a child");
      if (leaf) {
        const value = string(child);
        return rest === path ? value : null;
      }
      if (!path) refuse("BadNode", "an extension without nibbles");
      if (!rest.startsWith(path)) {
        checkChild(child);
        return null;
      }
      rest = rest.slice(path.length);
      belowExtension = true;
    } else return refuse("BadNode", `a list of ${node.length} items is no node`);
    reference = checkChild(child);
  }
}

function checkBranch(node: Item[]): void {
  if (node.filter(isEmpty).length > 15) refuse("BadNode", "a branch that does not branch");
  for (const child of node.slice(0, 16)) if (!isEmpty(child)) checkChild(child);
  string(node[16] as Item);
}

/** A branch's or extension's reference: a hash, or an embedded node. */
function checkChild(child: Item): Item {
  if (child instanceof Uint8Array) {
    if (child.length !== HASH) refuse("BadNode", `a reference of ${child.length} bytes is no hash`);
  } else if (encode(child).length >= HASH) refuse("BadNode", "an embedded node that is long enough to be hashed");
  return child;
}

function hexPrefix(item: Item): [path: string, leaf: boolean] {
  const text = digits(string(item));
  if (text.startsWith("00") || text.startsWith("20")) return [text.slice(2), text.startsWith("2")];
  if (text.startsWith("1") || text.startsWith("3")) return [text.slice(1), text.startsWith("3")];
  return refuse("BadNode", "a path that is not in hex-prefix encoding");
}

function string(item: Item): Uint8Array {
  return item instanceof Uint8Array ? item : refuse("BadNode", "a list where a value is expected");
}

function list(item: Item): Item[] {
  return item instanceof Uint8Array ? refuse("BadNode", "a string is no node") : item;
}

const isEmpty = (item: Item): boolean => item instanceof Uint8Array && !item.length;
