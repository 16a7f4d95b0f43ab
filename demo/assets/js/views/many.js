// Many: a folder of photos, each with its label as it comes.

import { Batch } from "./many/batch.js";
import { photosOf } from "./many/folder.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { inShort, isKnown, make, NOTHING, percent } from "../show.js";
import { stage } from "../stage.js";

// It goes on while another view is looked at.
const batch = new Batch();
const tiles = new Map(); // photo -> its <li>, as long as the view is seen
let started = 0;

const TELL_MS = 150;

export function mount(place) {
  const view = new Gallery(place);
  view.start();
  return () => view.leave();
}

class Gallery {
  constructor(place) {
    this.place = place;
    this.find = (selector) => place.querySelector(selector);
    this.listeners = [];
  }

  start() {
    this.on(batch, "added", () => this.lay());
    this.on(batch, "cleared", () => this.lay());
    this.on(batch, "state", () => this.tellSoon());
    this.on(batch, "seen", ({ detail }) => this.see(detail));
    this.on(batch, "answered", ({ detail }) => this.label(detail));
    this.on(window, "booth:address", () => this.offer());
    this.on(this.place, "click", (event) => this.click(event));
    this.on(this.find(".files"), "change", ({ target }) => this.take({ files: target.files }, target));
    this.on(this.find(".directory"), "change", ({ target }) => this.take({ files: target.files }, target));
    this.on(this.find("#only"), "change", () => this.filter());
    this.on(this.find("#least"), "input", () => this.filter());
    stage.ondrop = ({ dataTransfer }) => {
      this.take(dataTransfer.items.length ? { items: dataTransfer.items } : { files: dataTransfer.files });
      return true;
    };
    if (stage.several) this.take({ files: stage.several });
    stage.several = null;
    this.offer();
    this.lay();
  }

  on(target, what, listener) {
    target.addEventListener(what, listener);
    this.listeners.push(() => target.removeEventListener(what, listener));
  }

  leave() {
    for (const off of this.listeners) off();
    tiles.clear();
    clearTimeout(this.soon);
  }

  // The models to choose from.
  offer() {
    return models.fill(this.find("#model")).catch(console.info); // the service's own choice does
  }

  async take(given, input) {
    const note = this.find(".note");
    note.textContent = "";
    try {
      // The items of a drop are gone after this turn: what reads them asks for all at once.
      const found = await photosOf(given, (text) => (note.textContent = text));
      if (input) input.value = "";
      if (!found.length) {
        note.textContent ||= "There are no photos in that.";
        return;
      }
      await this.offer();
      if (batch.finished || !batch.photos.length) started = performance.now() - 1;
      batch.before = batch.done;
      batch.add(found, models.served.find(({ name }) => name === models.chosen) ?? null);
    } catch (cause) {
      console.warn(cause);
      note.textContent = "That could not be read: drop the photos themselves.";
    }
  }

  click(event) {
    const button = event.target.closest("button");
    const actions = {
      files: () => this.find(".files").click(),
      folder: () => this.find(".directory").click(),
      pause: () => batch.pause(!batch.paused),
      clear: () => batch.clear(),
      csv: () => save("labels.csv", "text/csv", csv(this.kept())),
      jsonl: () => save("labels.jsonl", "application/jsonl", jsonLines(this.kept())),
    };
    if (button?.dataset.do) actions[button.dataset.do]();
    else if (button) this.open(button.closest("li"));
  }

  // A photo of the gallery, in Classify.
  async open(tile) {
    const one = [...tiles].find(([, element]) => element === tile)?.[0];
    if (!one) return;
    photo.take(await one.read());
    document.querySelector("#booth header nav a").click();
  }

  lay() {
    this.find(".work").toggleAttribute("data-empty", !batch.photos.length);
    const gallery = this.find(".gallery");
    if (!batch.photos.length) {
      tiles.clear();
      gallery.replaceChildren();
    }
    const fresh = batch.photos.filter((one) => !tiles.has(one)).map((one) => this.tile(one));
    gallery.append(...fresh);
    this.tellSoon();
    this.filter();
  }

  tile(one) {
    const tile = make("li", {}, make("button", { type: "button", title: one.name }, make("span.thumb"), make("span.name", {}, "…"), make("span.model")));
    tiles.set(one, tile);
    if (one.thumbnail) this.see(one);
    if (one.answer || one.problem) this.label(one);
    return tile;
  }

  see(one) {
    const thumb = tiles.get(one)?.querySelector(".thumb");
    if (thumb && one.thumbnail) thumb.replaceChildren(make("img", { src: one.thumbnail, alt: "", decoding: "async", loading: "lazy" }));
  }

  label(one) {
    const tile = tiles.get(one);
    if (!tile) return;
    const name = tile.querySelector(".name");
    tile.querySelector(".model").textContent = titleOf(one);
    if (one.answer) {
      name.replaceChildren(...(isKnown(one.answer) ? [make("b", {}, percent(first(one).confidence)), " "] : []), inShort(one.answer));
      tile.classList.toggle("unsure", !isKnown(one.answer));
    } else {
      name.replaceChildren(make("b", {}, one.name), one.problem);
      tile.classList.add("failed");
    }
    this.tellSoon();
  }

