/** Accounts and their storage: what EIP-1186 proofs prove under a block's state root. */

import { HASH, keccak, word } from "./bytes";
import { relabel } from "./error";
import { prove } from "./mpt";
import { asBytes, asInt, asList, decode, type Item } from "./rlp";

export interface Account {
  storageRoot: Uint8Array;
  codeHash: Uint8Array;
}

/** What the state under the trusted root has at `address`; null is proven to be no account. */
export function account(
  stateRoot: Uint8Array,
  address: Uint8Array,
  proof: readonly Uint8Array[],
): Account | null {
  const data = prove(stateRoot, keccak(address), proof);
  if (data === null) return null;
  return relabel("RlpError", "BadAccount", () => {
    const [nonce, balance, storageRoot, codeHash] = asList(decode(data), 4) as [Item, Item, Item, Item];
    asInt(nonce, 8);
    asInt(balance);
    return { storageRoot: asBytes(storageRoot, HASH), codeHash: asBytes(codeHash, HASH) };
  });
}

/** The word in storage slot `slot`, from the account's root: 0 is proven, by the slot's absence. */
export function storage(storageRoot: Uint8Array, slot: bigint, proof: readonly Uint8Array[]): bigint {
  const data = prove(storageRoot, keccak(word(slot)), proof);
  return data === null ? 0n : relabel("RlpError", "BadAccount", () => asInt(decode(data)));
}
