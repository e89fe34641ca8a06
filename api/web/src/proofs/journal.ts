/** The journal of a contract: one hash that commits to every event it ever emitted, in order.
 *
 *     head' = keccak256(head ‖ topic0 ‖ keccak256(abi.encode(all arguments in declared order))) */

import { concat, equal, HASH, hex, keccak } from "./bytes";
import { refuse } from "./error";

export interface Link {
  topic0: Uint8Array;
  args: Uint8Array;
}

export function fold(head: Uint8Array, link: Link): Uint8Array {
  if (head.length !== HASH || link.topic0.length !== HASH)
    refuse("NotAHash", `${head.length} bytes of head, ${link.topic0.length} of topic0: each must be ${HASH}`);
  return keccak(concat(head, link.topic0, keccak(link.args)));
}

/** How many entries there are, once shown to be exactly those between the heads `start` and `end`. */
export function verify(links: readonly Link[], start: Uint8Array, end: Uint8Array): number {
  let head = start;
  let reached = equal(start, end);
  for (const link of links) {
    head = fold(head, link);
    reached ||= equal(head, end);
  }
  if (equal(head, end)) return links.length;
  return refuse(
    reached ? "JournalSurplus" : "JournalMismatch",
    `${links.length} entries fold to ${hex(head)}, the head is ${hex(end)}`,
  );
}
