/** Keeps this page, and the parts of it that were loaded, for when there is no network (public/worker.js). */

const CACHE = "socai";

interface Policies {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): {
    createScriptURL(address: string): string;
  };
}

/** Whether it is kept. */
export async function keepOffline(): Promise<boolean> {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return false;
  try {
    await navigator.serviceWorker.register(scriptUrl());
    await navigator.serviceWorker.ready;
    const loaded = performance
      .getEntriesByType("resource")
      .map((entry) => entry.name)
      .filter((address) => address.startsWith(new URL("assets/", document.baseURI).href));
    await (await caches.open(CACHE)).addAll([new URL("./", document.baseURI).href, ...new Set(loaded)]);
    return true;
  } catch {
    return false;
  }
}

/** The page's policy lets no string become a script but this one, and makes a policy of a name once. */
const policy = (globalThis as { trustedTypes?: Policies }).trustedTypes?.createPolicy("socai-worker", {
  createScriptURL: () => "worker.js",
});

function scriptUrl(): string {
  return policy?.createScriptURL("") ?? "worker.js";
}
