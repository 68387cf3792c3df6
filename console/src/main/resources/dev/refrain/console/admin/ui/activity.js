/**
 * The activity log: filters, pages, and new requests on top of the first page as they happen. While the pointer is over
 * the table, or the keyboard focus in it, new rows wait behind a button, so that no row moves away under a click.
 */
import { $, debounce, element, problem, setText } from "./dom.js";
import { address, get, oneAtATime } from "./api.js";
import { on } from "./live.js";
import * as format from "./format.js";

const LIMIT = 50;
/**
 * New rows make the first page longer, so that it still ends where the next page begins. Beyond this length it is
 * loaded anew.
 */
const MOST_ROWS = 200;
const FRESH_MS = 1200;
const FILTERS = ["cached", "model", "scope", "status", "when", "since", "until", "cache", "endpoint", "policy", "namespace", "sort"];
/** Filters in the section that opens with "More". */
const FURTHER = ["cache", "endpoint", "policy", "namespace", "sort"];
const HOURS = { hour: 1, day: 24, week: 168 };
/** Suggestions for the filters are values seen in rows; this many of each kind at most. */
const MOST_SUGGESTIONS = 100;

const form = $("filters");
const rows = $("rows");
let visible = false;
let filter = {};
/** The cursors of all pages up to the current one. The first page has an empty cursor. */
let cursors = [""];
let next = null;
/** New requests that wait to be shown. */
let waiting = [];
let outdated = false;
/** Whether the listener ran out of time while it sorted the log. */
let partial = false;
let currency = "USD";
const seen = { models: new Set(), scopes: new Set(), policies: new Set() };

export function start() {
  form.addEventListener("input", debounce(apply, 250));
  form.addEventListener("reset", () => setTimeout(() => {
    ownTime();
    apply();
  }));
  form.elements.when.addEventListener("change", ownTime);
  $("more-filters").open = matchMedia("(min-width: 1101px)").matches;
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
  $("show-new").addEventListener("click", () => {
    $("activity-title").focus();
    outdated ? load() : prepend(waiting);
  });
  on("activity", ({ data }) => arrive(data));
  on("state", state => {
    if (state !== "live" || !visible) return;
    outdated = true; // the listener sent no events during the interruption
    refresh();
  });
}

/** Takes the filter from the view's address. A detail view on top changes the address, but not the filter. */
export function show(parameters) {
  const wanted = Object.fromEntries(FILTERS.map(name => [name, parameters.get(name) ?? ""]));
  const same = visible && FILTERS.every(name => wanted[name] === filter[name]);
  visible = true;
  if (same) return;
  filter = wanted;
  for (const name of FILTERS) {
    // The field that has the focus is left alone: the user may be typing in it.
    if (form.elements[name] !== document.activeElement) fill(name, filter[name]);
  }
  if ((filter.since || filter.until) && !filter.when) form.elements.when.value = filter.when = "own";
  if (FURTHER.some(name => filter[name])) $("more-filters").open = true;
  ownTime();
  turn([""]);
}

/** Sets a field. An address may name a status that the list lacks; it is added. */
function fill(name, value) {
  const field = form.elements[name];
  if (field instanceof RadioNodeList) {
    // Not every browser lets an empty value be set on the list itself.
    for (const choice of field) choice.checked = choice.value === value;
    return;
  }
  if (field.tagName === "SELECT" && value && ![...field.options].some(option => option.value === value)) {
    field.append(element("option", {}, value));
  }
  field.value = name === "since" || name === "until" ? format.local(value) : value;
}

function ownTime() {
  $("own-time").hidden = form.elements.when.value !== "own";
}

const entered = name => {
  const value = form.elements[name].value.trim();
  if (name !== "since" && name !== "until") return value;
  return value && form.elements.when.value === "own" ? new Date(value).toISOString() : "";
};

/** The filter as parameters of the listener's API. */
function parameters() {
  const { when, status, sort, ...rest } = filter;
  const [by, order] = sort.split(".");
  return {
    ...rest,
    since: HOURS[when] ? new Date(Date.now() - HOURS[when] * 3_600_000).toISOString() : rest.since,
    until: when === "own" ? rest.until : "",
    ...(status === "errors" ? { errors: "true" } : { status }),
    sort: by,
    order: order ?? "",
  };
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
  // The address may have changed already, before its event has reached this view.
  if (!visible || !location.hash.startsWith("#/activity")) return;
  const now = Object.fromEntries(FILTERS.map(name => [name, entered(name)]));
  if (FILTERS.every(name => now[name] === filter[name])) return;
  filter = now;
  history.replaceState(null, "", link());
  turn([""]);
}

function turn(pages) {
  cursors = pages;
  load();
}

/** A sorted page needs a read of the whole log, which the listener does for two requests at a time. */
const page = oneAtATime(
  () => get("activity", { ...parameters(), limit: LIMIT, cursor: cursors.at(-1) }),
  answer => {
    rows.removeAttribute("aria-busy");
    if (answer instanceof Error) {
      rows.replaceChildren();
      next = null;
      paint();
      $("no-rows").hidden = false;
      $("no-rows").replaceChildren(problem(answer, load));
      return;
    }
    waiting = [];
    outdated = false;
    next = answer.next;
    partial = !answer.complete;
    currency = answer.currency;
    // The style sheet shows the column by which the table is sorted at any width.
    rows.closest("table").dataset.sort = filter.sort;
    rows.replaceChildren(...answer.data.map(row));
    suggest(answer.data);
    paint();
  },
);

