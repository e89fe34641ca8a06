/** JSON with one spelling (RFC 8785), of what the formats here hold: objects, arrays, strings, booleans, null and
 * whole numbers below 2^53. Bytes beyond ASCII are written as escapes. */

export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

const DEPTH = 24;

export function dumps(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(dumps).join(",")}]`;
  if (isObject(value)) {
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${text(name)}:${dumps(value[name] as Json)}`).join(",")}}`;
  }
  return typeof value === "string" ? text(value) : String(value);
}

/** Raises SyntaxError for what is no JSON, is nested too deep or holds another number than a whole one below 2^53. */
export function loads(data: Uint8Array): Json {
  let depth = 0;
  for (const byte of data) {
    if (byte === 0x5b || byte === 0x7b) depth += 1;
    if (byte === 0x5d || byte === 0x7d) depth -= 1;
    if (depth > DEPTH) throw new SyntaxError(`nested deeper than ${DEPTH}`);
  }
  let source: string;
  try {
    source = new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    throw new SyntaxError("not UTF-8");
  }
  return JSON.parse(source, (_, value: Json) => {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new SyntaxError("no whole number below 2^53");
    return value;
  }) as Json;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: string): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
