/** The beginning of a CSV file (RFC 4180): its columns, what they seem to hold, and some rows. */
export interface Column {
  name: string;
  type: string;
  description: string;
}

export interface Glance {
  columns: Column[];
  /** The first rows as they stand in the file, with the header. */
  sample: string;
}

const ROWS = 200;
const SAMPLE = 6;
const TYPES: readonly [type: string, pattern: RegExp][] = [
  ["integer", /^[+-]?\d{1,15}$/],
  ["decimal", /^[+-]?\d+([.,]\d+)?$/],
  ["boolean", /^(true|false)$/i],
  ["date", /^\d{4}-\d\d-\d\d$/],
  ["dateTime", /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/],
];

/** Null for what has no columns. `text` may end in the midst of a row: the last is not looked at. */
export function glance(text: string, whole: boolean): Glance | null {
  const body = text.replace(/^\uFEFF/, "");
  const first = body.split("\n", 1)[0] ?? "";
  const separator = [",", ";", "\t"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
  const found = rows(body, separator);
  if (!whole) found.pop();
  const [names, ...values] = found.slice(0, ROWS + 1);
  if (names === undefined || names.length < 2) return null;
  const columns = names.map((name, index) => ({ name: name.trim(), type: guess(values.map((row) => row[index] ?? "")), description: "" }));
  return { columns, sample: body.split(/\r?\n/).slice(0, SAMPLE).join("\n") };
}

function guess(values: readonly string[]): string {
  const filled = values.map((value) => value.trim()).filter((value) => value !== "");
  return (filled.length > 0 && TYPES.find(([, pattern]) => filled.every((value) => pattern.test(value)))?.[0]) || "string";
}

function rows(text: string, separator: string): string[][] {
  const found: string[][] = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length && found.length <= ROWS + 2; at++) {
    const sign = text[at]!;
    const row = found.at(-1)!;
    if (quoted) {
      if (sign === '"' && text[at + 1] === '"') row[row.length - 1] += text[++at]!;
      else if (sign === '"') quoted = false;
      else row[row.length - 1] += sign;
    } else if (sign === '"' && row.at(-1) === "") quoted = true;
    else if (sign === separator) row.push("");
    else if (sign === "\n") found.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  if (found.at(-1)!.join("") === "") found.pop();
  return found;
}
