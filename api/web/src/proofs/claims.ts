/** What can be certified, and from what: each claim is a generator that asks for facts and returns the claim.
 *
 * Claims are JSON: hashes and addresses `0x` and hexadecimal digits, times Unix seconds, numbers that may pass 2^53
 * decimal strings, null for "never" and "none". */

import { hex, number, word } from "./bytes";
import { isObject, type Json, type JsonObject } from "./canonical";
import { refuse } from "./error";
import type { Step } from "./slots";
import type { Argument } from "./trust";

const NEVER = (1n << 40n) - 1n;
/** The attestation that no reclassification voids. */
const CUSTODY = 1n << 3n;
const KINDS = ["legal", "security", "quality", "custody"];
/** Whose heads a certificate states: they name its place in the exported histories. */
const JOURNALS = ["Exchange", "Licences", "Listings"];

const STATUS = ["none", "active", "revoked", "refunded"];
const ORDER = ["none", "open", "disputed", "settled", "refunded"];
const PART = ["fee", "tax", "upstream", "seller", "refund"];
const IMPORTANCE = ["unclassified", "other", "important", "core"];
const SHARING = ["unstated", "open", "shared", "private"];
const SUBJECT = ["unstated", "people", "locations", "activities", "items"];
const PERSONAL = ["none", "deidentified", "consented"];

/** Fields of a variable by the storage layout; without any, the variable by itself, under "". */
export interface Read {
  ask: "read";
  contract: string;
  path: readonly [string, ...Step[]];
  fields: readonly string[];
  /** 0 is the block the claim is as of, 1 an earlier one. */
  state: 0 | 1;
}

/** The transaction in which a contract emitted `event` for `licence`, and maybe others of the same licence. */
export interface Find {
  ask: "find";
  contract: string;
  events: readonly [string, ...string[]];
  licence: bigint;
}

/** The number of journal entries of a contract between two heads. */
export interface Entries {
  ask: "entries";
  contract: string;
  start: Uint8Array;
  end: Uint8Array;
}

export interface Block {
  number: bigint;
  hash: Uint8Array;
  /** Unix seconds. */
  time: bigint;
}

export type Arguments = ReadonlyMap<string, Argument>;

export interface Found {
  block: Block;
  transaction: number;
  events: readonly (readonly [name: string, arguments: Arguments])[];
}

export type Fields = ReadonlyMap<string, bigint>;
export type Ask = Read | Find | Entries;
export type Answer = Fields | Found | number;
export type Claim = Generator<Ask[], JsonObject, readonly Answer[]>;

const LICENCE = ["version", "issuedAt", "expiresAt", "used", "pack", "byBank", "status", "order"];
const LISTING = ["home", "versions", "required", "epoch", "delisted", "frozenUntil", "pack"];
const CLASS = ["importance", "sharing", "subject", "personal"];
const VERSION = [
  "root",
  "metadata",
  "depositId",
  "size",
  "region",
  "publishedAt",
  "staleAt",
  "attestations",
  "epoch",
  "withdrawn",
];
const PLAN = ["price", "currency", "duration", "quota", "flags", "onlyBuyer", "royaltyBps", "terms"];

const read = (contract: string, path: Read["path"], fields: readonly string[] = [], state: 0 | 1 = 0): Read => ({
  ask: "read",
  contract,
  path,
  fields,
  state,
});
const find = (licence: bigint, ...events: [string, ...string[]]): Find => ({
  ask: "find",
  contract: "Exchange",
  events,
  licence,
});
const heads = (): Read[] => JOURNALS.map((contract) => read(contract, ["journalHead"]));