  // However many answers come, they are told a few times a second.
  tellSoon() {
    this.soon ??= setTimeout(() => {
      this.soon = null;
      this.tell();
    }, TELL_MS);
  }

  tell() {
    const { photos, done } = batch;
    this.find(".line progress").value = photos.length ? done / photos.length : 0;
    this.find(".state").textContent = state(done);
    const by = [...counted(photos.map(titleOf).filter(Boolean))];
    this.find(".by").textContent = labelledBy(by);
    this.find(".gallery").toggleAttribute("data-mixed", by.length > 1);
    const pause = this.find("[data-do=pause]");
    pause.hidden = batch.finished;
    pause.textContent = batch.paused ? "Go on" : "Pause";
    this.count();
    this.filter();
  }

  // The labels that were given, the most frequent first.
  count() {
    const answers = answered().map(({ answer }) => answer);
    const names = new Map(answers.map((answer) => [kindOf(answer), nameOf(answer)]));
    const sorted = [...counted(answers.map(kindOf))].sort(([, a], [, b]) => b - a);
    const key = JSON.stringify(sorted);
    if (key === this.counted) return;
    this.counted = key;
    const only = this.find("#only");
    const chosen = only.value;
    only.replaceChildren(new Option("all", ""), ...sorted.map(([kind, count]) => new Option(`${names.get(kind)} (${count})`, kind)));
    only.value = names.has(chosen) ? chosen : "";
  }

  passes(one) {
    const only = this.find("#only").value;
    const least = Number(this.find("#least").value) / 100;
    if (!one.answer) return !only && !least;
    return (!only || kindOf(one.answer) === only) && sureness(one.answer) >= least;
  }

  kept() {
    return batch.photos.filter((one) => (one.answer || one.problem) && this.passes(one));
  }

  filter() {
    const least = Number(this.find("#least").value);
    this.find(".filters output").textContent = least ? `${least}\u202f% or more` : "any";
    let shown = 0;
    for (const [one, tile] of tiles) {
      tile.hidden = !this.passes(one);
      if (!tile.hidden) shown += 1;
    }
    this.find(".found").textContent = shown === tiles.size ? "" : `${shown.toLocaleString("en")} shown`;
  }
}

const answered = () => batch.photos.filter((one) => one.answer);
const first = (one) => one.answer.predictions[0];

// What a photo is counted and found by: its first label, or that none fits.
const kindOf = (answer) => (isKnown(answer) ? `label ${answer.predictions[0].category}` : "none");
const nameOf = (answer) => (isKnown(answer) ? answer.predictions[0].label : NOTHING);
const sureness = (answer) => (isKnown(answer) ? answer.predictions[0].confidence : 0);

// The title of the model that labels a photo; "" as long as the service is to choose it.
const titleOf = ({ model, answer }) => model?.title ?? answer?.model ?? "";

function counted(values) {
  const counts = new Map();
  for (const one of values) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

function labelledBy(models) {
  if (models.length < 2) return models.map(([title]) => `Labelled by ${title}`).join("");
  return `Labelled by ${models.length} models: ${models.map(([title, count]) => `${count.toLocaleString("en")} by ${title}`).join(", ")}`;
}

function state(done) {
  const all = batch.photos.length;
  const said = `${done.toLocaleString("en")} of ${all.toLocaleString("en")}`;
  const failed = batch.photos.filter((one) => one.problem).length;
  if (batch.finished) return total(all, failed);
  if (batch.paused) return `${said}, paused`;
  if (batch.away) return `${said}. ${batch.away}: it goes on by itself.`;
  const perSecond = (1000 * (done - (batch.before ?? 0))) / (performance.now() - started);
  if (perSecond < 0.1) return said;
  return `${said}, ${perSecond.toFixed(perSecond < 10 ? 1 : 0)} a second, ${left((all - done) / perSecond)} left`;
}

function total(all, failed) {
  const said = all === 1 ? "1 photo" : `${all.toLocaleString("en")} photos`;
  if (!failed) return said;
  return failed === all ? `${said}, without an answer` : `${said}, ${failed} of them without an answer`;
}

function left(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

function csv(list) {
  const quoted = (value) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  // A table's program must not take a file's name for a formula.
  const safe = (value) => quoted(/^[=+\-@\t\r]/.test(value ?? "") ? `'${value}` : value);
  const head = "file,model,label,category,confidence,known,environment,problem";
  const rows = list.map((one) => {
    const got = one.answer && first(one);
    const environment = one.answer?.environment?.kind;
    const numbers = [got?.confidence ?? "", one.answer?.known ?? ""];
    return [safe(one.name), safe(modelOf(one)), safe(got?.label), safe(got?.category), ...numbers, safe(environment), safe(one.problem)].join(",");
  });
  return `${[head, ...rows].join("\r\n")}\r\n`;
}

const jsonLines = (list) =>
  list.map((one) => `${JSON.stringify({ file: one.name, model: modelOf(one), ...(one.answer ?? { problem: one.problem }) })}\n`).join("");

const modelOf = ({ model, answer }) => answer?.model ?? model?.name;

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
