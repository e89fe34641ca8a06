import { locale } from "./words.svelte";

const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

/** How long, in the largest unit that fits. */
export function age(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[3];
  const shown = new Intl.NumberFormat(locale.language, { style: "unit", unit, unitDisplay: "long" });
  return shown.format(Math.max(0, Math.trunc(seconds / size)));
}
