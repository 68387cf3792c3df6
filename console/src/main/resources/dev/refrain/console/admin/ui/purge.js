/** Removes stored answers, after a confirmation that says which. */
import { $, confirmed, element, setText } from "./dom.js";
import { get, oneAtATime, remove } from "./api.js";
import * as format from "./format.js";

/** The most namespaces that the table shows; the names of others can be typed. */
const MOST_NAMESPACES = 100;
const form = $("purge-form");
const KINDS = {
  key: { label: "Key", what: value => `The answer stored under the key ${value}` },
  scope: { label: "Scope", what: value => `All answers of the scope ${value}` },
  model: { label: "Model", what: value => `All answers to requests for the model ${value}` },
  namespace: { label: "Namespace", what: value => `All answers of the namespace ${value}` },
  all: { label: "", what: () => "All stored answers, of all scopes and models," },
};

export function start() {
  form.addEventListener("change", event => {
    if (event.target.name === "by") choose();
  });
  form.addEventListener("submit", event => {
    event.preventDefault();
    confirm(form.elements.by.value, form.elements.value.value.trim());
  });
}

export function show(parameters) {
  setText("purge-result", "");
  for (const [name, value] of parameters) {
    if (!Object.hasOwn(KINDS, name)) continue;
    form.elements.by.value = name;
    form.elements.value.value = value;
  }
  choose();
  namespaces();
}

/**
 * Loads the namespaces to choose from. Counting their entries needs a read of the store, which the listener does for
 * two requests at a time. If that fails, a name can still be typed.
 */
const namespaces = oneAtATime(
  () => get("namespaces"),
  answer => {
    const data = answer instanceof Error ? [] : answer.data;
    $("namespaces").replaceChildren(...data.map(({ namespace, entries }) =>
      element("option", { value: namespace }, entries === 1 ? "1 answer" : `${format.exact(entries)} answers`)));
    $("namespaces-card").hidden = !data.length;
    $("namespace-rows").replaceChildren(...data.slice(0, MOST_NAMESPACES).map(({ namespace, entries }) =>
      element("tr", {},
        element("th", { scope: "row" }, element("a", { href: `#/entries?${new URLSearchParams({ namespace })}` }, namespace)),
        element("td", {}, format.exact(entries)),
        element("td", {}, element("a", { href: `#/purge?${new URLSearchParams({ namespace })}`, ariaLabel: `Purge ${namespace}` }, "Purge")))));
    setText("namespaces-more", data.length > MOST_NAMESPACES ? `and ${format.exact(data.length - MOST_NAMESPACES)} more` : "");
  },
);

function choose() {
  const by = form.elements.by.value;
  $("purge-value").hidden = form.elements.value.disabled = by === "all";
  setText($("purge-value").firstElementChild, KINDS[by].label);
  form.elements.value.setAttribute("list", `${by}s`); // what views have shown; nothing lists all keys
}

/** Asks for confirmation, and says how many answers would be removed. */
async function confirm(by, value) {
  const parameters = { [by]: by === "all" ? "true" : value };
  const go = await confirmed({
    text: `${KINDS[by].what(value)} will be removed. This cannot be undone; the next such requests go to the provider.`,
    count: get("entries/count", parameters).then(counted),
  });
  if (go) purge(by, value);
}

function counted({ matching, bytes, complete }) {
  if (!matching) return complete ? "Nothing is stored there now." : "Nothing of that was found in the part of the store that was read in time.";
  const answers = matching === 1 ? "1 answer" : `${format.exact(matching)} answers`;
  return complete
    ? `These are ${answers}, ${format.bytes(bytes)}.`.replace("These are 1 ", "This is 1 ")
    : `These are at least ${answers}; not all of the store was read in time.`;
}

async function purge(by, value) {
  const result = $("purge-result");
  result.className = "";
  setText(result, "Removing");
  try {
    const { removed } = await remove("entries", { [by]: by === "all" ? "true" : value });
    namespaces();
    setText(result, removed === 1 ? "1 answer removed." : removed ? `${format.exact(removed)} answers removed.` : "Nothing was stored there.");
  } catch (e) {
    result.className = "error-text";
    setText(result, e.message);
  }
}
