// A kernel's numbers, to type, to drag up and down, and to choose by name.

import { make } from "../../show.js";
import { KERNELS, named, nameOf, typed } from "./kernels.js";

const OWN = "own";
const DRAG = 9; // pixels of the screen that change a number by 1
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

export class KernelEditor {
  // element: where it stands; title: what it is called; changed(kernel).
  constructor(element, title, changed) {
    Object.assign(this, { element, changed });
    this.choice = make("select", { "aria-label": `${title}: by name` });
    this.choice.append(...Object.entries(KERNELS).map(([name, one]) => new Option(one.title, name)), new Option("Your own", OWN));
    this.cells = Array.from({ length: 9 }, (_, at) => field(`${title}, ${ROWS[Math.floor(at / 3)]} ${COLUMNS[at % 3]}`, at ? -1 : 0));
    this.divisor = field(`${title}: divisor`);
    this.bias = field(`${title}: bias`);
    this.cells.forEach((one, at) => one.style.setProperty("--shade", at));
    element.setAttribute("aria-label", title);
    element.replaceChildren(
      this.choice,
      make("div.nine", {}, ...this.cells),
      make("div.rest", {}, make("span", { "aria-hidden": "true" }, "÷"), this.divisor, make("span", { "aria-hidden": "true" }, "+"), this.bias),
    );
    this.listen();
  }

  get fields() {
    return [...this.cells, this.divisor, this.bias];
  }

  show(kernel) {
    this.kernel = kernel;
    const values = [...kernel.weights, kernel.divisor, kernel.bias];
    const most = Math.max(...kernel.weights.map(Math.abs)) || 1;
    this.fields.forEach((one, at) => {
      if (one !== document.activeElement || typed(one.value, one === this.divisor) !== values[at]) one.value = values[at];
      one.style.setProperty("--share", Math.abs(values[at]) / most);
      one.classList.toggle("negative", values[at] < 0);
    });
    const name = nameOf(kernel);
    this.choice.value = name in KERNELS ? name : OWN;
  }

  listen() {
    this.choice.addEventListener("change", () => this.choice.value !== OWN && this.changed(named(this.choice.value)));
    this.element.addEventListener("input", ({ target }) => target.matches("input") && this.read(target));
    this.element.addEventListener("focusout", () => this.kernel && this.show(this.kernel)); // over what can't be used
    this.element.addEventListener("focusin", ({ target }) => this.cells.includes(target) && this.rove(target));
    for (const one of this.cells) one.addEventListener("keydown", (event) => this.walk(event));
    for (const one of this.fields) draggable(one, (value) => this.put(one, value));
  }

  read(input) {
    const value = typed(input.value, input === this.divisor);
    if (value !== null) this.set(this.fields.indexOf(input), value);
  }

  put(input, value) {
    input.value = value;
    this.read(input);
  }

  set(at, value) {
    const weights = this.kernel.weights.map((one, index) => (index === at ? value : one));
    const divisor = at === 9 ? value : this.kernel.divisor;
    const bias = at === 10 ? value : this.kernel.bias;
    this.changed({ ...this.kernel, weights, divisor, bias });
  }

  rove(target) {
    for (const one of this.cells) one.tabIndex = one === target ? 0 : -1;
    target.select();
  }

  // Left and right walk over the nine; up and down change the number, as browsers do by themselves.
  walk(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -3, PageDown: 3 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.cells[this.cells.indexOf(event.target) + by]?.focus();
  }
}

const field = (label, tabindex = 0) =>
  make("input", { type: "number", step: "any", inputmode: "text", autocomplete: "off", "aria-label": label, tabindex });

// Up is more; a press without a drag is for typing.
function draggable(input, put) {
  let start = null;
  input.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = { y: event.clientY, value: Number(input.value) || 0, moved: false };
    input.setPointerCapture(event.pointerId);
  });
  input.addEventListener("pointermove", ({ clientY }) => {
    if (!start) return;
    const by = Math.round((start.y - clientY) / DRAG);
    if (!by && !start.moved) return;
    start.moved = true;
    put(start.value + by);
  });
  for (const what of ["pointerup", "pointercancel"]) {
    input.addEventListener(what, () => {
      if (start && !start.moved) input.focus();
      start = null;
    });
  }
  input.addEventListener("mousedown", (event) => event.preventDefault());
}
