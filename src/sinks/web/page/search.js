// search.js - all classes of the model with their scores of now: found by name, kept as lanes.

export class Search {
  constructor(list, input, count, keep) {
    this.list = list;
    this.input = input;
    this.count = count;
    this.keep = keep;
    this.rows = [];
    this.shownBest = 0;
    input.addEventListener("input", () => this.filter());
  }

  begin(classes) {
    this.rows = classes.map((c) => this.make(c));
    this.list.replaceChildren(...this.rows.map((row) => row.item));
    this.filter();
  }

  make(c) {
    const item = document.createElement("li"), name = document.createElement("button"), value = document.createElement("span");
    name.className = "name";
    name.type = "button";
    name.textContent = c.label;
    name.title = c.trained ? c.label : `${c.label}: this model was not trained on it`;
    name.addEventListener("click", () => this.keep(c));
    value.className = "value";
    item.classList.toggle("unknown", !c.trained);
    item.append(name, value);
    return { c, item, name, value, score: -1, key: `${c.label} ${c.slug} ${c.mid}`.toLowerCase() };
  }

  filter() {
    const words = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of this.rows) {
      row.item.hidden = !words.every((word) => row.key.includes(word));
      n += !row.item.hidden;
    }
    this.count.textContent = words.length ? `${n} of ${this.rows.length}` : String(this.rows.length);
    this.sort();
  }

  // Without a search the best come first; a search keeps the order of the model.
  sort() {
    const isSearch = this.input.value.trim() !== "";
    const order = [...this.rows].sort((a, b) => (isSearch ? 0 : Math.max(0, b.score) - Math.max(0, a.score)) || b.c.trained - a.c.trained || a.c.index - b.c.index);
    order.forEach((row, i) => { if (this.list.children[i] !== row.item) this.list.insertBefore(row.item, this.list.children[i] || null); });
  }

  update(scores, kept) {
    for (const row of this.rows) {
      const score = scores ? Math.round(scores[row.c.index] / 2.55) : 0;
      row.name.setAttribute("aria-pressed", kept.has(row.c.slug));
      if (score === row.score) continue;
      row.score = score;
      row.value.textContent = (score / 100).toFixed(2);
      row.item.style.setProperty("--score", score / 100);
    }
    // A list that someone is reading or pointing at stays as it is.
    if (!this.list.matches(":hover, :focus-within") && this.list.scrollTop === 0) this.sort();
  }
}
