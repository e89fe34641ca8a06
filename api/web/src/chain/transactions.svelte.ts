/**
 * What this browser sent to the chain, kept across reloads, and how far each came:
 * pending → mined → final, or failed, or replaced by another transaction of the same nonce.
 */
import type { PublicClient, TransactionReceipt } from "viem";
import { exchange } from "../lib/exchange";
import type { Hex } from "../wallet/provider";

export type State = "pending" | "mined" | "final" | "failed" | "replaced" | "cancelled";

export interface Sent {
  hash: Hex;
  account: Hex;
  /** What it does, in the words of when it was sent. */
  title: string;
  at: number;
  to: Hex;
  data: Hex;
  nonce: number;
  /** The newest block when it was sent. */
  since: number;
  state: State;
  block: number | null;
  /** Why it failed. */
  why: string;
  /** The transaction that took its place and does something else. */
  by: Hex | null;
  /** The wallet sent it again, under the hash above. */
  again: boolean;
}

const KEPT = "socai.transactions.2";
const MOST = 20;
const PAUSE = 1000;

class Transactions {
  list = $state<Sent[]>(JSON.parse(localStorage.getItem(KEPT) ?? "[]") as Sent[]);

  constructor() {
    for (const sent of this.list) if (unfinished(sent)) this.follow(sent.hash).catch(() => undefined);
  }

  /** Keeps a transaction and follows it until it is mined. Raises Failed, Replaced. */
  async track(hash: Hex, title: string, of: Pick<Sent, "account" | "to" | "data" | "nonce" | "since">): Promise<TransactionReceipt> {
    const sent: Sent = { ...of, hash, title, at: Date.now(), state: "pending", block: null, why: "", by: null, again: false };
    this.list = [sent, ...this.list].slice(0, MOST);
    this.keep();
    return this.follow(hash);
  }

  dismiss(hash: Hex): void {
    this.list = this.list.filter((sent) => sent.hash !== hash);
    this.keep();
  }

  private async follow(first: Hex): Promise<TransactionReceipt> {
    const { chain } = await import("./client");
    const client = await chain();
    for (let hash = first; ; ) {
      try {
        const receipt = await this.look(client, hash);
        if (receipt !== null) {
          void this.finalise(client, hash);
          return receipt;
        }
        hash = await this.current(client, hash);
      } catch (error) {
        if (error instanceof Failed || error instanceof Replaced) throw error;
        // the node is away: ask again
      }
      await pause();
    }
  }

  private async look(client: PublicClient, hash: Hex): Promise<TransactionReceipt | null> {
    const receipt = await client.getTransactionReceipt({ hash }).catch(() => null);
    if (receipt === null) return null;
    const block = Number(receipt.blockNumber);
    if (receipt.status === "success") {
      this.change(hash, { state: "mined", block });
      return receipt;
    }
    const why = await reason(client, hash);
    this.change(hash, { state: "failed", block, why });
    throw new Failed(block, why);
  }

  /** The hash under which the transaction goes now: another when the wallet sent the same again. Raises Replaced. */
  private async current(client: PublicClient, hash: Hex): Promise<Hex> {
    const sent = this.list.find((one) => one.hash === hash);
    if (sent === undefined) return hash;
    const found = await client.getTransaction({ hash }).catch(() => null);
    if (found !== null) {
      if (found.nonce !== sent.nonce) this.change(hash, { nonce: found.nonce });
      return hash;
    }
    const other = await successor(client, sent);
    if (other === null || other.hash === hash) return hash;
    if (other.to?.toLowerCase() === sent.to.toLowerCase() && other.input === sent.data) {
      this.change(hash, { hash: other.hash, again: true });
      return other.hash;
    }
    const cancelled = other.to === other.from && other.value === 0n && other.input === "0x";
    this.change(hash, { state: cancelled ? "cancelled" : "replaced", by: other.hash });
    throw new Replaced(cancelled, other.hash);
  }

  private async finalise(client: PublicClient, hash: Hex): Promise<void> {
    const [kind, argument = ""] = (await exchange()).finality.split(" ");
    for (;;) {
      const sent = this.list.find((one) => one.hash === hash);
      if (sent?.block == null) return;
      try {
        const tag = kind === "tag" ? (argument as "safe" | "finalized") : "latest";
        const newest = Number((await client.getBlock({ blockTag: tag })).number);
        if (newest - (kind === "depth" ? Number(argument) : 0) >= sent.block) break;
      } catch {
        // the node is away: ask again
      }
      await pause();
    }
    this.change(hash, { state: "final" });
  }

  private change(hash: Hex, change: Partial<Sent>): void {
    const sent = this.list.find((one) => one.hash === hash);
    if (sent === undefined) return;
    Object.assign(sent, change);
    this.keep();
  }

  private keep(): void {
    localStorage.setItem(KEPT, JSON.stringify(this.list));
  }
}

/** It was mined and reverted. The message says why, as far as that can be found out. */
export class Failed extends Error {
  constructor(
    readonly block: number,
    why: string,
  ) {
    super(why);
  }
}

/** Another transaction took its nonce: one that does nothing, when the person cancelled. */
export class Replaced extends Error {
  constructor(
    readonly cancelled: boolean,
    readonly by: Hex,
  ) {
    super();
  }
}

/** The transaction that was mined with the number of `sent`; null while there is none. By halving the blocks since. */
async function successor(client: PublicClient, { account: address, nonce, since }: Sent) {
  const [taken, newest] = await Promise.all([client.getTransactionCount({ address, blockTag: "latest" }), client.getBlockNumber()]);
  if (taken <= nonce) return null;
  let [before, upto] = [BigInt(since), newest];
  while (upto - before > 1n) {
    const blockNumber = (before + upto) / 2n;
    if ((await client.getTransactionCount({ address, blockNumber })) > nonce) upto = blockNumber;
    else before = blockNumber;
  }
  const { transactions } = await client.getBlock({ blockNumber: upto, includeTransactions: true });
  return transactions.find((one) => one.from.toLowerCase() === address.toLowerCase() && one.nonce === nonce) ?? null;
}

function unfinished({ state }: Sent): boolean {
  return state === "pending" || state === "mined";
}

/** Runs it again where it failed, to hear why. */
async function reason(client: PublicClient, hash: Hex): Promise<string> {
  const { explain } = await import("./explain");
  const sent = await client.getTransaction({ hash });
  try {
    await client.call({ account: sent.from, to: sent.to, data: sent.input, blockNumber: sent.blockNumber! - 1n });
  } catch (error) {
    const { text, detail } = explain(error);
    return detail === "" ? text : `${text} (${detail})`;
  }
  return "";
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

export const transactions = new Transactions();
