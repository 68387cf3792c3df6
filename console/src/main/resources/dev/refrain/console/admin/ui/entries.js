/**
 * The stored entries: a list, and a look at one answer if the settings allow it. An answer is shown as text, and no
 * part of it becomes markup. A sealed answer needs an API key, which is sent and not kept.
 */
import { $, debounce, element, problem, setText } from "./dom.js";
import { get, oneAtATime, post } from "./api.js";
import * as format from "./format.js";

const LIMIT = 50;
const FIELDS = ["search", "sort", "order"];
/** Filters that come from links of other views. Each is shown as a button that removes it. */
const FIXED = ["key", "model", "scope", "namespace"];

const form = $("entry-filters");
const rows = $("entry-rows");
const dialog = $("entry");
let visible = false;
let filter = {};
let cursors = [""];
let next = null;
let content = "off";

export function start() {
  form.addEventListener("input", debounce(apply, 300));
  form.addEventListener("submit", event => {
    event.preventDefault();
    apply();
  });
  $("entries-first").addEventListener("click", () => turn([""]));
  $("entries-before").addEventListener("click", () => turn(cursors.slice(0, -1)));
  $("entries-after").addEventListener("click", () => turn([...cursors, next]));
  $("entries-fixed").addEventListener("click", event => {
    const name = event.target.closest("button")?.dataset.name;
    if (!name) return;
    filter = { ...filter, [name]: "" };
    history.replaceState(null, "", link());
    turn([""]);
    form.elements.search.focus();
  });
  rows.addEventListener("keydown", walk);
  rows.addEventListener("click", event => {
    if (!event.target.closest("button") && !getSelection().toString()) event.target.closest("tr")?.querySelector("button").click();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => event.target === dialog && dialog.close());
  // A closed answer does not stay in the page.
  dialog.addEventListener("close", () => $("entry-body").replaceChildren());
}

export function show(parameters) {
  visible = true;
  filter = Object.fromEntries([...FIELDS, ...FIXED].map(name => [name, parameters.get(name) ?? ""]));
  for (const name of FIELDS) {
    if (form.elements[name] !== document.activeElement) form.elements[name].value = filter[name] || form.elements[name].dataset?.usual || "";
  }
  turn([""]);
}

export function hide() {
  visible = false;
  dialog.close();
}

const link = () => {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return `#/entries${query.size ? `?${query}` : ""}`;
};

function apply() {
  if (!visible) return;
  const entered = Object.fromEntries(FIELDS.map(name => [name, form.elements[name].value.trim()]));
  filter = { ...filter, ...entered };
  history.replaceState(null, "", link());
  turn([""]);
}

function turn(pages) {
  cursors = pages;
  load();
}

/** Each page needs a read of the store, which the listener does for two requests at a time. */
const page = oneAtATime(
  () => get("entries", { ...filter, limit: LIMIT, cursor: cursors.at(-1) }),
  answer => {
    rows.removeAttribute("aria-busy");
    if (answer instanceof Error) {
      rows.replaceChildren();
      next = null;
      setText("entries-state", "");
      $("no-entries").hidden = false;
      $("no-entries").replaceChildren(problem(answer, load));
      return;
    }
    next = answer.next;
    content = answer.content;
    rows.replaceChildren(...answer.data.map(row));
    paint(answer);
  },
);

function load() {
  rows.setAttribute("aria-busy", "true");
  page();
}

function paint({ matching, bytes, seen, complete }) {
  const filtered = ["search", ...FIXED].some(name => filter[name]);
  $("entries-first").disabled = $("entries-before").disabled = cursors.length === 1;
  $("entries-after").disabled = next === null;
  setText("entries-page", `Page ${cursors.length}`);
  setText(
    "entries-state",
    `${complete ? "" : "at least "}${format.exact(matching)} ${matching === 1 ? "answer" : "answers"}, ${format.bytes(bytes)}` +
      (complete ? "" : ` – partial: ${format.exact(seen)} entries were read within the time limit`),
  );
  $("entries-fixed").replaceChildren(
    ...FIXED.filter(name => filter[name]).map(name =>
      element("button", { type: "button", class: "chip", data: { name }, title: `Any ${name}` }, `${name}: ${filter[name]} ✕`)),
  );
  $("no-entries").hidden = rows.rows.length > 0;
  $("no-entries").replaceChildren(
    element("h2", {}, filtered ? "No such answers" : "Nothing is stored"),
    element("p", {}, filtered ? "A search finds beginnings of keys, parts of models and labels, and whole namespaces." : "Answers of requests with caching on appear here."),
  );
}

function row(entry) {
  const cell = (value, name = "", title = "") => element("td", { class: name, title }, value);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, element("button", { type: "button", class: "link code", onclick: () => open(entry) }, entry.key.slice(0, 12))),
    cell(entry.model ?? "not known", entry.model ? "model" : "model muted", entry.model ?? "No request in the log names it"),
    cell(entry.scope, "from-m scope", entry.scope),
    cell(entry.namespace ?? "–", "from-l scope", entry.namespace ?? ""),
    cell(format.bytes(entry.bytes), "number"),
    cell(hits(entry), "number from-m", "As far as eviction counts them"),
    cell(entry.tokens_saved ? format.count(entry.tokens_saved) : "–", "number from-l"),
    cell(entry.fetch_ms ? format.duration(entry.fetch_ms) : "–", "number from-xl"),
    cell(format.duration(entry.age_seconds * 1000), "number from-m", format.dateTime(entry.stored_at)),
    cell(left(entry), `number${entry.ttl_seconds > 0 ? "" : " muted"}`, format.dateTime(entry.expires_at)),
  );
}

