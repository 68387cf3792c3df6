/** The charts of the overview, drawn by uPlot from the listener's time series. */
import uPlot from "./webjars/uplot/1.6.30/dist/uPlot.esm.js";
import { $, element, problem } from "./dom.js";
import { get } from "./api.js";
import { on } from "./live.js";
import * as format from "./format.js";

const HEIGHT = 176;
/** Interval at which a visible day or week is fetched again, since events bring only the latest minute. */
const REFRESH_MS = 30_000;
/** How far back the listener's time series goes. */
const KEPT_MS = 8 * 86_400_000;

const cached = p => p.hit + p.collapsed + p.stale;
const ratio = p => (cached(p) + p.miss ? cached(p) / (cached(p) + p.miss) : null);
const total = values => values.reduce((sum, value) => sum + value, 0);
const last = values => values.findLast(value => value != null);
/** The charts. The series of a stacked chart ("pile") are listed from bottom to top. */
const CHARTS = [
  {
    title: "Requests",
    kind: "pile",
    format: format.count,
    series: ["hit", "collapsed", "stale", "miss", "bypass", "off"].map(name => ({ name, colour: name, value: p => p[name] })),
    extra: { name: "errors", colour: "error", value: p => p.errors },
  },
  {
    title: "Hit ratio",
    kind: "line",
    range: [0, 1],
    format: format.percent,
    tick: value => `${Math.round(value * 100)}\u202f%`,
    series: [{ name: "hit ratio", colour: "hit", value: ratio, fill: true }],
    overall: points => [ratio({
      hit: total(points.map(p => p.hit)), collapsed: total(points.map(p => p.collapsed)),
      stale: total(points.map(p => p.stale)), miss: total(points.map(p => p.miss)),
    })],
  },
  {
    title: "Latency",
    kind: "log",
    format: format.duration,
    tick: format.decade,
    series: [
      { name: "hit p50", colour: "hit", value: p => p.hit_p50_ms },
      { name: "hit p99", colour: "hit", value: p => p.hit_p99_ms, dash: [4, 3] },
      { name: "miss p50", colour: "miss", value: p => p.miss_p50_ms },
      { name: "miss p99", colour: "miss", value: p => p.miss_p99_ms, dash: [4, 3] },
    ],
  },
  {
    title: "Tokens",
    kind: "pile",
    format: format.count,
    series: [
      { name: "saved", colour: "hit", value: p => p.tokens_saved },
      { name: "used", colour: "miss", value: p => p.tokens_used },
    ],
  },
  {
    title: "Money",
    kind: "pile",
    // Hidden while no request has a price.
    wanted: points => points.some(p => p.money_spent || p.money_saved),
    format: amount => format.money(amount, currency),
    series: [
      { name: "saved", colour: "hit", value: p => p.money_saved ?? 0 },
      { name: "spent", colour: "miss", value: p => p.money_spent ?? 0 },
    ],
    fine: true,
  },
];

/** The charts that are drawn. */
const wanted = () => CHARTS.filter(chart => chart.wanted?.(data.points) ?? true);

let data = null;
let currency = "USD";
let drawn = [];
let visible = false;
let refresh;
let loading = 0;

export function start() {
  // Registered first: later listeners read these fields.
  $("ranges").addEventListener("change", () => {
    const own = range() === "own";
    $("range-own").hidden = !own;
    // Fills in a beginning for the user to edit: three hours ago.
    if (own && !$("range-since").value) $("range-since").value = format.local(new Date(Date.now() - 3 * 3_600_000));
  });
  onTime(load);
  $("chart-table").addEventListener("toggle", table);
  on("point", append);
  addEventListener("themechange", () => visible && data && draw());
  new ResizeObserver(() => drawn.forEach(({ plot, box }) => plot.setSize({ width: box.clientWidth, height: HEIGHT }))).observe($("charts"));
}

/** Calls back when another time range is chosen. */
export function onTime(action) {
  $("ranges").addEventListener("change", action);
  $("range-own").addEventListener("change", action);
}

const range = () => $("ranges").querySelector(":checked").value;
const HOURS = { hour: 1, day: 24, week: 168 };
const entered = id => ($(id).value ? new Date($(id).value).toISOString() : null);

/** The shown time range, as parameters: its beginning, and its end unless that is now. */
export const time = () => {
  const hours = HOURS[range()];
  if (hours) return { since: new Date(Date.now() - hours * 3_600_000).toISOString() };
  const since = entered("range-since");
  const until = entered("range-until");
  return { ...(since ? { since } : {}), ...(until ? { until } : {}) };
};

