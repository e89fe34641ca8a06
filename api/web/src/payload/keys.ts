/** The browser's encryption keys for an account: their private halves stay in IndexedDB and cannot be read out. */
import { sign } from "../chain/act.svelte";
import { at } from "../chain/client";
import { toHex, type Bytes } from "../crypto/bytes";
import type { QuantumKey } from "../crypto/quantum";
import { encodedPublic, newKeyPair, open } from "../crypto/seal";
import { ask, type Schemas } from "../lib/api";
import { stored } from "../lib/database";
import { exchange } from "../lib/exchange";
import type { Hex } from "../wallet/provider";
import { t } from "./words";

const DEADLINE_SECONDS = 600;
const FIELDS = { account: "address", publicKey: "bytes", sequence: "uint64", deadline: "uint64" };

/** Whom data keys are sealed to, and who opens them. */
export interface Recipient {
  publicKey: Bytes;
  open(sealed: Bytes, info: Bytes): Promise<Bytes>;
}

type Keys = Schemas["EncryptionKeyList"]["keys"];

/** This browser's key of the account, if it is registered now; else a new one that the wallet registers. Null when the
 * reader let it be. `quantum`: one that also stands against a quantum computer. */
export async function recipient(account: Hex, quantum: boolean): Promise<Recipient | null> {
  const { keys } = await ask("get", "/v1/encryption-keys");
  return quantum ? hybrid(account, keys) : classic(account, keys);
}

/** Whether this browser has a post-quantum key of the account. */
export async function hasQuantum(account: Hex): Promise<boolean> {
  return (await stored<QuantumKey>("keys", "readonly", (store) => store.get(quantumPlace(account)))) !== undefined;
}

async function classic(account: Hex, keys: Keys): Promise<Recipient | null> {
  const kept = await stored<CryptoKeyPair>("keys", "readonly", (store) => store.get(account));
  const of = async (pair: CryptoKeyPair): Promise<Recipient> => ({ publicKey: await encodedPublic(pair), open: (sealed, info) => open(sealed, pair, info) });
  if (kept !== undefined) {
    const found = await of(kept);
    if (registered(keys, found.publicKey)) return found;
  }
  const pair = await newKeyPair();
  const made = await of(pair);
  const keep = () => stored("keys", "readwrite", (store) => store.put(pair, account));
  return (await register(account, "X25519", keys, made.publicKey, keep)) ? made : null;
}

async function hybrid(account: Hex, keys: Keys): Promise<Recipient | null> {
  const { newQuantumKey, openQuantum } = await import("../crypto/quantum");
  const place = quantumPlace(account);
  const of = (key: QuantumKey): Recipient => ({ publicKey: key.publicKey, open: (sealed, info) => openQuantum(sealed, key, info) });
  const kept = await stored<QuantumKey>("keys", "readonly", (store) => store.get(place));
  if (kept !== undefined && registered(keys, kept.publicKey)) return of(kept);
  const key = await newQuantumKey();
  const keep = () => stored("keys", "readwrite", (store) => store.put(key, place));
  return (await register(account, "MLKEM768_X25519", keys, key.publicKey, keep)) ? of(key) : null;
}

function quantumPlace(account: Hex): string {
  return `${account}/MLKEM768_X25519`;
}

function registered(keys: Keys, publicKey: Bytes): boolean {
  return keys.some((key) => key.public_key === toHex(publicKey) && key.revoked_at === null);
}

/** False when the reader let it be. The key is kept before the service knows it. */
async function register(account: Hex, suite: string, keys: Keys, key: Bytes, keep: () => Promise<unknown>): Promise<boolean> {
  const publicKey = toHex(key);
  const sequence = Math.max(0, ...keys.filter((one) => one.suite === suite).map((one) => one.sequence)) + 1;
  const deadline = Math.floor(Date.now() / 1000) + DEADLINE_SECONDS;
  const { chain_id: chainId } = await exchange();
  const { address: verifyingContract } = await at("Licences");
  const signature = await sign(t("register"), [[t("account"), account], [t("suite"), suite], [t("why"), t("registerWhy")]], {
    domain: { name: "Socai Keys", version: "1", chainId, verifyingContract },
    types: { EncryptionKey: Object.entries(FIELDS).map(([name, type]) => ({ name, type })) },
    primaryType: "EncryptionKey",
    message: { account, publicKey, sequence, deadline },
  });
  if (signature === null) return false;
  await keep();
  await ask("put", "/v1/encryption-keys", { body: { public_key: publicKey, sequence, deadline, signature } });
  return true;
}
