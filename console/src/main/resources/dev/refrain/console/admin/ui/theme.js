// Runs before the first paint, so that the page never flashes in the wrong theme. A module would run later, so this is
// a classic script.
{
  const order = ["system", "light", "dark"];
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("refrain.theme");
    } catch {
      return null; // storage is off: the choice lasts as long as the page
    }
  };
  const apply = theme => (root.dataset.theme = order.includes(theme) ? theme : "system");

  apply(stored());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.title = `Colours: ${root.dataset.theme}`;
      button.setAttribute("aria-label", `Colours: ${root.dataset.theme}. Change`);
    };
    label();
    button.addEventListener("click", () => {
      apply(order[(order.indexOf(root.dataset.theme) + 1) % order.length]);
      label();
      try {
        localStorage.setItem("refrain.theme", root.dataset.theme);
      } catch {
        // as above
      }
      dispatchEvent(new Event("themechange"));
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));
}
