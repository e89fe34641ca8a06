/** The evidence file (docs/evidence.md, ledger/proofs/evidence.schema.json): parsed, and checked for its form. */

import { fromDigits, HASH } from "./bytes";
import { dumps, isObject, type Json, type JsonObject, loads } from "./canonical";
import { refuse } from "./error";
import type { Link } from "./journal";

const FORMAT = "socai-evidence-1";

/** EIP-1186: nodes from the state root to the account; by slot, nodes from its storage root. */
export interface AccountProof {
  proof: Uint8Array[];
  storage: ReadonlyMap<bigint, Uint8Array[]>;
}

export interface State {
  header: Uint8Array;
  accounts: ReadonlyMap<string, AccountProof>;
}

export interface ReceiptProof {
  header: Uint8Array;
  index: number;
  proof: Uint8Array[];
}

export interface Bundle {
  chainId: number;
  genesisHash: Uint8Array;
  claim: JsonObject;
  states: State[];
  receipts: ReceiptProof[];
  entries: Link[];
}

/** The bundle that the file is the one spelling of. */
export function decode(data: Uint8Array): Bundle {
  let value: Json;
  try {
    value = loads(data);
  } catch (error) {
    return refuse("BadBundle", `not a bundle: ${String(error)}`);
  }
  const top = object(value, "chain", "claim", "entries", "format", "receipts", "states");
  if (top.format !== FORMAT) refuse("BadBundle", `the format is not ${FORMAT}`);
  const chain = object(top.chain, "genesis_hash", "id");
  const bundle = {
    chainId: count(chain.id),
    genesisHash: bytes(chain.genesis_hash, HASH),
    claim: isObject(top.claim) ? top.claim : refuse("BadBundle", "a claim is an object"),
    states: list(top.states).map(stateOf),
    receipts: list(top.receipts).map(receiptOf),
    entries: list(top.entries).map(linkOf),
  };
  if (dumps(value) !== new TextDecoder().decode(data))
    refuse("BadBundle", "not in canonical JSON (RFC 8785)");
  return bundle;
}

function stateOf(value: Json): State {
  const fields = object(value, "accounts", "header");
  return {
    header: bytes(fields.header),
    accounts: new Map(Object.entries(plain(fields.accounts)).map(([name, found]) => [name, accountOf(found)])),
  };
}

function accountOf(value: Json): AccountProof {
  const fields = object(value, "proof", "storage");
  const slots = Object.entries(plain(fields.storage)).map(([slot, proof]): [bigint, Uint8Array[]] => {
    bytes(slot, HASH);
    return [BigInt(slot), nodes(proof)];
  });
  return { proof: nodes(fields.proof), storage: new Map(slots) };
}

function receiptOf(value: Json): ReceiptProof {
  const fields = object(value, "header", "index", "proof");
  return { header: bytes(fields.header), index: count(fields.index), proof: nodes(fields.proof) };
}

function linkOf(value: Json): Link {
  const [topic0, args] = list(value, 2) as [Json, Json];
  return { topic0: bytes(topic0), args: bytes(args) };
}

const nodes = (value: Json | undefined): Uint8Array[] => list(value).map((node) => bytes(node));

function object(value: Json | undefined, ...names: string[]): JsonObject {
  const found = plain(value);
  if (Object.keys(found).sort().join() !== names.join())
    refuse("BadBundle", `an object with exactly ${names.join(", ")} is expected`);
  return found;
}

function plain(value: Json | undefined): JsonObject {
  return isObject(value) ? value : refuse("BadBundle", "an object is expected");
}

function list(value: Json | undefined, size?: number): Json[] {
  if (!Array.isArray(value) || (size !== undefined && value.length !== size))
    return refuse("BadBundle", `an array${size === undefined ? "" : ` of ${size}`} is expected`);
  return value;
}

function count(value: Json | undefined): number {
  return typeof value === "number" && value >= 0 ? value : refuse("BadBundle", "a number is expected");
}

function bytes(value: Json | undefined, size?: number): Uint8Array {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/.test(value))
    return refuse("BadBundle", "0x and pairs of lower-case hexadecimal digits are expected");
  if (size !== undefined && value.length !== 2 + 2 * size) refuse("BadBundle", `${size} bytes are expected`);
  return fromDigits(value.slice(2));
}
