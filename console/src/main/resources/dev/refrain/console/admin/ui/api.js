/**
 * Requests the admin listener's JSON. Errors carry the listener's message. A 401 is announced to the page, which then
 * asks for the token.
 */

export const events = new EventTarget();

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const get = (path, parameters, signal) => call("GET", path, { parameters, signal });
export const post = (path, body) => call("POST", path, { body });
export const remove = (path, parameters) => call("DELETE", path, { parameters });

/** The address of a resource with the parameters that have a value. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  return `api/${path}${query.size ? `?${query}` : ""}`;
}

async function call(method, path, { parameters, body, signal }) {
  // A page of another site cannot send this header, so the listener knows that the request comes from the dashboard.
  const headers = { Accept: "application/json", "X-Refrain-Admin": "1" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, parameters), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
    });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new ApiError(0, "Refrain's admin listener cannot be reached. Is it running?");
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError(response.status, `The admin listener answered ${response.status} with something other than JSON.`);
  }
  if (response.ok) return answer;
  if (response.status === 401) events.dispatchEvent(new Event("locked"));
  throw new ApiError(response.status, answer?.error?.message ?? `The admin listener answered ${response.status}.`);
}

const MOST_ATTEMPTS = 5;
const BUSY_MS = 400;

/**
 * Loads one answer at a time, for work that the listener does for two requests at a time. The listener finishes a
 * request even if the page no longer needs the answer, and the next request would wait for it. So a call during a load
 * starts no second request: when the load ends, the answer is dropped, and another load begins. A busy listener is
 * asked again.
 *
 * `ask` returns a promise of an answer for the current choice of the user; `show` gets the answer, or the error.
 * Returns the function that starts a load.
 */
export function oneAtATime(ask, show) {
  let running = false;
  let again = false;
  const patiently = async () => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await ask();
      } catch (e) {
        if (e.status !== 503 || attempt === MOST_ATTEMPTS) return e;
        await new Promise(resolve => setTimeout(resolve, BUSY_MS * attempt));
      }
    }
  };
  return async () => {
    again = running;
    if (running) return;
    running = true;
    try {
      do {
        again = false;
        const answer = await patiently();
        if (!again) show(answer);
      } while (again);
    } finally {
      running = false;
    }
  };
}
