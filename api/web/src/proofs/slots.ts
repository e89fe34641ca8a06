/** Where a contract keeps a variable: slots derived from solc's `storageLayout` ("Layout of State Variables in
 * Storage"), down mappings with number keys, structs, and value types that pack several fields into a word. */

import { concat, keccak, number, word } from "./bytes";
import { isObject, type Json, type JsonObject } from "./canonical";
import { refuse } from "./error";

/** The fields of `contracts/types/*.sol` in declared order, the first in the lowest bytes, and their bytes. */
const PACKED: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  PackedLicence: {
    version: 3,
    issuedAt: 5,
    expiresAt: 5,
    used: 4,
    pack: 3,
    byBank: 1,
    status: 1,
    order: 1,
    feeBps: 2,
    taxBps: 2,
    deadline: 5,
  },
  PackedClass: { importance: 1, sharing: 1, subject: 1, personal: 1 },
};

export type Step = bigint | string;

/** `size` bytes of slot `slot`, from the `offset`-th lowest on, that hold a value of type `kind`. */
export interface Place {
  slot: bigint;
  offset: number;
  size: number;
  kind: string;
}

export function valueAt(place: Place, stored: bigint): bigint {
  if (place.size > 32) refuse("SlotError", `${place.kind} is more than one word`);
  return BigInt.asUintN(8 * place.size, stored >> BigInt(8 * place.offset));
}

/** Where the variable of the layout is, or what `path` leads to in it. */
export function place(layout: JsonObject, variable: string, path: readonly Step[]): Place {
  const found = members(layout.storage).find((entry) => entry.label === variable);
  if (found === undefined) return refuse("SlotError", `there is no variable ${variable}`);
  return path.reduce((at, step) => descend(layout, at, step), placeOf(layout, found, 0n));
}

function descend(layout: JsonObject, at: Place, step: Step): Place {
  const shape = typeOf(layout, at.kind);
  if (shape.encoding === "mapping") {
    const size = Number(typeOf(layout, text(shape.key)).numberOfBytes);
    if (typeof step !== "bigint" || step < 0n || step >> BigInt(8 * size))
      return refuse("SlotError", `${step} is no key of ${at.kind}`);
    const slot = number(keccak(concat(word(step), word(at.slot))));
    return placeOf(layout, { type: shape.value ?? null, slot: "0", offset: 0 }, slot);
  }
  if (shape.members !== undefined) {
    const member = members(shape.members).find((entry) => entry.label === step);
    if (member === undefined) return refuse("SlotError", `${text(shape.label)} has no member ${step}`);
    return placeOf(layout, member, at.slot);
  }
  const label = text(shape.label);
  const sizes = Object.entries(Object.hasOwn(PACKED, label) ? (PACKED[label] ?? {}) : {});
  let offset = at.offset;
  for (const [field, size] of sizes) {
    if (field === step) return { slot: at.slot, offset, size, kind: `${at.kind}.${field}` };
    offset += size;
  }
  return refuse("SlotError", `${label} has no field ${step}`);
}

function placeOf(layout: JsonObject, entry: JsonObject, base: bigint): Place {
  const kind = text(entry.type);
  const size = Number(typeOf(layout, kind).numberOfBytes);
  return { slot: BigInt.asUintN(256, base + BigInt(text(entry.slot))), offset: Number(entry.offset), size, kind };
}

function typeOf(layout: JsonObject, kind: string): JsonObject {
  const types = layout.types;
  const found = isObject(types) && Object.hasOwn(types, kind) ? types[kind] : undefined;
  return isObject(found) ? found : refuse("SlotError", `the layout does not say what ${kind} is`);
}

function members(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : refuse("SlotError", "the layout has no variables");
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : refuse("SlotError", "the layout is incomplete");
}
