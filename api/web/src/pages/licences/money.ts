/** What became of the money that was paid for a licence, as the chain recorded it. */
import { at, chain } from "../../chain/client";
import { exchange } from "../../lib/exchange";

/** IExchange.Part, in its order: what the holder wants to know first comes last. */
export const PARTS = ["fee", "tax", "upstream", "seller", "refund"] as const;
export type Part = (typeof PARTS)[number];

/** Each part that there is, over the purchase and all renewals. */
export async function allocated(licence: bigint): Promise<{ part: Part; amount: bigint }[]> {
  const [client, contract, info] = await Promise.all([chain(), at("Exchange"), exchange()]);
  const found = await client.getContractEvents({ ...contract, eventName: "Allocated", args: { licence }, fromBlock: BigInt(info.first_block), strict: true });
  const sums = new Map<Part, bigint>();
  for (const { args } of found) {
    const part = PARTS[args.part]!;
    sums.set(part, (sums.get(part) ?? 0n) + args.amount);
  }
  return [...PARTS].reverse().flatMap((part) => (sums.has(part) ? [{ part, amount: sums.get(part)! }] : []));
}
