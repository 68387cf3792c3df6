/**
 * The activity log: filters, pages, and new requests on top of the first page as they happen. While somebody points at the table
 * or moves in it by keyboard, new rows wait, so that nothing slips away under a click.
 */
import { $, debounce, element, problem, setText } from "./dom.js";
import { address, get } from "./api.js";
import { on } from "./live.js";
import * as format from "./format.js";

const LIMIT = 50;
const FILTERS = ["cached", "model", "endpoint", "scope"];
/** Suggestions are taken from what was seen; no more than a list can show. */
const MOST_SUGGESTIONS = 100;

const form = $("filters");
const rows = $("rows");
let visible = false;
let filter = {};
/** The cursors of the pages up to this one; the first page has none. */
let cursors = [""];
let next = null;
let request = null;
let waiting = [];
const seen = { models: new Set(), scopes: new Set() };

export function start() {
  form.addEventListener("input", debounce(apply, 250));
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", event => {
    event.preventDefault();
    apply();
  });
  $("newest").addEventListener("click", () => turn([""]));
  $("newer").addEventListener("click", () => turn(cursors.slice(0, -1)));
  $("older").addEventListener("click", () => turn([...cursors, next]));
  rows.addEventListener("keydown", walk);
  rows.addEventListener("click", event => {
    if (!event.target.closest("a") && !getSelection().toString()) event.target.closest("tr")?.querySelector("a").click();
  });
  rows.addEventListener("pointerleave", release);
  rows.addEventListener("focusout", () => setTimeout(release));
  on("activity", ({ data }) => arrive(data));
  on("state", state => {
    if (state === "live" && visible && cursors.length === 1 && !held()) load();
  });
}

/** The view's address holds the filter; a detail view on top of it does not change that. */
export function show(parameters) {
  const wanted = Object.fromEntries(FILTERS.map(name => [name, parameters.get(name) ?? ""]));
  const same = visible && FILTERS.every(name => wanted[name] === filter[name]);
  visible = true;
  if (same) return;
  filter = wanted;
  for (const name of FILTERS) {
    // What is being typed is left alone.
    if (form.elements[name] !== document.activeElement) form.elements[name].value = filter[name];
  }
  turn([""]);
}

export function hide() {
  visible = false;
}

/** A view's address with the filter. */
export function link(id = "") {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
  return `#/activity${id ? `/${encodeURIComponent(id)}` : ""}${query.size ? `?${query}` : ""}`;
}

function apply() {
  if (!visible) return;
  const entered = Object.fromEntries(FILTERS.map(name => [name, form.elements[name].value.trim()]));
  if (FILTERS.every(name => entered[name] === filter[name])) return;
  filter = entered;
  history.replaceState(null, "", link());
  turn([""]);
}

function turn(pages) {
  cursors = pages;
  load();
}

async function load() {
  request?.abort();
  request = new AbortController();
  $("csv").href = address("activity.csv", filter);
  rows.setAttribute("aria-busy", "true");
  try {
    const page = await get("activity", { ...filter, limit: LIMIT, cursor: cursors.at(-1) }, request.signal);
    waiting = [];
    next = page.next;
    rows.replaceChildren(...page.data.map(row));
    suggest(page.data);
    paint();
  } catch (e) {
    if (e.name === "AbortError") return;
    rows.replaceChildren();
    next = null;
    paint();
    $("no-rows").hidden = false;
    $("no-rows").replaceChildren(problem(e, load));
  } finally {
    rows.removeAttribute("aria-busy");
  }
}

function paint() {
  const first = cursors.length === 1;
  const filtered = Object.values(filter).some(Boolean);
  $("newest").disabled = $("newer").disabled = first;
  $("older").disabled = next === null;
  setText("page", `Page ${cursors.length}`);
  $("no-rows").hidden = rows.rows.length > 0;
  if (!rows.rows.length) {
    $("no-rows").replaceChildren(
      element("h2", {}, filtered ? "No such requests" : "No requests yet"),
      element("p", {}, filtered ? "Nothing in the log matches the filter." : "New requests appear here as they happen."),
    );
  }
  setText(
    "activity-state",
    !first ? "An older page; new requests are on the first" : waiting.length ? `${waiting.length} new, shown when you leave the table` : "New requests appear on top",
  );
}

