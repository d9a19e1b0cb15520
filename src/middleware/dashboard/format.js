// Numbers for people: three digits that count, the unit behind them.

export const NONE = ["–", ""];

function three(n) {
  const size = Math.abs(n);
  return n.toFixed(size >= 99.95 || Number.isInteger(n) ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : size === 0 ? 0 : 2);
}

export function count(n) {
  if (n < 10000) return [three(n), ""];
  const units = ["k", "M", "G", "T"];
  let i = -1;
  for (; n >= 999.5 && i < 3; i++) n /= 1000;
  return [three(n), units[i]];
}

export function rate(n) {
  const [digits, unit] = count(n);
  return [digits, unit + "/s"];
}

export function time(us) {
  if (us === null || us === undefined) return NONE;
  if (us < 999.5) return [three(Math.round(us)), "µs"];
  if (us < 999500) return [three(us / 1e3), "ms"];
  return [three(us / 1e6), "s"];
}

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1023.5 && i < 4; i++) n /= 1024;
  return [i ? three(n) : String(Math.round(n)), units[i]];
}

export function percent(share) {
  return [share >= 0.0995 || share === 0 ? (share * 100).toFixed(0) : (share * 100).toFixed(1), "%"];
}

export function age(us) {
  const s = Math.floor(us / 1e6);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} m ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} m`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

export const plain = ([digits, unit]) => unit ? `${digits}\u202f${unit}` : digits;

export const clock = (ms, seconds = true) => new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), hour12: false });

// Octave i of a histogram ends here, in microseconds; the first holds all that is quicker.
export const octave = (i) => 65.536 * 2 ** i;

// Where the share q of what was counted lies, in microseconds; null without any.
export function quantile(octaves, q) {
  const all = octaves.reduce((a, b) => a + b, 0);
  let seen = 0;
  if (!all) return null;
  for (let i = 0; i < octaves.length; i++) {
    if (seen + octaves[i] >= q * all && octaves[i]) {
      const low = i ? octave(i - 1) : 0;
      return low + (octave(i) - low) * ((q * all - seen) / octaves[i]);
    }
    seen += octaves[i];
  }
  return null;
}
