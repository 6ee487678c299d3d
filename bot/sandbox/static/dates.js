/* <!date^...> tokens and message times, in the acting user's language and time zone. */
import { store } from "./store.js";

const DAY = 86_400_000;
const STYLES = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: { year: "numeric", month: "long", day: "numeric" },
  date_short: { year: "numeric", month: "short", day: "numeric" },
  date_long: { weekday: "long", year: "numeric", month: "long", day: "numeric" },
  time: { hour: "numeric", minute: "2-digit" },
  time_secs: { hour: "numeric", minute: "2-digit", second: "2-digit" },
};

function format(date, options) {
  const me = store.data?.me;
  return new Intl.DateTimeFormat(me?.locale ?? "en-US", { ...options, timeZone: me?.tz ?? "UTC" }).format(
    date,
  );
}

/** A date template such as "{date_short_pretty} {time}"; unknown tokens stay. */
export function formatDate(seconds, template) {
  const date = new Date(seconds * 1000);
  return template.replace(/\{(\w+)\}/g, (all, token) => {
    if (token === "ago") return relative((date.getTime() - Date.now()) / 60_000);
    const style = token.replace(/_pretty$/, "");
    if (!STYLES[style]) return all;
    return (token.endsWith("_pretty") && pretty(date)) || format(date, STYLES[style]);
  });
}

function pretty(date) {
  const days = Math.round((midnight(date) - midnight(new Date())) / DAY);
  if (Math.abs(days) > 1) return null;
  return new Intl.RelativeTimeFormat(store.data?.me.locale ?? "en-US", { numeric: "auto" }).format(
    days,
    "day",
  );
}

function midnight(date) {
  const parts = new Intl.DateTimeFormat("en-CA", {
    ...STYLES.date_num,
    timeZone: store.data?.me.tz ?? "UTC",
  });
  return Date.parse(parts.format(date));
}

function relative(minutes) {
  const format = new Intl.RelativeTimeFormat(store.data?.me.locale ?? "en-US", { numeric: "auto" });
  return Math.abs(minutes) < 60
    ? format.format(Math.round(minutes), "minute")
    : format.format(Math.round(minutes / 60), "hour");
}

/** A message's time of day. */
export const shortTime = (ts) => format(new Date(Number(ts) * 1000), STYLES.time);

/** A message's full time, for its tooltip. */
export const longTime = (ts) =>
  format(new Date(Number(ts) * 1000), { ...STYLES.date_long, ...STYLES.time_secs });
