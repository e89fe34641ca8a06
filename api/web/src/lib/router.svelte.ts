/** Where the reader is: the part of the address after `#`, as a path and a query. */
class Route {
  path = $state("/");
  query = $state.raw(new URLSearchParams());

  constructor() {
    globalThis.addEventListener?.("hashchange", () => this.read());
    this.read();
  }

  read(): void {
    const [path = "", query = ""] = (globalThis.location?.hash ?? "").replace(/^#/, "").split("?", 2);
    this.path = path.startsWith("/") ? path : "/";
    this.query = new URLSearchParams(query);
  }
}

export const route = new Route();

/** Goes to another page; another query of the same page is no step back. */
export function go(path: string, query: Record<string, string> = {}): void {
  const kept = Object.entries(query).filter(([, value]) => value !== "");
  const address = `#${path}${kept.length > 0 ? `?${new URLSearchParams(kept)}` : ""}`;
  if (path !== route.path) location.hash = address;
  else {
    history.replaceState(null, "", address);
    route.read();
  }
}

/** The parameters of `pattern` (`/listings/:id`) in `path`, or null when it is another. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const found = path.split("/");
  if (wanted.length !== found.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = found[index] ?? "";
    if (part.startsWith(":") && value !== "") {
      try {
        parameters[part.slice(1)] = decodeURIComponent(value);
      } catch {
        return null;
      }
    } else if (part !== value) return null;
  }
  return parameters;
}
