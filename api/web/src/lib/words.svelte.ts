/**
 * Words in two languages. A module keeps its own beside it:
 *
 *     export const t = words({ vi: { sold: "Đã bán {count}" }, en: { sold: "{count} sold" } });
 *     t("sold", { count: 3 })
 *
 * Vietnamese says which keys there are; English lacking one, or having one more, is a type error.
 */
export type Language = "vi" | "en";

const KEPT = "socai.language";

function preferred(): Language {
  const kept = globalThis.localStorage?.getItem(KEPT);
  if (kept === "vi" || kept === "en") return kept;
  const asked = globalThis.navigator?.languages ?? [];
  const first = asked.find((tag) => /^(vi|en)\b/.test(tag));
  return first?.startsWith("en") ? "en" : "vi";
}

class Locale {
  language = $state<Language>(preferred());

  choose(language: Language): void {
    this.language = language;
    globalThis.localStorage?.setItem(KEPT, language);
  }
}

export const locale = new Locale();

export type Say<K extends string> = (key: K, values?: Record<string, string | number>) => string;

export function words<K extends string>(dictionary: {
  vi: Record<K, string>;
  en: Record<NoInfer<K>, string>;
}): Say<K> {
  return (key, values = {}) =>
    dictionary[locale.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
