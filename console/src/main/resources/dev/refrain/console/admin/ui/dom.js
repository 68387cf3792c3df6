/** Building blocks of the page. Text reaches it as text nodes only: nothing here, or elsewhere, takes markup from a string. */

export const $ = id => document.getElementById(id);

/** An element; `properties` are set as such, except `class`, `data`, `aria` and `role`. Null children are left out. */
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

/** Sets a text only if it is another one, so that a selection in it survives the updates. */
export function setText(target, text) {
  const at = typeof target === "string" ? $(target) : target;
  if (at.textContent !== text) at.textContent = text;
}

/** A description list's pairs, kept in place when they come again. */
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

/** A table body's rows of texts, the first of each a row header; kept in place when they come again. */
export function setRows(body, rows) {
  if (body.rows.length !== rows.length) {
    body.replaceChildren(
      ...rows.map(row => element("tr", {}, row.map((_, i) => element(i === 0 ? "th" : "td", i === 0 ? { scope: "row" } : {})))),
    );
  }
  rows.forEach((row, r) => row.forEach((text, c) => setText(body.rows[r].cells[c], text)));
}

/** What to say where something could not be had. */
export function problem(error, again) {
  return element(
    "div",
    { class: "notice bad", role: "alert" },
    element("p", {}, error.message),
    again ? element("button", { type: "button", class: "quiet", onclick: again }, "Try again") : null,
  );
}

/**
 * Asks before something is removed. `count` may promise a sentence that says how much, which takes the place of the text when it comes.
 * Resolves to whether it is to be done.
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
