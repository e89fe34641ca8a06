/** The service's own API, as its OpenAPI document describes it. */
import { untrack } from "svelte";
import type { components, paths } from "../generated/api";
import { pending } from "./pending.svelte";

export type Schemas = components["schemas"];

/** A refusal in the service's words (RFC 9457): `code` is stable, `extra` what it says besides. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly extra: Record<string, unknown>,
  ) {
    super(detail);
  }
}

/** No answer, or none that the service would give. */
export class Unreachable extends Error {}

type Method = "get" | "post" | "put" | "delete" | "patch" | "head";
type PathsOf<M extends Method> = { [P in keyof paths]: paths[P][M] extends object ? P : never }[keyof paths] & string;
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Success<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? R[S] : never }[keyof R];
type Body<T> = T extends { content: { "application/json": infer B } } ? B : undefined;
type Answer<O> = O extends { responses: infer R } ? Body<Success<R>> : never;
type Parameters<O> = O extends { parameters: { path?: infer P; query?: infer Q } } ? { path?: P; query?: Q } : object;
type Request<O> = Parameters<O> & { body?: unknown; headers?: Record<string, string> };

let bearer: string | null = null;

/** Who speaks from now on; null for nobody. */
export function speakAs(token: string | null): void {
  bearer = token;
}

export async function ask<M extends Method, P extends PathsOf<M>>(
  method: M,
  path: P,
  request: Request<Operation<P, M>> = {} as Request<Operation<P, M>>,
): Promise<Answer<Operation<P, M>>> {
  const asked = request as { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown; headers?: Record<string, string> };
  let address = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(asked.path?.[name])));
  const query = Object.entries(asked.query ?? {}).filter(([, value]) => value !== undefined && value !== "");
  if (query.length > 0) address += `?${new URLSearchParams(query.map(([name, value]) => [name, String(value)]))}`;
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
  const headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...asked.headers };
  const response = await send(address, { method: method.toUpperCase(), headers, ...(body === undefined ? {} : { body }) });
  return (response.status === 204 ? undefined : await response.json()) as Answer<Operation<P, M>>;
}

/** The bare response, once it is a success. Raises Problem, Unreachable. */
export async function send(address: string, init: RequestInit & { duplex?: "half" } = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (bearer !== null) headers.set("authorization", `Bearer ${bearer}`);
  let response: Response;
  untrack(() => (pending.count += 1)); // whoever asks does not ask again for it
  try {
    response = await fetch(address.replace(/^\//, ""), { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable(error instanceof Error ? error.message : String(error));
  } finally {
    pending.count -= 1;
  }
  if (response.ok) return response;
  if (!response.headers.get("content-type")?.startsWith("application/problem+json"))
    throw new Unreachable(`HTTP ${response.status}`);
  const { status, code, detail, ...extra } = (await response.json()) as Schemas["Problem"];
  throw new Problem(status, code, detail, extra);
}
