/**
 * A data key sealed to one recipient, as in ledger/crypto/seal.py: HPKE (RFC 9180) base mode, DHKEM(X25519), HKDF-SHA256,
 * AES-256-GCM, with the three registry numbers in front of everything encoded. What it is sealed for goes into `info`.
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { join, same, uint, type Bytes } from "./bytes";
import { PayloadError } from "./error";

const SUITE = Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02);
const ENC = 32;

/** Sealed to another recipient, or for another purpose, or altered. */
export class OpenFailed extends PayloadError {}

function hpke(): CipherSuite {
  return new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

/** A pair whose private half never leaves the browser's key store. */
export async function newKeyPair(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
}

export async function encodedPublic(pair: CryptoKeyPair): Promise<Bytes> {
  return join(SUITE, new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
}

export async function seal(dataKey: Bytes, recipient: Uint8Array, info: Bytes): Promise<Bytes> {
  if (!same(recipient.subarray(0, SUITE.length), SUITE)) throw new OpenFailed("a key of a suite that is not known here");
  const suite = hpke();
  const recipientPublicKey = await suite.kem.importKey("raw", recipient.slice(SUITE.length).buffer, true);
  const sender = await suite.createSenderContext({ recipientPublicKey, info: info.buffer });
  return join(SUITE, new Uint8Array(sender.enc), new Uint8Array(await sender.seal(dataKey.buffer)));
}

export async function open(sealed: Uint8Array, pair: CryptoKeyPair, info: Bytes): Promise<Bytes> {
  if (!same(sealed.subarray(0, SUITE.length), SUITE)) throw new OpenFailed("sealed under a suite that is not known here");
  const body = sealed.slice(SUITE.length);
  try {
    const recipient = await hpke().createRecipientContext({ recipientKey: pair, enc: body.slice(0, ENC).buffer, info: info.buffer });
    return new Uint8Array(await recipient.open(body.slice(ENC).buffer));
  } catch {
    throw new OpenFailed("sealed to another key or for another context, or altered");
  }
}

export interface GrantContext {
  chainId: number;
  licences: Uint8Array;
  licence: bigint;
  version: number;
  blockHash: Uint8Array;
  purpose: string;
}

export function grantInfo({ chainId, licences, licence, version, blockHash, purpose }: GrantContext): Bytes {
  const label = new TextEncoder().encode("socai/grant@v1\0");
  const text = new TextEncoder().encode(purpose);
  return join(label, uint(chainId, 32), licences, uint(licence, 32), uint(version, 32), blockHash, uint(text.length, 1), text);
}

export function depositInfo(payloadContext: Uint8Array): Bytes {
  return join(new TextEncoder().encode("socai/deposit@v1\0"), payloadContext);
}
