/**
 * The page's one stream of events, and its state: `connecting`, `live` or `offline`. The listener sends figures every
 * two seconds, so a silence means a dead connection. A hidden page closes its stream, because all tabs of a browser
 * share six connections to a host.
 */
import { events as api, get } from "./api.js";

const SILENCE_MS = 10_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
const KINDS = ["stats", "activity", "point"];

export const live = new EventTarget();
let source = null;
let watch;
let retry;
let wait = FIRST_WAIT_MS;
let state = "connecting";
let wanted = false;

/** Calls back with the data of each event of a kind, or with each new state for the kind "state". */
export const on = (kind, action) => live.addEventListener(kind, event => action(event.detail));

export function connect() {
  wanted = true;
  open();
}

export function disconnect() {
  wanted = false;
  close();
}

function open() {
  close();
  if (!wanted || document.hidden) return;
  if (state === "live") set("connecting");
  source = new EventSource("api/events");
  listen();
  for (const kind of KINDS) {
    source.addEventListener(kind, event => {
      listen();
      wait = FIRST_WAIT_MS;
      set("live");
      live.dispatchEvent(new CustomEvent(kind, { detail: JSON.parse(event.data) }));
    });
  }
  source.addEventListener("error", lost);
}

function close() {
  clearTimeout(watch);
  clearTimeout(retry);
  source?.close();
  source = null;
}

function listen() {
  clearTimeout(watch);
  watch = setTimeout(lost, SILENCE_MS);
}

async function lost() {
  close();
  set("offline");
  // An EventSource does not say why it failed. If this request gets a 401, the page asks for the token.
  await get("stats").catch(() => {});
  if (!wanted || source) return;
  clearTimeout(retry);
  retry = setTimeout(open, wait);
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

function set(next) {
  if (state === next) return;
  state = next;
  live.dispatchEvent(new CustomEvent("state", { detail: state }));
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("online", open);
