/** The index follows the chain by a moment: what was just done is waited for before it is read. */
import { transactions } from "../chain/transactions.svelte";
import { ask } from "./api";

const PAUSE = 300;
const PATIENCE = 20;

/** Until the index holds the newest transaction of this browser; not for ever. */
export async function indexed(): Promise<void> {
  const newest = Math.max(0, ...transactions.list.map(({ block }) => block ?? 0));
  for (let patience = PATIENCE; newest > 0 && patience > 0; patience--) {
    const { block_number: held } = await ask("get", "/v1/listings", { query: { limit: 1 } });
    if (held >= newest) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
