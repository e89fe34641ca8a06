import type { Component } from "svelte";
import Catalogue from "./pages/catalogue/Catalogue.svelte";

/** Every page, by the pattern of its address. Each but the first is a chunk of its own, loaded when it is gone to. */
export interface Page {
  pattern: string;
  load: () => Promise<{ default: Component<Record<string, string>> }>;
}

type Loaded = { default: Component<any> };

function page(pattern: string, load: () => Promise<Loaded>): Page {
  return { pattern, load };
}

export const PAGES: readonly Page[] = [
  page("/", () => Promise.resolve({ default: Catalogue })),
  page("/listings/:id", () => import("./pages/listing/Listing.svelte")),
  page("/licences", () => import("./pages/licences/Licences.svelte")),
  page("/licences/:id", () => import("./pages/licences/Licence.svelte")),
  page("/sell", () => import("./pages/sell/Publish.svelte")),
  page("/sales", () => import("./pages/sell/Sales.svelte")),
  page("/verify", () => import("./pages/verify/Verify.svelte")),
  page("/review", () => import("./pages/review/Queue.svelte")),
  page("/oversight", () => import("./pages/oversight/Oversight.svelte")),
  page("/oversight/figures", () => import("./pages/oversight/Figures.svelte")),
  page("/oversight/alerts", () => import("./pages/oversight/Alerts.svelte")),
  page("/oversight/participants/:id", () => import("./pages/oversight/Participant.svelte")),
  page("/oversight/listings/:id", () => import("./pages/oversight/Listing.svelte")),
  page("/oversight/licences/:id", () => import("./pages/oversight/Licence.svelte")),
  page("/operator", () => import("./pages/operator/Operator.svelte")),
  page("/review/:id", () => import("./pages/review/Review.svelte")),
];
