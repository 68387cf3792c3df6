/**
 * Building blocks of the page. Text reaches the page as text nodes only: no code of the dashboard parses a string as
 * markup.
 */

export const $ = id => document.getElementById(id);

/**
 * Makes an element. `properties` are set as DOM properties, except `class`, `data`, `aria` and `role`. Null children
 * are left out.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key === "role") made.setAttribute(key, value);
    else if (key === "data") Object.assign(made.dataset, value);
    else if (key === "aria") Object.entries(value).forEach(([k, v]) => made.setAttribute(`aria-${k}`, v));
    else made[key] = value;
  }
  made.append(...children.flat().filter(child => child != null));
  return made;
}

/** Sets a text only if it differs, so that a selection inside it survives updates. */
export function setText(target, text) {
  const at = typeof target === "string" ? $(target) : target;
  if (at.textContent !== text) at.textContent = text;
}

/** Fills a description list. Existing elements are updated in place. */
export function setPairs(list, pairs) {
  if (list.childElementCount !== pairs.length) {
    list.replaceChildren(...pairs.map(([term]) => element("div", {}, element("dt", {}, term), element("dd"))));
  }
  pairs.forEach(([, value, title, tone], i) => {
    const dd = list.children[i].lastElementChild;
    setText(dd, value);
    dd.title = title ?? "";
    dd.className = tone ?? "";
  });
}

/** Fills a table body with texts, the first of each row as its header. Existing cells are updated in place. */
export function setRows(body, rows) {
  if (body.rows.length !== rows.length) {
    body.replaceChildren(
      ...rows.map(row => element("tr", {}, row.map((_, i) => element(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : {})))),
    );
  }
  rows.forEach((row, r) => row.forEach((text, c) => setText(body.rows[r].cells[c], text)));
}

/** An error's message, and a button to try again if `again` is given. */
export function problem(error, again) {
  return element(
    "div",
    { class: "notice bad", role: "alert" },
    element("p", {}, error.message),
    again ? element("button", { type: "button", class: "quiet", onclick: again }, "Try again") : null,
  );
}

/**
 * Asks for confirmation before a removal. `count` may be a promise of a sentence that says how much will be removed.
 * Resolves to whether the user has confirmed.
 */
export function confirmed({ title = "Remove stored answers?", text, button = "Remove", count = null }) {
  const dialog = $("confirm");
  setText("confirm-title", title);
  setText("confirm-text", text);
  setText("confirm-count", count ? "Counting…" : "");
  setText("confirm-go", button);
  dialog.returnValue = "";
  const mine = {};
  dialog.asked = mine;
  count?.then(
    words => dialog.asked === mine && setText("confirm-count", words),
    e => dialog.asked === mine && setText("confirm-count", `How many that are could not be counted: ${e.message}`),
  );
  return new Promise(resolve => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "remove"), { once: true });
    dialog.showModal();
  });
}

export function debounce(action, milliseconds) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
