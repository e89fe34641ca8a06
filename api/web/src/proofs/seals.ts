/** QBFT as Besu has it: what a header's `extraData` holds, and whether enough validators sealed it.
 *
 *     extraData = rlp([vanity, [validator, …], [] or [recipient, 0xff adds or empty drops], round, [seal, …]])
 *
 * The block's hash is taken with no seals and round 0; validators sign it with no seals and the round that succeeded.
 * A quorum is ⌈2n/3⌉ of n validators. */

import { ADDRESS, digits, EMPTY, fromDigits, HASH, hex, equal } from "./bytes";
import { refuse, relabel } from "./error";
import { hashOf, type Header } from "./header";
import { asBytes, asInt, asList, decode as decodeRlp, encode, encodeInt, type Item } from "./rlp";
import { signer } from "./signature";

const SEAL = 65;
/** "ctical byzantine fault tolerance" */
const MIX_HASH = fromDigits("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365");

interface ExtraData {
  vanity: Uint8Array;
  validators: Uint8Array[];
  vote: Item[];
  round: bigint;
  seals: Uint8Array[];
}

export function blockHash(header: Header): Uint8Array {
  return hashOf(header, encodeExtra({ ...decodeExtra(header), round: 0n, seals: [] }));
}

/** Checks that a quorum of the trusted validators (lower-case digits of their addresses) sealed the block, and that
 * its header lists exactly these in ascending order or, unless `listed`, none and no vote. */
export function verify(header: Header, validators: ReadonlySet<string>, listed: boolean): void {
  const extra = decodeExtra(header);
  const named = extra.validators.map(digits);
  const expected = listed ? [...validators].sort() : [];
  if (named.join() !== expected.join() || (!listed && extra.vote.length))
    refuse("OtherValidators", `block ${header.number} lists other validators, or the same in another order`);
  if (!equal(header.mixHash, MIX_HASH) || header.difficulty !== 1n)
    refuse("BadExtraData", `block ${header.number} has not the mixHash and difficulty of a QBFT block`);
  if (!validators.has(digits(header.beneficiary)))
    refuse("OtherValidators", `block ${header.number} was not proposed by a validator`);
  const digest = hashOf(header, encodeExtra({ ...extra, seals: [] }));
  const sealed = new Set<string>();
  for (const seal of extra.seals) {
    const parity = seal[64] as number;
    if (parity > 1) refuse("BadSeal", "a seal ends in 0 or 1");
    const found = signer(digest, seal.subarray(0, 64), parity);
    if (found === null) return refuse("BadSeal", "no key recovers from a seal");
    if (!validators.has(digits(found)))
      refuse("BadSeal", `${hex(found)} sealed block ${header.number}, and is no validator`);
    if (sealed.has(digits(found))) refuse("DuplicateSeal", `${hex(found)} sealed block ${header.number} twice`);
    sealed.add(digits(found));
  }
  if (sealed.size < Math.ceil((2 * validators.size) / 3))
    refuse("TooFewSeals", `${sealed.size} of ${validators.size} validators sealed block ${header.number}`);
}

function decodeExtra(header: Header): ExtraData {
  return relabel("RlpError", "BadExtraData", () => {
    const fields = asList(decodeRlp(header.extraData), 5) as [Item, Item, Item, Item, Item];
    return {
      vanity: asBytes(fields[0], HASH),
      validators: asList(fields[1]).map((item) => asBytes(item, ADDRESS)),
      vote: checkedVote(asList(fields[2])),
      round: asInt(fields[3], 4),
      seals: asList(fields[4]).map((item) => asBytes(item, SEAL)),
    };
  });
}

function checkedVote(vote: Item[]): Item[] {
  if (!vote.length) return vote;
  const [validator, kind] = asList(vote, 2) as [Item, Item];
  const adds = kind instanceof Uint8Array && (equal(kind, EMPTY) || equal(kind, Uint8Array.of(0xff)));
  if (!adds) refuse("BadExtraData", "a vote neither adds nor drops");
  asBytes(validator, ADDRESS);
  return vote;
}

function encodeExtra(extra: ExtraData): Uint8Array {
  return encode([extra.vanity, extra.validators, extra.vote, encodeInt(extra.round), extra.seals]);
}
