/** The frame of the page: the view that the address's fragment names, the state of the events, signing in and out. */
import { $, setText } from "./dom.js";
import { events as api, get, post } from "./api.js";
import { connect, disconnect, on } from "./live.js";
import * as overview from "./overview.js";
import * as activity from "./activity.js";
import * as entries from "./entries.js";
import * as explain from "./explain.js";
import * as purge from "./purge.js";
import * as detail from "./detail.js";

const views = { overview, activity, entries, explain, purge };
let shown = null;
let signedIn = true;

/**
 * Shows the view of the address. `#/activity/gen-1?cached=true` is the view `activity` with parameters; the detail view
 * takes the id.
 */
function route() {
  if (location.hash && !location.hash.startsWith("#/")) return; // the skip link
  const [path, query] = location.hash.slice(2).split("?");
  const [name] = path.split("/");
  const view = Object.hasOwn(views, name) ? name : "overview";
  show(signedIn ? view : "sign-in");
  if (!signedIn) return;
  document.title = `${$(`${view}-title`).textContent} · Refrain`;
  views[view].show(new URLSearchParams(query));
}

function show(name) {
  if (shown === name) return;
  if (shown) {
    views[shown]?.hide?.();
    // Not for the first view, when the page has just been loaded.
    $("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = name;
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== name;
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

on("state", state => {
  const words = { connecting: "Connecting", live: "Live", offline: "Offline" };
  $("connection").dataset.state = state;
  setText("connection", words[state]);
  $("connection").title = {
    connecting: "Waiting for the first figures",
    live: "Figures arrive every two seconds",
    offline: "The admin listener does not answer; trying again. The figures are the last ones received.",
  }[state];
  document.body.classList.toggle("is-stale", state === "offline");
});

api.addEventListener("locked", () => {
  if (!signedIn) return;
  signedIn = false;
  disconnect();
  detail.close();
  $("entry").close();
  $("sign-out").hidden = true;
  remembered.set(false);
  document.body.classList.add("is-locked");
  route();
  $("sign-in-form").elements.token.focus();
});

$("sign-in-form").addEventListener("submit", async event => {
  event.preventDefault();
  const token = event.target.elements.token;
  setText("sign-in-result", "");
  try {
    await post("login", { token: token.value });
    token.value = "";
    enter(true);
  } catch (e) {
    setText("sign-in-result", e.message);
    token.select();
  }
});

$("sign-out").addEventListener("click", async () => {
  await post("logout", {}).catch(() => {});
  api.dispatchEvent(new Event("locked"));
});

/** Remembers whether the user has signed in, since no script can see the cookie. */
const remembered = {
  get: () => {
    try {
      return localStorage.getItem("refrain.signed-in") !== null;
    } catch {
      return false; // storage is off
    }
  },
  set: signedIn => {
    try {
      if (signedIn) localStorage.setItem("refrain.signed-in", "yes");
      else localStorage.removeItem("refrain.signed-in");
    } catch {
      // as above
    }
  },
};

function enter(byToken) {
  signedIn = true;
  if (byToken) remembered.set(true);
  $("sign-out").hidden = !remembered.get();
  document.body.classList.remove("is-locked");
  route();
  connect();
}

addEventListener("hashchange", route);
for (const view of [...Object.values(views), detail]) view.start();
enter(false);
