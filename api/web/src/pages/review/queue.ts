/** What waits for a reviewer: listings whose newest version lacks an attestation that a sale needs. */
import { ask, type Schemas } from "../../lib/api";

export type Listing = Schemas["ListingInfo"];

const REVIEWED = 1 | 2 | 4;

/** Bits of the kinds that are still needed of reviewers. */
export function missing({ required, newest }: Listing): number {
  return required & ~newest.attestations & REVIEWED;
}

export async function waiting(): Promise<Listing[]> {
  const found: Listing[] = [];
  let cursor: string | null = null;
  do {
    const page: Schemas["ListingPage"] = await ask("get", "/v1/listings", {
      query: { limit: 50, ...(cursor === null ? {} : { cursor: Number(cursor) }) },
    });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found.filter((listing) => missing(listing) !== 0 && !listing.delisted && !listing.newest.withdrawn);
}

export async function version(listing: string, number: number): Promise<Schemas["VersionInfo"]> {
  const path = { listing_id: Number(listing), number };
  return (await ask("get", "/v1/listings/{listing_id}/versions/{number}", { path })).version;
}

/** The description as its seller wrote it; null when the service does not have it. */
export async function document(digest: string): Promise<unknown> {
  return ask("get", "/v1/metadata/{digest}", { path: { digest } }).catch(() => null);
}
