/** What the chain held of a participant, a listing or a licence after a block; and what may be done about it. */
import { ask } from "../../lib/api";
import type { act } from "../../chain/act.svelte";

export type Kind = "participant" | "listing" | "licence";

export interface Record_ {
  block: number;
  final: number;
  facts: [name: string, value: string][];
}

export async function record(kind: Kind, id: string, block: number | null): Promise<Record_> {
  const query = block === null ? {} : { block };
  const answer = await asked(kind, id, query as never);
  const { block_number, final_number, ...rest } = answer;
  const found = rest[kind as keyof typeof rest] as unknown as object;
  return { block: block_number, final: final_number, facts: flat(found) };
}

function asked(kind: Kind, id: string, query: never) {
  if (kind === "participant") return ask("get", "/v1/history/participants/{account}", { path: { account: id }, query });
  if (kind === "listing") return ask("get", "/v1/history/listings/{listing_id}", { path: { listing_id: Number(id) }, query });
  return ask("get", "/v1/history/licences/{licence_id}", { path: { licence_id: id as never }, query });
}

function flat(value: object, before = ""): [string, string][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === "object" && inner !== null ? flat(inner, `${before}${name}.`) : [[`${before}${name}`, String(inner)] as [string, string]],
  );
}

export interface Measure {
  key: "suspend" | "reinstate" | "freeze" | "unfreeze" | "revoke";
  /** Whether it ends at a time. */
  ends: boolean;
}

export const MEASURES: Readonly<Record<Kind, readonly Measure[]>> = {
  participant: [{ key: "suspend", ends: true }, { key: "reinstate", ends: false }],
  listing: [{ key: "freeze", ends: true }, { key: "unfreeze", ends: false }],
  licence: [{ key: "revoke", ends: false }, { key: "reinstate", ends: false }],
};

const CONTRACT = { participant: "Participants", listing: "Listings", licence: "Licences" } as const;

/** The call: its subject, when it ends if it does, the hash of the reason. */
export function call(kind: Kind, id: string, { key, ends }: Measure, until: number, digest: string): ReturnType<Parameters<typeof act>[0]["call"]> {
  const subject = kind === "participant" ? id : kind === "listing" ? Number(id) : BigInt(id);
  return { contract: CONTRACT[kind], method: key, args: ends ? [subject, until, digest] : [subject, digest] };
}
