/** Entries of the journals, page by page. */
import { ask, type Schemas } from "../../lib/api";

export type Entry = Schemas["EntryInfo"];
export type Page = Schemas["EntryPage"];
export type Filter = Readonly<Record<string, string>>;

/** The filters that an address may carry. */
export const FILTERS = ["account", "listing", "licence", "reference", "jurisdiction", "contract", "event", "importance", "subject", "first_block", "last_block"];
const LARGEST_PAGE = 200;

export function page(filter: Filter, cursor: string | null, limit = 50): Promise<Page> {
  const query = { ...filter, limit, ...(cursor === null ? {} : { cursor }) };
  return ask("get", "/v1/history/entries", { query: query as never });
}

/** All entries that meet the filter, the oldest first. */
export async function every(filter: Filter): Promise<Entry[]> {
  const found: Entry[] = [];
  let cursor: string | null = null;
  do {
    const part: Page = await page({ ...filter, order: "oldest" }, cursor, LARGEST_PAGE);
    found.push(...part.items);
    cursor = part.next;
  } while (cursor !== null);
  return found;
}

/** The arguments as name and text. */
export function told(entry: Entry): [name: string, value: string][] {
  return Object.entries(entry.args).map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}

export const HEADINGS = ["block", "log", "time", "transaction", "contract", "event", "position", "listing", "licence", "arguments"];

/** A row of a file: RFC 4180 columns as `HEADINGS`. */
export function row(entry: Entry): string[] {
  return [
    String(entry.block_number),
    String(entry.log_index),
    entry.block_time,
    entry.transaction,
    entry.contract,
    entry.event,
    String(entry.position ?? ""),
    String(entry.listing ?? ""),
    entry.licence ?? "",
    JSON.stringify(entry.args),
  ];
}
