/** What one description says differently from another, part by part. */

export interface Change {
  path: string;
  before: string | null;
  after: string | null;
}

/** In the order of paths; `before` null was added, `after` null was taken out. */
export function diff(before: unknown, after: unknown): Change[] {
  const [old, now] = [new Map(parts(before)), new Map(parts(after))];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((path) => ({ path, before: old.get(path) ?? null, after: now.get(path) ?? null }))
    .filter((change) => change.before !== change.after)
    .sort((one, other) => (one.path < other.path ? -1 : 1));
}

/** Every value that is no object, by its path. */
export function* parts(value: unknown, path = ""): Generator<[path: string, value: string]> {
  if (Array.isArray(value)) for (const [at, inner] of value.entries()) yield* parts(inner, `${path}[${at}]`);
  else if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value)) yield* parts(inner, path === "" ? name : `${path} › ${name}`);
  else yield [path, String(value)];
}
