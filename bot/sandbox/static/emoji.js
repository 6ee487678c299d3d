/* The shortcodes that release messages use most; an unknown one stays as it is written. */
const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", rocket: "🚀", tada: "🎉", eyes: "👀",
  thread: "🧵", lock: "🔒", unlock: "🔓", closed_lock_with_key: "🔐", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  no_entry: "⛔", no_entry_sign: "🚫", octagonal_sign: "🛑", rotating_light: "🚨", fire: "🔥", bug: "🐛", memo: "📝",
  clipboard: "📋", mag: "🔍", link: "🔗", package: "📦", gear: "⚙️", wrench: "🔧", hammer: "🔨", bell: "🔔",
  information_source: "ℹ️", question: "❓", exclamation: "❗", bulb: "💡", chart_with_upwards_trend: "📈", bar_chart: "📊",
  clock1: "🕐", calendar: "📅", snowflake: "❄️", hatching_chick: "🐣", leftwards_arrow_with_hook: "↩️", rewind: "⏪",
  arrow_right: "➡️", arrow_up: "⬆️", arrow_down: "⬇️", arrows_counterclockwise: "🔄", large_green_circle: "🟢",
  large_blue_circle: "🔵", large_yellow_circle: "🟡", large_orange_circle: "🟠", red_circle: "🔴", white_circle: "⚪",
  black_circle: "⚫", white_large_square: "⬜", ballot_box_with_check: "☑️", heart: "❤️", thumbsup: "👍", "+1": "👍",
  thumbsdown: "👎", "-1": "👎", wave: "👋", pray: "🙏", raised_hands: "🙌", clap: "👏", smile: "😄", slightly_smiling_face: "🙂",
  thinking_face: "🤔", sparkles: "✨", star: "⭐", zap: "⚡", construction: "🚧", robot_face: "🤖", bust_in_silhouette: "👤",
  busts_in_silhouette: "👥", speech_balloon: "💬", email: "📧", mega: "📣", loudspeaker: "📢", money_with_wings: "💸", test_tube: "🧪",
};

/** The character of a shortcode without its colons, or undefined. */
export function emoji(name) {
  return Object.hasOwn(EMOJI, name) ? EMOJI[name] : undefined;
}

/** Plain text with its known shortcodes replaced. */
export function withEmoji(text) {
  return String(text ?? "").replace(/:([a-z0-9_+-]+):/g, (all, name) => emoji(name) ?? all);
}
