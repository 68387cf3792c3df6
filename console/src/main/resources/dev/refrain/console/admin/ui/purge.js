/** Removing stored answers, after a confirmation that says which. */
import { $, element, setText } from "./dom.js";
import { get, remove } from "./api.js";
import * as format from "./format.js";

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

/** What can be chosen; without it a name has to be typed. */
async function namespaces() {
  try {
    const { data } = await get("namespaces");
    $("namespaces").replaceChildren(...data.map(({ namespace, entries }) =>
      element("option", { value: namespace }, entries === 1 ? "1 answer" : `${format.exact(entries)} answers`)));
  } catch {
    $("namespaces").replaceChildren();
  }
}

function choose() {
  const by = form.elements.by.value;
  $("purge-value").hidden = form.elements.value.disabled = by === "all";
  setText($("purge-value").firstElementChild, KINDS[by].label);
  form.elements.value.setAttribute("list", `${by}s`); // what the log has shown; there is no list of keys
}

function confirm(by, value) {
  const dialog = $("confirm");
  setText("confirm-text", `${KINDS[by].what(value)} will be removed. This cannot be undone; the next such requests go to the provider.`);
  dialog.returnValue = "";
  dialog.addEventListener("close", () => dialog.returnValue === "remove" && purge(by, value), { once: true });
  dialog.showModal();
}

async function purge(by, value) {
  const result = $("purge-result");
  result.className = "";
  setText(result, "Removing");
  try {
    const { removed } = await remove("entries", { [by]: by === "all" ? "true" : value });
    setText(result, removed === 1 ? "1 answer removed." : removed ? `${format.exact(removed)} answers removed.` : "Nothing was stored there.");
  } catch (e) {
    result.className = "error-text";
    setText(result, e.message);
  }
}
