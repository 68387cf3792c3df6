/** The figures of the chosen time in groups: by model, label, endpoint, policy or namespace. They come from the log. */
import { $, element, problem, setText } from "./dom.js";
import { get, oneAtATime } from "./api.js";
import { onTime, time } from "./charts.js";
import * as format from "./format.js";

const LIMIT = 10;
const MOST = 1000;
const REFRESH_MS = 30_000;

const COLUMNS = [
  { sort: "requests", title: "Requests", value: g => format.count(g.requests.total), bar: g => g.requests.total },
  { title: "Hit ratio", value: g => format.percent(g.hit_ratio) },
  { sort: "errors", title: "Errors", value: g => format.count(g.requests.errors), tone: g => (g.requests.errors ? "bad" : "") },
  { sort: "tokens_used", title: "Tokens used", value: g => format.count(g.tokens_used), wide: true },
  { sort: "tokens_saved", title: "Tokens saved", value: g => format.count(g.tokens_saved), wide: true },
  { sort: "time_saved", title: "Time saved", value: g => (g.time_saved_ms ? format.duration(g.time_saved_ms) : "–"), wide: true },
  { sort: "money_spent", title: "Spent", value: (g, currency) => money(g.money_spent, g, currency) },
  { sort: "money_saved", title: "Saved", value: (g, currency) => money(g.money_saved, g, currency) },
];
/** The log's filter for each grouping, for the links of names. A group without a name has no link. */
const FILTERS = { model: "model", label: "scope", endpoint: "endpoint", policy: "policy", namespace: "namespace" };
const NAMELESS = { model: "no model", label: "no caller", endpoint: "none", policy: "no policy", namespace: "no namespace" };

let visible = false;
let sort = "requests";
let limit = LIMIT;
let refresh;

export function start() {
  $("usage-by").addEventListener("change", () => {
    limit = LIMIT;
    load();
  });
  onTime(load);
  $("usage-head").addEventListener("click", event => {
    const chosen = event.target.closest("button")?.dataset.sort;
    if (!chosen) return;
    sort = chosen;
    load();
  });
  $("usage-more").addEventListener("click", () => {
    limit = Math.min(limit * 10, MOST);
    load();
  });
  $("usage-head").replaceChildren(
    element("th", { scope: "col" }, element("span", { class: "hidden-text" }, "Name")),
    ...COLUMNS.map(column =>
      element("th", { scope: "col", class: column.wide ? "from-m" : "" },
        column.sort ? element("button", { type: "button", class: "sorter", data: { sort: column.sort } }, column.title) : column.title)),
  );
}

export function hide() {
  visible = false;
  clearTimeout(refresh);
}

/** Needs a read of the log, which the listener does for two requests at a time. */
const summary = oneAtATime(
  async () => {
    const by = $("usage-by").querySelector(":checked").value;
    const chosen = time();
    return { answer: await get("summary", { by, ...chosen, sort, limit }), by, chosen };
  },
  loaded => {
    if (!visible) return;
    if (!(loaded instanceof Error)) {
      paint(loaded.answer, loaded.by, loaded.chosen);
    } else if (loaded.status !== 401) {
      $("usage-note").replaceChildren(problem(loaded, load));
    } else {
      return;
    }
    clearTimeout(refresh);
    refresh = setTimeout(load, REFRESH_MS);
  },
);

export function load() {
  visible = true;
  clearTimeout(refresh);
  summary();
}

function paint({ data, total, others, next, groups, complete, oldest_at: oldest, currency }, by, chosen) {
  const most = Math.max(1, ...data.map(group => group.requests.total));
  const line = (name, group, isGroup) =>
    element("tr", { class: isGroup ? "" : "sum" },
      element("th", { scope: "row" }, name),
      COLUMNS.map(column => {
        const cell = element("td", { class: [column.wide ? "from-m" : "", column.tone?.(group) ?? "", column.bar && isGroup ? "bar-cell" : ""].join(" ").trim() }, column.value(group, currency));
        if (column.bar && isGroup) cell.style.setProperty("--share", column.bar(group) / most);
        return cell;
      }));
  const link = group => {
    if (group.name == null) return element("span", { class: "muted" }, NAMELESS[by]);
    return element("a", { href: `#/activity?${new URLSearchParams({ [FILTERS[by]]: group.name, ...chosen })}`, title: group.name }, group.name);
  };
  $("usage-rows").replaceChildren(
    ...data.map(group => line(link(group), group, true)),
    ...(others ? [line("others", others, false)] : []),
    ...(data.length ? [line("all", total, false)] : []),
  );
  for (const button of $("usage-head").querySelectorAll("button")) {
    button.closest("th").setAttribute("aria-sort", button.dataset.sort === sort ? "descending" : "none");
  }
  $("usage-more").hidden = !next || limit >= MOST;
  setText("usage-more", `Show more of ${format.exact(groups)}`);
  $("usage-note").replaceChildren();
  const words = [];
  if (!data.length) words.push("The log has no request of this time.");
  if (total.unpriced_tokens) words.push(`${format.count(total.unpriced_tokens)} tokens have no price, so they count as nothing spent or saved.`);
  if (!complete) words.push(`Partial: within the time limit, the log was read back to ${format.dateTime(oldest)}.`);
  setText("usage-note", words.join(" "));
}

/** A dash for a zero that only means that no price is known. */
function money(amount, { unpriced_tokens: unpriced }, currency) {
  return amount === 0 && unpriced ? "–" : format.money(amount, currency);
}
