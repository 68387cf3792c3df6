/** One request in full, with the generation that its answer was taken from. Opened by the address `#/activity/ID`. */
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
    if (event.target === dialog) dialog.close(); // outside of it
  });
  dialog.addEventListener("close", () => {
    // This event comes a while after the closing, when somebody may have gone on already.
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

/** The request that the address names, as it is written there. */
const named = () => location.hash.match(/^#\/activity\/([^?]+)/)?.[1] ?? "";

function follow() {
  const id = named();
  if (id === current) return;
  current = id;
  if (id) open(id);
  else dialog.close();
}

/** The address may be one that somebody has typed. */
function decoded(id) {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

/** @param id as it is written in the address */
async function open(id) {
  const body = $("detail-body");
  body.replaceChildren(element("p", { class: "muted" }, "Loading"));
  if (!dialog.open) dialog.showModal();
  const answer = await get(`activity/${encodeURIComponent(decoded(id))}`).catch(e => e);
  if (id !== current) return; // somebody has gone on meanwhile
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

/** As its receiver can do (W85): the answer that this request got is removed, and no newer one that has replaced it. */
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

/** All of a record; of a source what says where an answer came from and what it cost. */
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
