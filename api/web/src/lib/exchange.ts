/** What this exchange is, asked once. */
import { ask, type Schemas } from "./api";

export type Exchange = Schemas["ExchangeInfo"];

let asked: Promise<Exchange> | null = null;

export function exchange(): Promise<Exchange> {
  asked ??= ask("get", "/v1/exchange").catch((error: unknown) => {
    asked = null;
    throw error;
  });
  return asked;
}
