/** What a verifier must know beforehand, and whom it believes: the trust file (docs/evidence.md). */

import { ADDRESS, digits, equal, fromDigits, HASH, keccak, number, utf8 } from "./bytes";
import { isObject, type Json, type JsonObject, loads } from "./canonical";
import { refuse } from "./error";
import { hashOf, type Header } from "./header";
import type { Log } from "./receipts";
import { blockHash, verify as verifySeals } from "./seals";

const FORMAT = "socai-trust-1";

export interface ValidatorSet {
  from: number;
  /** Lower-case digits of the addresses. */
  addresses: ReadonlySet<string>;
}

/** Whose word a block is. Under `development` anybody's who runs the node. */
export type Anchor =
  { type: "development" } | { type: "qbft"; listed: boolean; validators: readonly ValidatorSet[] };

interface Input {
  name: string;
  type: string;
  indexed: boolean;
}

export interface EventKind {
  topic0: Uint8Array;
  inputs: readonly Input[];
}

/** Numbers, enums and booleans are numbers, addresses and `bytesN` bytes. */
export type Argument = bigint | Uint8Array;

export interface Pinned {
  address: Uint8Array;
  codeHash: Uint8Array;
  layout: JsonObject;
  events: ReadonlyMap<string, EventKind>;
}

export interface Trust {
  chainId: number;
  genesisHash: Uint8Array;
  anchor: Anchor;
  /** Seconds, null for any. */
  maximumAge: number | null;
  contracts: ReadonlyMap<string, Pinned>;
}

export function read(data: Uint8Array): Trust {
  let top: Json;
  try {
    top = loads(data);
  } catch (error) {
    return refuse("BadTrust", `not a trust file: ${String(error)}`);
  }
  const fields = object(top, "format", "chain_id", "genesis_hash", "anchor", "maximum_age", "contracts");
  if (fields.format !== FORMAT) refuse("BadTrust", `the format is not ${FORMAT}`);
  const contracts = isObject(fields.contracts) ? fields.contracts : refuse("BadTrust", "contracts are an object");
  return {
    chainId: count(fields.chain_id),
    genesisHash: bytes(fields.genesis_hash, HASH),
    anchor: anchorOf(fields.anchor),
    maximumAge: fields.maximum_age === null ? null : count(fields.maximum_age),
    contracts: new Map(Object.entries(contracts).map(([name, found]) => [name, pinnedOf(found)])),
  };
}

/** The hash of the block, once the anchor vouches for it. */
export function vouch(anchor: Anchor, header: Header): Uint8Array {
  if (anchor.type === "development") return hashOf(header);
  const sealing = anchor.validators.filter((set) => set.from <= header.number).at(-1);
  if (sealing === undefined || header.number === 0n)
    return refuse("UnknownValidators", `nobody is trusted to have sealed block ${header.number}`);
  verifySeals(header, sealing.addresses, anchor.listed);
  return blockHash(header);
}

/** The event's arguments in declared order. */
export function decodeEvent(kind: EventKind, log: Log): Map<string, Argument> {
  const [topic0, ...topics] = log.topics;
  if (topic0 === undefined || !equal(topic0, kind.topic0) || log.data.length % HASH)
    refuse("OtherEvent", "a log of another event");
  const words: Uint8Array[] = [];
  for (let at = 0; at < log.data.length; at += HASH) words.push(log.data.subarray(at, at + HASH));
  const indexed = kind.inputs.filter((input) => input.indexed).length;
  if (topics.length !== indexed || words.length !== kind.inputs.length - indexed)
    refuse("OtherEvent", "a log with another number of arguments");
  return new Map(
    kind.inputs.map((input) => [input.name, argument(input.type, (input.indexed ? topics : words).shift())]),
  );
}

