// Compare: one photo, the networks of ten years, asked one after the other.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { Chart } from "./compare/chart.js";
import { Lanes } from "./compare/lanes.js";
import { Plates } from "./compare/plates.js";
import { known, order } from "./compare/networks.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { classify } from "../service.js";
import { make } from "../show.js";
import { told } from "./compare/words.js";

export function mount(place) {
  const view = new Compare(place);
  view.start();
  return () => view.leave();
}

class Compare {
  constructor(place) {
    this.find = (selector) => place.querySelector(selector);
    this.place = place;
    this.networks = null; // all that are served or could be, the oldest first
    this.answers = new Map(); // id of a network -> its answer to this photo
    this.old = new Set(); // ids of those whose answer is to the camera's frame before
    this.asker = new Asker(this.find(".answer"), () => this.say());
    this.lanes = new Lanes(this.find(".lanes"));
    this.plates = new Plates(this.find(".networks"));
    this.chart = new Chart(this.find(".history"));
    this.leaving = new AbortController();
  }

  start() {
    const { signal } = this.leaving;
    photo.addEventListener("taken", () => this.gone(), { signal });
    photo.addEventListener("change", ({ detail }) => detail.answers.push(this.again()), { signal });
    window.addEventListener("booth:address", () => this.begin(), { signal });
    this.place.addEventListener("click", ({ target }) => target.closest("[data-do=race]") && this.again(), { signal });
    this.place.addEventListener("change", ({ target }) => target.dataset.network && this.choose(target), { signal });
    this.asker.clear();
    this.begin();
  }

  leave() {
    this.leaving.abort();
    this.asker.stop();
    this.chart.stop();
    this.plates.stop();
    address.set({ without: null });
  }

  // Another photo is being read.
  gone() {
    this.asker.stop();
    this.answers.clear();
    this.old.clear();
    this.asker.clear();
    this.show();
  }

  // All of them anew: of another photo, or of this one to see how the times differ.
  again() {
    const isLive = photo.current?.live;
    if (!isLive) this.answers.clear();
    this.old = new Set(isLive ? this.answers.keys() : []);
    return this.begin();
  }

  // Ask those that have not answered yet.
  begin() {
    return this.asker.run((options) => this.race(options), () => this.done(), { quietly: photo.current?.live });
  }

  async race(options) {
    this.networks ??= await known(options);
    this.lanes.lay(this.served);
    this.plates.lay(this.networks);
    this.chart.mark(this.served);
    this.show();
    const taken = photo.current;
    this.find("[data-do=race]").disabled = !taken;
    if (!taken) return;
    for (const one of order(this.racing).filter(({ id }) => !this.answers.has(id) || this.old.has(id))) {
      this.show(one);
      const answer = await this.asked(one, taken.blob, options);
      options.signal.throwIfAborted();
      this.answers.set(one.id, answer);
      this.old.delete(one.id);
    }
  }

  async asked({ name, version }, blob, options) {
    try {
      return await classify(blob, { model: name, version, top_k: 5 }, options);
    } catch (cause) {
      if (["unknown-model", "unknown-version"].includes(cause.kind)) {
        models.forget();
        this.networks = null; // "Try again" asks which there are
      }
      if (!options.signal.aborted) this.show();
      throw cause;
    }
  }

  done() {
    this.asker.place.dataset.state = "answer";
    this.show();
  }

  get served() {
    return this.networks.filter((one) => one.served);
  }

  get racing() {
    const without = this.without;
    return this.served.filter(({ id }) => !without.has(id));
  }

  get without() {
    return new Set((address.get("without") ?? "").split(",").filter(Boolean));
  }

  choose({ dataset: { network }, checked }) {
    const without = this.without;
    if (checked) without.delete(network);
    else without.add(network);
    address.set({ without: [...without].join(",") });
    this.begin();
  }

  // What is there so far; `running`: who is being asked.
  show(running = null) {
    this.say(running);
    if (!this.networks) return;
    const racing = new Set(this.racing.map(({ id }) => id));
    this.lanes.show({ racing, answers: this.answers, running });
    this.plates.show({ racing, answers: this.answers });
  }

  say(running = null) {
    if (this.old.size) return; // the camera's next frame: what is told changes when all have answered
    const there = this.networks ? this.racing.filter(({ id }) => this.answers.has(id)) : [];
    const said = there.map((one) => ({ ...one, answer: this.answers.get(one.id) }));
    const words = told(said, { running, of: this.networks ? this.racing.length : 0 });
    this.find(".result").replaceChildren(make(words.empty ? "h2.first.empty" : "h2.first", {}, words.text));
  }
}
