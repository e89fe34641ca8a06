/** The reader's wallet: which it is, its account and chain as it changes them, and the session that it signed in. */
import { ask, speakAs } from "../lib/api";
import { exchange, type Exchange } from "../lib/exchange";
import { codeOf, discover, type Announced, type Hex, type Provider } from "./provider";

const CHOSEN = "socai.wallet";
const SESSION = "socai.session";

interface Session {
  account: Hex;
  token: string;
  expires: number;
}

class Wallet {
  available = $state.raw<Announced[]>([]);
  chosen = $state.raw<Announced | null>(null);
  account = $state<Hex | null>(null);
  chainId = $state<number | null>(null);
  session = $state.raw<Session | null>(null);
  /** Whether the picker is open. */
  picking = $state(false);

  private letGo: () => void = () => undefined;

  constructor() {
    discover((wallet) => {
      this.available = [...this.available, wallet];
      if (this.chosen === null && localStorage.getItem(CHOSEN) === wallet.info.rdns) void this.resume(wallet);
    });
  }

  get provider(): Provider {
    if (this.chosen === null) throw new NotConnected();
    return this.chosen.provider;
  }

  /** Adds a wallet of our own. */
  offer(wallet: Announced): void {
    this.available = [...this.available.filter(({ info }) => info.uuid !== wallet.info.uuid), wallet];
    if (this.chosen === null && localStorage.getItem(CHOSEN) === wallet.info.rdns) void this.resume(wallet);
  }

  /** Asks the wallet for its accounts. Raises what it refuses with. */
  async connect(wallet: Announced): Promise<void> {
    const accounts = (await wallet.provider.request({ method: "eth_requestAccounts" })) as Hex[];
    await this.take(wallet, accounts);
  }

  disconnect(): void {
    this.letGo();
    this.chosen = this.account = this.chainId = null;
    localStorage.removeItem(CHOSEN);
    this.forget();
  }

  /** A session for the account that is chosen now: the open one, or one that the wallet signs (EIP-4361). */
  async signIn(): Promise<void> {
    if (this.account === null) throw new NotConnected();
    if (this.session !== null && this.session.account === this.account && this.session.expires > Date.now()) return;
    const challenge = await ask("get", "/v1/auth/nonce");
    const message = [
      `${challenge.domain} wants you to sign in with your Ethereum account:`,
      this.account,
      "",
      "",
      `URI: ${challenge.uri}`,
      `Version: ${challenge.version}`,
      `Chain ID: ${challenge.chain_id}`,
      `Nonce: ${challenge.nonce}`,
      `Issued At: ${challenge.issued_at}`,
      `Expiration Time: ${challenge.expiration_time}`,
    ].join("\n");
    const signature = (await this.provider.request({
      method: "personal_sign",
      params: [hex(new TextEncoder().encode(message)), this.account],
    })) as Hex;
    const opened = await ask("post", "/v1/auth/verify", { body: { message, signature } });
    this.session = { account: this.account, token: opened.token, expires: Date.parse(opened.expires_at) };
    sessionStorage.setItem(SESSION, JSON.stringify(this.session));
    speakAs(opened.token);
  }

  async signOut(): Promise<void> {
    await ask("delete", "/v1/auth/session").catch(() => undefined);
    this.forget();
  }

  /** Has the wallet be on the exchange's chain; tells it of the chain when it knows none such. */
  async enterChain(): Promise<void> {
    const info = await exchange();
    const wanted: Hex = `0x${info.chain_id.toString(16)}`;
    const current = Number(await this.provider.request({ method: "eth_chainId" }));
    this.chainId = current;
    if (current === info.chain_id) return;
    try {
      await this.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
    } catch (error) {
      if (codeOf(error) !== 4902 || info.public_rpc_url === null) throw error;
      await this.provider.request({ method: "wallet_addEthereumChain", params: [chainParameters(info, wanted)] });
      await this.provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: wanted }] });
    }
    this.chainId = Number(await this.provider.request({ method: "eth_chainId" }));
    if (this.chainId !== info.chain_id) throw new WrongChain();
  }

  private async resume(wallet: Announced): Promise<void> {
    const accounts = (await wallet.provider.request({ method: "eth_accounts" }).catch(() => [])) as Hex[];
    if (accounts.length > 0 && this.chosen === null) await this.take(wallet, accounts);
  }

  private async take(wallet: Announced, accounts: readonly Hex[]): Promise<void> {
    this.letGo();
    const { provider } = wallet;
    const chain = Number(await provider.request({ method: "eth_chainId" }));
    this.chosen = wallet;
    this.chainId = chain;
    localStorage.setItem(CHOSEN, wallet.info.rdns);
    await this.become(accounts);
    const onAccounts = (changed: Hex[]) => void this.become(changed);
    const onChain = (changed: Hex) => (this.chainId = Number(changed));
    const onDisconnect = () => this.disconnect();
    provider.on?.("accountsChanged", onAccounts);
    provider.on?.("chainChanged", onChain);
    provider.on?.("disconnect", onDisconnect);
    this.letGo = () => {
      provider.removeListener?.("accountsChanged", onAccounts);
      provider.removeListener?.("chainChanged", onChain);
      provider.removeListener?.("disconnect", onDisconnect);
    };
  }

  private async become(accounts: readonly Hex[]): Promise<void> {
    const [first] = accounts;
    if (first === undefined) return this.disconnect();
    const { checksummed } = await import("../chain/address");
    this.account = checksummed(first);
    const kept = JSON.parse(sessionStorage.getItem(SESSION) ?? "null") as Session | null;
    if (kept !== null && kept.account === this.account && kept.expires > Date.now()) {
      this.session = kept;
      speakAs(kept.token);
    } else this.forget();
  }

  private forget(): void {
    this.session = null;
    sessionStorage.removeItem(SESSION);
    speakAs(null);
  }
}

/** No wallet is connected. */
export class NotConnected extends Error {}

/** The wallet stays on another chain. */
export class WrongChain extends Error {}

function chainParameters(info: Exchange, chainId: Hex): object {
  return {
    chainId,
    chainName: info.chain_name,
    rpcUrls: [info.public_rpc_url],
    nativeCurrency: { name: "Gas", symbol: "GAS", decimals: 18 },
    blockExplorerUrls: null,
  };
}

function hex(bytes: Uint8Array): Hex {
  return `0x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export const wallet = new Wallet();
