// Keeps the page for when there is no network: its hashed assets, which never change, and the index that names them.
const CACHE = "socai";
const root = self.registration.scope;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  const url = event.request.url.split("#")[0];
  if (url.startsWith(`${root}assets/`)) event.respondWith(asset(event.request));
  else if (url === root) event.respondWith(index(event.request));
});

async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const found = await fetch(request);
  if (found.ok) await cache.put(request, found.clone());
  return found;
}

/** The newest when there is a network. Another than the one kept ends what that one named. */
async function index(request) {
  const kept = await caches.match(root);
  try {
    const found = await fetch(request);
    if (!found.ok) return found;
    if (kept !== undefined && (await kept.clone().text()) !== (await found.clone().text())) await caches.delete(CACHE);
    await (await caches.open(CACHE)).put(root, found.clone());
    return found;
  } catch (error) {
    if (kept === undefined) throw error;
    return kept;
  }
}
