// The answers that are seen, and the one label of theirs whose part of the photo is lit: the one
// under the pointer or the focus, or the one that was chosen, or else, fainter, the first.

import * as address from "../../address.js";
import { stage } from "../../stage.js";
import { Light } from "./light.js";
import { LABELS, Panel } from "./panel.js";

const QUIET = 0.5;

export class Answers {
  constructor(place) {
    this.place = place;
    this.light = new Light();
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
    this.light.clear();
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

  stop() {
    this.light.stop();
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
    const number = this.pointed ?? this.chosen;
    const { answer } = this.panels[number ? Math.floor((number - 1) / LABELS) : 0];
    if (!answer?.view || stage.element.dataset.state === "unseen") return;
    const isQuiet = !number && answer.known !== false;
    const at = number ? (number - 1) % LABELS : isQuiet ? 0 : -1;
    this.light.show({ view: answer.view, region: answer.predictions[at]?.region, strength: number ? 1 : QUIET });
  }

  button(number) {
    return number ? this.place.querySelector(`[data-label="${number}"]:enabled`) : null;
  }
}
