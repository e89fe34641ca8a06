import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

export { concatBytes as concat, bytesToHex as digits, hexToBytes as fromDigits, utf8ToBytes as utf8 };
export const keccak = (data: Uint8Array): Uint8Array => keccak_256(data);
export const HASH = 32;
export const ADDRESS = 20;
export const EMPTY = new Uint8Array(0);

/** `0x` and hexadecimal digits. */
export const hex = (data: Uint8Array): string => `0x${bytesToHex(data)}`;

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** The number that big-endian bytes stand for; 0 for none. */
export const number = (data: Uint8Array): bigint => (data.length ? BigInt(hex(data)) : 0n);

/** `size` big-endian bytes. */
export const word = (value: bigint, size: number = HASH): Uint8Array =>
  hexToBytes(value.toString(16).padStart(2 * size, "0"));

/** `data` with zero bytes before it, 32 in all. */
export function padded(data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(HASH);
  whole.set(data, HASH - data.length);
  return whole;
}
