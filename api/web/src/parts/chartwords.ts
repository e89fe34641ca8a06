import { words } from "../lib/words.svelte";

export const t = words({
  vi: { day: "Ngày", download: "Tải số liệu (CSV)" },
  en: { day: "Day", download: "Download the figures (CSV)" },
});
