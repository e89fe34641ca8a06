/** Numbers, times and addresses as people read them, in the language of the page. */
import { type Language, locale } from "./words.svelte";

const TAG = { vi: "vi-VN", en: "en-GB" } as const;

/** One of each language: to make one costs a telephone as much as to write a hundred values with it. */
function each<T>(make: (tag: string) => T): () => T {
  const made: Partial<Record<Language, T>> = {};
  return () => (made[locale.language] ??= make(TAG[locale.language]));
}

const whole = each((tag) => new Intl.NumberFormat(tag));
const rounded = each((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 0 }));
const tenths = each((tag) => new Intl.NumberFormat(tag, { maximumFractionDigits: 1 }));
const percents = each((tag) => new Intl.NumberFormat(tag, { style: "percent", maximumFractionDigits: 2 }));
const days = each((tag) => new Intl.DateTimeFormat(tag, { dateStyle: "medium" }));
const moments = each((tag) => new Intl.DateTimeFormat(tag, { dateStyle: "medium", timeStyle: "short" }));

export function number(value: number | bigint | string): string {
  return whole().format(typeof value === "string" ? BigInt(value) : value);
}

/** đồng has no smaller unit. */
export function dong(value: number | bigint | string): string {
  return `${number(value)} ₫`;
}

export function bytes(value: number | bigint): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let scaled = Number(value);
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) [scaled, unit] = [scaled / 1000, unit + 1];
  return `${(unit > 0 && scaled < 100 ? tenths : rounded)().format(scaled)} ${units[unit]}`;
}

/** Basis points as percent. */
export function percent(bps: number): string {
  return percents().format(bps / 10_000);
}

export function day(seconds: number | bigint | string): string {
  return days().format(Number(seconds) * 1000);
}

export function moment(seconds: number | bigint | string): string {
  return moments().format(Number(seconds) * 1000);
}

export function short(hex: string): string {
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex;
}
