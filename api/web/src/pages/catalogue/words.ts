import { words } from "../../lib/words.svelte";

export const t = words({
  vi: { title: "Danh mục dữ liệu" },
  en: { title: "Data catalogue" },
});
