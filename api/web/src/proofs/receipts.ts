/** Transaction receipts: rlp([outcome, cumulative gas, bloom, [[address, [topic, …], data], …]]) after the type's
 * byte when it has one (Yellow Paper 4.4.1; EIP-658, EIP-2718). */

import { ADDRESS, equal, HASH, keccak } from "./bytes";
import { refuse, relabel } from "./error";
import { indexKey, prove } from "./mpt";
import { asBytes, asInt, asList, decode as decodeRlp, type Item } from "./rlp";

const BLOOM = 256;
const TYPES = 5;
const MAX_TOPICS = 4;

export interface Log {
  address: Uint8Array;
  topics: Uint8Array[];
  data: Uint8Array;
}

/** The logs of the receipt that the proof shows at `index` of the block with the trusted receipts root. */
export function logsAt(root: Uint8Array, index: number, proof: readonly Uint8Array[]): Log[] {
  const data = prove(root, indexKey(index), proof);
  if (data === null) return refuse("ReceiptAbsent", `the block is proven to have no receipt ${index}`);
  return logsOf(data);
}

/** The logs of an encoded receipt, once that is well formed and its bloom fits them. */
export function logsOf(data: Uint8Array): Log[] {
  const first = data[0] ?? 0xc0;
  const typed = first < 0xc0;
  if (typed && (first === 0 || first >= TYPES)) refuse("BadReceipt", `there are no receipts of type ${first}`);
  const [outcome, bloom, logs] = relabel("RlpError", "BadReceipt", () => {
    const fields = asList(decodeRlp(typed ? data.subarray(1) : data), 4) as [Item, Item, Item, Item];
    const outcome = asBytes(fields[0]);
    asInt(fields[1]);
    return [outcome, asBytes(fields[2], BLOOM), asList(fields[3]).map(logOf)] as const;
  });
  const plain = outcome.length === 0 || (outcome.length === 1 && outcome[0] === 1);
  if (!plain && (typed || outcome.length !== HASH))
    refuse("BadReceipt", "a receipt's outcome is 0, 1 or, of the legacy type, a state root");
  if (!equal(bloomOf(logs), bloom)) refuse("BloomMismatch", "a receipt's bloom is not that of its logs");
  return logs;
}

function bloomOf(logs: readonly Log[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM);
  for (const entry of logs.flatMap((log) => [log.address, ...log.topics])) {
    const digest = keccak(entry);
    for (const at of [0, 2, 4]) {
      const bit = (((digest[at] as number) << 8) | (digest[at + 1] as number)) & 2047;
      const byte = BLOOM - 1 - (bit >> 3);
      bloom[byte] = (bloom[byte] as number) | (1 << (bit & 7));
    }
  }
  return bloom;
}

function logOf(item: Item): Log {
  const [address, topics, data] = asList(item, 3) as [Item, Item, Item];
  if (asList(topics).length > MAX_TOPICS) refuse("BadReceipt", `a log has at most ${MAX_TOPICS} topics`);
  return {
    address: asBytes(address, ADDRESS),
    topics: asList(topics).map((topic) => asBytes(topic, HASH)),
    data: asBytes(data),
  };
}
