/** Block headers of every fork: canonical RLP and hash. Forks only ever append fields, so their number tells which
 * are there (Yellow Paper 4.4; EIP-1559, 4895, 4844 and 4788, 7685, 7928 and 7843). */

import { ADDRESS, HASH, keccak } from "./bytes";
import { refuse, relabel } from "./error";
import { asBytes, asInt, asList, decode as decodeRlp, encode, encodeInt, type Item } from "./rlp";

const FORKS = [15, 16, 17, 20, 21, 23];
const BLOOM = 256;

/** Widths of the fields in order: bytes of a fixed one, `any` bytes, a `number`. */
const FIELDS: readonly (number | "any" | "number")[] = [
  HASH, // parent
  HASH, // ommers
  ADDRESS, // beneficiary
  HASH, // state root
  HASH, // transactions root
  HASH, // receipts root
  BLOOM, // logs bloom
  "number", // difficulty
  "number", // number
  "number", // gas limit
  "number", // gas used
  "number", // timestamp
  "any", // extra data
  HASH, // mix hash
  8, // nonce
  "number", // base fee
  HASH, // withdrawals root
  "number", // blob gas used
  "number", // excess blob gas
  HASH, // parent beacon root
  HASH, // requests hash
  HASH, // access list hash
  "number", // slot number
];

export interface Header {
  items: readonly Uint8Array[];
  beneficiary: Uint8Array;
  stateRoot: Uint8Array;
  receiptsRoot: Uint8Array;
  difficulty: bigint;
  number: bigint;
  timestamp: bigint;
  extraData: Uint8Array;
  mixHash: Uint8Array;
}

/** The header that `data` is the canonical RLP of. */
export function decode(data: Uint8Array): Header {
  return relabel("RlpError", "BadHeader", () => {
    const found: Item[] = asList(decodeRlp(data));
    if (!FORKS.includes(found.length)) refuse("BadHeader", `no fork has headers of ${found.length} fields`);
    const items = found.map((item, at) => {
      const width = FIELDS[at];
      if (width === "number") return encodeInt(asInt(item));
      return width === "any" ? asBytes(item) : asBytes(item, width);
    });
    const bytes = (at: number): Uint8Array => items[at] as Uint8Array;
    return {
      items,
      beneficiary: bytes(2),
      stateRoot: bytes(3),
      receiptsRoot: bytes(5),
      difficulty: asInt(bytes(7)),
      number: asInt(bytes(8)),
      timestamp: asInt(bytes(11)),
      extraData: bytes(12),
      mixHash: bytes(13),
    };
  });
}

/** Keccak-256 of the RLP, with `extraData` in place of the header's own when given. */
export function hashOf(header: Header, extraData: Uint8Array = header.extraData): Uint8Array {
  return keccak(encode(header.items.map((item, at) => (at === 12 ? extraData : item))));
}
