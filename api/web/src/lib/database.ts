/** The page's own database (IndexedDB). What is put there is cloned: a key that cannot be read out stays one. */
const STORES = ["keys", "uploads"] as const;
const VERSION = 2;

export function stored<T>(name: (typeof STORES)[number], mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("socai", VERSION);
    opening.onupgradeneeded = () => {
      for (const store of STORES) if (!opening.result.objectStoreNames.contains(store)) opening.result.createObjectStore(store);
    };
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(name, mode);
      const request = work(transaction.objectStore(name));
      transaction.onabort = () => reject(transaction.error);
      transaction.oncomplete = () => {
        opening.result.close();
        resolve(request.result as T | undefined);
      };
    };
  });
}
