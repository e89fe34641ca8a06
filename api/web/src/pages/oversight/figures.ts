/** Sums for charts out of the service's summary. Values in đồng: only the first currency is drawn. */
import type { Schemas } from "../../lib/api";
import { DONG } from "../../lib/ids";

type Sales = Schemas["SalesInfo"];

export interface Days {
  times: number[];
  purchases: number[];
  renewals: number[];
  value: number[];
  average: number[];
  lowest: number[];
  highest: number[];
}

export function days(sales: readonly Sales[]): Days {
  const ours = sales.filter(({ currency }) => currency === DONG);
  const times = [...new Set(ours.map(({ start }) => Date.parse(start) / 1000))].sort((one, other) => one - other);
  const of = (time: number) => ours.filter(({ start }) => Date.parse(start) / 1000 === time);
  const sum = (time: number, field: (one: Sales) => number) => of(time).reduce((total, one) => total + field(one), 0);
  const value = times.map((time) => sum(time, (one) => Number(one.value)));
  const trades = times.map((time) => sum(time, (one) => one.purchases + one.renewals));
  return {
    times,
    purchases: times.map((time) => sum(time, (one) => one.purchases)),
    renewals: times.map((time) => sum(time, (one) => one.renewals)),
    value,
    average: value.map((total, at) => Math.round(total / (trades[at] || 1))),
    lowest: times.map((time) => Math.min(...of(time).map((one) => Number(one.lowest)))),
    highest: times.map((time) => Math.max(...of(time).map((one) => Number(one.highest)))),
  };
}

/** Totals by label, the largest first. */
export function totals<T>(items: readonly T[], label: (item: T) => string, amount: (item: T) => number): [string, number][] {
  const found = new Map<string, number>();
  for (const item of items) found.set(label(item), (found.get(label(item)) ?? 0) + amount(item));
  return [...found].sort(([, one], [, other]) => other - one);
}
