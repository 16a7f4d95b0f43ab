// What is told beside an answer, and fetched only once that stands: what its percentages mean, the
// models' facts, and the lines that give the same answer elsewhere.

import { facts } from "../../../facts.js";
import { models } from "../../../models.js";
import { classify } from "../../../service.js";
import { isKnown, make } from "../../../show.js";
import { LABELS } from "../answers.js";
import { meaning } from "./meaning.js";
import { lines, Use } from "./use.js";

export class More {
  constructor(place) {
    this.use = new Use(place.querySelector(".use"));
    this.facts = place.querySelector(".about");
    this.named = "";
  }

  blank() {
    this.use.hide();
  }

  // taken: the photo, or null before one; asked: the models; panels: with their answers
  async show({ taken, asked, panels }) {
    const names = asked.map((one) => one.name);
    if (taken && !taken.live) this.use.refresh(lines(document.baseURI, taken, names, LABELS), taken.sample);
    const cards = await Promise.all(names.map((name) => models.card(name)));
    this.tell(cards);
    if (taken) await Promise.all(cards.map((card, at) => about(card, panels[at], taken.blob)));
  }

  tell(cards) {
    const named = cards.map((card) => `${card.name} ${card.version}`).join();
    if (named === this.named) return;
    this.named = named;
    this.facts.replaceChildren(...cards.map(fold));
  }
}

async function about(card, panel, photo) {
  const { answer } = panel;
  if (!answer || answer.model !== card.name) return;
  panel.explain(isKnown(answer) ? meaning(card, answer.predictions[0]) : "");
  if (!card.attributes?.length || answer.attributes) return;
  // The card was not known yet when the photo was sent.
  const { attributes } = await classify(photo, { model: card.name, explain: "attributes" });
  if (panel.answer === answer) panel.describe(attributes ?? []);
}

const fold = (card) =>
  make("details.fold", {}, make("summary", {}, `About ${card.title}, version ${card.version}`), facts(card));
