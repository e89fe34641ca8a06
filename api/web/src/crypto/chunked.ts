/**
 * Payload encryption, C2SP chunked encryption v1 with AES-256-GCM and SHA-512, as in ledger/crypto/chunked.py:
 * a header (24-byte salt, 32-byte commitment) and chunks of 16 KiB, the last one shorter and perhaps empty.
 * 64 chunks are a block, the unit that is read and verified by itself; block 0 has the header in front.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { join, same, uint, type Bytes } from "./bytes";
import { PayloadError } from "./error";

export const CHUNK = 16 * 1024;
export const TAG = 16;
export const SEALED_CHUNK = CHUNK + TAG;
export const SALT = 24;
export const HEADER = SALT + 32;
export const BLOCK_CHUNKS = 64;
export const BLOCK = BLOCK_CHUNKS * CHUNK;
export const SEALED_BLOCK = BLOCK_CHUNKS * SEALED_CHUNK;
export const DATA_KEY = 32;
const NONCE = 12;
const LABEL = new TextEncoder().encode("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");

export class WrongKey extends PayloadError {}
export class Truncated extends PayloadError {}
export class Extended extends PayloadError {}
export class BlockSwapped extends PayloadError {}

/** chain id (32) | Listings (20) | seller (20) | deposit id (32) */
export function payloadContext(chainId: number, listings: Uint8Array, seller: Uint8Array, deposit: Uint8Array): Bytes {
  return join(uint(chainId, 32), listings, seller, deposit);
}

export function ciphertextSize(plaintext: number): number {
  return HEADER + plaintext + TAG * (Math.floor(plaintext / CHUNK) + 1);
}

export function plaintextSize(ciphertext: number): number {
  const rest = (ciphertext - HEADER) % SEALED_CHUNK;
  if (ciphertext < HEADER + TAG || rest < TAG) throw new Truncated(`no message is ${ciphertext} bytes long`);
  return Math.floor((ciphertext - HEADER) / SEALED_CHUNK) * CHUNK + rest - TAG;
}

/** The keys of one message. */
export class Message {
  private constructor(
    readonly key: CryptoKey,
    readonly nonce: Bytes,
    readonly header: Bytes,
  ) {}

  /** A message of before, from what it was. The key is one that no script can read out. */
  static again({ key, nonce, header }: Pick<Message, "key" | "nonce" | "header">): Message {
    return new Message(key, nonce, header);
  }

  static async from(dataKey: Uint8Array, context: Uint8Array, salt: Uint8Array): Promise<Message> {
    if (dataKey.length !== DATA_KEY || salt.length !== SALT) throw new WrongKey("a key or salt of the wrong length");
    const okm = expand(dataKey, join(LABEL, salt, context), 32 + NONCE + 32);
    const key = await crypto.subtle.importKey("raw", okm.slice(0, 32), "AES-GCM", false, ["encrypt", "decrypt"]);
    return new Message(key, okm.slice(32, 32 + NONCE), join(salt, okm.subarray(32 + NONCE)));
  }

  /** The message that starts with `header`. Raises WrongKey when key, context and header do not belong together. */
  static async unlock(dataKey: Uint8Array, context: Uint8Array, header: Uint8Array): Promise<Message> {
    const message = await Message.from(dataKey, context, header.slice(0, SALT));
    if (!same(message.header, header)) throw new WrongKey("the key does not open what was listed in the context it was listed in");
    return message;
  }

  /** Block `index` of the ciphertext. A text must be sealed at its place only: two at one place give both away. */
  async sealBlock(index: number, plaintext: Uint8Array, last: boolean): Promise<Bytes> {
    const chunks = last ? Math.floor(plaintext.length / CHUNK) + 1 : BLOCK_CHUNKS;
    const sealed = await Promise.all(
      Array.from({ length: chunks }, (_, at) =>
        crypto.subtle.encrypt(this.parameters(index, at), this.key, plaintext.slice(at * CHUNK, (at + 1) * CHUNK)),
      ),
    );
    return join(index === 0 ? this.header : new Uint8Array(), ...sealed.map((chunk) => new Uint8Array(chunk)));
  }

  /** The plaintext of block `index`. Raises BlockSwapped. */
  async openBlock(index: number, block: Uint8Array, last: boolean): Promise<Bytes> {
    const body = index === 0 ? block.subarray(HEADER) : block;
    const chunks = last ? Math.floor(body.length / SEALED_CHUNK) + 1 : BLOCK_CHUNKS;
    try {
      const opened = await Promise.all(
        Array.from({ length: chunks }, (_, at) =>
          crypto.subtle.decrypt(this.parameters(index, at), this.key, body.slice(at * SEALED_CHUNK, (at + 1) * SEALED_CHUNK)),
        ),
      );
      return join(...opened.map((chunk) => new Uint8Array(chunk)));
    } catch {
      throw new BlockSwapped(`block ${index} is not what was sealed`);
    }
  }

  /** The nonce of a chunk is the base nonce XOR its number. */
  private parameters(block: number, at: number): AesGcmParams {
    const number = uint(BigInt(block) * BigInt(BLOCK_CHUNKS) + BigInt(at), NONCE);
    return { name: "AES-GCM", iv: number.map((byte, index) => byte ^ this.nonce[index]!) };
  }
}

/** HKDF-Expand with SHA-512 (RFC 5869, 2.3). The library's wants a key as long as the hash; the format's has 32 bytes. */
function expand(key: Uint8Array, info: Uint8Array, size: number): Bytes {
  const blocks: Uint8Array[] = [];
  for (let count = 1; blocks.length * sha512.outputLen < size; count++)
    blocks.push(hmac(sha512, key, join(blocks.at(-1) ?? new Uint8Array(), info, Uint8Array.of(count))));
  return join(...blocks).subarray(0, size);
}
