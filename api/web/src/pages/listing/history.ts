/** What the chain says of a listing beyond the catalogue: its upstreams, its plans and versions as they came and went. */
import { parseEventLogs } from "viem";
import { at, chain } from "../../chain/client";
import { firstBlock } from "../../chain/trade";
import { dong } from "../../lib/format";
import { t } from "./words";

export interface Upstream {
  licence: bigint;
  shareBps: number;
}

export interface Happened {
  at: number;
  block: bigint;
  what: string;
}

export async function upstreams(listing: number): Promise<readonly Upstream[]> {
  return (await chain()).readContract({ ...(await at("Listings")), functionName: "upstreams", args: [listing] });
}

export async function history(listing: number): Promise<Happened[]> {
  const client = await chain();
  const { address, abi } = await at("Listings");
  const raw = await client.getLogs({ address, fromBlock: await firstBlock(), toBlock: "latest" });
  const logs = parseEventLogs({ abi, logs: raw, eventName: ["PlanAdded", "PlanClosed", "VersionPublished"] });
  const ours = logs.filter(({ args }) => args.listing === listing);
  const blocks = new Map<bigint, number>();
  for (const number of new Set(ours.map(({ blockNumber }) => blockNumber)))
    blocks.set(number, Number((await client.getBlock({ blockNumber: number })).timestamp));
  return ours.map((log) => ({
    at: blocks.get(log.blockNumber) ?? 0,
    block: log.blockNumber,
    what:
      log.eventName === "PlanAdded"
        ? t("planAdded", { plan: String(log.args.plan & 0xffffn), price: log.args.draft.price === 0n ? t("free") : dong(log.args.draft.price) })
        : log.eventName === "PlanClosed"
          ? t("planClosed", { plan: String(log.args.plan & 0xffffn) })
          : t("version", { number: log.args.version }),
  }));
}