function anchorOf(value: Json | undefined): Anchor {
  if (isObject(value) && value.type === "development") {
    object(value, "type");
    return { type: "development" };
  }
  const fields = object(value, "type", "listed", "validators");
  if (fields.type !== "qbft" || typeof fields.listed !== "boolean") refuse("BadTrust", "there is no such anchor");
  const validators = list(fields.validators).map((entry) => {
    const set = object(entry, "from", "addresses");
    const addresses = list(set.addresses).map((address) => digits(bytes(address, ADDRESS)));
    if (!addresses.length || new Set(addresses).size !== addresses.length)
      refuse("BadTrust", "a validator set without members, or with one twice");
    return { from: count(set.from), addresses: new Set(addresses) };
  });
  const ascending = validators.every((set, at) => at === 0 || (validators[at - 1] as ValidatorSet).from < set.from);
  if (!validators.length || !ascending)
    refuse("BadTrust", "validator sets stand in ascending order of their first blocks, at least one");
  return { type: "qbft", listed: fields.listed as boolean, validators };
}

function pinnedOf(value: Json): Pinned {
  const fields = object(value, "address", "code_hash", "storage", "events");
  const layout = isObject(fields.storage) ? fields.storage : refuse("BadTrust", "a storage layout is an object");
  return {
    address: bytes(fields.address, ADDRESS),
    codeHash: bytes(fields.code_hash, HASH),
    layout,
    events: new Map(list(fields.events).map(eventOf)),
  };
}

function eventOf(value: Json): [string, EventKind] {
  const fields = isObject(value) ? value : refuse("BadTrust", "an event is an object");
  const name = string(fields.name);
  const inputs = list(fields.inputs).map((input) => {
    const found = isObject(input) ? input : refuse("BadTrust", "an argument is an object");
    sizeOf(string(found.type));
    return { name: string(found.name), type: string(found.type), indexed: found.indexed === true };
  });
  const signature = `${name}(${inputs.map((input) => input.type).join(",")})`;
  return [name, { topic0: keccak(utf8(signature)), inputs }];
}

/** Bytes of a value type. */
function sizeOf(type: string): number {
  if (type === "address") return ADDRESS;
  if (type === "bool") return 1;
  const uint = /^uint([0-9]+)$/.exec(type);
  if (uint) return Math.floor(Number(uint[1]) / 8);
  const fixed = /^bytes([0-9]+)$/.exec(type);
  return fixed ? Number(fixed[1]) : refuse("BadTrust", `${type} is no type that is read here`);
}

function argument(type: string, stored: Uint8Array | undefined): Argument {
  if (stored === undefined) return refuse("OtherEvent", "an argument is missing");
  const size = sizeOf(type);
  const left = type.startsWith("bytes");
  const found = left ? stored.subarray(0, size) : stored.subarray(HASH - size);
  const rest = left ? stored.subarray(size) : stored.subarray(0, HASH - size);
  if (rest.some(Boolean) || (type === "bool" && (found[0] as number) > 1))
    refuse("OtherEvent", `an argument that is no ${type}`);
  return left || type === "address" ? found : number(found);
}

function object(value: Json | undefined, ...names: string[]): JsonObject {
  if (!isObject(value) || Object.keys(value).sort().join() !== names.sort().join())
    return refuse("BadTrust", `an object with exactly ${names.join(", ")} is expected`);
  return value;
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : refuse("BadTrust", "an array is expected");
}

function string(value: Json | undefined): string {
  return typeof value === "string" ? value : refuse("BadTrust", "a name is expected");
}

function count(value: Json | undefined): number {
  return typeof value === "number" && value >= 0 ? value : refuse("BadTrust", "a number is expected");
}

function bytes(value: Json | undefined, size: number): Uint8Array {
  if (typeof value !== "string" || !/^0x([0-9a-fA-F]{2})*$/.test(value) || value.length !== 2 + 2 * size)
    return refuse("BadTrust", `${size} bytes are expected`);
  return fromDigits(value.slice(2));
}
