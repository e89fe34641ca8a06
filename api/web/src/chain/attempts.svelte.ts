export interface Attempts {
  /** Why the last attempt failed, as people read it; empty when it did not. */
  readonly trouble: string;
  attempt(work: () => Promise<unknown>): Promise<void>;
}

/** Work of a page that may fail. */
export function attempts(): Attempts {
  let trouble = $state("");
  return {
    get trouble() {
      return trouble;
    },
    async attempt(work) {
      trouble = "";
      try {
        await work();
      } catch (error) {
        const { explain } = await import("./explain");
        trouble = explain(error).text;
      }
    },
  };
}
