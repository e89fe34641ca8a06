/** The browser's encryption key for an account: its private half stays in IndexedDB and cannot be read out. */
import { sign } from "../chain/act.svelte";
import { at } from "../chain/client";
import { toHex } from "../crypto/bytes";
import { encodedPublic, newKeyPair } from "../crypto/seal";
import { ask } from "../lib/api";
import { exchange } from "../lib/exchange";
import type { Hex } from "../wallet/provider";
import { t } from "./words";

const DEADLINE_SECONDS = 600;
const STORE = "keys";
const FIELDS = { account: "address", publicKey: "bytes", sequence: "uint64", deadline: "uint64" };

/** The pair that keys are sealed to: this browser's, if it is registered now; else a new one that the wallet registers.
 * Null when the reader let it be. */
export async function recipient(account: Hex): Promise<CryptoKeyPair | null> {
  const { keys } = await ask("get", "/v1/encryption-keys");
  const kept = await stored<CryptoKeyPair>("readonly", (store) => store.get(account));
  if (kept !== undefined) {
    const encoded = toHex(await encodedPublic(kept));
    if (keys.some((key) => key.public_key === encoded && key.revoked_at === null)) return kept;
  }
  const pair = await newKeyPair();
  const publicKey = toHex(await encodedPublic(pair));
  const sequence = Math.max(0, ...keys.filter(({ suite }) => suite === "X25519").map((key) => key.sequence)) + 1;
  const deadline = Math.floor(Date.now() / 1000) + DEADLINE_SECONDS;
  const { chain_id: chainId } = await exchange();
  const { address: verifyingContract } = await at("Licences");
  const signature = await sign(t("register"), [[t("account"), account], [t("why"), t("registerWhy")]], {
    domain: { name: "Socai Keys", version: "1", chainId, verifyingContract },
    types: { EncryptionKey: Object.entries(FIELDS).map(([name, type]) => ({ name, type })) },
    primaryType: "EncryptionKey",
    message: { account, publicKey, sequence, deadline },
  });
  if (signature === null) return null;
  await stored("readwrite", (store) => store.put(pair, account));
  await ask("put", "/v1/encryption-keys", { body: { public_key: publicKey, sequence, deadline, signature } });
  return pair;
}

function stored<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("socai", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const request = work(opening.result.transaction(STORE, mode).objectStore(STORE));
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        opening.result.close();
        resolve(request.result as T | undefined);
      };
    };
  });
}
