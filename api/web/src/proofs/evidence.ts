/** Evidence: a file that states a claim and carries what proves it, checked against a trust file alone
 * (docs/evidence.md). Pure: no network, no clock. */

import { account, storage } from "./account";
import { type Bundle, decode, type State } from "./bundle";
import { equal } from "./bytes";
import { dumps, isObject, type Json, type JsonObject } from "./canonical";
import {
  type Answer,
  type Arguments,
  type Ask,
  type Block,
  blockOf,
  CLAIMS,
  type Claim,
  type Fields,
  type Find,
  type Found,
  type Read,
} from "./claims";
import { refuse } from "./error";
import * as headers from "./header";
import * as journal from "./journal";
import { type Log, logsAt } from "./receipts";
import { type Place, place, valueAt } from "./slots";
import { type Anchor, decodeEvent, type EventKind, type Pinned, type Trust, vouch } from "./trust";

/** Seconds that a block may be ahead of the verifier's clock. */
const SKEW = 900;

/** What is proven, as of which block, on whose word. */
export interface Proven {
  claim: JsonObject;
  block: Block;
  anchor: Anchor;
}

/** What the bundle proves to who trusts `trust` and whose clock says `now` (Unix seconds). Raises a `ProofError`. */
export function verify(data: Uint8Array, trust: Trust, now: number): Proven {
  const bundle = decode(data);
  if (bundle.chainId !== trust.chainId || !equal(bundle.genesisHash, trust.genesisHash))
    refuse("WrongChain", `of chain ${bundle.chainId}, trusted is ${trust.chainId} with its genesis block`);
  const proofs = new Proofs(bundle, trust);
  const block = (proofs.states[0] as ProvenState).block;
  const age = now - Number(block.time);
  if (-age > SKEW) refuse("FromTheFuture", `block ${block.number} is ${-age} seconds ahead of this clock`);
  if (trust.maximumAge !== null && age > trust.maximumAge)
    refuse("TooOld", `block ${block.number} is ${age} seconds old`);
  const derivation = derive(
    bundle.claim,
    proofs.states.map((state) => state.block),
  );
  let step = derivation.next();
  while (!step.done) step = derivation.next(step.value.map((ask) => proofs.answer(ask)));
  const claim: JsonObject = { type: bundle.claim.type as string, block: blockOf(block), ...step.value };
  proofs.close();
  if (dumps(claim) !== dumps(bundle.claim)) refuse("ClaimMismatch", difference(bundle.claim, claim));
  return { claim: bundle.claim, block, anchor: trust.anchor };
}

/** The contract as the trust file pins it. */
export function pinnedOf(trust: Trust, contract: string): Pinned {
  return (
    trust.contracts.get(contract) ?? refuse("UnknownClaim", `the trust file has no contract ${contract.slice(0, 40)}`)
  );
}

function derive(subject: JsonObject, blocks: readonly Block[]): Claim {
  const kind = subject.type;
  const claim = typeof kind === "string" && Object.hasOwn(CLAIMS, kind) ? CLAIMS[kind] : undefined;
  if (claim === undefined)
    return refuse("UnknownClaim", `there are claims of type ${Object.keys(CLAIMS).join(", ")}`);
  if (blocks.length > (kind === "journal" ? 2 : 1))
    refuse("ProofSurplus", `a ${String(kind)} certificate is as of one block`);
  return claim(subject, blocks);
}

/** Answers what a claim asks from a bundle. */
class Proofs {
  readonly states: readonly ProvenState[];
  private receipts = 0;
  private folded: boolean;

  constructor(
    private readonly bundle: Bundle,
    private readonly trust: Trust,
  ) {
    this.folded = !bundle.entries.length;
    this.states = bundle.states.map((state) => new ProvenState(state, trust));
    if (!this.states.length) refuse("ProofMissing", "there is no state that anything could be proven under");
  }

  answer(ask: Ask): Answer {
    if (ask.ask === "read") return (this.states[ask.state] as ProvenState).read(ask);
    if (ask.ask === "find") return this.find(ask);
    pinnedOf(this.trust, ask.contract);
    this.folded = true;
    return journal.verify(this.bundle.entries, ask.start, ask.end);
  }

  close(): void {
    for (const state of this.states) state.close();
    if (this.receipts < this.bundle.receipts.length)
      refuse("ProofSurplus", "receipts that the claim does not rest on");
    if (!this.folded) refuse("ProofSurplus", "journal entries that the claim does not rest on");
  }

