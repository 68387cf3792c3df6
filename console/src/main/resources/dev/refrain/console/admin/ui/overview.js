/** The overview: the listener's live counts, and the charts of its history. */
import { $, element, problem, setPairs, setRows, setText } from "./dom.js";
import { get } from "./api.js";
import { on } from "./live.js";
import * as format from "./format.js";
import * as charts from "./charts.js";
import * as usage from "./usage.js";

export const OUTCOMES = ["hit", "collapsed", "stale", "miss", "bypass", "off"];
/** Requests that cost the provider nothing. */
const CACHED = ["hit", "collapsed", "stale"];

const sum = (counts, kinds) => kinds.reduce((total, kind) => total + (counts?.[kind] ?? 0), 0);
const plural = (n, one, many = `${one}s`) => `${format.count(n)} ${n === 1 ? one : many}`;
let visible = false;
let latest = null;

export function start() {
  charts.start();
  usage.start();
  on("stats", stats => {
    latest = stats;
    if (visible) paint(stats);
  });
  on("state", state => {
    if (state === "live" && visible) charts.load();
  });
}

export async function show() {
  visible = true;
  charts.load();
  usage.load();
  if (latest) paint(latest);
  try {
    latest = await get("stats");
    $("notices").replaceChildren();
    paint(latest);
  } catch (e) {
    if (e.status !== 401) $("notices").replaceChildren(problem(e, show));
  }
}

export function hide() {
  visible = false;
  charts.hide();
  usage.hide();
  $("notices").replaceChildren();
}

function paint(stats) {
  const started = new Date(stats.started_at);
  setText("since", `since ${format.time(stats.started_at)} (${format.duration(Math.round((Date.now() - started) / 1000) * 1000)}) · Refrain ${stats.version}`);
  $("since").title = format.dateTime(stats.started_at);
  paintEmpty(stats);
  paintTiles(stats);
  paintLatency(stats.latency);
  paintStore(stats.store);
  paintShared(stats.shared, stats.tiers);
  paintOutcomes(stats.requests);
  paintEndpoints(stats.by_endpoint);
  paintNow(stats);
}

function paintEmpty(stats) {
  const empty = $("no-requests");
  empty.hidden = stats.requests.total > 0;
  if (empty.hidden || empty.childElementCount) return;
  empty.append(
    element("h2", {}, "No requests yet"),
    element("p", {}, "Send one twice: the second is answered from the cache."),
    element(
      "pre",
      { class: "code", tabIndex: 0 },
      `curl ${reachable(stats.address)}/v1/chat/completions -H 'X-OpenRouter-Cache: true' \\\n  -d '{"model":"demo","messages":[{"role":"user","content":"Say hello"}]}'`,
    ),
  );
}

/**
 * The proxy's URL for this browser's machine. The wildcard address of a proxy that listens on all addresses is replaced
 * by this page's host.
 */
const reachable = address => address.replace(/\/\/(0\.0\.0\.0|\[::\])/, `//${location.hostname}`);

function tile(id, value, sub, title = "") {
  setText(id, value);
  $(id).title = title;
  if (typeof sub === "string") setText(`${id}-sub`, sub);
  else if (!$(`${id}-sub`).firstElementChild) $(`${id}-sub`).replaceChildren(sub());
}

function paintTiles(stats) {
  const { requests } = stats;
  const cached = sum(requests, CACHED);
  tile(
    "hit-ratio",
    format.percent(stats.hit_ratio),
    stats.hit_ratio == null ? "no request with caching on yet" : `${format.count(cached)} of ${format.count(cached + requests.miss)}`,
    "Hits, collapsed and stale answers, of all requests that were eligible and had caching on",
  );
  tile("requests", format.count(requests.total), requests.errors ? plural(requests.errors, "error") : "no errors", format.exact(requests.total));
  tile("tokens-saved", format.count(stats.tokens_saved), `${format.count(stats.tokens_used)} used`, format.exact(stats.tokens_saved));
  tile(
    "time-saved",
    format.duration(stats.time_saved_ms),
    cached ? `${format.duration(stats.time_saved_ms / cached)} a cached answer` : "nothing cached yet",
  );
  paintMoney(stats.money_saved);
}

function paintMoney({ amount, spent, currency, unpriced_tokens: unpriced }) {
  if (amount > 0) {
    const beside = spent > 0 ? `${format.money(spent, currency)} spent` : "nothing spent";
    tile("money-saved", format.money(amount, currency), unpriced ? `${beside}; ${format.count(unpriced)} tokens unpriced` : beside, "An estimate, by what providers say and by your prices");
  } else if (unpriced || amount == null) {
    const hint = () => element("button", { type: "button", class: "link", onclick: () => $("prices").showModal() }, "Set prices to see it");
    tile("money-saved", "–", hint);
  } else {
    tile("money-saved", "–", "nothing saved yet");
  }
}

function paintLatency({ hit, miss }) {
  const row = (name, figures) => [
    name,
    ...["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"].map(key => format.duration(figures.count ? figures[key] : null)),
  ];
  setRows($("latency"), [row("Hits", hit), row("Misses", miss)]);
  for (const line of $("latency").rows) line.lastElementChild.className = "wide";
  const faster = hit.p50_ms > 0 && miss.p50_ms > 0 ? miss.p50_ms / hit.p50_ms : null;
  const times = faster >= 10 ? format.count(Math.round(faster)) : faster?.toFixed(1);
  setText(
    "latency-note",
    faster > 1
      ? `The median hit is ${times} times as fast as the median miss (${plural(hit.count, "hit")}, ${plural(miss.count, "miss", "misses")}).`
      : `${plural(hit.count, "hit")}, ${plural(miss.count, "miss", "misses")}.`,
  );
}

