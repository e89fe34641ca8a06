/** What an account sells, and what it was paid: from the chain's own record. */
import { parseEventLogs, type TransactionReceipt } from "viem";
import { act } from "../../chain/act.svelte";
import { at, chain } from "../../chain/client";
import { firstBlock } from "../../chain/trade";
import { OrderStatus, Part } from "../../generated/enums";
import { dong } from "../../lib/format";
import { listingOf } from "../../lib/ids";
import type { Hex } from "../../wallet/provider";
import { digest, planOnChain, type PlanDraft } from "./draft";
import { t } from "./minewords";

export interface Sale {
  licence: bigint;
  buyer: Hex;
  price: bigint;
  order: string;
  at: number;
}

export interface Payment {
  licence: bigint;
  part: string;
  amount: bigint;
  at: number;
  transaction: Hex;
}

/** The listing that the transaction made. */
export async function listed(receipt: TransactionReceipt): Promise<string> {
  const { abi } = await at("Listings");
  const [event] = parseEventLogs({ abi, logs: receipt.logs, eventName: "Listed" });
  return String(event?.args.listing);
}

export async function listingsOf(account: Hex): Promise<string[]> {
  const client = await chain();
  const listings = await at("Listings");
  const logs = parseEventLogs({
    abi: listings.abi,
    logs: await client.getLogs({ address: listings.address, fromBlock: await firstBlock(), toBlock: "latest" }),
    eventName: "Listed",
  });
  return logs.filter(({ args }) => args.seller === account).map(({ args }) => String(args.listing));
}

export async function salesOf(listings: readonly string[]): Promise<Sale[]> {
  const client = await chain();
  const [exchange, licences] = await Promise.all([at("Exchange"), at("Licences")]);
  const raw = await client.getLogs({ address: exchange.address, fromBlock: await firstBlock(), toBlock: "latest" });
  const bought = parseEventLogs({ abi: exchange.abi, logs: raw, eventName: "Purchased" }).filter(({ args }) =>
    listings.includes(String(listingOf(args.licence))),
  );
  const times = await timesOf(bought.map(({ blockNumber }) => blockNumber));
  const records = await Promise.all(
    bought.map(({ args }) => client.readContract({ ...licences, functionName: "licence", args: [args.licence] })),
  );
  return bought.map(({ args, blockNumber }, index) => ({
    licence: args.licence,
    buyer: args.buyer,
    price: args.price,
    order: nameOf(OrderStatus, records[index]!.order),
    at: times.get(blockNumber)!,
  }));
}

/** Every share that was allocated to the account. */
export async function paymentsOf(account: Hex): Promise<Payment[]> {
  const client = await chain();
  const exchange = await at("Exchange");
  const raw = await client.getLogs({ address: exchange.address, fromBlock: await firstBlock(), toBlock: "latest" });
  const parts = parseEventLogs({ abi: exchange.abi, logs: raw, eventName: "Allocated" }).filter(({ args }) => args.account === account);
  const times = await timesOf(parts.map(({ blockNumber }) => blockNumber));
  return parts.map(({ args, blockNumber, transactionHash }) => ({
    licence: args.licence,
    part: nameOf(Part, args.part),
    amount: args.amount,
    at: times.get(blockNumber)!,
    transaction: transactionHash,
  }));
}

/** RFC 4180, opened by a spreadsheet as it is: no cell begins like a formula. */
export function statement(payments: readonly Payment[]): string {
  const rows = payments.map(({ at, licence, part, amount, transaction }) => [new Date(at * 1000).toISOString(), licence, part.toLowerCase(), amount, transaction]);
  return [["time", "licence", "part", "amount_vnd", "transaction"], ...rows].map((row) => row.join(",")).join("\r\n") + "\r\n";
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

function nameOf(kind: Record<string, number>, value: number): string {
  return Object.entries(kind).find(([, one]) => one === value)?.[0] ?? String(value);
}

async function timesOf(numbers: readonly bigint[]): Promise<Map<bigint, number>> {
  const client = await chain();
  const known = [...new Set(numbers)];
  const blocks = await Promise.all(known.map((blockNumber) => client.getBlock({ blockNumber })));
  return new Map(known.map((number, index) => [number, Number(blocks[index]!.timestamp)]));
}
