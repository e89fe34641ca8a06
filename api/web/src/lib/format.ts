/** Numbers, times and addresses as people read them, in the language of the page. */
import { locale } from "./words.svelte";

const TAG = { vi: "vi-VN", en: "en-GB" } as const;

export function number(value: number | bigint | string): string {
  return new Intl.NumberFormat(TAG[locale.language]).format(typeof value === "string" ? BigInt(value) : value);
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
  const digits = unit > 0 && scaled < 100 ? 1 : 0;
  return `${new Intl.NumberFormat(TAG[locale.language], { maximumFractionDigits: digits }).format(scaled)} ${units[unit]}`;
}

/** Basis points as percent. */
export function percent(bps: number): string {
  return new Intl.NumberFormat(TAG[locale.language], { style: "percent", maximumFractionDigits: 2 }).format(bps / 10_000);
}

export function day(seconds: number | bigint | string): string {
  return new Intl.DateTimeFormat(TAG[locale.language], { dateStyle: "medium" }).format(Number(seconds) * 1000);
}

export function moment(seconds: number | bigint | string): string {
  return new Intl.DateTimeFormat(TAG[locale.language], { dateStyle: "medium", timeStyle: "short" }).format(
    Number(seconds) * 1000,
  );
}

export function short(hex: string): string {
  return hex.length > 14 ? `${hex.slice(0, 6)}…${hex.slice(-4)}` : hex;
}
