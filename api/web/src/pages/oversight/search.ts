/** Where the one search box leads. */

export interface Place {
  path: string;
  query: Record<string, string>;
}

const HOME = "/oversight";

/** An account, a payment's reference, a listing, a licence, a country, a contract or an event, by its look. */
export function place(text: string): Place | null {
  const asked = text.trim();
  if (/^0x[0-9a-fA-F]{40}$/.test(asked)) return { path: `${HOME}/participants/${asked}`, query: {} };
  if (/^0x[0-9a-fA-F]{64}$/.test(asked)) return { path: HOME, query: { reference: asked.toLowerCase() } };
  if (/^[0-9]{1,29}$/.test(asked)) {
    const id = BigInt(asked);
    if (id > 0n && id < 1n << 48n) return { path: `${HOME}/listings/${id}`, query: {} };
    return id < 1n << 96n && id > 0n ? { path: `${HOME}/licences/${id}`, query: {} } : null;
  }
  if (/^[A-Z]{2}$/.test(asked)) return { path: HOME, query: { jurisdiction: asked } };
  if (CONTRACTS.includes(asked)) return { path: HOME, query: { contract: asked } };
  return /^[A-Za-z][A-Za-z0-9]{2,63}$/.test(asked) ? { path: HOME, query: { event: asked } } : null;
}

export const CONTRACTS = ["Exchange", "Licences", "Listings", "Participants", "Reviews", "LogAnchor"];
