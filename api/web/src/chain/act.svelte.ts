/** Whatever is signed goes through here: said in words first, tried on the chain, signed, then followed until it is mined. */
import { encodeFunctionData, parseSignature, type Abi, type TransactionReceipt, type TypedDataDefinition } from "viem";
import { wallet } from "../wallet/wallet.svelte";
import type { Hex } from "../wallet/provider";
import { at, chain, type ContractName } from "./client";
import { explain, type Explanation } from "./explain";
import { Failed, Replaced, transactions } from "./transactions.svelte";

export type Line = readonly [label: string, value: string];

export interface Signature {
  v: number;
  r: Hex;
  s: Hex;
}

export interface Call {
  contract: ContractName;
  method: string;
  args: readonly unknown[];
}

export interface Action {
  title: string;
  /** What it means, for people. */
  lines: readonly Line[];
  /** Typed data that the wallet signs first. */
  permit?: TypedDataDefinition;
  call: (permit: Signature | null) => Call;
}

export type Stage = "asking" | "checking" | "permit" | "signing" | "sent" | "failed";

interface Open {
  action: Action;
  stage: Stage;
  explanation: Explanation | null;
  /** The transaction's parts, for whoever wants to compare them with the wallet. */
  contract: string;
  address: string;
  method: string;
  args: Line[];
  settle: (receipt: TransactionReceipt | null) => void;
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
  return new Promise((resolve) => {
    const settle = (receipt: TransactionReceipt | null) => {
      desk.open = null;
      resolve(receipt);
    };
    const { contract, method } = call;
    desk.open = { action, stage: "asking", explanation: null, contract, address, method, args: named(abi, call), settle };
  });
}

/** The reader agreed: signs and sends. */
export async function proceed(): Promise<void> {
  const open = desk.open;
  if (open === null) return;
  const { action } = open;
  open.explanation = null;
  try {
    open.stage = "checking";
    await wallet.enterChain();
    const account = wallet.account;
    if (account === null) return;
    const client = await chain();
    let permit: Signature | null = null;
    if (action.permit === undefined) await attempt(action.call(null), account);
    else {
      open.stage = "permit";
      permit = await signTyped(action.permit, account);
      open.stage = "checking";
      await attempt(action.call(permit), account);
    }
    const call = action.call(permit);
    const { address, abi } = await at(call.contract);
    const data = encodeFunctionData({ abi: abi as Abi, functionName: call.method, args: call.args });
    const free = (await client.getGasPrice()) === 0n ? { gasPrice: "0x0" } : {};
    open.stage = "signing";
    const asked = { from: account, to: address, data, ...free };
    const hash = (await wallet.provider.request({ method: "eth_sendTransaction", params: [asked] })) as Hex;
    open.stage = "sent";
    open.settle(await transactions.track(hash, account, action.title));
  } catch (error) {
    if (error instanceof Replaced) open.settle(null);
    open.stage = "failed";
    open.explanation =
      error instanceof Failed ? { text: error.message, detail: "", declined: false } : explain(error);
  }
}

export async function signTyped(data: TypedDataDefinition, account: Hex): Promise<Signature> {
  const { r, s, yParity } = parseSignature(await signTypedHex(data, account));
  return { v: 27 + yParity, r, s };
}

/** 65 bytes over EIP-712 typed data, by the wallet. */
export async function signTypedHex(data: TypedDataDefinition, account: Hex): Promise<Hex> {
  const { serializeTypedData } = await import("viem");
  const text = serializeTypedData({ ...data, types: { EIP712Domain: DOMAIN, ...data.types } } as never);
  return (await wallet.provider.request({ method: "eth_signTypedData_v4", params: [account, text] })) as Hex;
}

const DOMAIN = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

/** Has the node run the call. Raises what the contract would refuse with. */
async function attempt({ contract, method, args }: Call, account: Hex): Promise<void> {
  const { address, abi } = await at(contract);
  await (await chain()).simulateContract({ address, abi: abi as Abi, functionName: method, args, account });
}

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
