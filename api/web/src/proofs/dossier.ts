/** Dossiers: everything about one transaction in one file, with certificates of what can be proven (ledger/proofs/dossier.py). */

import { utf8 } from "./bytes";
import { dumps, isObject, type Json, type JsonObject, loads } from "./canonical";
import { refuse } from "./error";
import { type Proven, verify as verifyEvidence } from "./evidence";
import type { Trust } from "./trust";

export const FORMAT = "socai-dossier-1";
export const KINDS = ["licence", "payment", "listing"] as const;
export type Kind = (typeof KINDS)[number];

/** What each certificate proves, the licence's first; what the exchange tells besides is proven by none. */
export type ProvenDossier = [kind: Kind, proven: Proven][];

/** Whether it says that it is one. */
export function isDossier(data: Uint8Array): boolean {
  try {
    const found = loads(data);
    return isObject(found) && found.format === FORMAT;
  } catch {
    return false;
  }
}

/** Raises a `ProofError`: BadDossier, and what the certificates raise. */
export function verify(data: Uint8Array, trust: Trust, now: number): ProvenDossier {
  const { licence, bundles } = decode(data);
  const proven = KINDS.filter((kind) => kind in bundles).map((kind): [Kind, Proven] => [
    kind,
    verifyEvidence(utf8(dumps(bundles[kind] as Json)), trust, now),
  ]);
  const { listing, version } = proven[0]![1].claim as { listing: JsonObject; version: JsonObject };
  for (const [kind, { claim }] of proven) {
    const about = kind === "listing" ? [claim.listing, (claim.version as JsonObject | undefined)?.number] : [claim.licence];
    const meant = kind === "listing" ? [listing.id, version.number] : [licence];
    if (claim.type !== kind || about.some((one, at) => one !== meant[at]))
      refuse("BadDossier", `the certificate of its ${kind} is about something else`);
  }
  return proven;
}

function decode(data: Uint8Array): { licence: Json; bundles: JsonObject } {
  let found: Json;
  try {
    found = loads(data);
  } catch (error) {
    return refuse("BadDossier", `not a dossier: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(found) || found.format !== FORMAT || !isObject(found.evidence) || !Object.hasOwn(found.evidence, "licence"))
    return refuse("BadDossier", "no dossier of this format, or one without a certificate of its licence");
  const unknown = Object.keys(found.evidence).filter((kind) => !(KINDS as readonly string[]).includes(kind));
  if (unknown.length > 0) refuse("BadDossier", `certificates of unknown kinds: ${unknown.sort().join(", ")}`);
  if (typeof found.licence !== "string" || !Object.hasOwn(found, "told")) return refuse("BadDossier", "not a dossier: licence or told is missing");
  return { licence: found.licence, bundles: found.evidence };
}
