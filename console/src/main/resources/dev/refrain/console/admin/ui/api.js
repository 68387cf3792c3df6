/** The admin listener's JSON. Errors carry its own words; a 401 is told to the page, which then asks for the token. */

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

/** The address of a resource with those of the parameters that have a value. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value != null));
  return `api/${path}${query.size ? `?${query}` : ""}`;
}

async function call(method, path, { parameters, body, signal }) {
  // No other site's page can send this header, so the listener knows that the request is from here.
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
 * Loads one answer at a time, for what the listener does for few at a time: it goes on with a request whose page has turned away, and
 * that would keep the next one waiting. Whoever asks again meanwhile has another one made after it, and only the last is shown. A
 * listener that is busy is asked again.
 *
 * `ask` promises an answer for what is wanted at that moment; `show` gets it, or the error. Returns what starts it.
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
