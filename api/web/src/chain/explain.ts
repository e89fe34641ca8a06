/** What went wrong, for people: never a scolding, always whether anything happened. */
import { BaseError, ContractFunctionRevertedError, decodeErrorResult, HttpRequestError, type Hex } from "viem";
import { errors, type ErrorName } from "../generated/errors";
import { PayloadError } from "../crypto/error";
import { Problem, Unreachable } from "../lib/api";
import { codeOf } from "../wallet/provider";
import { NotConnected, WrongChain } from "../wallet/wallet.svelte";
import { Failed, Replaced } from "./transactions.svelte";
import { t, type Explained } from "./words";

export interface Explanation {
  text: string;
  /** The contract's error as it decoded, or the service's code: for a report. */
  detail: string;
  /** The person said no in the wallet: nothing is wrong. */
  declined: boolean;
}

export function explain(error: unknown): Explanation {
  const code = codeOf(error);
  if (code === 4001 || code === 5000) return { text: t("declined"), detail: "", declined: true };
  if (error instanceof BaseError) {
    const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (reverted instanceof ContractFunctionRevertedError && reverted.data !== undefined)
      return contract(reverted.data.errorName as ErrorName, reverted.data.args ?? []);
    if (error.walk((cause) => cause instanceof HttpRequestError)) return { text: t("chainUnreachable"), detail: error.shortMessage, declined: false };
  }
  const data = revertData(error);
  if (data !== null) {
    try {
      const decoded = decodeErrorResult({ abi: errors, data });
      return contract(decoded.errorName, (decoded.args ?? []) as readonly unknown[]);
    } catch {
      // of no contract of ours
    }
  }
  if (code === -32002) return { text: t("walletBusy"), detail: "", declined: false };
  if (code === 4100 || code === 4900 || code === 4901) return { text: t("walletAway"), detail: "", declined: false };
  if (error instanceof Failed)
    return { text: t("failed", { block: String(error.block), why: error.message || t("failedSilently") }), detail: "", declined: false };
  if (error instanceof Replaced) return { text: t(error.cancelled ? "cancelled" : "replaced"), detail: error.by, declined: error.cancelled };
  if (error instanceof NotConnected) return { text: t("notConnected"), detail: "", declined: false };
  if (error instanceof WrongChain) return { text: t("wrongChain"), detail: "", declined: false };
  if (error instanceof Problem) return { text: t("refused", { detail: error.detail }), detail: error.code, declined: false };
  if (error instanceof PayloadError) return { text: t("untrue"), detail: error.message, declined: false };
  if (error instanceof Unreachable) return { text: t("unreachable"), detail: error.message, declined: false };
  return { text: t("unknown"), detail: error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : String(error), declined: false };
}

/** A contract's error: in words where we have them, always with its name and arguments. */
export function contract(name: ErrorName, values: readonly unknown[]): Explanation {
  const inputs = errors.find((error) => error.name === name)?.inputs ?? [];
  const detail = `${name}(${inputs.map((input, index) => `${input.name}: ${String(values[index])}`).join(", ")})`;
  const named = Object.fromEntries(inputs.map((input, index) => [input.name, String(values[index])]));
  const key: Explained = t.knows(name) ? name : "contractRefused";
  return { text: t(key, named), detail, declined: false };
}

function revertData(error: unknown): Hex | null {
  let cause: unknown = error;
  while (typeof cause === "object" && cause !== null) {
    const { data, cause: next } = cause as { data?: unknown; cause?: unknown };
    if (typeof data === "string" && /^0x[0-9a-f]{8,}$/i.test(data)) return data as Hex;
    cause = next ?? (typeof data === "object" ? data : undefined);
  }
  return null;
}
