// format.js - numbers and times for people, bytes out of text.

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds)), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

// The reader's own time of day; utcMs: of `time` in the stream, null where the stream knows none.
export function moment(seconds, utcMs) {
  return utcMs === null ? clock(seconds) : new Date(utcMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function length(seconds) {
  return seconds < 10 ? `${seconds.toFixed(1)} s` : seconds < 60 ? `${Math.round(seconds)} s` : clock(seconds);
}

export function bytes(base64) {
  const text = atob(base64), out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) out[i] = text.charCodeAt(i);
  return out;
}

export function utcMs(record) {
  const ms = Date.parse(record.utc || "");
  return Number.isNaN(ms) ? null : ms;
}

// A canvas as sharp as the screen, its size in CSS pixels beside its context.
export function sharp(canvas) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
