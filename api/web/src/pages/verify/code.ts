/** What a scanned code asks for: a licence's certificate of this exchange, or of another. */

export type Code = { licence: string; block: string | null } | { elsewhere: string } | null;

/** `base` is where the page stands. A certificate's code opens this page, a dossier's names the evidence itself. */
export function code(text: string, base: string): Code {
  let found: URL;
  try {
    found = new URL(text);
  } catch {
    return null;
  }
  if (found.protocol !== "https:" && found.protocol !== "http:") return null;
  const [path = "", query = ""] = found.hash.replace(/^#/, "").split("?", 2);
  const shown = path === "/verify" ? new URLSearchParams(query).get("licence") : null;
  const kept = /\/v1\/evidence\/licences\/([0-9]{1,29})$/.exec(found.pathname)?.[1] ?? null;
  const licence = shown ?? kept;
  if (licence === null || !/^[0-9]{1,29}$/.test(licence)) return null;
  if (found.origin !== new URL(base).origin) return { elsewhere: found.origin };
  const block = kept === null ? null : found.searchParams.get("block");
  return { licence, block: block !== null && /^[0-9]{1,15}$/.test(block) ? block : null };
}
