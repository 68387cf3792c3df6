/** The form that asks why a request is, or is not, answered from the cache. */
import { $, element, problem } from "./dom.js";
import { post } from "./api.js";
import { parseCurl } from "./curl.js";
import * as format from "./format.js";

const form = $("explain-form");
const PATHS = [["/chat/completions", "chat"], ["/responses", "responses"], ["/messages", "messages"], ["/embeddings", "embeddings"]];
/** Hits that an entry counts at most, for eviction. */
const MOST_HITS = 7;
const SECRET = /^(authorization|x-api-key|api-key|cookie)$/i;

export function start() {
  $("add-header").addEventListener("click", () => header("", "").querySelector("input").focus());
  form.addEventListener("submit", submit);
  form.elements.body.addEventListener("paste", event => {
    const curl = parseCurl(event.clipboardData.getData("text"));
    if (!curl) return;
    event.preventDefault();
    fill(curl);
  });
  header("X-OpenRouter-Cache", "true");
  header("Authorization", "");
}

export function show(parameters) {
  const endpoint = parameters.get("endpoint");
  if (PATHS.some(([, name]) => name === endpoint)) form.elements.endpoint.value = endpoint;
  const id = parameters.get("id");
  $("explain-about").hidden = !id;
  if (!id) return;
  $("explain-about").replaceChildren(
    "About ",
    element("a", { href: `#/activity/${encodeURIComponent(id)}` }, id),
    ": the log keeps no prompts, so paste that request's body, and its API key.",
  );
}

// -------------------------------------------------------------------------------------------------------------- headers

function header(name, value) {
  const secret = input => (input.type = SECRET.test(line.firstElementChild.value.trim()) ? "password" : "text");
  const entered = element("input", { value, placeholder: "value", autocomplete: "off", spellcheck: false, aria: { label: "Header's value" } });
  const line = element(
    "li",
    {},
    element("input", { value: name, placeholder: "name", autocomplete: "off", spellcheck: false, aria: { label: "Header's name" }, oninput: () => secret(entered) }),
    entered,
    element("button", { type: "button", class: "icon-button", aria: { label: "Remove this header" }, onclick: () => {
      line.remove();
      $("add-header").focus();
    } }, "✕"),
  );
  line.firstElementChild.setAttribute("list", "header-names");
  secret(entered);
  if (SECRET.test(name)) entered.placeholder = "Bearer sk-…";
  $("headers").append(line);
  return line;
}

function fill({ path, headers, body }) {
  const endpoint = PATHS.find(([end]) => path.endsWith(end))?.[1];
  if (endpoint) form.elements.endpoint.value = endpoint;
  $("headers").replaceChildren();
  headers.forEach(([name, value]) => header(name, value));
  form.elements.body.value = body ?? "";
}

// --------------------------------------------------------------------------------------------------------------- answer

async function submit(event) {
  event.preventDefault();
  const typed = parseCurl(form.elements.body.value);
  if (typed) fill(typed); // dropped or typed rather than pasted
  const headers = {};
  for (const line of $("headers").children) {
    const [name, value] = [...line.querySelectorAll("input")].map(input => input.value.trim());
    if (name && value) headers[name] = value;
  }
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const target = $("explanation");
  try {
    const answer = await post("explain", { endpoint: form.elements.endpoint.value, headers, body: form.elements.body.value });
    target.replaceChildren(...view(answer));
  } catch (e) {
    target.replaceChildren(problem(e));
  } finally {
    button.disabled = false;
  }
  target.scrollIntoView({ block: "nearest" });
}

function view(answer) {
  return [verdict(answer), entry(answer), nearest(answer), key(answer)].filter(Boolean);
}

