// sounds.js - the list of events, newest first. Only what changed is touched, so that a screen reader tells only news.

import { length, moment } from "./format.js";

const MOST_SOUNDS = 120;

export class Sounds {
  constructor(list, empty, count) {
    this.list = list;
    this.empty = empty;
    this.count = count;
    this.items = new Map();         // by id
  }

  clear() {
    this.items.clear();
    this.list.replaceChildren();
  }

  update(memory) {
    const events = [...memory.events].sort((a, b) => b[1].onset - a[1].onset).slice(0, MOST_SOUNDS);
    const wanted = new Set(events.map(([id]) => id));

    for (const [id, item] of this.items) if (!wanted.has(id)) { item.remove(); this.items.delete(id); }
    events.forEach(([id, event], i) => {
      const item = this.items.get(id) || this.make(id, event);
      this.fill(item, event, memory);
      if (this.list.children[i] !== item) this.list.insertBefore(item, this.list.children[i] || null);
    });
    const n = [...memory.events.values()].filter((event) => !event.notice).length;
    this.count.textContent = n ? String(n) : "";
    this.empty.hidden = events.length > 0;
  }

  make(id, event) {
    const item = document.createElement("li");
    for (const [tag, name] of [["time", ""], ["span", "what"], ["span", "length"]]) {
      const part = document.createElement(tag);
      part.className = name;
      item.append(part);
    }
    item.classList.toggle("notice", Boolean(event.notice));
    this.items.set(id, item);
    return item;
  }

  fill(item, event, memory) {
    const set = (part, text) => { if (part.textContent !== text) part.textContent = text; };
    const isGoing = !event.notice && event.offset === null && memory.state === "live";
    set(item.children[0], moment(event.onset, event.utc));
    set(item.children[1], event.notice || event.label);
    set(item.children[2], event.notice ? "" : isGoing ? "now" : event.offset === null ? "" : length(event.offset - event.onset));
    item.classList.toggle("going", isGoing);
    item.title = event.notice ? "" : `score ${event.score.toFixed(2)}`;
  }
}