export function hide() {
  visible = false;
  clearTimeout(refresh);
}

export async function load() {
  visible = true;
  clearTimeout(refresh);
  const mine = ++loading;
  const chosen = range();
  const { since, until } = time();
  if (chosen === "own" && since && until && since >= until) {
    $("range-note").textContent = "The end has to come after the beginning.";
    return;
  }
  $("range-note").textContent = chosen === "own" ? "The charts go back eight days, the table as far as the log." : "";
  const parameters = chosen === "own" ? { since: since ?? (until ? null : new Date(Date.now() - KEPT_MS).toISOString()), until } : { range: chosen };
  const answer = await get("timeseries", parameters).catch(e => e);
  if (mine !== loading) return;
  if (!(answer instanceof Error)) {
    data = answer;
    currency = answer.currency ?? currency;
    draw();
  } else if (answer.status !== 401 && !data) {
    $("charts").replaceChildren(problem(answer, load));
  }
  if (visible && chosen !== "hour" && !until) refresh = setTimeout(load, REFRESH_MS);
}

/** Takes in an event with the latest minute: newer counts of the last step, or the next step. */
function append(point) {
  if (!visible || data?.range !== "hour") return;
  const end = data.points.at(-1)?.t;
  if (point.t < end) return;
  if (point.t > end + data.step_seconds) {
    load(); // steps are missing, for instance after the computer slept
    return;
  }
  if (point.t === end) data.points.pop();
  else data.points.shift();
  data.points.push(point);
  if (drawn.length !== wanted().length) {
    draw();
    return;
  }
  drawn.forEach(chart => chart.update());
  table();
}

function draw() {
  drawn.forEach(({ plot }) => plot.destroy());
  const charts = wanted();
  const boxes = charts.map(() => element("div", { class: "plot" }));
  $("charts").replaceChildren(
    ...charts.map((chart, i) =>
      element(
        "figure",
        { class: "card" },
        element("figcaption", {}, element("h3", {}, chart.title), element("span", { class: "at muted" })),
        element("ul", { class: "legend" }),
        boxes[i],
      ),
    ),
  );
  drawn = charts.map((chart, i) => make(chart, boxes[i]));
  table();
}

/** All series of a chart. The extra series of a stacked chart is drawn as dots over it. */
const seriesOf = chart => [...chart.series, ...(chart.extra ? [chart.extra] : [])];

