// picture.js - the spectrogram, and the strip of events below it, over the last seconds of one source.

import { clock, color, moment, sharp } from "./format.js";

const ROWS = 3, ROW = 18, TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

// 256 colours between five of the style sheet's.
function ramp() {
  const stops = ["--s0", "--s1", "--s2", "--s3", "--s4"].map((name) => parseInt(color(name).slice(1), 16));
  const out = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const at = i / 255 * 4, k = Math.min(3, Math.floor(at)), part = at - k;
    const mix = (shift) => Math.round((stops[k] >> shift & 255) * (1 - part) + (stops[k + 1] >> shift & 255) * part);
    out[i] = 0xff000000 | mix(0) << 16 | mix(8) << 8 | mix(16);         // little-endian RGBA
  }
  return out;
}

export class Picture {
  constructor(canvas, strip) {
    this.canvas = canvas;
    this.strip = strip;
    this.image = document.createElement("canvas");      // one pixel a column and band, `span` seconds wide
    this.low = 0;
    this.high = 255;
    this.recolor();
  }

  recolor() { this.ramp = ramp(); }

  // Quiet is what most of it is, loud what little reaches: both follow the sound slowly.
  adapt(memory, isNew) {
    const counts = new Uint32Array(256);
    let n = 0, sum = 0, low = 0, high = 255;
    for (const part of memory.columns)
      for (const b of part.data) { counts[b]++; n++; }
    if (!n) return;
    for (let b = 0; b < 256; b++) {
      sum += counts[b];
      if (sum < n * 0.2) low = b;
      if (sum < n * 0.997) high = b;
    }
    high = Math.max(high, low + 60);                     // 36 dB at the least: silence stays dark
    const pace = isNew ? 1 : 0.2;
    this.low += (low - this.low) * pace;
    this.high += (high - this.high) * pace;
  }

  // All that is known, into the image. Its right edge is this.end.
  paint(memory, isNew) {
    const newest = memory.columns[memory.columns.length - 1];
    if (!newest) { this.end = null; return; }
    this.adapt(memory, isNew);
    const { column, bands } = newest, width = Math.ceil((memory.span + 5) / column);
    this.image.width = width;
    this.image.height = bands;
    const context = this.image.getContext("2d"), pixels = context.createImageData(width, bands), out = new Uint32Array(pixels.data.buffer);
    const lookup = new Uint32Array(256), scale = 255 / (this.high - this.low);
    for (let b = 0; b < 256; b++) lookup[b] = this.ramp[Math.max(0, Math.min(255, Math.round((b - this.low) * scale)))];
    out.fill(lookup[0]);
    for (const part of memory.columns) {
      if (part.bands !== bands) continue;
      const n = part.data.length / bands, first = width - Math.round((newest.end - part.end) / column) - n;
      for (let i = Math.max(0, -first); i < n; i++)
        for (let band = 0; band < bands; band++) out[(bands - 1 - band) * width + first + i] = lookup[part.data[i * bands + band]];
    }
    context.putImageData(pixels, 0, 0);
    this.end = newest.end;
    this.seconds = width * column;
  }

  // right: the moment of the stream at the right edge.
  draw(memory, right) {
    const { context, width, height } = sharp(this.canvas);
    const scale = width / memory.span;
    context.fillStyle = color("--s0");
    context.fillRect(0, 0, width, height);
    if (this.end !== null && this.end !== undefined)
      context.drawImage(this.image, (this.end - this.seconds - right) * scale + width, 0, this.seconds * scale, height);
    this.drawStrip(memory, right);
  }

  drawStrip(memory, right) {
    const { context, width, height } = sharp(this.strip);
    const scale = width / memory.span, x = (time) => (time - right) * scale + width;
    const step = TICKS.find((t) => t * scale > 84) || 7200;

    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.fillStyle = context.strokeStyle = color("--soft");
    context.textAlign = "center";
    for (let t = Math.ceil((right - memory.span) / step) * step; t <= right; t += step) {
      if (t < 0) continue;
      const text = moment(t, memory.utcAt(t)), half = context.measureText(text).width / 2;
      context.fillRect(Math.round(x(t)), ROWS * ROW + 4, 1, 5);
      if (x(t) > half && x(t) < width - half) context.fillText(text, x(t), height - 8);
    }
    this.drawEvents(context, memory, right, x, width);
  }

  // Bars in the first row that is free, each with its name as far as there is room.
  drawEvents(context, memory, right, x, width) {
    const free = new Array(ROWS).fill(-Infinity);

    context.textAlign = "left";
    for (const event of [...memory.events.values()].sort((a, b) => a.onset - b.onset)) {
      const from = x(event.onset), to = Math.max(x(event.offset === null ? right : event.offset), from + 3);
      if (event.notice || to < 0 || from > width) continue;
      const row = free.findIndex((end) => from > end + 2);
      if (row < 0) continue;
      free[row] = to;
      context.fillStyle = color("--accent");
      context.beginPath();
      context.roundRect(from, row * ROW + 4, to - from, ROW - 3, 4);
      context.fill();
      context.save();
      context.clip();
      context.fillStyle = color("--card");
      context.fillText(event.label, Math.max(from, 0) + 5, row * ROW + 4 + (ROW - 3) / 2 + 0.5);
      context.restore();
    }
  }
}