/** Who holds a licence, to what, under which terms, how it stands, and how it was bought. */
export function* licence(subject: Json, blocks: readonly Block[]): Claim {
  const id = idOf(subject, "licence", 96);
  const [planId, listingId] = [id >> 32n, id >> 48n];
  const [held, owner, plan, ...facts] = (yield [
    read("Licences", ["_licences", id], LICENCE),
    read("Licences", ["_owners", id]),
    read("Listings", ["_plans", planId], PLAN),
    ...listingReads(listingId),
    ...heads(),
  ]) as [Fields, Fields, Fields, Fields, Fields, Fields, ...Fields[]];
  exists(get(held, "status"), `there is no licence ${id}`);
  const [version, bought] = (yield [
    read("Listings", ["_versions", listingId, get(held, "version")], VERSION),
    find(id, "Purchased"),
  ]) as [Fields, Found];
  const now = (blocks[0] as Block).time;
  const expired = get(held, "status") === 1n && get(held, "expiresAt") <= now;
  return {
    licence: String(id),
    holder: address(get(owner, "")),
    status: expired ? "expired" : name(STATUS, get(held, "status")),
    issued_at: get(held, "issuedAt"),
    expires_at: get(held, "expiresAt") === NEVER ? null : get(held, "expiresAt"),
    used: get(held, "used"),
    rule_pack: get(held, "pack"),
    order: name(ORDER, get(held, "order")),
    plan: {
      id: String(planId),
      price: String(get(plan, "price")),
      currency: get(plan, "currency"),
      duration: get(plan, "duration") || null,
      quota: get(plan, "quota") || null,
      flags: get(plan, "flags"),
      only_buyer: addressOrNone(get(plan, "onlyBuyer")),
      royalty_bps: get(plan, "royaltyBps"),
      terms: hash(get(plan, "terms")),
    },
    version: versionOf(get(held, "version"), version, facts[0]),
    listing: listingOf(listingId, facts),
    purchase: purchaseOf(bought),
    journals: journalsOf(facts.slice(3)),
  };
}

/** What a version of a listing is, who sells it, and how it is classified and attested. */
export function* listing(subject: Json): Claim {
  const id = idOf(subject, "listing", 48);
  const version = idOf(isObject(subject) ? subject.version : undefined, "number", 24);
  const [fields, ...facts] = (yield [
    read("Listings", ["_versions", id, version], VERSION),
    ...listingReads(id),
    ...heads(),
  ]) as [Fields, Fields, Fields, Fields, ...Fields[]];
  exists(get(fields, "publishedAt"), `there is no version ${version} of listing ${id}`);
  return {
    listing: String(id),
    version: versionOf(version, fields, facts[0]),
    state: listingOf(id, facts),
    journals: journalsOf(facts.slice(3)),
  };
}

/** What was paid for a licence, under which rates and reference, and where the money went. */
export function* payment(subject: Json): Claim {
  const id = idOf(subject, "licence", 96);
  const [held, plan, ...journals] = (yield [
    read("Licences", ["_licences", id], ["status", "order", "deadline"]),
    read("Listings", ["_plans", id >> 32n], ["currency"]),
    ...heads(),
  ]) as [Fields, Fields, ...Fields[]];
  exists(get(held, "status"), `there is no licence ${id}`);
  const currency = get(plan, "currency");
  const [money, bought] = (yield [read("Exchange", ["_money", currency], ["token"]), find(id, "Purchased")]) as [
    Fields,
    Found,
  ];
  const purchase = purchaseOf(bought);
  const order = name(ORDER, get(held, "order"));
  let settlement: Json = null;
  if ((order === "settled" || order === "refunded") && purchase.price !== "0") {
    const event = order === "settled" ? "Settled" : "Refunded";
    const [settled] = (yield [find(id, event, "Allocated")]) as [Found];
    settlement = settlementOf(settled, BigInt(purchase.price as string));
  }
  return {
    licence: String(id),
    order,
    deadline: get(held, "deadline") || null,
    currency: { id: currency, token: addressOrNone(get(money, "token")) },
    purchase,
    settlement,
    journals: journalsOf(journals),
  };
}

/** Every event that a contract emitted up to the block, or after an earlier one: none is left out. */
export function* journal(subject: Json, blocks: readonly Block[]): Claim {
  const contract = isObject(subject) ? subject.contract : undefined;
  if (typeof contract !== "string") return refuse("UnknownClaim", "a journal is a contract's");
  const [block, after] = blocks as [Block, Block?];
  if (after && after.number >= block.number)
    refuse("UnknownClaim", "part of a journal begins after an earlier block");
  const asked = [read(contract, ["journalHead"])];
  if (after) asked.push(read(contract, ["journalHead"], [], 1));
  const [last, first] = (yield asked) as [Fields, Fields?];
  const end = word(get(last, ""));
  const start = word(first ? get(first, "") : 0n);
  const [entries] = (yield [{ ask: "entries", contract, start, end }]) as [number];
  return { contract, after: after ? blockOf(after) : null, start: hex(start), end: hex(end), entries };
}

export const CLAIMS: Readonly<Record<string, (subject: Json, blocks: readonly Block[]) => Claim>> = {
  licence,
  listing,
  payment,
  journal,
};

export const blockOf = (block: Block): JsonObject => ({
  number: block.number,
  hash: hex(block.hash),
  time: block.time,
});

function listingReads(id: bigint): Read[] {
  return [
    read("Listings", ["_listings", id], LISTING),
    read("Listings", ["_listings", id, "class"], CLASS),
    read("Listings", ["_owners", id]),
  ];
}

