/** How the exchange is: from its service, and from the chain itself. */
import { ask, send } from "../../lib/api";
import { exchange } from "../../lib/exchange";
import { at, chain } from "../../chain/client";
import * as LogAnchor from "../../generated/LogAnchor";
import type { Hex } from "../../wallet/provider";

export async function health() {
  const [service, checkpoint] = await Promise.all([ask("get", "/v1/health"), logSize()]);
  return { service, checkpoint };
}

/** Entries of the access log as its signed checkpoint says (C2SP tlog-checkpoint: the second line). */
async function logSize(): Promise<number> {
  const note = await (await send("/v1/log/checkpoint")).text();
  return Number(note.split("\n")[1]);
}

export async function rules() {
  const [client, info, trade, listings] = await Promise.all([chain(), exchange(), at("Exchange"), at("Listings")]);
  const log = { address: info.contracts["LogAnchor"] as Hex, abi: LogAnchor.abi, args: [info.custodian as Hex] } as const;
  const [terms, [pack, version], count] = await Promise.all([
    client.readContract({ ...trade, functionName: "terms" }),
    client.readContract({ ...listings, functionName: "rulePack" }),
    client.readContract({ ...log, functionName: "count" }),
  ]);
  const anchored = count === 0n ? null : await client.readContract({ ...log, functionName: "latest" });
  return { terms, pack, version, anchored };
}
