// Classify: a photo in, five labels out; each lights the part of the photo that led to it. Scenes
// and objects stand side by side where the service has a model of either kind.

import * as address from "../address.js";
import { Asker } from "../ask.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { classify } from "../service.js";
import { make } from "../show.js";
import { stage } from "../stage.js";
import { Answers, LABELS } from "./classify/answers.js";

const BOTH = "both"; // in place of a model's name
const unexplained = new Set(); // models that can't say where they looked

export function mount(place) {
  const view = new Classify(place);
  view.start();
  return () => view.stop();
}

class Classify {
  constructor(place) {
    this.select = place.querySelector("#model");
    this.timing = place.querySelector(".timing");
    this.place = place;
    this.answers = new Answers(place.querySelector(".result"));
    this.asker = new Asker(place.querySelector(".answer"), () => this.blank());
    this.leaving = new AbortController();
  }

  start() {
    const { signal } = this.leaving;
    photo.addEventListener("taken", () => this.asker.clear(), { signal });
    photo.addEventListener("change", ({ detail }) => detail.answers.push(this.ask()), { signal });
    models.addEventListener("change", () => this.ask(), { signal });
    window.addEventListener("booth:address", () => this.reopen(), { signal });
    this.select.addEventListener("change", () => {
      choose(this.select.value);
      this.ask();
    });
    this.answers.lay(choice());
    this.ask();
  }

  stop() {
    this.leaving.abort();
    this.asker.stop();
    this.answers.stop();
    stage.sending(1);
  }

  blank() {
    this.answers.blank();
    this.timing.textContent = "";
    this.more?.then((more) => more.blank());
  }

  ask() {
    return this.asker.run(
      (options) => this.asked(options),
      (given) => given && this.show(given),
      { quietly: photo.current?.live },
    );
  }

  async asked(options) {
    await fill(this.select, options);
    const asked = choice();
    this.answers.lay(asked);
    const taken = photo.current;
    if (!taken) {
      this.tellMore({ taken, asked });
      return null;
    }
    const answers = await (taken.live ? inTurn(asked, taken.blob, options) : this.sent(asked, taken.blob, options));
    return { taken, asked, answers };
  }

  async sent(asked, blob, { signal, progress }) {
    const shares = asked.map(() => 0);
    const report = (at) => (share) => {
      shares[at] = share;
      const mean = shares.reduce((sum, one) => sum + one, 0) / shares.length;
      progress(mean);
      this.answers.say(stage.sending(mean) || "Looking at it");
    };
    stage.sending(0);
    try {
      return await Promise.all(asked.map(({ name }, at) => explained(name, blob, { signal, progress: report(at) })));
    } finally {
      stage.sending(1);
    }
  }

  show({ taken, asked, answers }) {
    this.asker.place.dataset.state = "answer";
    this.answers.show(answers);
    this.timing.replaceChildren(...timing(answers, taken.blob.size));
    this.tellMore({ taken, asked });
  }

  async tellMore({ taken, asked }) {
    const { panels } = this.answers;
    try {
      this.more ??= import("./classify/later/more.js").then(({ More }) => new More(this.place));
      await (await this.more).show({ taken, asked, panels });
    } catch (cause) {
      this.more = null;
      console.info(cause); // the answer stands without it
    }
  }

  // Back or forward, or another address typed in: another model, or another label.
  reopen() {
    if (this.select.value === chosen()) this.answers.restore();
    else this.ask();
  }
}

// Of a camera's frame one after the other, so that no visitor has two requests under way.
async function inTurn(asked, blob, { signal }) {
  const answers = [];
  for (const { name } of asked) answers.push(await explained(name, blob, { signal }));
  return answers;
}

// The answer, with where its labels looked and what else the model can say.
async function explained(model, blob, options) {
  if (!unexplained.has(model)) {
    const attributes = models.cards.get(model)?.attributes?.length ? ",attributes" : "";
    try {
      return await classify(blob, { model, top_k: LABELS, explain: `region${attributes}` }, options);
    } catch (cause) {
      if (cause.kind !== "invalid-parameter") throw cause;
      unexplained.add(model); // or the same comes again
    }
  }
  return classify(blob, { model, top_k: LABELS }, options);
}

// The slower one's time where two answer at once; what was sent went up once for each.
function timing(answers, bytes) {
  const total = Math.max(...answers.map((one) => one.timing_ms.total));
  const sent = (answers.length * bytes) / 1000;
  return [
    make("b", {}, `${rounded(total)}\u202fms`),
    ` to answer · ${rounded(sent)}\u202fkB sent`,
  ];
}

const rounded = (number) => number.toFixed(number < 10 ? 1 : 0);

// The first model of either kind, the scenes' first; none where only one kind is served.
function pair() {
  const scenes = models.served.find((one) => one.scene);
  const objects = models.served.find((one) => !one.scene);
  return scenes && objects ? [scenes, objects] : null;
}

// The value of what is chosen in the <select>.
function chosen() {
  const wanted = address.get("model");
  if (pair() && !models.served.some((one) => one.name === wanted)) return BOTH;
  return models.chosen;
}

// The models that answer, each with what it names where there are two. Before the service has said
// which it has, what is likely, so that nothing moves then.
function choice() {
  if (!models.served.length) return address.get("model") ? [{}] : captioned([{}, {}]);
  if (chosen() === BOTH) return captioned(pair());
  return [{ name: models.chosen }];
}

const captioned = (two) => two.map(({ name }, at) => ({ name, caption: ["Scene", "Objects"][at] }));

function choose(value) {
  address.set({ model: value === BOTH ? null : value, label: null });
}

// Fill a <select> with what there is to choose.
async function fill(select, options) {
  await models.load(options);
  const choices = models.served.map((one) => new Option(one.title, one.name));
  if (pair()) choices.unshift(new Option("Scenes and objects", BOTH));
  select.replaceChildren(...choices);
  select.value = chosen();
  select.disabled = false;
}