function listingOf(id: bigint, facts: readonly Fields[]): JsonObject {
  const [fields, kind, owner] = facts as [Fields, Fields, Fields];
  return {
    id: String(id),
    seller: address(get(owner, "")),
    home: letters(get(fields, "home")),
    importance: name(IMPORTANCE, get(kind, "importance")),
    sharing: name(SHARING, get(kind, "sharing")),
    subject: name(SUBJECT, get(kind, "subject")),
    personal_data: name(PERSONAL, get(kind, "personal")),
    versions: get(fields, "versions"),
    required: kinds(get(fields, "required")),
    refused: (get(fields, "required") & (1n << 7n)) !== 0n,
    delisted: get(fields, "delisted") !== 0n,
    frozen_until: get(fields, "frozenUntil") || null,
    rule_pack: get(fields, "pack"),
  };
}

function versionOf(id: bigint, fields: Fields, listingFields: Fields): JsonObject {
  const same = get(fields, "epoch") === get(listingFields, "epoch");
  return {
    number: id,
    root: hash(get(fields, "root")),
    metadata: hash(get(fields, "metadata")),
    deposit: hash(get(fields, "depositId")),
    size: String(get(fields, "size")),
    region: letters(get(fields, "region")),
    published_at: get(fields, "publishedAt"),
    stale_at: get(fields, "staleAt") || null,
    attested: kinds(get(fields, "attestations") & (same ? 0xffn : CUSTODY)),
    withdrawn: get(fields, "withdrawn") !== 0n,
  };
}

function purchaseOf(found: Found): JsonObject {
  const [, told] = found.events.find(([event]) => event === "Purchased") as readonly [string, Arguments];
  const claim: JsonObject = {};
  for (const [label, value] of told) if (label !== "licence") claim[snake(label)] = argument(value);
  return { ...claim, price: String(told.get("price")), ...placeOf(found) };
}

function settlementOf(found: Found, price: bigint): JsonObject {
  const allocated = found.events.filter(([event]) => event === "Allocated").map(([, told]) => told);
  const parts = allocated.map((told) => ({
    part: name(PART, asNumber(told.get("part"))),
    account: argument(told.get("account")),
    amount: String(told.get("amount")),
  }));
  const total = parts.reduce((sum, part) => sum + BigInt(part.amount), 0n);
  if (total !== price) refuse("DoesNotReconcile", `the parts add up to ${total}, the price is ${price}`);
  return { parts, ...placeOf(found) };
}

const placeOf = (found: Found): JsonObject => ({ block: blockOf(found.block), transaction: found.transaction });

function journalsOf(found: readonly Fields[]): JsonObject {
  return Object.fromEntries(JOURNALS.map((contract, at) => [contract, hash(get(found[at] as Fields, ""))]));
}

function idOf(subject: Json | undefined, label: string, bits: number): bigint {
  const value = isObject(subject) && Object.hasOwn(subject, label) ? subject[label] : undefined;
  const whole = typeof value === "number" || (typeof value === "string" && /^[0-9]{1,40}$/.test(value));
  const id = whole ? BigInt(value) : -1n;
  if (id < 0n || id >> BigInt(bits)) refuse("UnknownClaim", `${label} must be a number of at most ${bits} bits`);
  return id;
}

function exists(stored: bigint, message: string): void {
  if (!stored) refuse("NothingToCertify", message);
}

function get(fields: Fields, field: string): bigint {
  return fields.get(field) ?? refuse("SlotError", `there is no field ${field}`);
}

function name(names: readonly string[], value: bigint): string {
  return names[Number(value)] ?? refuse("NothingToCertify", `${value} is none of ${names.join(", ")}`);
}

const kinds = (bits: bigint): string[] => KINDS.filter((_, bit) => (bits >> BigInt(bit)) & 1n);
const hash = (value: bigint): string => hex(word(value));
const address = (value: bigint): string => hex(word(value, 20));
const addressOrNone = (value: bigint): string | null => (value ? address(value) : null);
/** Two letters (ISO 3166-1), as the contracts store no other. */
const letters = (value: bigint): string =>
  [...word(value, 2)].map((byte) => (byte < 128 ? String.fromCharCode(byte) : "\ufffd")).join("");
const snake = (label: string): string => label.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const asNumber = (value: Argument | undefined): bigint =>
  value instanceof Uint8Array ? number(value) : (value ?? refuse("OtherEvent", "an argument is missing"));

function argument(value: Argument | undefined): Json {
  return value instanceof Uint8Array ? hex(value) : (value ?? refuse("OtherEvent", "an argument is missing"));
}
