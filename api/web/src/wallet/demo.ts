/**
 * A wallet for the development profile: the accounts of anvil's mnemonic, whose keys everybody knows. It signs at once,
 * without asking; the page has said before what it will be.
 */
import { createWalletClient, hexToString, http, type Hex, type TypedDataDefinition } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import type { Exchange } from "../lib/exchange";
import type { Announced, Provider } from "./provider";

const MNEMONIC = "test test test test test test test test test test test junk";
const KEPT = "socai.demo";

/** In the order of the local chain's accounts (ledger/chain/devnet.py). */
export const ROLES = ["operator", "governor", "guardian", "seller", "buyer", "reviewer", "custodian", "provider", "arbiter", "supervisor"] as const;
export type DemoRole = (typeof ROLES)[number];

export function demoWallet(info: Exchange, rpcUrl: string): Announced & { become(role: DemoRole): void } {
  let role = (localStorage.getItem(KEPT) as DemoRole | null) ?? "buyer";
  const listeners = new Set<(accounts: never) => void>();
  const account = () => mnemonicToAccount(MNEMONIC, { addressIndex: Math.max(0, ROLES.indexOf(role)) });
  const client = () => createWalletClient({ account: account(), transport: http(rpcUrl) });

  async function request({ method, params = [] }: { method: string; params?: readonly unknown[] | object }): Promise<unknown> {
    const given = params as readonly unknown[];
    switch (method) {
      case "eth_requestAccounts":
      case "eth_accounts":
        return [account().address];
      case "eth_chainId":
        return `0x${info.chain_id.toString(16)}`;
      case "wallet_switchEthereumChain":
        return null;
      case "personal_sign":
        return account().signMessage({ message: hexToString(given[0] as Hex) });
      case "eth_signTypedData_v4":
        return account().signTypedData(JSON.parse(given[1] as string) as TypedDataDefinition);
      case "eth_sendTransaction": {
        const { to, data } = given[0] as { to: Hex; data: Hex };
        return client().sendTransaction({ to, data, chain: null, type: "legacy", gasPrice: 0n });
      }
      default:
        return client().request({ method, params: given } as never);
    }
  }

  const provider: Provider = {
    request,
    on: (event, listener) => event === "accountsChanged" && listeners.add(listener),
    removeListener: (_, listener) => listeners.delete(listener),
  };
  return {
    info: { uuid: "socai.demo", name: "Socai demo", icon: "", rdns: "socai.demo" },
    provider,
    become(next) {
      role = next;
      localStorage.setItem(KEPT, role);
      for (const listener of listeners) listener([account().address] as never);
    },
  };
}
