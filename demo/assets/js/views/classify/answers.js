// The answers that are seen, and the one label of theirs whose part of the photo is lit: the one
// under the pointer or the focus, or the one that was chosen, or else, fainter, the first.

import * as address from "../../address.js";
import { isKnown, label, make, NOTHING, percent, UNKNOWN, UNMEASURED } from "../../show.js";
import { stage } from "../../stage.js";

export const LABELS = 5;
const ATTRIBUTES = 6;
const QUIET = 0.5; // of the light

export class Answers {
  constructor(place) {
    this.place = place;
    this.light = null; // comes while the first answer is awaited
    import("./later/light.js").then(({ Light }) => this.lightUp(new Light()), console.info);
    this.panels = [];
    this.laid = null;
    this.pointed = null; // numbers of labels, through all panels, from 1
    this.chosen = null;
    this.listen();
  }

  // A panel for each of the models that are asked.
  lay(asked) {
    const laid = JSON.stringify(asked.map((one) => one.caption ?? null));
    if (laid === this.laid) return;
    this.laid = laid;
    this.panels = asked.map(({ caption }, at) => new Panel(caption, 1 + at * LABELS));
    this.place.replaceChildren(...this.panels.map((one) => one.element));
    this.place.closest(".answer").classList.toggle("pair", asked.length > 1);
    this.blank();
  }

  blank() {
    this.light?.clear();
    this.pointed = this.chosen = null;
    const [first, ...others] = this.panels;
    first.blank("Five labels will appear here");
    for (const one of others) one.blank("And five here");
  }

  say(text) {
    for (const one of this.panels) if (!one.answer) one.say(text);
  }

  show(answers) {
    answers.forEach((answer, at) => this.panels[at].show(answer));
    this.restore();
  }

  // The label that the address names.
  restore() {
    const number = Number(address.get("label"));
    this.mark(this.button(number) ? number : null);
  }

  lightUp(light) {
    if (this.isLeft) return light.stop();
    this.light = light;
    this.relight();
  }

  stop() {
    this.isLeft = true;
    this.light?.stop();
  }

  listen() {
    const numberOf = (event) => Number(event.target.closest("[data-label]:enabled")?.dataset.label) || null;
    this.place.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.point(numberOf(event)));
    this.place.addEventListener("pointerleave", () => this.point(null));
    this.place.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && this.point(numberOf(event)));
    this.place.addEventListener("focusout", () => this.point(null));
    this.place.addEventListener("click", (event) => this.choose(numberOf(event)));
    this.place.addEventListener("keydown", (event) => event.key === "Escape" && this.choose(this.chosen));
  }

  point(number) {
    if (number === this.pointed) return;
    this.pointed = number;
    this.relight();
  }

  // Choose a label, or let go of it.
  choose(number) {
    if (!number) return;
    this.mark(number === this.chosen ? null : number);
    address.set({ label: this.chosen });
  }

  mark(number) {
    this.chosen = number;
    for (const one of this.place.querySelectorAll("[data-label]")) {
      one.setAttribute("aria-pressed", String(Number(one.dataset.label) === number));
    }
    this.relight();
  }

  relight() {
    const number = this.pointed ?? this.chosen ?? this.quiet;
    const { answer } = this.panels[number ? Math.floor((number - 1) / LABELS) : 0];
    if (!this.light || !answer?.view || stage.element.dataset.state === "unseen") return;
    const region = number ? answer.predictions[(number - 1) % LABELS]?.region : null;
    const isAsked = this.pointed || this.chosen;
    this.light.show({ view: answer.view, region, strength: isAsked ? 1 : QUIET });
  }

  // The number of the first label that is lit by itself: of the first model that knows the photo.
  get quiet() {
    const at = this.panels.findIndex((one) => one.answer && isKnown(one.answer));
    return at < 0 ? null : 1 + at * LABELS;
  }

  button(number) {
    return number ? this.place.querySelector(`[data-label="${number}"]:enabled`) : null;
  }
}

