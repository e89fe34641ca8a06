/** What an account sells, and what it does about it. */
import { parseEventLogs, type TransactionReceipt } from "viem";
import { act } from "../../chain/act.svelte";
import { at } from "../../chain/client";
import { owed } from "../../chain/trade";
import { ask, send, type Schemas } from "../../lib/api";
import { dong } from "../../lib/format";
import { DONG } from "../../lib/ids";
import { indexed } from "../../lib/indexed";
import { save } from "../../lib/save";
import type { Hex } from "../../wallet/provider";
import { digest, planOnChain, type PlanDraft } from "./draft";
import { t } from "./minewords";

const MOST = 50;

/** The listing that the transaction made. */
export async function listed(receipt: TransactionReceipt): Promise<string> {
  const { abi } = await at("Listings");
  const [event] = parseEventLogs({ abi, logs: receipt.logs, eventName: "Listed" });
  return String(event?.args.listing);
}

export interface Mine {
  listings: Schemas["CatalogueItem"][];
  sales: Schemas["SaleInfo"][];
  owed: bigint;
  /** Whether there are older ones than those here. */
  more: boolean;
}

/** What the account sells, from the index, once that has come to the account's newest transaction; what it is owed, from the chain. */
export async function mine(account: Hex): Promise<Mine> {
  await indexed();
  const [listings, sales, money] = await Promise.all([
    ask("get", "/v1/listings", { query: { seller: account, delisted: true, limit: MOST } }),
    ask("get", "/v1/account/sales"),
    owed(DONG, account),
  ]);
  return { listings: listings.items, sales: sales.items, owed: money, more: sales.next !== null || listings.next !== null };
}

export async function statement(form: "csv" | "pdf"): Promise<void> {
  const answer = await send(`/v1/account/statement?format=${form}`);
  save(`socai-statement.${form}`, new Uint8Array(await answer.arrayBuffer()), answer.headers.get("content-type")!);
}

/** Splits the money of an order whose time for disputes has passed. */
export async function release(licence: string): Promise<boolean> {
  const call = { contract: "Exchange", method: "release", args: [BigInt(licence)] } as const;
  return (await act({ title: t("release", { licence }), lines: [[t("effect"), t("releaseEffect")]], call: () => call })) !== null;
}

export async function refund(licence: string, price: string): Promise<boolean> {
  const call = { contract: "Exchange", method: "refund", args: [BigInt(licence)] } as const;
  const lines = [[t("price"), dong(price)], [t("effect"), t("refundEffect")]] as const;
  return (await act({ title: t("refund", { licence }), lines, call: () => call })) !== null;
}

export async function closePlan(plan: string): Promise<boolean> {
  const call = { contract: "Listings", method: "closePlan", args: [BigInt(plan)] } as const;
  return (await act({ title: t("closePlan", { plan }), lines: [[t("effect"), t("closeEffect")]], call: () => call })) !== null;
}

export async function addPlan(listing: string, plan: PlanDraft, terms: string): Promise<boolean> {
  const made = planOnChain(plan, terms);
  const call = { contract: "Listings", method: "addPlan", args: [Number(listing), made] } as const;
  return (await act({ title: t("addPlan", { listing }), lines: [[t("price"), dong(made.price)]], call: () => call })) !== null;
}

export async function delist(listing: string, reason: string): Promise<boolean> {
  const call = { contract: "Listings", method: "delist", args: [Number(listing), digest(reason)] } as const;
  const lines = [[t("effect"), t("delistEffect")], [t("reason"), reason]] as const;
  return (await act({ title: t("delist", { listing }), lines, call: () => call })) !== null;
}
