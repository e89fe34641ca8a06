/**
 * The post-quantum suite of ledger/crypto/seal.py: MLKEM768-X25519 (X-Wing, draft-ietf-hpke-pq), HKDF-SHA256, AES-256-GCM.
 *
 * No browser keeps such keys itself yet. The seed stays encrypted under a key that no script can read out, and is in memory
 * for as long as something is opened with it.
 */
import { Aes256Gcm, CipherSuite, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { join, same, type Bytes } from "./bytes";
import { OpenFailed } from "./seal";

export const SUITE = Uint8Array.of(0x64, 0x7a, 0x00, 0x01, 0x00, 0x02);
const SEED = 32;
const ENC = 1120;
const IV = 12;

export interface QuantumKey {
  /** Encoded, to be published. */
  publicKey: Bytes;
  wrapping: CryptoKey;
  iv: Bytes;
  /** The seed, under `wrapping`. */
  sealedSeed: Bytes;
}

function hpke(): CipherSuite {
  return new CipherSuite({ kem: new XWing(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

export async function newQuantumKey(seed = crypto.getRandomValues(new Uint8Array(SEED))): Promise<QuantumKey> {
  const kem = new XWing();
  const { publicKey } = await kem.generateKeyPairDerand(seed.slice());
  const encoded = join(SUITE, new Uint8Array(await kem.serializePublicKey(publicKey)));
  const wrapping = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const sealedSeed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, wrapping, seed));
  seed.fill(0);
  return { publicKey: encoded, wrapping, iv, sealedSeed };
}

export async function openQuantum(sealed: Uint8Array, { wrapping, iv, sealedSeed }: QuantumKey, info: Bytes): Promise<Bytes> {
  if (!same(sealed.subarray(0, SUITE.length), SUITE)) throw new OpenFailed("sealed under another suite than this key's");
  const body = sealed.slice(SUITE.length);
  const seed = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, wrapping, sealedSeed);
  try {
    const recipientKey = await hpke().kem.importKey("raw", seed, false);
    const context = await hpke().createRecipientContext({ recipientKey, enc: body.slice(0, ENC).buffer, info: info.buffer });
    return new Uint8Array(await context.open(body.slice(ENC).buffer));
  } catch {
    throw new OpenFailed("sealed to another key or for another context, or altered");
  } finally {
    new Uint8Array(seed).fill(0);
  }
}
