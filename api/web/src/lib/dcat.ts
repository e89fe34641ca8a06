/** A dataset's description (DCAT 3, JSON-LD), read leniently: what its seller wrote is only ever shown as text. */
import { ask } from "./api";

export interface Column {
  name: string;
  type: string;
  description: string;
}

export interface Description {
  title: string;
  text: string;
  keywords: string[];
  mediaType: string;
  licence: string;
  publisher: string;
  columns: Column[];
  /** Some rows that anybody may see, as text. */
  sample: string;
}

const known = new Map<string, Promise<Description | null>>();

/** By the Keccak-256 that the chain knows it by; null when the service does not have it. */
export function description(hash: string): Promise<Description | null> {
  let found = known.get(hash);
  if (found === undefined) {
    found = ask("get", "/v1/metadata/{digest}", { path: { digest: hash } }).then(read, () => null);
    known.set(hash, found);
  }
  return found;
}

export function read(document: unknown): Description {
  const at = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);
  const text = (value: unknown): string => {
    const one = first(value);
    if (typeof one === "string") return one;
    const inner = at(one, "@value") ?? at(one, "@id");
    return typeof inner === "string" ? inner : "";
  };
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);
  const distribution = first(at(document, "dcat:distribution"));
  const columns = list(at(at(document, "csvw:tableSchema"), "csvw:column"));
  return {
    title: text(at(document, "dct:title")),
    text: text(at(document, "dct:description")),
    keywords: list(at(document, "dcat:keyword")).map(text).filter((word) => word !== ""),
    mediaType: text(at(distribution, "dcat:mediaType")),
    licence: text(at(document, "dct:license")),
    publisher: text(at(document, "dct:publisher")),
    columns: columns.map((column) => ({
      name: text(at(column, "csvw:name")),
      type: text(at(column, "csvw:datatype")),
      description: text(at(column, "dct:description")),
    })),
    sample: text(at(document, "adms:sample")),
  };
}
