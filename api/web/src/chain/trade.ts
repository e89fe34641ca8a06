/** What a buyer does, and what has to be read for it. Amounts in đồng. */
import { keccak256, toBytes, type TransactionReceipt, type TypedDataDefinition } from "viem";
import { dong, moment, percent } from "../lib/format";
import { listingOfPlan, planOf } from "../lib/ids";
import type { Hex } from "../wallet/provider";
import { wallet, NotConnected } from "../wallet/wallet.svelte";
import { act, type Line } from "./act.svelte";
import { at, chain } from "./client";
import { t } from "./tradewords";

const PERMIT_SECONDS = 3600;
const BPS = 10_000n;

export interface Split {
  price: bigint;
  fee: bigint;
  tax: bigint;
  upstreams: { licence: bigint; amount: bigint }[];
  seller: bigint;
}

/** As contracts/libraries/Split.sol: each part rounded down, what remains is the seller's. */
export function split(price: bigint, feeBps: number, taxBps: number, shares: readonly { licence: bigint; shareBps: number }[]): Split {
  const fee = (price * BigInt(feeBps)) / BPS;
  const tax = (price * BigInt(taxBps)) / BPS;
  const proceeds = price - fee - tax;
  const upstreams = shares.map(({ licence, shareBps }) => ({ licence, amount: (proceeds * BigInt(shareBps)) / BPS }));
  const seller = upstreams.reduce((rest, { amount }) => rest - amount, proceeds);
  return { price, fee, tax, upstreams, seller };
}

export interface Offer {
  plan: bigint;
  version: number;
  currency: number;
  split: Split;
  feeBps: number;
  taxBps: number;
  confirmSeconds: number;
  /** How many licences the account holds: names the next one, so that two clicks buy one. */
  held: bigint;
  balance: bigint;
}

export async function offer(plan: bigint, account: Hex): Promise<Offer> {
  const client = await chain();
  const [exchange, listings, licences] = await Promise.all([at("Exchange"), at("Listings"), at("Licences")]);
  const listing = Number(listingOfPlan(plan));
  const [record, terms, shares, fees, held] = await Promise.all([
    client.readContract({ ...listings, functionName: "listing", args: [listing] }),
    client.readContract({ ...listings, functionName: "plan", args: [plan] }),
    client.readContract({ ...listings, functionName: "upstreams", args: [listing] }),
    client.readContract({ ...exchange, functionName: "terms" }),
    client.readContract({ ...licences, functionName: "balanceOf", args: [account] }),
  ]);
  return {
    plan,
    version: record.versions,
    currency: terms.currency,
    split: split(terms.price, fees.feeBps, fees.taxBps, shares),
    feeBps: fees.feeBps,
    taxBps: fees.taxBps,
    confirmSeconds: fees.confirmWindow,
    held,
    balance: await balance(terms.currency, account),
  };
}

export async function balance(currency: number, account: Hex): Promise<bigint> {
  const client = await chain();
  const { token, abi } = await money(currency);
  return client.readContract({ address: token, abi, functionName: "balanceOf", args: [account] });
}

export function breakdown({ split: parts, feeBps, taxBps }: Pick<Offer, "split" | "feeBps" | "taxBps">): Line[] {
  return [
    [t("price"), dong(parts.price)],
    [t("fee", { rate: percent(feeBps) }), dong(parts.fee)],
    [t("tax", { rate: percent(taxBps) }), dong(parts.tax)],
    ...parts.upstreams.map(({ licence, amount }) => [t("upstream", { licence: String(licence) }), dong(amount)] as const),
    [t("seller"), dong(parts.seller)],
  ];
}

/** The licence that was bought; null when the reader let it be. */
export async function buy(chosen: Offer, title: string): Promise<bigint | null> {
  const account = holder();
  const { plan, version, split: parts } = chosen;
  const held = Number(chosen.held);
  const lines: Line[] = [[t("what"), title], [t("version"), String(version)], ...breakdown(chosen), [t("escrow"), t("escrowHow", { days: Math.round(chosen.confirmSeconds / 86_400) })]];
  const permit = parts.price === 0n ? null : await permitFor(chosen.currency, parts.price, account);
  if (parts.price > 0n && permit === null && !(await allow(chosen.currency, parts.price, t("buy", { what: title })))) return null;
  const receipt = await act({
    title: t("buy", { what: title }),
    lines,
    ...(permit === null ? {} : { permit }),
    call: (signed) =>
      permit === null || signed === null
        ? { contract: "Exchange", method: "buy", args: [plan, version, held] }
        : {
            contract: "Exchange",
            method: "buyWithPermit",
            args: [plan, version, held, { deadline: permit.message["deadline"], ...signed }],
          },
  });
  return receipt === null ? null : bought(receipt);
}