// ------------------------------------------------------------------------------------------------------------ live rows

const held = () => rows.matches(":hover") || rows.contains(document.activeElement) || document.querySelector("dialog[open]") !== null;

/** The filter's meaning is the listener's; so with one set, the page is asked for again. */
const reload = debounce(() => {
  if (visible && cursors.length === 1 && !held()) load();
}, 400);

function arrive(records) {
  suggest(records);
  if (!visible || cursors.length > 1 || !records.length) return;
  if (Object.values(filter).some(Boolean)) {
    reload();
  } else if (held()) {
    waiting = [...records, ...waiting].slice(0, LIMIT);
    paint();
  } else {
    prepend(records);
  }
}

function release() {
  if (held()) return;
  if (waiting.length) prepend(waiting);
  waiting = [];
  paint();
}

function prepend(records) {
  const known = new Set([...rows.rows].map(line => line.dataset.id));
  const fresh = records.filter(record => !known.has(record.id)).map(row);
  fresh.forEach(line => line.classList.add("fresh"));
  rows.prepend(...fresh);
  while (rows.rows.length > LIMIT) {
    rows.lastElementChild.remove();
    // What left this page is on the next one, whose cursor only the listener knows.
    reload();
  }
  paint();
}

function suggest(records) {
  for (const [list, key] of [["models", "model"], ["scopes", "scope"]]) {
    for (const record of records) {
      const value = record[key];
      if (!value || seen[list].has(value) || seen[list].size >= MOST_SUGGESTIONS) continue;
      seen[list].add(value);
      $(list).append(element("option", { value }));
    }
  }
}

// ----------------------------------------------------------------------------------------------------------------- rows

export function outcome(record) {
  return element(
    "span",
    { class: "outcome", data: { outcome: record.cache } },
    record.cache,
    record.reason ? element("small", {}, record.reason) : null,
  );
}

function row(record) {
  const cell = (value, name = "", title = "") => element("td", { class: name, title }, value);
  return element(
    "tr",
    { data: { id: record.id } },
    element(
      "th",
      { scope: "row" },
      element("a", { href: link(record.id), title: `${format.dateTime(record.created_at)}, ${record.id}` }, element("time", { dateTime: record.created_at }, format.time(record.created_at))),
    ),
    cell(outcome(record)),
    cell(record.endpoint, "from-m"),
    cell(model(record.model ?? "–"), "model", record.model ?? ""),
    cell(record.scope ?? "–", "from-m scope", record.scope ?? ""),
    cell(String(record.status), `from-l${record.status >= 400 ? " bad" : ""}`),
    cell(format.duration(record.duration_ms), "number"),
    cell(tokens(record), "number from-l"),
    cell(record.tokens_saved ? format.count(record.tokens_saved) : "–", "number from-m"),
    cell(record.time_saved_ms ? format.duration(record.time_saved_ms) : "–", "number from-l"),
    cell(format.bytes(record.bytes), "number from-l"),
  );
}

/** With places to break at where there is little room. */
function model(name) {
  return element("span", {}, name.split(/(?<=[/_-])/).flatMap((part, i) => (i ? [element("wbr"), part] : [part])));
}

function tokens({ tokens_prompt: prompt, tokens_completion: completion }) {
  if (prompt == null && completion == null) return "–";
  return prompt || completion ? format.count((prompt ?? 0) + (completion ?? 0)) : "–";
}

/** Up and down go from request to request, as in a list. */
function walk(event) {
  const line = event.target.closest("tr");
  const to = {
    ArrowDown: line?.nextElementSibling,
    ArrowUp: line?.previousElementSibling,
    Home: rows.firstElementChild,
    End: rows.lastElementChild,
  }[event.key];
  if (!to) return;
  event.preventDefault();
  to.querySelector("a").focus();
}
