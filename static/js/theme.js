// Sets the theme before the first paint (loaded in the head, without defer) and lets the button change it.
(() => {
  const NEXT = { auto: "light", light: "dark", dark: "auto" };
  const WORDS = { auto: "automatic", light: "light", dark: "dark" };
  const ICONS = { auto: "bi-circle-half", light: "bi-sun", dark: "bi-moon-stars" };
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem("theme") ?? "auto";
    } catch {
      return "auto"; // storage is refused to this page
    }
  };

  let choice = stored() in NEXT ? stored() : "auto";

  const apply = () => {
    const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = theme;
  };

  const describe = (button) => {
    button.setAttribute("aria-label", `Theme: ${WORDS[choice]}`);
    button.title = `Theme: ${WORDS[choice]}`;
    button.querySelector(".bi").className = `bi ${ICONS[choice]}`;
  };

  const change = (button) => {
    choice = NEXT[choice];
    try {
      localStorage.setItem("theme", choice);
    } catch {
      // kept for this page only
    }
    apply();
    describe(button);
  };

  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-button]");
    if (!button) return;
    button.hidden = false;
    describe(button);
    button.addEventListener("click", () => change(button));
  });
})();