function paintStore(store) {
  const part = bytes => (store.capacity_bytes ? Math.min(bytes / store.capacity_bytes, 1) : 0);
  const [live, expired] = $("store-meter").children;
  live.style.width = `${part(store.bytes - store.expired_bytes) * 100}%`;
  expired.style.width = `${part(store.expired_bytes) * 100}%`;
  const fill = `${format.bytes(store.bytes)} of ${format.bytes(store.capacity_bytes)} (${format.percent(part(store.bytes))})`;
  $("store-meter").setAttribute("aria-valuenow", Math.round(part(store.bytes) * 100));
  $("store-meter").setAttribute("aria-valuetext", fill);
  setText("store-fill", store.expired_bytes ? `${fill}, ${format.bytes(store.expired_bytes)} of it expired` : fill);
  setPairs($("store"), [
    ["Entries", format.count(store.entries), format.exact(store.entries)],
    ["Free", format.bytes(store.free_bytes)],
    ["Mean entry", store.entries ? format.bytes(store.bytes / store.entries) : "–"],
    ["Overhead an entry", format.bytes(store.overhead_per_entry)],
    ["Evictions", format.count(store.evictions), "Entries removed to make room"],
    ["Expirations", format.count(store.expirations), "Expired entries removed by sweeps"],
    ["Sweeps", format.count(store.sweeps)],
    ["No room found", format.count(store.drops), "Answers that were not stored", store.drops ? "warn" : ""],
    ["Failures", format.count(store.failures), "Operations that failed, such as by an I/O error; the log tells more", store.failures ? "bad" : ""],
  ]);
}

/** The figures of the shared tier, if there is one. */
function paintShared(shared, tiers) {
  $("shared-card").hidden = !shared;
  if (!shared) return;
  const state = shared.available ? "The server answers." : "The server does not answer: requests go on without it.";
  setText("shared-state", shared.connected ? state : `${state} What other machines remove is not heard.`);
  $("shared-state").className = shared.available && shared.connected ? "muted" : "bad";
  setPairs($("shared"), [
    ["Hits of this machine", format.count(tiers.local), "Answered from this machine's own store"],
    ["Hits of others", format.count(tiers.shared), "Answered with what another machine has stored"],
    ["Joined here", format.count(tiers.joined_here), "Answered by a call of this machine that was under way"],
    ["Joined elsewhere", format.count(tiers.joined_elsewhere), "Answered by the stream of another machine's call"],
    ["Not found", format.count(shared.misses), "Lookups that found nothing there"],
    ["Mean lookup", format.duration(shared.lookup_ms), "Of those that were answered"],
    ["Not answered", format.count(shared.failures), "Lookups that the server did not answer in time, or at all", shared.failures ? "warn" : ""],
    ["Not taken", format.count(shared.rejects), "Entries that were too old, removed meanwhile, or not of this cluster", shared.rejects ? "warn" : ""],
    ["Sent", format.count(shared.stores), "Answers of this machine that the server has taken"],
    ["Not sent", format.count(shared.stores_lost), "Answers that it has not: it was away or full, or had a newer one", shared.stores_lost ? "warn" : ""],
    ["Received", format.bytes(shared.received_bytes)],
    ["Sent bytes", format.bytes(shared.sent_bytes)],
  ]);
}

function paintOutcomes(requests) {
  const list = $("outcomes");
  if (!list.childElementCount) {
    list.append(
      ...OUTCOMES.map(kind =>
        element("li", { data: { outcome: kind } }, element("span", {}, kind), element("i", {}), element("b", {}), element("small", {})),
      ),
    );
  }
  const most = Math.max(1, ...OUTCOMES.map(kind => requests[kind]));
  OUTCOMES.forEach((kind, i) => {
    const [, bar, number, share] = list.children[i].children;
    bar.style.setProperty("--share", requests[kind] / most);
    setText(number, format.count(requests[kind]));
    setText(share, requests.total ? format.percent(requests[kind] / requests.total) : "–");
  });
}

function paintEndpoints(endpoints) {
  setRows(
    $("endpoints"),
    endpoints.map(counts => {
      const cached = sum(counts, CACHED);
      const eligible = cached + counts.miss;
      return [counts.endpoint, format.count(counts.total), format.percent(eligible ? cached / eligible : null), format.count(counts.errors)];
    }),
  );
}

function paintNow({ flights, upstream_calls: calls, activity }) {
  setPairs($("now"), [
    ["Flights", format.count(flights), "Calls that identical requests may share"],
    ["Upstream calls", format.count(calls), "Calls to providers under way"],
    ["Activity records", format.count(activity?.records), activity?.oldest_at ? `The oldest from ${format.dateTime(activity.oldest_at)}` : ""],
    ["Activity log", format.bytes(activity?.bytes)],
    ["Records dropped", format.count(activity?.dropped), "Requests that the log could not keep up with", activity?.dropped ? "bad" : ""],
  ]);
}