function make(chart, box) {
  const figure = box.closest("figure");
  const series = seriesOf(chart);
  const piled = chart.kind === "pile";
  const values = () => series.map(s => data.points.map(s.value));
  let raw = values();

  const legend = figure.querySelector(".legend");
  legend.append(
    ...series.map(s =>
      element("li", { data: { colour: s.colour, mark: s === chart.extra ? "dot" : piled ? "bar" : s.dash ? "dashes" : "line" } }, element("i", {}), `${s.name} `, element("b", {})),
    ),
  );

  /**
   * Fills the legend: with the step under the cursor; without a cursor, with sums over the range, or the latest values.
   */
  const say = index => {
    const shown =
      index != null
        ? raw.map(column => column[index])
        : (chart.overall?.(data.points) ?? raw.map(column => (piled ? total(column) : last(column))));
    shown.forEach((value, i) => {
      legend.children[i].lastElementChild.textContent = chart.format(value);
      // An empty series is greyed out. The extra series, errors, is hidden as long as it is empty.
      legend.children[i].hidden = series[i] === chart.extra && !total(raw[i]);
      legend.children[i].classList.toggle("nothing", raw[i].every(v => !v));
    });
    figure.querySelector(".at").textContent =
      index != null ? format.step(data.points[index].t) : piled || chart.overall ? (data.range === "own" ? "in all" : `last ${data.range}`) : "latest";
  };

  const columns = () => {
    const times = data.points.map(p => p.t);
    if (!piled) return [times, ...raw.map(column => (chart.kind === "log" ? column.map(v => (v > 0 ? v : null)) : column))];
    const pile = raw.slice(0, chart.series.length);
    const sums = pile.map((_, i) => times.map((_, t) => total(pile.slice(0, i + 1).map(column => column[t]))));
    // The highest sums first, so that each lower one is painted over them.
    return [times, ...sums.reverse(), ...raw.slice(chart.series.length).map(column => column.map(v => v || null))];
  };

  const order = piled ? [...chart.series].reverse() : chart.series;
  const colours = palette();
  const bars = piled ? uPlot.paths.bars({ size: [0.86, 40], align: 1, gap: 0 }) : null;
  const options = {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "refrain" }, drag: { x: false, y: false }, points: piled ? { show: false } : { size: 7 }, y: false },
    padding: [8, 16, 0, 0],
    scales: {
      x: { range: (_, min, max) => [min, max + data.step_seconds] },
      y:
        chart.kind === "log"
          ? { distr: 3, range: (_, min, max) => decades(min, max) }
          : { range: chart.range ?? ((_, min, max) => [0, max > 0 ? max * 1.08 : 1]) },
    },
    axes: [
      axis(colours, { space: 64, size: 24, values: (_, splits, __, ___, step) => splits.map(at => format.tick(at, step)) }),
      axis(colours, {
        space: 34,
        size: 54,
        incrs: piled && !chart.fine ? WHOLE : undefined,
        values: (_, splits) => splits.map(chart.tick ?? chart.format),
        ...(chart.kind === "log" ? { splits: (_, __, min, max) => powers(min, max), filter: (_, splits) => splits } : {}),
      }),
    ],
    series: [
      {},
      ...order.map(s =>
        piled
          ? { paths: bars, fill: colours[s.colour], width: 0, points: { show: false } }
          : {
              stroke: colours[s.colour],
              fill: s.fill ? colours[`${s.colour}-faint`] : undefined,
              width: 1.6,
              dash: s.dash,
              points: { show: false, size: 4, fill: colours[s.colour], filter: lonely },
            },
      ),
      ...(chart.extra
        ? [{ paths: () => null, points: { show: true, size: 6, fill: colours[chart.extra.colour], stroke: colours.surface, width: 1 } }]
        : []),
    ],
    hooks: { setCursor: [u => say(u.cursor.idx)] },
  };
  const plot = new uPlot(options, columns(), box);
  plot.root.setAttribute("role", "img");
  const describe = () => {
    const words = [...legend.children].filter(item => !item.hidden).map(item => item.textContent);
    plot.root.setAttribute("aria-label", `${chart.title}, ${figure.querySelector(".at").textContent}: ${words.join(", ")}`);
  };
  say(null);
  describe();
  return {
    plot,
    box,
    update() {
      raw = values();
      plot.setData(columns());
      say(plot.cursor.idx);
      if (plot.cursor.idx == null) describe();
    },
  };
}

/** Possible steps of an axis of whole numbers. */
const WHOLE = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map(n => n * 10 ** i)).flat();

/** A range of whole decades that contains the values, at least two decades long. */
function decades(min, max) {
  if (min == null) return [0.1, 1000];
  const low = Math.floor(Math.log10(min));
  return [10 ** low, 10 ** Math.max(Math.ceil(Math.log10(max)), low + 2)];
}

const powers = (min, max) =>
  Array.from({ length: Math.round(Math.log10(max / min)) + 1 }, (_, i) => 10 ** (Math.round(Math.log10(min)) + i));

/** Points without a neighbour. No line reaches them, so they are drawn as dots. */
function lonely(plot, series) {
  const values = plot.data[series];
  const found = [];
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) found.push(i);
  }
  return found;
}

function axis(colours, more) {
  return {
    stroke: colours.muted,
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: colours.line, width: 1 },
    ticks: { show: false },
    gap: 6,
    ...more,
  };
}

/** The style sheet's colours, resolved for the canvas. */
function palette() {
  const probe = document.body.appendChild(element("i", { hidden: true }));
  const colours = {};
  for (const name of ["hit", "hit-faint", "collapsed", "stale", "miss", "bypass", "off", "error", "muted", "line", "surface"]) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** The charts as a table, for users who cannot see a canvas or want the figures. Filled only while it is open. */
function table() {
  const details = $("chart-table");
  const body = details.querySelector("div");
  if (!details.open || !data) {
    body.replaceChildren();
    return;
  }
  const columns = wanted().flatMap(chart => seriesOf(chart).map(s => ({ ...s, format: chart.format, title: `${chart.title}: ${s.name}` })));
  body.replaceChildren(
    element(
      "table",
      { class: "figures" },
      element("thead", {}, element("tr", {}, ...["Time", ...columns.map(c => c.title)].map(text => element("th", { scope: "col" }, text)))),
      element(
        "tbody",
        {},
        data.points.toReversed().map(p =>
          element("tr", {}, element("th", { scope: "row" }, format.step(p.t)), columns.map(c => element("td", {}, c.format(c.value(p))))),
        ),
      ),
    ),
  );
}
