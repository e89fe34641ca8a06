/** The chain: read through the exchange's public node, or through the wallet where it names none. */
import { createPublicClient, custom, http, type Abi, type PublicClient } from "viem";
import * as AccessManager from "../generated/AccessManager";
import { errors } from "../generated/errors";
import * as Exchange from "../generated/Exchange";
import * as Licences from "../generated/Licences";
import * as Listings from "../generated/Listings";
import * as LogAnchor from "../generated/LogAnchor";
import * as Participants from "../generated/Participants";
import * as Reviews from "../generated/Reviews";
import * as SettlementToken from "../generated/SettlementToken";
import { exchange } from "../lib/exchange";
import { wallet } from "../wallet/wallet.svelte";
import type { Hex } from "../wallet/provider";

/** Every contract with all errors of all of them: a call reverts with the error of whichever it reached. */
export const ABI = {
  AccessManager: [...AccessManager.abi, ...errors],
  Exchange: [...Exchange.abi, ...errors],
  Licences: [...Licences.abi, ...errors],
  Listings: [...Listings.abi, ...errors],
  LogAnchor: [...LogAnchor.abi, ...errors],
  Participants: [...Participants.abi, ...errors],
  Reviews: [...Reviews.abi, ...errors],
  SettlementToken: [...SettlementToken.abi, ...errors],
} as const satisfies Record<string, Abi>;

export type ContractName = keyof typeof ABI;

let opened: { client: PublicClient; provider: unknown } | null = null;

export async function chain(): Promise<PublicClient> {
  const url = (await exchange()).public_rpc_url;
  const provider = url === null ? wallet.provider : url;
  if (opened?.provider !== provider) {
    const transport = typeof provider === "string" ? http(provider, { batch: true }) : custom(provider);
    opened = { client: createPublicClient({ transport, pollingInterval: 1000 }), provider };
  }
  return opened.client;
}

/** Where the contract is, and its interface. */
export async function at<N extends ContractName>(name: N): Promise<{ address: Hex; abi: (typeof ABI)[N] }> {
  const address = (await exchange()).contracts[name];
  if (address === undefined) throw new Error(`the exchange has no ${name}`);
  return { address: address as Hex, abi: ABI[name] };
}