async function bought(receipt: TransactionReceipt): Promise<bigint | null> {
  const { parseEventLogs } = await import("viem");
  const { address, abi } = await at("Exchange");
  const logs = parseEventLogs({ abi, logs: receipt.logs.filter((log) => log.address.toLowerCase() === address.toLowerCase()), eventName: "Purchased" });
  return logs[0]?.args.licence ?? null;
}

/** Extends a licence of the account by its plan's duration, for the plan's price, split at today's rates. */
export async function renew(licence: bigint, version: number, expires: bigint, duration: number): Promise<boolean> {
  const chosen = await offer(planOf(licence), holder());
  const { price } = chosen.split;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const until = (expires > now ? expires : now) + BigInt(duration);
  const title = t("renew", { licence: String(licence) });
  if (price > 0n && !(await allow(chosen.currency, price, title))) return false;
  const receipt = await act({
    title,
    lines: [...breakdown(chosen), [t("expiresNow"), moment(expires)], [t("expiresThen"), moment(until)], [t("escrow"), t("splitNow")]],
    call: () => ({ contract: "Exchange", method: "renew", args: [licence, version, Number(expires)] }),
  });
  return receipt !== null;
}

export async function confirm(licence: bigint, parts: Line[]): Promise<boolean> {
  const receipt = await act({
    title: t("confirm", { licence: String(licence) }),
    lines: parts,
    call: () => ({ contract: "Exchange", method: "confirm", args: [licence] }),
  });
  return receipt !== null;
}

export async function dispute(licence: bigint, reason: string): Promise<boolean> {
  const digest = keccak256(toBytes(reason));
  const receipt = await act({
    title: t("dispute", { licence: String(licence) }),
    lines: [[t("effect"), t("disputeEffect")], [t("reason"), reason], [t("reasonHash"), digest]],
    call: () => ({ contract: "Exchange", method: "dispute", args: [licence, digest] }),
  });
  return receipt !== null;
}

/** The whole price back, when no arbiter decided in time. */
export async function lapse(licence: bigint): Promise<boolean> {
  const call = { contract: "Exchange", method: "lapse", args: [licence] } as const;
  return (await act({ title: t("lapse", { licence: String(licence) }), lines: [[t("effect"), t("lapseEffect")]], call: () => call })) !== null;
}

export async function withdraw(currency: number, amount: bigint): Promise<boolean> {
  const receipt = await act({
    title: t("withdraw", { amount: dong(amount) }),
    lines: [[t("amount"), dong(amount)], [t("to"), holder()]],
    call: () => ({ contract: "Exchange", method: "withdraw", args: [currency] }),
  });
  return receipt !== null;
}

export async function owed(currency: number, account: Hex): Promise<bigint> {
  return (await chain()).readContract({ ...(await at("Exchange")), functionName: "owed", args: [currency, account] });
}

/** Whether the exchange may take the amount now: asked of the reader when it may not yet. `then` is what comes after. */
async function allow(currency: number, amount: bigint, then: string): Promise<boolean> {
  const account = holder();
  const { token, abi } = await money(currency);
  const { address } = await at("Exchange");
  const allowed = await (await chain()).readContract({ address: token, abi, functionName: "allowance", args: [account, address] });
  if (allowed >= amount) return true;
  const receipt = await act({
    title: t("allow", { amount: dong(amount) }),
    lines: [[t("amount"), dong(amount)], [t("spender"), address], [t("then"), then], [t("why"), t("allowWhy")]],
    call: () => ({ contract: "SettlementToken", method: "approve", args: [address, amount] }),
  });
  return receipt !== null;
}

/** ERC-2612 for exactly the price; null when the token knows no permit. */
async function permitFor(currency: number, value: bigint, owner: Hex): Promise<TypedDataDefinition & { message: Record<string, unknown> } | null> {
  const client = await chain();
  const { token, abi } = await money(currency);
  const { address: spender } = await at("Exchange");
  try {
    const [[, name, version, chainId, verifyingContract], nonce] = await Promise.all([
      client.readContract({ address: token, abi, functionName: "eip712Domain" }),
      client.readContract({ address: token, abi, functionName: "nonces", args: [owner] }),
    ]);
    const deadline = BigInt(Math.floor(Date.now() / 1000) + PERMIT_SECONDS);
    const fields = { owner: "address", spender: "address", value: "uint256", nonce: "uint256", deadline: "uint256" };
    return {
      domain: { name, version, chainId: Number(chainId), verifyingContract },
      types: { Permit: Object.entries(fields).map(([name, type]) => ({ name, type })) },
      primaryType: "Permit",
      message: { owner, spender, value, nonce, deadline },
    };
  } catch {
    return null;
  }
}

async function money(currency: number) {
  const found = await (await chain()).readContract({ ...(await at("Exchange")), functionName: "money", args: [currency] });
  return { token: found.token, abi: (await at("SettlementToken")).abi };
}

function holder(): Hex {
  if (wallet.account === null) throw new NotConnected();
  return wallet.account;
}
