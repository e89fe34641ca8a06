/**
 * What this browser sent to the chain, kept across reloads, and how far each came:
 * pending → mined → final, or failed, or replaced by another transaction of the same nonce.
 */
import type { PublicClient, TransactionReceipt } from "viem";
import { exchange } from "../lib/exchange";
import type { Hex } from "../wallet/provider";

export type State = "pending" | "mined" | "final" | "failed" | "replaced";

export interface Sent {
  hash: Hex;
  account: Hex;
  /** What it does, in the words of when it was sent. */
  title: string;
  at: number;
  nonce: number | null;
  state: State;
  block: number | null;
  /** Why it failed. */
  why: string;
  /** The transaction that took its place. */
  by: Hex | null;
}

const KEPT = "socai.transactions";
const MOST = 20;
const PAUSE = 1000;

class Transactions {
  list = $state<Sent[]>(JSON.parse(localStorage.getItem(KEPT) ?? "[]") as Sent[]);

  constructor() {
    for (const sent of this.list) if (unfinished(sent)) void this.follow(sent.hash);
  }

  /** Keeps a transaction and follows it until it is mined. Raises Failed, Replaced. */
  async track(hash: Hex, account: Hex, title: string): Promise<TransactionReceipt> {
    const sent: Sent = { hash, account, title, at: Date.now(), nonce: null, state: "pending", block: null, why: "", by: null };
    this.list = [sent, ...this.list].slice(0, MOST);
    this.keep();
    return this.follow(hash);
  }

  dismiss(hash: Hex): void {
    this.list = this.list.filter((sent) => sent.hash !== hash);
    this.keep();
  }

  private async follow(hash: Hex): Promise<TransactionReceipt> {
    const { chain } = await import("./client");
    const client = await chain();
    for (;;) {
      try {
        const receipt = await this.look(client, hash);
        if (receipt !== null) {
          void this.finalise(client, hash);
          return receipt;
        }
      } catch (error) {
        if (error instanceof Failed || error instanceof Replaced) throw error;
        // the node is away: ask again
      }
      await pause();
    }
  }

  private async look(client: PublicClient, hash: Hex): Promise<TransactionReceipt | null> {
    const receipt = await client.getTransactionReceipt({ hash }).catch(() => null);
    if (receipt === null) {
      await this.replacement(client, hash);
      return null;
    }
    const block = Number(receipt.blockNumber);
    if (receipt.status === "success") {
      this.change(hash, { state: "mined", block });
      return receipt;
    }
    const why = await reason(client, hash);
    this.change(hash, { state: "failed", block, why });
    throw new Failed(why);
  }

  private async replacement(client: PublicClient, hash: Hex): Promise<void> {
    const sent = this.list.find((one) => one.hash === hash);
    if (sent === undefined) return;
    if (sent.nonce === null) {
      const found = await client.getTransaction({ hash }).catch(() => null);
      if (found !== null) this.change(hash, { nonce: found.nonce });
      return;
    }
    const next = await client.getTransactionCount({ address: sent.account, blockTag: "latest" });
    if (next <= sent.nonce || (await client.getTransactionReceipt({ hash }).catch(() => null)) !== null) return;
    this.change(hash, { state: "replaced" });
    throw new Replaced();
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

/** It was mined and reverted. */
export class Failed extends Error {}

/** Another transaction took its nonce. */
export class Replaced extends Error {}

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
