/** How the exchange is: from its service, and from the chain itself. */
import { exchange } from "../../lib/exchange";
import { at, chain } from "../../chain/client";
import type { Hex } from "../../wallet/provider";

export type Rules = Awaited<ReturnType<typeof rules>>;

/** What is in force, as the chain has it now. */
export async function rules() {
  const [client, info, trade, listings, log] = await Promise.all([chain(), exchange(), at("Exchange"), at("Listings"), at("LogAnchor")]);
  const custodian = [info.custodian as Hex] as const;
  const [terms, [pack, version], count] = await Promise.all([
    client.readContract({ ...trade, functionName: "terms" }),
    client.readContract({ ...listings, functionName: "rulePack" }),
    client.readContract({ ...log, functionName: "count", args: custodian }),
  ]);
  const anchored = count === 0n ? null : await client.readContract({ ...log, functionName: "latest", args: custodian });
  return { terms, pack, version, anchored };
}
