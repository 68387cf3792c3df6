/** Figures for people: few digits, the right unit, the same everywhere. Null and undefined are shown as a dash. */

const NONE = "–";
const THIN = "\u202f";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const padded = new Intl.NumberFormat("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
/** Three digits, so that the digits of a column stand below each other: 1.80 rather than 1.8, but 41 remains 41. */
const digits = value => (Number.isInteger(value) ? three : padded).format(value);
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const minute = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

const known = value => value !== null && value !== undefined && !Number.isNaN(value);

/** A count: exact below a hundred thousand, with three significant digits above. */
export function count(n) {
  if (!known(n)) return NONE;
  if (Math.abs(n) < 100_000) return whole.format(n);
  for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(n) >= size) return three.format(n / size) + THIN + unit;
  }
}

/** All digits, for titles. */
export const exact = n => (known(n) ? whole.format(n) : NONE);

export function percent(ratio) {
  if (!known(ratio)) return NONE;
  // 0 % and 100 % are shown only for exactly none and all.
  const digits = ratio > 0 && ratio < 1 ? 1 : 0;
  const shown = Math.min(Math.max(ratio * 100, ratio > 0 ? 0.1 : 0), ratio < 1 ? 99.9 : 100);
  return shown.toFixed(digits) + THIN + "%";
}

/** A duration in milliseconds, from microseconds to days. */
export function duration(ms) {
  if (!known(ms)) return NONE;
  if (ms === 0) return "0" + THIN + "s";
  if (ms < 0.9995) return digits(ms * 1000) + THIN + "µs";
  if (ms < 999.5) return digits(ms) + THIN + "ms";
  if (ms < 59_995) return digits(ms / 1000) + THIN + "s";
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return parts(seconds, 60, "min", "s");
  if (seconds < 86_400) return parts(Math.round(seconds / 60), 60, "h", "min");
  return parts(Math.round(seconds / 3600), 24, "d", "h");
}

/** A power of ten of milliseconds, for an axis. */
export function decade(ms) {
  const [value, unit] = ms < 1 ? [ms * 1000, "µs"] : ms < 1000 ? [ms, "ms"] : [ms / 1000, "s"];
  return three.format(value) + THIN + unit;
}

function parts(total, per, large, small) {
  const rest = total % per;
  return Math.floor(total / per) + THIN + large + (rest ? " " + rest + THIN + small : "");
}

export function bytes(n) {
  if (!known(n)) return NONE;
  let unit = 0;
  let value = n;
  while (value >= (unit ? 999.5 : 1024) && unit < 5) {
    value /= 1024;
    unit++;
  }
  return (unit ? digits(value) : whole.format(value)) + THIN + ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit];
}

export function money(amount, currency) {
  if (!known(amount)) return NONE;
  const shown = amount !== 0 && Math.abs(amount) < 0.1 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "narrowSymbol", ...shown }).format(amount);
  } catch {
    return new Intl.NumberFormat("en", shown).format(amount) + THIN + currency; // not an ISO 4217 code
  }
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** The time of day, with the date unless it is today. */
export function time(iso, now = new Date()) {
  if (!known(iso)) return NONE;
  const at = new Date(iso);
  return sameDay(at, now) ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`;
}

export const dateTime = iso => (known(iso) ? full.format(new Date(iso)) : NONE);

/** For a chart's axis: the date at midnight, else hours and minutes. */
export function tick(seconds, step) {
  const at = new Date(seconds * 1000);
  if (step >= 86_400 || (at.getHours() === 0 && at.getMinutes() === 0)) return day.format(at);
  return clock.format(at).slice(0, 5);
}

/** A step of a chart: the minute in which it begins. */
export const step = seconds => minute.format(new Date(seconds * 1000));

/** A time in the form of a `datetime-local` field, in the time zone of the browser; empty for none. */
export function local(time) {
  const at = time ? new Date(time) : null;
  if (!at || Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
