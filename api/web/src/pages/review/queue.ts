/** What waits for a reviewer: listings whose newest version lacks an attestation that a sale needs. */
import { ask, type Schemas } from "../../lib/api";
import { exchange } from "../../lib/exchange";
import { at, chain } from "../../chain/client";
import type { Change } from "./diff";

export type Listing = Schemas["ListingInfo"];
export type Version = Schemas["VersionInfo"];
export type Waiting = Pick<Schemas["ListingPage"], "items" | "total" | "next">;

const REVIEWED = 1 | 2 | 4;
const AT_ONCE = 25;

/** Bits of the kinds that are still needed of reviewers. */
export function missing({ required, newest }: Listing): number {
  return required & ~newest.attestations & REVIEWED;
}

/** Those that have waited longest come first. */
export function waiting(cursor: string | null): Promise<Waiting> {
  const query = { awaiting: true, order: "oldest" as const, limit: AT_ONCE, ...(cursor === null ? {} : { cursor: Number(cursor) }) };
  return ask("get", "/v1/listings", { query });
}

export async function version(listing: string, number: number): Promise<Version> {
  const path = { listing_id: Number(listing), number };
  return (await ask("get", "/v1/listings/{listing_id}/versions/{number}", { path })).version;
}

/** The description as its seller wrote it; null when the service does not have it. */
export async function document(digest: string): Promise<unknown> {
  return ask("get", "/v1/metadata/{digest}", { path: { digest } }).catch(() => null);
}

/** What differs on the chain; `show` says a field's value. */
export function recorded(before: Version, after: Version, show: (field: Recorded, version: Version) => string): (Change & { path: Recorded })[] {
  return RECORDED.map((path) => ({ path, before: show(path, before), after: show(path, after) })).filter((one) => one.before !== one.after);
}

export const RECORDED = ["size", "root", "region", "published_at", "stale_at"] as const;
export type Recorded = (typeof RECORDED)[number];

export interface Result {
  attested: boolean;
  version: number;
  kind: number;
  reviewer: string;
  /** Hash of the review or of the reason. */
  digest: string;
  block: number;
}

/** Every review of the listing that the chain has, the newest first. */
export async function results(listing: string): Promise<Result[]> {
  const [client, reviews, info] = await Promise.all([chain(), at("Reviews"), exchange()]);
  const of = { ...reviews, fromBlock: BigInt(info.first_block), args: { listing: Number(listing) }, strict: true } as const;
  const [attested, refused] = await Promise.all([
    client.getContractEvents({ ...of, eventName: "Attested" }),
    client.getContractEvents({ ...of, eventName: "Refused" }),
  ]);
  return [
    ...attested.map(({ args, blockNumber }) => ({ attested: true, digest: args.evidence, block: Number(blockNumber), ...args })),
    ...refused.map(({ args, blockNumber }) => ({ attested: false, digest: args.reason, block: Number(blockNumber), ...args })),
  ].sort((one, other) => other.block - one.block);
}
