/** A value of the ledger as people read it: times, money and "none" by the name of the field. */
import { dong, moment, number, percent } from "../../lib/format";
import { NEVER } from "../../lib/ids";
import { named } from "../../lib/market";
import { t } from "./words";

const TIME = /(_at|_until|_time|^until|^time|deadline)$/;
const MONEY = /(^|\.)(price|amount|refund|fee|tax)$/;
const NAMED = /(^|\.)(importance|order|personal|sharing|status|subject)$/;
const WHOLE = /(^|\.)(size|cap|sold|block)$/;

export function shown(name: string, value: string): string {
  if (value === "null" || /^0x0+$/.test(value)) return "–";
  if (value === "true" || value === "false") return t(value === "true" ? "yes" : "no");
  if (NAMED.test(name)) return named(name.startsWith("plans.") ? "plan" : name.slice(name.lastIndexOf(".") + 1), value);
  if (!/^[0-9]+$/.test(value)) return value;
  if (TIME.test(name)) return value === "0" ? "–" : BigInt(value) >= NEVER ? "∞" : moment(value);
  if (MONEY.test(name)) return dong(value);
  if (name.endsWith("_bps")) return percent(Number(value));
  return WHOLE.test(name) ? number(value) : value;
}
