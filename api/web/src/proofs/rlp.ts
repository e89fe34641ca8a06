/** Recursive Length Prefix (Yellow Paper, appendix B), canonical only: every item has exactly one encoding. */

import { concat, EMPTY, HASH, number, word } from "./bytes";
import { refuse } from "./error";

const DEPTH = 32;

export type Item = Uint8Array | Item[];

export function encode(item: Item): Uint8Array {
  if (!(item instanceof Uint8Array)) {
    const body = concat(...item.map(encode));
    return concat(prefix(0xc0, body.length), body);
  }
  if (item.length === 1 && (item[0] as number) < 0x80) return item;
  return concat(prefix(0x80, item.length), item);
}

/** The one item that `data` encodes. */
export function decode(data: Uint8Array): Item {
  const found = items(data, 0, data.length, DEPTH);
  if (found.length !== 1) refuse("RlpError", `${found.length} items where one is expected`);
  return found[0] as Item;
}

/** The string that stands for a number: big-endian, no leading zero, empty for 0. */
export function encodeInt(value: bigint): Uint8Array {
  return value ? word(value, Math.ceil(value.toString(16).length / 2)) : EMPTY;
}

export function asInt(item: Item, size: number = HASH): bigint {
  const data = asBytes(item);
  if (data.length > size) refuse("RlpError", `a number of ${data.length} bytes: at most ${size} are expected`);
  if (data[0] === 0) refuse("RlpError", "a number with a leading zero");
  return number(data);
}

export function asBytes(item: Item, size?: number): Uint8Array {
  if (!(item instanceof Uint8Array)) return refuse("RlpError", "a list where a string is expected");
  if (size !== undefined && item.length !== size)
    refuse("RlpError", `a string of ${item.length} bytes where ${size} are expected`);
  return item;
}

export function asList(item: Item, size?: number): Item[] {
  if (item instanceof Uint8Array) return refuse("RlpError", "a string where a list is expected");
  if (size !== undefined && item.length !== size)
    refuse("RlpError", `a list of ${item.length} items where ${size} are expected`);
  return item;
}

function prefix(base: number, length: number): Uint8Array {
  if (length < 56) return Uint8Array.of(base + length);
  const size = encodeInt(BigInt(length));
  return concat(Uint8Array.of(base + 55 + size.length), size);
}

/** The items that stand in `data` from `at` to `end`, one after the other. */
function items(data: Uint8Array, at: number, end: number, depth: number): Item[] {
  if (!depth) refuse("RlpError", `nested deeper than ${DEPTH}`);
  const found: Item[] = [];
  while (at < end) {
    const first = data[at] as number;
    if (first < 0x80) {
      found.push(data.subarray(at, ++at));
      continue;
    }
    const [start, stop] = span(data, at, end);
    if (stop > end) refuse("RlpError", `an item of ${stop - start} bytes where ${end - start} are left`);
    if (first === 0x81 && (data[start] as number) < 0x80)
      refuse("RlpError", "a single byte below 0x80 stands for itself");
    found.push(first < 0xc0 ? data.subarray(start, stop) : items(data, start, stop, depth - 1));
    at = stop;
  }
  return found;
}

/** Where the content of the string or list at `at` starts and stops. */
function span(data: Uint8Array, at: number, end: number): [number, number] {
  const first = data[at] as number;
  const base = first < 0xc0 ? 0x80 : 0xc0;
  if (first - base < 56) return [at + 1, at + 1 + first - base];
  const start = at + 1 + first - base - 55;
  if (start > end) refuse("RlpError", "the length is cut off");
  if (data[at + 1] === 0) refuse("RlpError", "a length with a leading zero");
  const length = Number(number(data.subarray(at + 1, start)));
  if (length < 56) refuse("RlpError", `the long form for ${length} bytes`);
  return [start, start + length];
}
