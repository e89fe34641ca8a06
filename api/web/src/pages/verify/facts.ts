/** A proven claim, as rows of label and value. */
import * as format from "../../lib/format";
import type { JsonObject } from "../../proofs/canonical";
import { t, value, type Value } from "./words";

export interface Fact {
  label: string;
  value: string;
  mono?: boolean;
}

/** What a proven claim holds by its type (docs/evidence.md). */
interface Version {
  number: number;
  root: string;
  size: string;
  attested: Value[];
  withdrawn: boolean;
}
interface Listing {
  id: string;
  seller: string;
  importance: Value;
  personal_data: Value;
  frozen_until: number | null;
}
interface Purchase {
  buyer: string;
  price: string;
  block: { number: number; time: number };
}
interface Settlement {
  parts: { part: Value; account: string; amount: string }[];
}
type Claim =
  | {
      type: "licence";
      licence: string;
      holder: string;
      status: Value;
      issued_at: number;
      expires_at: number | null;
      order: Value;
      version: Version;
      listing: Listing;
      purchase: Purchase;
    }
  | { type: "listing"; listing: string; version: Version; state: Listing }
  | { type: "payment"; licence: string; order: Value; purchase: Purchase; settlement: Settlement | null }
  | { type: "journal"; contract: string; after: { number: number } | null; entries: number; end: string };

export type Kind = Claim["type"];

/** What the claim says, in a sentence. */
export function sentence(claim: JsonObject): string {
  const found = claim as unknown as Claim;
  if (found.type === "licence") return t("licence", { id: found.licence });
  if (found.type === "payment") return t("payment", { id: found.licence });
  if (found.type === "listing") return t("listing.claim", { id: found.listing, version: found.version.number });
  return t("journal");
}

export function facts(claim: JsonObject): Fact[] {
  const found = claim as unknown as Claim;
  switch (found.type) {
    case "licence":
      return [
        { label: t("standing"), value: value(found.status) },
        { label: t("holder"), value: found.holder, mono: true },
        { label: t("issued"), value: format.moment(found.issued_at) },
        { label: t("expires"), value: found.expires_at === null ? t("never") : format.moment(found.expires_at) },
        ...purchaseFacts(found.purchase),
        { label: t("order"), value: value(found.order) },
        ...listingFacts(found.listing),
        ...versionFacts(found.version),
      ];
    case "listing":
      return [...listingFacts(found.state), ...versionFacts(found.version)];
    case "payment":
      return [
        ...purchaseFacts(found.purchase),
        { label: t("order"), value: value(found.order) },
        ...(found.settlement?.parts ?? []).map((part) => ({
          label: `${t("part")}: ${value(part.part)}`,
          value: `${format.dong(part.amount)} → ${part.account}`,
        })),
      ];
    case "journal":
      return [
        { label: t("contract"), value: found.contract },
        { label: t("after"), value: found.after === null ? t("whole") : format.number(found.after.number) },
        { label: t("entries"), value: format.number(found.entries) },
      ];
  }
}

function purchaseFacts(bought: Purchase): Fact[] {
  return [
    { label: t("buyer"), value: bought.buyer, mono: true },
    { label: t("price"), value: format.dong(bought.price) },
    { label: t("bought"), value: format.moment(bought.block.time) },
  ];
}

function listingFacts(listing: Listing): Fact[] {
  const frozen = listing.frozen_until;
  return [
    { label: t("listing"), value: listing.id },
    { label: t("seller"), value: listing.seller, mono: true },
    { label: t("importance"), value: value(listing.importance) },
    { label: t("personal"), value: value(listing.personal_data) },
    ...(frozen === null ? [] : [{ label: t("frozen"), value: format.moment(frozen) }]),
  ];
}

function versionFacts(version: Version): Fact[] {
  return [
    { label: t("version"), value: `${version.number}${version.withdrawn ? ` (${t("withdrawn")})` : ""}` },
    { label: t("attested"), value: version.attested.map((kind) => value(kind)).join(", ") || t("nobody") },
    { label: t("size"), value: format.bytes(Number(version.size)) },
    { label: t("root"), value: version.root, mono: true },
  ];
}