function verdict(answer) {
  const off = answer.caching === "off";
  const [tone, title] = !answer.eligible
    ? ["warn", "Not eligible: it goes to the provider, and its answer is not stored"]
    : off
      ? ["warn", "Caching is off for this request"]
      : answer.entry
        ? ["good", "Hit: it is answered from the cache"]
        : ["info", "Miss: nothing is stored under its key"];
  return element(
    "div",
    { class: `card verdict ${tone}` },
    element("h2", {}, title),
    // The sentence is left out if the headline already says it.
    answer.why && !title.toLowerCase().includes(answer.why.toLowerCase().replace(/\.$/, "")) ? element("p", {}, answer.why) : null,
    answer.reason ? element("p", { class: "muted" }, `Reason in Cache-Status: ${answer.reason}`) : null,
  );
}

function pairs(list) {
  return element(
    "dl",
    { class: "pairs wide-pairs" },
    list.filter(([, value]) => value != null && value !== "").map(([term, value, tone]) => element("div", {}, element("dt", {}, term), element("dd", { class: tone ?? "" }, value))),
  );
}

const seconds = value => (value == null ? null : format.duration(value * 1000));
const generation = id => element("a", { href: `#/activity/${encodeURIComponent(id)}`, class: "code" }, id);

function entry(answer) {
  const found = answer.entry;
  if (!found) return null;
  return element(
    "div",
    { class: "card" },
    element("h2", {}, "The stored answer"),
    pairs([
      ["Age", seconds(found.age_seconds)],
      ["Expires in", seconds(found.ttl_seconds)],
      ["Hits", found.hits == null ? null : found.hits < MOST_HITS ? format.count(found.hits) : `${MOST_HITS} or more`],
      ["Size", format.bytes(found.bytes)],
      ["Stored", format.bytes(found.stored_bytes)],
      ["Tokens a hit saves", found.tokens_saved == null ? null : format.exact(found.tokens_saved)],
      ["Source", found.source_id ? generation(found.source_id) : null],
    ]),
    answer.key ? element("a", { class: "button quiet", href: `#/purge?${new URLSearchParams({ key: answer.key })}` }, "Purge it") : null,
  );
}

function nearest(answer) {
  const found = answer.nearest;
  if (answer.entry || (!found && !answer.nearest_note)) return null;
  return element(
    "div",
    { class: "card" },
    element("h2", {}, "Nearest requests"),
    found?.length
      ? element(
          "ol",
          { class: "nearest" },
          found.map(near =>
            element(
              "li",
              {},
              element("div", {}, element("b", {}, `${format.percent(near.same)} the same`), element("span", { class: "muted" }, format.time(near.created_at)), near.id ? generation(near.id) : null),
              element("p", {}, `${near.stored === false ? "No longer stored; " : ""}${near.differs?.length ? "differs at" : "differs in something other than the body"}`),
              near.differs?.length ? element("ul", { class: "paths" }, near.differs.map(path => element("li", {}, element("code", {}, path)))) : null,
            ),
          ),
        )
      : null,
    answer.rule ? element("p", {}, "With this in the settings file it would have been a hit:") : null,
    answer.rule ? element("pre", { class: "code" }, answer.rule) : null,
    answer.nearest_note ? element("p", { class: "muted" }, answer.nearest_note) : null,
  );
}

function key(answer) {
  if (!answer.parts) return null;
  const parts = answer.parts;
  return element(
    "div",
    { class: "card" },
    element("h2", {}, "Its key"),
    answer.key ? element("p", { class: "code key" }, answer.key) : null,
    element("p", { class: "muted" }, "Two requests share an answer if all of these are the same."),
    pairs([
      ["Scope", answer.label && answer.label !== parts.scope ? `${answer.label} (${parts.scope})` : parts.scope, "code"],
      ["Endpoint", parts.endpoint],
      ["Upstream", parts.upstream, "code"],
      ["Streaming", String(parts.streaming)],
      ["Path", parts.target, "code"],
      ["Query", parts.query, "code"],
      ["Headers", parts.headers, "code"],
      ["Preset", parts.preset],
      ["Namespace", parts.namespace, "code"],
      ["Sample", parts.sample === null ? null : String(parts.sample)],
      ["Body", parts.body, "code"],
      ["Key version", String(parts.version)],
      ["Lifetime", seconds(answer.ttl_seconds)],
      ["Policy", answer.policy],
    ]),
  );
}
