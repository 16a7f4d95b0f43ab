// The settings as a form.

import { BOUNDS, CHOICES, STEERS, bounded } from "./settings.js";
import { COUNT, INPUTS, points } from "./data.js";
import { dots } from "./paint.js";
import { make } from "../../show.js";

const SELECTS = ["activation", "rate", "optimiser", "batch", "l2", "epochs"];

export class Form {
  // change(name, value): what to do when a visitor sets something.
  constructor(form, change) {
    Object.assign(this, { form, change });
    form.querySelector(".sets").append(...Object.entries(CHOICES.data).map(set));
    form.querySelector(".inputs").append(...Object.entries(INPUTS).map(input));
    for (const name of SELECTS) {
      form.elements[name].append(...Object.entries(CHOICES[name]).map(([value, text]) => make("option", { value }, text)));
    }
    for (const [name, [min, max]] of Object.entries(BOUNDS)) Object.assign(form.elements[name], { min, max });
    form.addEventListener("change", ({ target }) => this.#changed(target.name));
    form.addEventListener("input", () => this.#tell());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  show(settings) {
    const { elements } = this.form;
    for (const name of ["data", "noise", "share", "seed", ...SELECTS]) elements[name].value = settings[name];
    for (const box of elements.inputs) box.checked = settings.inputs.includes(box.value);
    this.#tell();
  }

  paint(colours) {
    for (const canvas of this.form.querySelectorAll(".sets canvas")) {
      dots(canvas, points({ data: canvas.dataset.set, noise: 5, share: 50, seed: 1, inputs: ["x1", "x2"] }).train, colours);
    }
  }

  #tell() {
    const { noise, share } = this.form.elements;
    this.form.querySelector("output[for=play-noise]").textContent = `${noise.value}\u202f%`;
    this.form.querySelector("output[for=play-share]").textContent = `${Math.round((COUNT * share.value) / 100)} of ${COUNT}`;
  }

  #changed(name) {
    const { elements } = this.form;
    if (name === "inputs") {
      const chosen = [...elements.inputs].filter((box) => box.checked).map((box) => box.value);
      this.change(name, chosen.length ? chosen : ["x1"]); // without an input nothing can be learned
      return;
    }
    const { value } = elements[name];
    if (name in BOUNDS) this.change(name, bounded(name, Number(value)));
    else this.change(name, STEERS.includes(name) ? Number(value) : value);
  }
}

const set = ([value, text]) => make("label", {}, make("input", { type: "radio", name: "data", value }), make("canvas", { "data-set": value }), make("span", {}, text));

const input = ([value, { name }]) => make("label", {}, make("input", { type: "checkbox", name: "inputs", value }), make("span", {}, name));