  private find(ask: Find): Found {
    const given = this.bundle.receipts[this.receipts++];
    if (given === undefined) return refuse("ProofMissing", `there is no receipt of ${ask.events[0]}`);
    const header = headers.decode(given.header);
    const block = blockFrom(header, this.trust);
    const latest = (this.states[0] as ProvenState).block;
    const same = equal(block.hash, latest.hash) && block.time === latest.time;
    if (block.number > latest.number || (block.number === latest.number && !same))
      refuse("FromTheFuture", `a receipt of block ${block.number} is not from before block ${latest.number}`);
    const logs = logsAt(header.receiptsRoot, given.index, given.proof);
    return { block, transaction: given.index, events: eventsIn(logs, pinnedOf(this.trust, ask.contract), ask) };
  }
}

/** What is proven under one header, and whether all that is given was needed. */
class ProvenState {
  readonly block: Block;
  private readonly header: headers.Header;
  private readonly roots = new Map<string, Uint8Array>();
  private readonly words = new Map<string, bigint>();

  constructor(
    private readonly given: State,
    private readonly trust: Trust,
  ) {
    this.header = headers.decode(given.header);
    this.block = blockFrom(this.header, trust);
  }

  read(ask: Read): Fields {
    const pinned = pinnedOf(this.trust, ask.contract);
    const [variable, ...path] = ask.path;
    const fields = ask.fields.length ? ask.fields : [""];
    const places = fields.map((field): [string, Place] => [
      field,
      place(pinned.layout, variable, field ? [...path, field] : path),
    ]);
    return new Map(places.map(([field, at]) => [field, valueAt(at, this.word(ask.contract, pinned, at.slot))]));
  }

  close(): void {
    for (const [name, found] of this.given.accounts)
      if (!this.roots.has(name) || [...found.storage.keys()].some((slot) => !this.words.has(`${name} ${slot}`)))
        refuse("ProofSurplus", "proofs of accounts or slots that the claim does not rest on");
  }

  private word(contract: string, pinned: Pinned, slot: bigint): bigint {
    const known = this.words.get(`${contract} ${slot}`);
    if (known !== undefined) return known;
    const given = this.given.accounts.get(contract);
    const proof = given?.storage.get(slot);
    if (given === undefined || proof === undefined)
      return refuse("ProofMissing", `there is no proof of slot 0x${slot.toString(16)} of ${contract}`);
    let root = this.roots.get(contract);
    if (root === undefined) {
      const found = account(this.header.stateRoot, pinned.address, given.proof);
      if (found === null || !equal(found.codeHash, pinned.codeHash))
        return refuse("WrongCode", `at the address of ${contract} stands nothing, or other code`);
      root = found.storageRoot;
      this.roots.set(contract, root);
    }
    const stored = storage(root, slot, proof);
    this.words.set(`${contract} ${slot}`, stored);
    return stored;
  }
}

function blockFrom(header: headers.Header, trust: Trust): Block {
  return { number: header.number, hash: vouch(trust.anchor, header), time: header.timestamp };
}

/** The events asked for in a receipt: of that contract, for that licence, in order. */
function eventsIn(logs: readonly Log[], pinned: Pinned, ask: Find): [string, Arguments][] {
  const kinds = ask.events.map((name): [string, EventKind] => [
    name,
    pinned.events.get(name) ?? refuse("BadTrust", `the trust file does not say what event ${name} is`),
  ]);
  const found: [string, Arguments][] = [];
  for (const log of logs) {
    const topic0 = log.topics[0];
    if (topic0 === undefined || !equal(log.address, pinned.address)) continue;
    const kind = kinds.find(([, event]) => equal(event.topic0, topic0));
    if (kind === undefined) continue;
    const told = decodeEvent(kind[1], log);
    if (told.get("licence") === ask.licence) found.push([kind[0], told]);
  }
  if (found.filter(([name]) => name === ask.events[0]).length !== 1)
    refuse("EventMissing", `the transaction did not emit one ${ask.events[0]} of licence ${ask.licence}`);
  return found;
}

/** The first field that differs. */
function difference(claimed: Json | undefined, found: Json | undefined, where = ""): string {
  if (isObject(claimed) && isObject(found))
    for (const name of [...new Set([...Object.keys(claimed), ...Object.keys(found)])].sort())
      if (dumps(claimed[name] ?? null) !== dumps(found[name] ?? null))
        return difference(claimed[name], found[name], where ? `${where}.${name}` : name);
  const short = (value: Json | undefined): string => dumps(value ?? null).slice(0, 80);
  return `${where || "the claim"} is proven to be ${short(found)}, claimed is ${short(claimed)}`;
}