// One model's answer: its headline, its labels as buttons, and what is to be said of them. All of it
// stands there from the start, so that nothing moves when an answer comes.
class Panel {
  // caption: what the model names, where more than one answers; first: the number of its first label
  constructor(caption = "", first = 1) {
    this.answer = null;
    this.caption = make("p.caption", {}, caption);
    this.head = make("h2.first");
    this.environment = make("p.environment");
    this.rows = Array.from({ length: LABELS }, (_, at) => row(first + at));
    this.list = make("ol.labels", {}, ...this.rows);
    this.attributes = make("p.attributes");
    this.notes = { reason: make("p.reason"), seen: make("p.seen"), meaning: make("p.meaning") };
    this.element = make(
      "section.panel",
      { "aria-label": caption || null },
      ...(caption ? [this.caption] : []),
      make("div.head", {}, this.head, this.environment),
      this.list,
      make("div.notes", {}, this.attributes, ...Object.values(this.notes)),
    );
  }

  blank(text) {
    this.answer = null;
    this.say(text);
    this.list.className = "labels empty";
    this.list.setAttribute("aria-hidden", "true");
    for (const one of this.rows) fill(one, null);
    for (const note of [this.environment, this.attributes, ...Object.values(this.notes)]) note.textContent = "";
  }

  // What stands in the headline while there is no answer.
  say(text) {
    this.head.className = "first empty";
    this.head.textContent = text;
  }

  show(answer) {
    this.answer = answer;
    const isSure = isKnown(answer);
    this.headline(answer, isSure);
    this.list.className = isSure ? "labels" : "labels unsure";
    this.list.removeAttribute("aria-hidden");
    this.rows.forEach((one, at) => fill(one, answer.predictions[at], answer.view, isSure));
    this.describe(answer.attributes ?? []);
    const isDistilled = answer.predictions.some((one) => one.basis === "distilled");
    this.notes.reason.textContent = isDistilled ? `† ${UNMEASURED}` : "";
    const isPart = answer.view && !isWhole(answer.view);
    this.notes.seen.textContent = isPart ? "The network saw the part inside the frame." : "";
  }

  headline({ predictions: [first], environment }, isSure) {
    this.head.className = "first";
    if (!isSure) {
      this.head.replaceChildren(NOTHING);
      this.environment.replaceChildren(UNKNOWN);
      return;
    }
    this.head.replaceChildren(make("b", {}, percent(first.confidence)), " ", make("span", {}, ...label(first)));
    const kind = environment ? ["Type of environment: ", make("b", {}, environment.kind)] : [];
    this.environment.replaceChildren(...kind);
  }

  // SUN's attributes: "natural light · open area".
  describe(attributes) {
    const names = attributes.slice(0, ATTRIBUTES).map((one) => one.attribute);
    this.attributes.textContent = names.join(" · ");
  }

  explain(meaning) {
    this.notes.meaning.textContent = meaning;
  }
}

function row(number) {
  const button = make("button", { type: "button", "data-label": number, "aria-pressed": "false" }, make("span"), make("b"), make("i"));
  return make("li", {}, button);
}

function fill(one, prediction, view, isSure) {
  const [button] = one.children;
  const [name, share] = button.children;
  one.hidden = prediction === undefined; // a model of few labels
  button.disabled = !prediction;
  button.setAttribute("aria-pressed", "false");
  name.replaceChildren(...(prediction ? label(prediction) : []));
  share.textContent = prediction && isSure ? percent(prediction.confidence) : "";
  button.title = prediction?.category ?? "";
  // A bar is a percentage, too.
  one.style.setProperty("--share", prediction && isSure ? prediction.confidence.toFixed(4) : "0");
  const where = prediction?.region && view ? `lights up the ${place(prediction.region.box, view)} of the photo` : "";
  button.setAttribute("aria-description", where);
}

// Where in the photo a region's middle lies, in words.
function place([x, y, w, h], { width, height }) {
  const down = ["top", "", "bottom"][third((y + h / 2) / height)];
  const across = ["left", "", "right"][third((x + w / 2) / width)];
  return [down, across].filter(Boolean).join(" ") || "middle";
}

const third = (share) => Math.min(2, Math.max(0, Math.floor(3 * share)));

// Whether the network saw the whole photo, to a pixel or so of rounding.
export function isWhole({ width, height, box: [x, y, w, h] }) {
  return x < 1 && y < 1 && x + w > width - 1 && y + h > height - 1;
}
