// One model's answer: its headline, its labels as buttons, and what is to be said of them. All of it
// stands there from the start, so that nothing moves when an answer comes.

import { label, make, percent, UNMEASURED } from "../../show.js";
import { isWhole } from "./light.js";

export const LABELS = 5;
const ATTRIBUTES = 6;
const UNKNOWN = "None of its labels fits this photo: these are only the nearest ones.";

export class Panel {
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
    const isKnown = answer.known !== false;
    this.headline(answer, isKnown);
    this.list.className = isKnown ? "labels" : "labels unsure";
    this.list.removeAttribute("aria-hidden");
    this.rows.forEach((one, at) => fill(one, answer.predictions[at] ?? null, answer.view));
    this.describe(answer.attributes ?? []);
    const isDistilled = answer.predictions.some((one) => one.basis === "distilled");
    this.notes.reason.textContent = isDistilled ? `† ${UNMEASURED}` : "";
    const isPart = answer.view && !isWhole(answer.view);
    this.notes.seen.textContent = isPart ? "The network saw the part inside the frame." : "";
  }

  headline({ predictions: [first], environment }, isKnown) {
    this.head.className = "first";
    if (!isKnown) {
      this.head.replaceChildren("Nothing I know");
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

function fill(one, prediction, view) {
  const [button] = one.children;
  const [name, share] = button.children;
  button.disabled = !prediction;
  button.setAttribute("aria-pressed", "false");
  name.replaceChildren(...(prediction ? label(prediction) : []));
  share.textContent = prediction ? percent(prediction.confidence) : "";
  button.title = prediction?.category ?? "";
  one.style.setProperty("--share", prediction?.confidence.toFixed(4) ?? "0");
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
