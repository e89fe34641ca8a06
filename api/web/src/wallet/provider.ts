/** Wallets in the browser: EIP-1193 providers that announce themselves by EIP-6963, or stand at `window.ethereum`. */
export type Hex = `0x${string}`;

export interface Provider {
  request(asked: { method: string; params?: readonly unknown[] | object }): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): unknown;
  removeListener?(event: string, listener: (value: never) => void): unknown;
}

export interface Announced {
  info: { uuid: string; name: string; icon: string; rdns: string };
  provider: Provider;
}

/** Tells of every wallet that announces itself, now and later; of `window.ethereum` only when none did in time. */
export function discover(found: (wallet: Announced) => void, patience = 300): void {
  const known = new Set<string>();
  window.addEventListener("eip6963:announceProvider", (event) => {
    const detail = (event as CustomEvent<Announced>).detail;
    if (typeof detail?.info?.uuid !== "string" || typeof detail.provider?.request !== "function") return;
    if (known.has(detail.info.uuid)) return;
    known.add(detail.info.uuid);
    found(detail);
  });
  window.dispatchEvent(new Event("eip6963:requestProvider"));
  const legacy = (window as { ethereum?: Provider }).ethereum;
  if (legacy !== undefined)
    setTimeout(() => {
      if (known.size === 0)
        found({ info: { uuid: "window.ethereum", name: "window.ethereum", icon: "", rdns: "window.ethereum" }, provider: legacy });
    }, patience);
}

/** What a provider refuses with (EIP-1193): 4001 the person did, 4902 the chain is unknown, -32002 it is asked already. */
export function codeOf(error: unknown): number | null {
  let cause: unknown = error;
  while (typeof cause === "object" && cause !== null) {
    const code = (cause as { code?: unknown }).code;
    if (typeof code === "number") return code;
    cause = (cause as { cause?: unknown }).cause;
  }
  return null;
}
