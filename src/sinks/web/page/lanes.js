// lanes.js - scores over time: the classes that were kept, then those that were heard best.

import { color, sharp } from "./format.js";

const MOST_LANES = 8, LEAST = 10;         // lanes; 255 is 1: what stays below is no news
const HALF_S = 20;                  // after which a score counts half

export class Lanes {
  constructor(list, empty, keep) {
    this.list = list;
    this.empty = empty;
    this.keep = keep;               // (class) => turns its star
    this.rows = new Map();          // by class index
  }

  // Kept ones in their order, then by the highest score of late. What is quiet fades evenly, so that the order seldom changes.
  choose(memory, classes, kept) {
    const rank = new Float32Array(classes.length);
    for (const hop of memory.hops) {
      const weight = 2 ** ((hop.time - memory.time) / HALF_S);
      for (let c = 0; c < rank.length; c++) rank[c] = Math.max(rank[c], hop.scores[c] * weight);
    }
    const heard = classes.filter((c) => c.shown && !kept.has(c.slug) && rank[c.index] >= LEAST);
    heard.sort((a, b) => rank[b.index] - rank[a.index]);
    return [...classes.filter((c) => kept.has(c.slug)), ...heard.slice(0, Math.max(0, MOST_LANES - kept.size))];
  }

  update(memory, classes, kept) {
    const wanted = this.choose(memory, classes, kept), scores = memory.scores;
    const before = this.rows;

    this.rows = new Map(wanted.map((c) => [c.index, before.get(c.index) || this.make(c)]));
    for (const [index, row] of before) if (!this.rows.has(index)) row.item.remove();
    [...this.rows.values()].forEach((row, i) => {
      if (this.list.children[i] !== row.item) this.list.insertBefore(row.item, this.list.children[i] || null);
    });
    for (const c of wanted) {
      const row = this.rows.get(c.index), score = scores ? scores[c.index] / 255 : 0;
      row.name.setAttribute("aria-pressed", kept.has(c.slug));
      row.value.textContent = score.toFixed(2);
      row.value.classList.toggle("on", score >= 0.5);
    }
    this.empty.hidden = wanted.length > 0;
  }

  make(c) {
    const item = document.createElement("li"), name = document.createElement("button"), value = document.createElement("span");
    const canvas = document.createElement("canvas");
    item.className = "lane";
    name.className = "name";
    name.type = "button";
    name.textContent = c.label;
    name.title = `${c.label}: keep this lane, or let it go`;
    name.addEventListener("click", () => this.keep(c));
    value.className = "value";
    canvas.setAttribute("aria-hidden", "true");
    item.append(name, value, canvas);
    return { item, name, value, canvas };
  }

  draw(memory, right) {
    for (const [index, row] of this.rows) this.drawLane(row.canvas, index, memory, right);
  }

  // A score holds from one hop to the next: it is drawn as a line between them.
  drawLane(canvas, index, memory, right) {
    const { context, width, height } = sharp(canvas);
    const scale = width / memory.span, room = height - 3;
    let isFirst = true, last = 0;

    context.beginPath();
    for (const hop of memory.hops) {
      const x = (hop.time - right) * scale + width, y = 2 + room * (1 - hop.scores[index] / 255);
      if (isFirst) context.moveTo(x, y); else context.lineTo(x, y);
      if (isFirst) this.first = x;
      isFirst = false;
      last = x;
    }
    if (isFirst) return;
    context.strokeStyle = color("--accent");
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    context.stroke();
    context.lineTo(last, height);
    context.lineTo(this.first, height);
    context.fillStyle = color("--fill");
    context.fill();
  }
}
