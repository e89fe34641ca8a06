/** Light or dark: what the system says, unless the reader chose. */
export type Theme = "system" | "light" | "dark";

const KEPT = "socai.theme";

class Appearance {
  theme = $state<Theme>("system");

  constructor() {
    const kept = localStorage.getItem(KEPT);
    if (kept === "light" || kept === "dark") this.choose(kept);
  }

  choose(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(KEPT, theme);
    document.documentElement.dataset["theme"] = theme;
  }
}

export const appearance = new Appearance();
