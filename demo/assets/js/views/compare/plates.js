// The networks side by side, in the order of their years: what each says, and what is known of it.
// Those that are not here stand in their places, with what brings them.

import { bars } from "../../labels.js";
import { models } from "../../models.js";
import { isKnown, large, make, NOTHING } from "../../show.js";
import { errors, milliseconds, spent, verdict } from "./words.js";

const COPIED_MS = 2000;
const KINDS = [
  { scene: false, heading: "What is on it" },
  { scene: true, heading: "Where it is" },
];

export class Plates {
  constructor(place) {
    this.place = place;
    this.leaving = new AbortController();
    place.addEventListener("click", ({ target }) => this.click(target.closest("[data-do=copy]")), { signal: this.leaving.signal });
  }

  stop() {
    this.leaving.abort();
  }

  lay(networks) {
    if (networks === this.networks) return;
    this.networks = networks;
    this.plates = new Map(networks.map((one) => [one.id, plate(one)]));
    this.groups = KINDS.map(({ scene, heading }) => this.group(networks.filter((one) => one.scene === scene), heading));
    const missing = networks.find((one) => !one.served);
    this.place.replaceChildren(...this.groups.map(({ element }) => element), ...(missing ? [hint(missing.name)] : []));
  }

  group(networks, heading) {
    const said = make("p.verdict", { role: "status" });
    const plates = networks.map(({ id }) => this.plates.get(id).element);
    const element = make("section", { "aria-label": heading }, make("h2", {}, heading), said, make("ul.plates", {}, ...plates));
    element.hidden = !networks.length;
    return { element, said, networks };
  }

  show({ racing, answers }) {
    for (const [id, one] of this.plates) {
      if (!one.labels) continue;
      one.element.hidden = !racing.has(id);
      show(one, answers.get(id));
    }
    for (const { said, networks } of this.groups) {
      const there = networks.filter(({ id }) => racing.has(id) && answers.has(id));
      said.textContent = verdict(there.map((one) => ({ ...one, answer: answers.get(one.id) })));
    }
  }

  async click(button) {
    if (!button) return;
    const code = button.parentElement.querySelector("code");
    if (button.dataset.name) this.place.querySelector(".serving").replaceWith(hint(button.dataset.name));
    const isCopied = await copy(code);
    button.textContent = isCopied ? "Copied" : "Selected";
    setTimeout(() => (button.textContent = "Copy"), COPIED_MS);
  }
}

function plate(one) {
  const title = make("h3", {}, make("span.year", {}, one.year ? String(one.year) : "own"), one.title);
  if (!one.served) return { element: make("li.plate.missing", {}, title, facts(one), command(one.command, one.name)) };
  const labels = make("div.said");
  const time = make("span.time");
  const element = make("li.plate", { "data-id": one.id }, title, labels, facts(one, time));
  return { element, labels, time };
}

function facts(one, time = null) {
  const { measured } = one;
  const rows = [["Parameters", large(one.parameters)], ["Multiply-adds", large(one.multiply_adds)]];
  if (one.served) rows.push([`Time here, ${one.precision}`, time]);
  rows.push(...errors("Published", one.published));
  if (measured) rows.push(...errors("Measured", measured));
  if (!one.served) rows.push(["Licence", one.licence]);
  const cells = rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
  const on = measured ? [make("p.on", {}, `Measured by Booth on ${measured.dataset}.`)] : [];
  return make("div.figures", {}, make("dl", {}, ...cells), ...on);
}

function show({ labels, time }, answer) {
  if (labels.answer === answer && answer) return;
  labels.answer = answer;
  labels.replaceChildren(...(answer ? said(answer) : [empty()]));
  time.textContent = answer ? milliseconds(spent(answer)) : "\u2013";
}

function said(answer) {
  const isSure = isKnown(answer);
  return [isSure ? "" : make("p.nothing", {}, NOTHING), bars(answer.predictions, { isSure })];
}

function empty() {
  return make("ol.labels.empty", { "aria-hidden": "true" }, ...Array.from({ length: 5 }, () => make("li", {}, make("i"))));
}

function command(text, name) {
  const button = make("button", { type: "button", "data-do": "copy", "data-name": name, "aria-label": `Copy: ${text}` }, "Copy");
  return make("p.command", {}, make("code", {}, text), button);
}

// How one of those that are not here is served beside those that are.
function hint(name) {
  const served = [...new Set([...models.all.map((one) => one.name), name])];
  const text = `BOOTH_MODELS=${served.join(",")} booth serve`;
  return make(
    "div.serving",
    {},
    make("p", {}, "Dimmed networks are not here. ", make("code", {}, "booth pull"), " fetches one and makes a model file of it; then name it to the service:"),
    make("p.command", {}, make("code", {}, text), make("button", { type: "button", "data-do": "copy", "aria-label": `Copy: ${text}` }, "Copy")),
  );
}

// To the clipboard, or where the browser keeps that from the page, selected for the visitor's keys.
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
