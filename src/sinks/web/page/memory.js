// memory.js - what is known of each source: its last hops, columns and events. It forgets what no longer shows.

import { bytes, utcMs } from "./format.js";

const MOST_EVENTS = 300;

export class Memory {
  constructor(name, span) {
    this.name = name;
    this.span = span;               // seconds that show
    this.hops = [];                 // { time, scores }, oldest first
    this.columns = [];              // { end, column, bands, data }, oldest first
    this.events = new Map();        // by id, oldest first; notices have ids of their own
    this.time = -1;
    this.utc = null;                // Unix time in ms at `time`
    this.arrived = 0;               // performance.now() of the newest hop
    this.state = "live";
    this.rms = this.peak = null;
    this.notices = 0;
  }

  // False: that hop is known already.
  hop(data) {
    if (data.time <= this.time) return false;
    this.time = data.time;
    this.utc = utcMs(data);
    this.rms = data.rms;
    this.peak = data.peak;
    this.state = "live";
    this.arrived = performance.now();
    this.hops.push({ time: data.time, scores: bytes(data.scores) });
    if (data.columns) this.columns.push({ end: data.end, column: data.column, bands: data.bands, data: bytes(data.columns) });
    const oldest = this.time - this.span - 5;
    while (this.hops[0].time < oldest) this.hops.shift();
    while (this.columns.length && this.columns[0].end < oldest) this.columns.shift();
    return true;
  }

  get scores() { return this.hops.length ? this.hops[this.hops.length - 1].scores : null; }

  // The wall clock at another moment of the stream, null where there is none.
  utcAt(time) { return this.utc === null ? null : this.utc + (time - this.time) * 1000; }

  record(data) {
    const take = this[`take_${data.type}`];
    if (take) take.call(this, data);
    while (this.events.size > MOST_EVENTS) this.events.delete(this.events.keys().next().value);
  }

  take_onset(data) {
    if (!this.events.has(data.id))
      this.events.set(data.id, { label: data.label, onset: data.time, offset: null, score: data.score, utc: utcMs(data) });
  }

  take_offset(data) {
    const known = this.events.get(data.id);
    this.events.set(data.id, { label: data.label, onset: data.onset, offset: data.offset, score: data.peak, utc: known ? known.utc : utcMs(data) });
  }

  take_retract(data) { this.events.delete(data.id); }

  take_gap(data) { this.notice(data, `${data.frames} frames lost (${data.reason})`); }

  take_source(data) {
    this.state = data.state === "up" ? "live" : "down";
    this.notice(data, data.state === "up" ? "Sound comes" : "No sound comes any more");
  }

  take_stop(data) {
    this.state = "over";
    this.notice(data, "The sound is over");
  }

  notice(data, text) {
    this.events.set(`${data.type} ${data.time} ${text}`, { notice: text, onset: data.time, offset: data.time, utc: utcMs(data) });
  }
}