const hits = ({ hits: n }) => (n == null ? "–" : n >= 7 ? "7+" : String(n));
const left = ({ ttl_seconds: ttl }) => (ttl > 0 ? format.duration(ttl * 1000) : "expired");

function open(entry) {
  const list = [
    ["Key", entry.key, "code"],
    ["Model", entry.model ?? "not known: no request in the log names it"],
    ["Scope", entry.scope],
    ["Namespace", entry.namespace],
    ["Stored", format.dateTime(entry.stored_at)],
    ["Expires", `${format.dateTime(entry.expires_at)} (${entry.ttl_seconds > 0 ? `in ${left(entry)}` : "over"})`],
    ["Room", entry.bytes >= 1024 ? `${format.bytes(entry.bytes)} (${format.exact(entry.bytes)} B)` : format.bytes(entry.bytes)],
    ["Hits lately", hits(entry)],
    ["Tokens a hit saves", entry.tokens_saved ? format.exact(entry.tokens_saved) : null],
    ["Time to fetch", entry.fetch_ms ? format.duration(entry.fetch_ms) : null],
  ];
  const key = entry.key.slice(0, 12);
  const answer = element("div", { class: "stack", ariaLive: "polite" });
  $("entry-body").replaceChildren(
    element("div", { class: "actions" },
      content === "on" ? element("button", { type: "button", onclick: () => look(entry, answer) }, "Look at the answer") : null,
      element("a", { class: "button quiet", href: `#/purge?${new URLSearchParams({ key })}`, onclick: () => dialog.close() }, "Remove…")),
    element("dl", { class: "pairs wide-pairs" },
      list.map(([term, value, tone]) => element("div", {}, element("dt", {}, term), element("dd", { class: tone ?? "" }, value ?? "–")))),
    content === "on" ? answer : element("p", { class: "muted" }, "The answer itself is not shown: admin.content is off."),
  );
  dialog.showModal();
  dialog.scrollTop = 0;
}

async function look(entry, target, credential = "") {
  target.replaceChildren(element("p", { class: "muted" }, "Loading"));
  try {
    const shown = await post(`entries/${entry.key}/content`, credential ? { headers: { Authorization: `Bearer ${credential}` } } : {});
    target.replaceChildren(...view(shown));
  } catch (e) {
    target.replaceChildren(e.status === 409 ? unseal(entry, target, e.message) : problem(e, () => look(entry, target, credential)));
  }
}

/** A form that asks for the API key of the entry's request, with which a sealed answer opens. */
function unseal(entry, target, message) {
  const input = element("input", { type: "password", name: "credential", autocomplete: "off", required: true });
  return element(
    "form",
    {
      class: "form",
      onsubmit: event => {
        event.preventDefault();
        const credential = input.value.trim();
        input.value = "";
        look(entry, target, credential);
      },
    },
    element("p", { class: "notice" }, message),
    element("label", { class: "field" }, element("span", {}, "API key of its request"), input),
    element("div", { class: "actions" }, element("button", { type: "submit" }, "Open")),
  );
}

function view({ content_type: type, bytes, shown_bytes: shown, text, finish_reason: reason }) {
  return [
    element("h3", {}, "Answer"),
    element("p", { class: "muted" }, [type, format.bytes(bytes), reason ? `finished by ${reason}` : null].filter(Boolean).join(" · ") + (shown < bytes ? `; the first ${format.bytes(shown)}` : "")),
    element("pre", { class: "code answer", tabIndex: 0, ariaLabel: "The stored answer" }, pretty(text)),
  ];
}

/** A JSON document with line breaks and indentation. Its values keep their spelling. Any other text stays as it is. */
function pretty(text) {
  if (!/^\s*[{[]/.test(text)) return text;
  let depth = 0;
  const line = () => `\n${"  ".repeat(Math.max(0, Math.min(depth, 40)))}`;
  return text.replace(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|\s+/g, part => {
    if (part[0] === '"' || part.length > 1 && /^[{[]/.test(part)) return part;
    if (part === "{" || part === "[") {
      depth++;
      return part + line();
    }
    if (part === "}" || part === "]") {
      depth--;
      return line() + part;
    }
    if (part === ",") return part + line();
    return part === ":" ? ": " : "";
  });
}

function walk(event) {
  const line = event.target.closest("tr");
  const to = { ArrowDown: line?.nextElementSibling, ArrowUp: line?.previousElementSibling, Home: rows.firstElementChild, End: rows.lastElementChild }[event.key];
  if (!to) return;
  event.preventDefault();
  to.querySelector("button").focus();
}
