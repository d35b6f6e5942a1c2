// main.js - puts the page together: the feed fills a memory a source, and what is chosen of it is drawn.

import { follow } from "./feed.js";
import { clock, moment } from "./format.js";
import { Lanes } from "./lanes.js";
import { Memory } from "./memory.js";
import { Picture } from "./picture.js";
import { Search } from "./search.js";
import { Sounds } from "./sounds.js";

const SPAN = 60, KEPT = "earmark.kept";
const at = (id) => document.getElementById(id);

let run = null, hello = null, classes = [], link = "wait", chosen = null, isNew = true;
let memories = new Map();
const kept = readKept();

const picture = new Picture(at("picture"), at("strip"));
const lanes = new Lanes(at("lanes"), at("no-lanes"), keep);
const sounds = new Sounds(at("events"), at("no-events"), at("n-events"));
const search = new Search(at("classes"), at("search"), at("n-classes"), keep);

function readKept() {
  try {
    return new Set(JSON.parse(localStorage.getItem(KEPT) || "[]"));
  } catch {
    return new Set();               // storage is forbidden here, or not ours
  }
}

function keep(c) {
  if (!kept.delete(c.slug)) kept.add(c.slug);
  try {
    localStorage.setItem(KEPT, JSON.stringify([...kept]));
  } catch {
    // then they last as long as the page
  }
  show();
}

function memoryOf(name) {
  if (!memories.has(name)) {
    memories.set(name, new Memory(name, Math.max(SPAN, 30 * (hello ? hello.step : 1))));
    tellSources();
  }
  return memories.get(name);
}

// One source shows: the one that was picked, else the newest that is heard.
function memory() {
  if (chosen && memories.has(chosen)) return memories.get(chosen);
  const all = [...memories.values()];
  return all.filter((m) => m.state !== "over").pop() || all.pop() || null;
}

function tellSources() {
  const select = at("source");
  select.replaceChildren(...[...memories.keys()].map((name) => new Option(name, name)));
  select.closest("label").hidden = memories.size < 2;
}

function tellState(m) {
  const state = m && m.state === "over" ? "over" : link === "live" && m ? m.state : "wait";
  const words = { wait: run === null ? "connecting" : "connecting again", live: "live", down: "no sound", over: "ended" };
  at("state").dataset.state = state;
  if (at("state").textContent !== words[state]) at("state").textContent = words[state];
}

function tellLevel(m) {
  const place = (db) => (db === null ? 0 : Math.max(0, Math.min(1, (db + 90) / 90)));
  const meter = at("level");
  meter.style.setProperty("--rms", place(m.rms));
  meter.style.setProperty("--peak", place(m.peak));
  meter.setAttribute("aria-valuenow", m.rms === null ? -90 : m.rms);
  at("level-text").textContent = m.rms === null ? "silence" : `${m.rms.toFixed(1)} dBFS`;
}

// What changes with a hop or a record.
function show() {
  const m = memory();
  tellState(m);
  if (!m) return;
  document.title = `${m.name} - earmark`;
  at("source").value = m.name;
  at("clock").textContent = m.utc === null ? clock(m.time) : moment(m.time, m.utc);
  tellLevel(m);
  lanes.update(m, classes, kept);
  sounds.update(m);
  search.update(m.scores, kept);
  picture.paint(m, isNew);
  isNew = false;
  draw(m);
}

const isStill = matchMedia("(prefers-reduced-motion: reduce)");

// The picture moves evenly between hops, one hop behind them.
function draw(m) {
  const step = hello ? hello.step : 1, since = (performance.now() - m.arrived) / 1000;
  const right = isStill.matches ? m.time : m.time - step + Math.min(since, step);
  picture.draw(m, right);
  lanes.draw(m, right);
}

function animate() {
  const m = memory();
  if (m && m.state === "live" && !document.hidden && !isStill.matches && performance.now() - m.arrived < 5000) draw(m);
  requestAnimationFrame(animate);
}

let isDue = false;

// Many messages may come at once, above all in the beginning; they are shown together.
function showSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => { isDue = false; show(); }, 30);
}

async function readClasses() {
  const answer = await fetch("v1/classes", { cache: "no-store" });
  if (!answer.ok) throw new Error(`v1/classes: ${answer.status}`);
  classes = (await answer.json()).classes;
  search.begin(classes);
  showSoon();
}

follow("v1/live", {
  state(state) {
    link = state;
    showSoon();
  },
  hello(data) {
    hello = data;
    if (run === data.run) return;
    run = data.run;
    memories = new Map();
    chosen = null;
    isNew = true;
    sounds.clear();
    at("about").textContent = `earmark ${data.version}, model ${data.model}, ${data.backend}, a result every ${data.step} s of the last ${data.window} s`;
    readClasses().catch((error) => console.error(error));
  },
  hop(data) {
    if (memoryOf(data.source).hop(data)) showSoon();
  },
  record(data) {
    if (!data.source) return;
    memoryOf(data.source).record(data);
    showSoon();
  },
});

at("source").addEventListener("change", (event) => {
  chosen = event.target.value;
  isNew = true;
  sounds.clear();
  show();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { picture.recolor(); show(); });
new ResizeObserver(() => show()).observe(at("picture"));
requestAnimationFrame(animate);
