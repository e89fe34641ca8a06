/** Whatever is signed goes through here: said in words first, tried on the chain, signed, then followed until it is mined. */
import { encodeFunctionData, parseSignature, serializeTypedData, type Abi, type TransactionReceipt, type TypedDataDefinition } from "viem";
import { NotConnected, wallet } from "../wallet/wallet.svelte";
import type { Hex } from "../wallet/provider";
import { at, chain, type ContractName } from "./client";
import { explain, type Explanation } from "./explain";
import { transactions } from "./transactions.svelte";

export type Line = readonly [label: string, value: string];

interface Signature {
  v: number;
  r: Hex;
  s: Hex;
}

interface Call {
  contract: ContractName;
  method: string;
  args: readonly unknown[];
}

interface Action {
  title: string;
  /** What it means, for people. */
  lines: readonly Line[];
  /** Typed data that the wallet signs first. */
  permit?: TypedDataDefinition;
  call: (permit: Signature | null) => Call;
}

export type Stage = "asking" | "checking" | "permit" | "signing" | "sent" | "failed";

interface Open {
  title: string;
  lines: readonly Line[];
  /** Typed data that the wallet signs, first or only. */
  typed: TypedDataDefinition | null;
  /** The transaction's parts, for whoever wants to compare them with the wallet. */
  call: { contract: string; address: string; method: string; args: Line[] } | null;
  stage: Stage;
  explanation: Explanation | null;
  run: () => Promise<void>;
  cancel: () => void;
}

class Desk {
  open = $state<Open | null>(null);
}

export const desk = new Desk();

const NO_SIGNATURE: Signature = { v: 0, r: `0x${"0".repeat(64)}`, s: `0x${"0".repeat(64)}` };

/** Shows what would be signed; the receipt once it is mined, or null when the reader let it be. */
export async function act(action: Action): Promise<TransactionReceipt | null> {
  const call = action.call(action.permit === undefined ? null : NO_SIGNATURE);
  const { address, abi } = await at(call.contract);
  const { title, lines, permit = null } = action;
  const shown = { contract: call.contract, address, method: call.method, args: named(abi, call) };
  return ask({ title, lines, typed: permit, call: shown }, (account) => send(action, account));
}

/** Shows typed data; the wallet's signature of it, 65 bytes, or null when the reader let it be. */
export function sign(title: string, lines: readonly Line[], typed: TypedDataDefinition): Promise<Hex | null> {
  return ask({ title, lines, typed, call: null }, (account) => {
    enter("permit");
    return signTyped(typed, account);
  });
}

function ask<T>(
  shown: Pick<Open, "title" | "lines" | "typed" | "call">,
  work: (account: Hex) => Promise<T>,
): Promise<T | null> {
  return new Promise((resolve) => {
    const settle = (result: T | null) => {
      desk.open = null;
      resolve(result);
    };
    const run = async () => {
      desk.open!.explanation = null;
      try {
        enter("checking");
        await wallet.enterChain();
        if (wallet.account === null) throw new NotConnected();
        settle(await work(wallet.account));
      } catch (error) {
        fail(explain(error));
      }
    };
    desk.open = { ...shown, stage: "asking", explanation: null, run, cancel: () => settle(null) };
  });
}

async function send(action: Action, account: Hex): Promise<TransactionReceipt> {
  let permit: Signature | null = null;
  if (action.permit !== undefined) {
    enter("permit");
    const { r, s, yParity } = parseSignature(await signTyped(action.permit, account));
    permit = { v: 27 + yParity, r, s };
    enter("checking");
  }
  const { contract, method, args } = action.call(permit);
  const { address, abi } = await at(contract);
  const client = await chain();
  await client.simulateContract({ address, abi: abi as Abi, functionName: method, args, account });
  const data = encodeFunctionData({ abi: abi as Abi, functionName: method, args });
  const free = (await client.getGasPrice()) === 0n ? { gasPrice: "0x0" } : {};
  enter("signing");
  const asked = { from: account, to: address, data, ...free };
  const [nonce, since] = await Promise.all([client.getTransactionCount({ address: account, blockTag: "pending" }), client.getBlockNumber()]);
  const hash = (await wallet.provider.request({ method: "eth_sendTransaction", params: [asked] })) as Hex;
  enter("sent");
  return transactions.track(hash, action.title, { account, to: address, data, nonce, since: Number(since) });
}

function enter(stage: Stage): void {
  if (desk.open !== null) desk.open.stage = stage;
}

function fail(explanation: Explanation): void {
  if (desk.open !== null) Object.assign(desk.open, { stage: "failed", explanation });
}

/** 65 bytes over EIP-712 typed data, by the wallet. */
async function signTyped(data: TypedDataDefinition, account: Hex): Promise<Hex> {
  const text = serializeTypedData({ ...data, types: { EIP712Domain: DOMAIN, ...data.types } } as never);
  return (await wallet.provider.request({ method: "eth_signTypedData_v4", params: [account, text] })) as Hex;
}

const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

function named(abi: Abi, { method, args }: Call): Line[] {
  const found = abi.find((entry) => entry.type === "function" && entry.name === method && entry.inputs.length === args.length);
  const inputs = found?.type === "function" ? found.inputs : [];
  return inputs.flatMap((input, index) => flatten(input.name ?? String(index), args[index]));
}

function flatten(name: string, value: unknown): Line[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => flatten(`${name}[${index}]`, one));
  if (typeof value === "object" && value !== null)
    return Object.entries(value).flatMap(([key, one]) => flatten(`${name}.${key}`, one));
  return [[name, String(value)]];
}
