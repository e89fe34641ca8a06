/**
 * Decisions of the governors: calls that the access manager holds back for a while (OpenZeppelin AccessManager:
 * schedule, then execute or cancel). Read from its log, and each standing asked of the chain itself.
 */
import { decodeFunctionData, encodeFunctionData, type Abi } from "viem";
import { ABI, at, chain, type ContractName } from "../../chain/client";
import { exchange } from "../../lib/exchange";
import type { Hex } from "../../wallet/provider";

export type Standing = "waiting" | "ready" | "executed" | "cancelled" | "expired";

export interface Decision {
  id: Hex;
  nonce: number;
  caller: Hex;
  target: Hex;
  data: Hex;
  /** Unix seconds from which, and until which, it may be executed. */
  from: number;
  until: number;
  standing: Standing;
  /** The contract and function, and the arguments in order; the bare bytes where no contract of ours has it. */
  contract: string;
  method: string;
  args: [name: string, value: string][];
}

/** All ever scheduled, the newest first, as of the chain's newest block; and that block's time. */
export async function decisions(): Promise<{ now: number; found: Decision[] }> {
  const [client, manager, info] = await Promise.all([chain(), at("AccessManager"), exchange()]);
  const since = { ...manager, fromBlock: BigInt(info.first_block), strict: true } as const;
  const [scheduled, executed, cancelled, head, lasting] = await Promise.all([
    client.getContractEvents({ ...since, eventName: "OperationScheduled" }),
    client.getContractEvents({ ...since, eventName: "OperationExecuted" }),
    client.getContractEvents({ ...since, eventName: "OperationCanceled" }),
    client.getBlock(),
    client.readContract({ ...manager, functionName: "expiration" }),
  ]);
  const now = Number(head.timestamp);
  const key = ({ args }: { args: { operationId: Hex; nonce: number } }): string => `${args.operationId} ${args.nonce}`;
  const [done, dropped] = [new Set(executed.map(key)), new Set(cancelled.map(key))];
  const found = await Promise.all(
    scheduled.map(async (log): Promise<Decision> => {
      const { operationId: id, nonce, schedule, caller, target, data } = log.args;
      const over = done.has(key(log)) || dropped.has(key(log));
      const held = over ? 0 : await client.readContract({ ...manager, functionName: "getSchedule", args: [id] });
      const from = held === 0 ? schedule : held;
      const standing = done.has(key(log)) ? "executed" : dropped.has(key(log)) ? "cancelled" : held === 0 ? "expired" : from <= now ? "ready" : "waiting";
      return { id, nonce, caller, target, data, from, until: from + lasting, standing, ...decoded(info.contracts, target, data) };
    }),
  );
  return { now, found: found.reverse() };
}

function decoded(contracts: Record<string, string>, target: Hex, data: Hex): Pick<Decision, "contract" | "method" | "args"> {
  const contract = Object.keys(contracts).find((name) => contracts[name]?.toLowerCase() === target.toLowerCase());
  if (contract !== undefined && contract in ABI) {
    try {
      const abi: Abi = ABI[contract as ContractName];
      const { functionName, args = [] } = decodeFunctionData({ abi, data });
      const found = abi.find((entry) => entry.type === "function" && entry.name === functionName);
      const inputs = found?.type === "function" ? found.inputs : [];
      return { contract, method: functionName, args: args.map((value, index) => [inputs[index]?.name ?? String(index), String(value)]) };
    } catch {
      // of no function of ours
    }
  }
  return { contract: contract ?? target, method: data.slice(0, 10), args: [["data", data]] };
}

/** What a governor decides here: a function of a contract with its arguments. */
export interface Proposal {
  contract: ContractName;
  method: string;
  args: readonly unknown[];
}

/** Where the call goes and its bytes. */
export async function encoded({ contract, method, args }: Proposal): Promise<{ target: Hex; data: Hex }> {
  const { address, abi } = await at(contract);
  return { target: address, data: encodeFunctionData({ abi: abi as Abi, functionName: method, args }) };
}

/** Seconds that this account must wait between deciding this and doing it; null when it may not at all. */
export async function waiting(account: Hex, { target, data }: { target: Hex; data: Hex }): Promise<number | null> {
  const [client, manager] = await Promise.all([chain(), at("AccessManager")]);
  const selector = data.slice(0, 10) as Hex;
  const [immediate, delay] = await client.readContract({ ...manager, functionName: "canCall", args: [account, target, selector] });
  return immediate ? 0 : delay === 0 ? null : delay;
}
