/** The details of one request, and of the request whose answer it repeated. Opened by the address `#/activity/ID`. */
import { $, confirmed, element, problem } from "./dom.js";
import { get, remove } from "./api.js";
import { link, outcome } from "./activity.js";
import * as format from "./format.js";

const dialog = $("detail");
let current = "";

export function start() {
  addEventListener("hashchange", follow);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => {
    if (event.target === dialog) dialog.close(); // a click on the backdrop
  });
  dialog.addEventListener("close", () => {
    // This event comes a while after the closing. The user may have opened another request already.
    if (dialog.open) return;
    const left = current;
    current = "";
    if (left && left === named()) history.pushState(null, "", link());
  });
  follow();
}

export function close() {
  dialog.close();
}

/** The request that the address names, still percent-encoded. */
const named = () => location.hash.match(/^#\/activity\/([^?]+)/)?.[1] ?? "";

function follow() {
  const id = named();
  if (id === current) return;
  current = id;
  if (id) open(id);
  else dialog.close();
}

/** Decodes an id. A typed address may be malformed; then the id is taken as it is. */
function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** @param id percent-encoded, as in the address */
async function open(id) {
  const body = $("detail-body");
  body.replaceChildren(element("p", { class: "muted" }, "Loading"));
  if (!dialog.open) dialog.showModal();
  const answer = await get(`activity/${encodeURIComponent(decoded(id))}`).catch(e => e);
  if (id !== current) return; // the user has opened another request meanwhile
  body.replaceChildren(
    ...(answer instanceof Error
      ? [problem(answer, answer.status === 404 ? null : () => open(id))]
      : view(answer.data, answer.source, answer.cause, answer.currency)),
  );
  dialog.scrollTop = 0;
}

function view(record, source, cause, currency) {
  const parts = [summary(record), cause ? element("p", { class: "notice bad" }, cause) : null, fields(record, currency)].filter(Boolean);
  if (record.source_id) {
    parts.push(
      element("h3", {}, "Taken from"),
      source
        ? element("div", { class: "stack" }, fields(source, currency, record), anchor(`~${source.number}`, "Open that request"))
        : element("p", { class: "muted" }, `Generation ${record.source_id}, which is no longer in the log.`),
    );
  }
  return parts;
}

function summary(record) {
  const actions = [];
  if (record.cache === "miss" || record.cache === "bypass" || record.cache === "off") {
    const query = new URLSearchParams({ endpoint: record.endpoint, id: record.id ?? `~${record.number}` });
    actions.push(element("a", { class: "button", href: `#/explain?${query}` }, record.cache === "miss" ? "Why did this miss?" : "Why was this not cached?"));
  }
  if (record.key) {
    actions.push(element("a", { class: "button quiet", href: `#/entries?${new URLSearchParams({ key: record.key })}` }, "Its entry"));
  }
  const ofItems = ["items", "partial"].includes(record.reason); // has no entry of its own (W86)
  if (record.key && !ofItems && ["hit", "collapsed", "stale", "miss"].includes(record.cache)) {
    actions.push(element("button", { type: "button", class: "quiet", onclick: event => takeBack(record, event.target) }, "Take this answer back"));
  }
  return element(
    "div",
    { class: "summary" },
    outcome(record),
    element("b", {}, format.duration(record.duration_ms)),
    element("span", { class: "actions" }, actions),
    element("p", { id: "take-back-result", role: "status" }),
  );
}

/**
 * Removes the stored answer that this request got, as the request's own caller can (W85). A newer answer that has
 * replaced it stays.
 */
async function takeBack(record, button) {
  const go = await confirmed({
    title: "Take this answer back?",
    text: "The answer that this request got will be removed from the cache, on all machines that share it. The next such request goes to the provider.",
    button: "Take back",
  });
  if (!go) return;
  const result = $("take-back-result");
  result.className = "";
  try {
    await remove(`activity/~${record.number}/answer`);
    result.textContent = "It is taken back.";
    button.disabled = true;
  } catch (e) {
    result.className = "error-text";
    result.textContent = e.message;
  }
}

/** All fields of a record. With `hit`, the record is the source of that hit, and only fields with a value are shown. */
function fields(record, currency, hit) {
  const list = [
    ["Generation", record.id ?? "none: the client went away before the answer", record.id ? "code" : ""],
    ["Request id", record.request_id === record.id ? null : record.request_id, "code"],
    ["Time", format.dateTime(record.created_at)],
    hit ? ["Age at the hit", format.duration(new Date(hit.created_at) - new Date(record.created_at))] : null,
    ["Endpoint", record.endpoint],
    ["Model", record.model],
    ["Preset", record.preset],
    ["Policy", record.policy],
    ["Namespace", record.namespace],
    ["Scope", record.scope],
    ["Streamed", record.streamed ? "yes" : "no"],
    ["Status", String(record.status), record.status >= 400 ? "bad" : ""],
    hit ? null : ["Reason", record.reason],
    ["Duration", format.duration(record.duration_ms)],
    ["Time saved", record.time_saved_ms ? format.duration(record.time_saved_ms) : null],
    ["Size", record.bytes >= 1024 ? `${format.bytes(record.bytes)} (${format.exact(record.bytes)} B)` : format.bytes(record.bytes)],
    ["Prompt tokens", number(record.tokens_prompt)],
    ["Completion tokens", number(record.tokens_completion)],
    ["Tokens saved", record.tokens_saved ? format.exact(record.tokens_saved) : null],
    ["Cost", price(record.cost, currency)],
    ["Money saved", price(record.money_saved, currency)],
    ["Finish reason", record.finish_reason],
    ["Key", record.key, "code"],
    ["Source", hit ? null : record.source_id, "code"],
  ];
  return element(
    "dl",
    { class: "pairs wide-pairs" },
    list
      .filter(pair => pair && (pair[1] != null || !hit))
      .map(([term, value, tone]) => element("div", {}, element("dt", {}, term), element("dd", { class: tone ?? "" }, value ?? "–"))),
  );
}

const number = n => (n == null ? null : format.exact(n));
const price = (amount, currency) => (amount == null ? null : format.money(amount, currency));
const anchor = (id, text) => element("a", { href: link(id) }, text);