function load() {
  const { sort, order, ...chosen } = parameters();
  $("csv").href = address("activity.csv", chosen);
  rows.setAttribute("aria-busy", "true");
  page();
}

function paint() {
  const first = cursors.length === 1;
  const filtered = Object.values(filter).some(Boolean);
  $("newest").disabled = $("newer").disabled = first;
  $("older").disabled = next === null;
  setText("page", `Page ${cursors.length}`);
  const empty = rows.rows.length === 0;
  $("no-rows").hidden = !empty;
  $("no-rows").replaceChildren(
    ...(empty
      ? [
          element("h2", {}, filtered ? "No such requests" : "No requests yet"),
          element("p", {}, filtered ? "Nothing in the log matches the filter." : "New requests appear here as they happen."),
        ]
      : []),
  );
  const news = first && (waiting.length > 0 || outdated);
  $("show-new").hidden = !news;
  setText("show-new", outdated ? "Show new requests" : `Show ${waiting.length} new`);
  if (filter.sort) {
    setText("activity-state", partial ? "Partial: the log is too long to be sorted in time, so these are of its latest requests" : news ? "" : "Sorted");
    return;
  }
  setText("activity-state", first ? (news ? "" : "New requests appear on top") : "New requests are on the first page");
}

// ------------------------------------------------------------------------------------------------------------ live rows

const held = () =>
  (matchMedia("(hover: hover)").matches && rows.matches(":hover")) ||
  rows.contains(document.activeElement) ||
  document.querySelector("dialog[open]") !== null;

/** Loads the first page again if it is shown and outdated, and the user is not busy with it. */
const refresh = debounce(() => {
  if (visible && outdated && cursors.length === 1 && !held()) load();
}, 400);

function arrive(records) {
  suggest(records);
  if (!visible || cursors.length > 1 || !records.length) return;
  if (Object.values(filter).some(Boolean)) {
    // Only the listener knows which of them match. Sorting takes a while, so a sorted page is reloaded only on a click.
    outdated = true;
    if (filter.sort) paint();
    else refresh();
  } else {
    waiting = [...records.toReversed(), ...waiting]; // events bring the oldest first, the table shows the newest first
    if (waiting.length > LIMIT) outdated = true; // an event has at most 50 requests, so some may be missing
    if (outdated) refresh();
    else if (!held()) prepend(waiting);
  }
  if (held()) paint();
}

function prepend(records) {
  waiting = [];
  const known = new Set([...rows.rows].map(line => line.dataset.number));
  const fresh = records.filter(record => !known.has(String(record.number))).map(row);
  fresh.forEach(line => line.classList.add("fresh"));
  // No CSS animation: under a steady stream of requests it would repaint the table at each frame.
  setTimeout(() => fresh.forEach(line => line.classList.remove("fresh")), FRESH_MS);
  rows.prepend(...fresh);
  if (rows.rows.length > MOST_ROWS) load();
  paint();
}

function suggest(records) {
  for (const [list, key] of [["models", "model"], ["scopes", "scope"], ["policies", "policy"]]) {
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
    // Shown where the window has no room for a column of its own.
    record.status >= 400 ? element("small", { class: "failed" }, String(record.status)) : null,
  );
}

function row(record) {
  const cell = (value, name = "", title = "") => element("td", { class: name, title }, value);
  return element(
    "tr",
    { data: { number: record.number } },
    element(
      "th",
      { scope: "row" },
      element("a", { href: link(`~${record.number}`), title: `${format.dateTime(record.created_at)}, ${record.id ?? "the client went away before the answer"}` }, element("time", { dateTime: record.created_at }, format.time(record.created_at))),
    ),
    cell(outcome(record)),
    cell(record.endpoint, "from-m"),
    cell(model(record.model ?? "–"), "model", record.model ?? ""),
    cell(record.scope ?? "–", "from-m scope", record.scope ?? ""),
    cell(String(record.status), `from-l${record.status >= 400 ? " bad" : ""}`),
    cell(format.duration(record.duration_ms), "number"),
    cell(tokens(record), "number from-l by-tokens_used"),
    cell(record.tokens_saved ? format.count(record.tokens_saved) : "–", "number from-m by-tokens_saved"),
    cell(record.time_saved_ms ? format.duration(record.time_saved_ms) : "–", "number from-l by-time_saved"),
    cell(format.bytes(record.bytes), "number from-xl by-bytes"),
    cell(record.cost ? format.money(record.cost, currency) : "–", "number from-xxl by-cost"),
    cell(record.money_saved ? format.money(record.money_saved, currency) : "–", "number from-xxl by-money_saved"),
    cell(record.policy ?? "–", "from-xxl scope", record.policy ?? ""),
    cell(record.namespace ?? "–", "from-xxl scope", record.namespace ?? ""),
    cell(record.finish_reason ?? "–", "from-xxl"),
  );
}

/** The model's name, which may break after each slash on narrow screens. */
function model(name) {
  return element("span", {}, name.split(/(?<=\/)/).flatMap((part, i) => (i ? [element("wbr"), part] : [part])));
}

function tokens({ tokens_prompt: prompt, tokens_completion: completion }) {
  if (prompt == null && completion == null) return "–";
  return prompt || completion ? format.count((prompt ?? 0) + (completion ?? 0)) : "–";
}

/** Moves the focus from row to row with the arrow keys, as in a list. */
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
