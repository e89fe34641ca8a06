/** RFC 8785 for what a description holds: objects, arrays and strings. */
export type Json = string | Json[] | { [name: string]: Json };

export function canonical(value: Json): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name]!)}`).join(",")}}`;
}
