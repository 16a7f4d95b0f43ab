// Convolve: nine numbers slide over the photo, and what comes of it.

import * as address from "../address.js";
import { photo } from "../photo.js";
import { make } from "../show.js";
import { stage } from "../stage.js";
import { products } from "./convolve/convolution.js";
import { KernelEditor } from "./convolve/kernel_editor.js";
import { MatrixView } from "./convolve/matrix_view.js";
import { planes, shape, testCard } from "./convolve/pixels.js";
import { PlaneView, rangeOf, told } from "./convolve/plane_view.js";
import { Player } from "./convolve/player.js";
import { NONE, read, written } from "./convolve/settings.js";
import { look, STAGES, whole } from "./convolve/stages.js";
import { Wipe } from "./convolve/wipe.js";
import * as words from "./convolve/words.js";

const BYTES = [0, 255];
const SMALL = 6; // pixels a side of the matrix' input
const REMEMBER_MS = 300; // browsers refuse an address that changes with every move
const MAPS = { slide: ["input", "output", "pooled"], stack: ["input", "output", "five", "difference"], share: ["input", "output", "matrix"] };

export function mount(place) {
  const view = new Convolve(place);
  view.start();
  return () => view.leave();
}

class Convolve {
  constructor(place) {
    this.root = place.querySelector(".convolve");
    this.find = (selector) => this.root.querySelector(selector);
    this.leaving = new AbortController();
    this.settings = read(address.get);
    this.picture = testCard();
    this.player = new Player(() => this.moved());
    this.kernel = new KernelEditor(this.find("[data-kernel=first]"), "The kernel", (kernel) => this.set({ kernel }));
    this.second = new KernelEditor(this.find("[data-kernel=second]"), "The second kernel", (second) => this.set({ second }));
    this.wipe = new Wipe((wipe) => this.set({ wipe }, { quietly: true }));
    const figures = [...this.root.querySelectorAll("[data-map]")];
    this.figures = Object.fromEntries(figures.map((one) => [one.dataset.map, one]));
    this.views = Object.fromEntries(figures.map((one) => [one.dataset.map, viewOf(one)]));
    this.products = this.find(".products");
  }

  start() {
    const on = (target, name, does) => target.addEventListener(name, does, { signal: this.leaving.signal });
    on(photo, "taken", () => this.gone());
    on(photo, "change", ({ detail }) => detail.answers.push(this.look()));
    on(stage, "state", ({ detail }) => (detail === "camera" ? this.gone() : this.paintLater()));
    on(stage, "layout", () => this.paintLater());
    on(window, "booth:address", () => this.restore());
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.compute());
    on(this.root, "input", ({ target }) => this.slid(target));
    on(this.root, "change", ({ target }) => target.name && this.set({ [target.name]: target.value }));
    on(this.root, "click", ({ target }) => this.click(target.closest("button")?.dataset.do));
    for (const name of Object.keys(this.figures)) this.listen(on, name, this.figures[name].querySelector("canvas"));
    on(this.figures.input.querySelector("canvas"), "keydown", (event) => this.press(event));
    this.resized = new ResizeObserver(() => this.place());
    this.resized.observe(this.find(".maps"));
    this.compute();
    this.look();
  }

  leave() {
    this.leaving.abort();
    this.resized.disconnect();
    this.player.pause();
    clearTimeout(this.remembering);
    cancelAnimationFrame(this.painting);
    this.wipe.remove();
    address.set(NONE);
  }

  listen(on, name, canvas) {
    const point = (event) => this.point(name, event);
    on(canvas, "pointermove", (event) => event.pointerType === "mouse" && point(event));
    on(canvas, "click", point);
  }

  // Another photo is on its way: what was made of this one doesn't lie on it.
  gone() {
    this.isFresh = false;
    this.wipe.remove();
  }

  // Take the photo's pixels; gives whether there are some.
  async look() {
    const { current } = photo;
    const mine = (this.looking = {});
    const picture = current && (await createImageBitmap(current.blob).catch(() => null));
    if (mine !== this.looking || this.leaving.signal.aborted) return false;
    this.picture.close?.();
    this.picture = picture ?? testCard();
    this.isFresh = Boolean(picture);
    this.isUnseen = Boolean(current) && !picture;
    if (!picture) this.gone();
    this.compute();
    return Boolean(picture);
  }

  restore() {
    this.settings = read(address.get);
    this.player.pause();
    this.compute();
  }

  set(changed, { quietly = false } = {}) {
    Object.assign(this.settings, changed);
    this.remember();
    if (!quietly) this.compute();
  }

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => address.set(written(this.settings)), REMEMBER_MS);
  }

  slid({ id, value }) {
    if (id === "size") this.set({ size: Number(value) });
    if (id === "speed") this.set({ speed: Number(value) });
  }

  // All numbers anew; the small maps at once, the whole photo with the browser's next frame.
  compute() {
    const { settings, picture } = this;
    const { show, pixels, size } = settings;
    const isShare = show === "share";
    this.input = planes(picture, isShare ? { width: SMALL, height: SMALL } : shape(picture, size), pixels, { square: isShare });
    this.result = STAGES[show](this.input, settings);
    this.hold();
    this.controls();
    this.fill();
    this.place();
    this.paintLater();
  }

  // The same place as before, as near as there is one; at first the middle.
  hold() {
    const [{ width, height }] = this.result.output;
    const { at } = this.settings;
    this.player.hold(width * height);
    this.player.speed = 2 ** this.settings.speed;
    const row = Math.min(at?.row ?? Math.floor(height / 2), height - 1);
    const column = Math.min(at?.column ?? Math.floor(width / 2), width - 1);
    this.player.at = row * width + column;
  }

  controls() {
    const { settings, root } = this;
    const { show } = settings;
    root.dataset.show = show;
    for (const one of root.querySelectorAll("[data-in]")) one.hidden = !one.dataset.in.split(" ").includes(show);
    for (const one of root.querySelectorAll("input[type=radio]")) one.checked = settings[one.name] === one.value;
    this.find("select[name=pixels]").value = settings.pixels;
    for (const name of ["size", "speed"]) this.find(`#${name}`).value = settings[name];
    this.find("output[for=size]").textContent = words.sizes([this.input[0]]);
    this.find("output[for=speed]").textContent = `${2 ** settings.speed} a second`;
    this.kernel.show(settings.kernel);
    this.second.show(settings.second);
    this.wipe.place(settings.wipe);
  }

  source() {
    if (this.isUnseen) return "This browser can’t show that photo: a test card stands in for it.";
    if (!this.isFresh) return "A test card stands in until you show a photo.";
    const { show, pixels } = this.settings;
    if (pixels === "colour") return "Red, green and blue go through the same nine numbers, each for itself; the products are red’s.";
    return show === "share" ? "The input is the photo’s middle, shrunk to 6 × 6 pixels." : "The input is the photo, shrunk; the photo itself went through the same numbers.";
  }

  fill() {
    const { input, result, settings, views } = this;
    const range = rangeOf(result.output, look(settings));
    const isPooled = settings.show === "slide" && result.pooled;
    this.lay(isPooled ? MAPS[settings.show] : MAPS[settings.show].filter((name) => name !== "pooled"));
    views.input.show(input, BYTES, result.padding);
    views.output.show(result.output, range);
    if (isPooled) views.pooled.show(result.pooled, range);
    if (settings.show === "stack") this.fillStack(range);
    if (settings.show === "share") views.matrix.show(result.matrix, input, result.output, { input: BYTES, output: range });
    this.captions(range);
    this.find(".formula").replaceChildren(...this.lines());
  }

  // The maps beside each other, each as wide as it needs.
  lay(names) {
    const maps = this.find(".maps");
    const widths = { input: this.input, ...this.result };
    const column = (name) => `minmax(min(104px, 20%), ${widths[name][0].width + 2}fr)`;
    for (const [name, figure] of Object.entries(this.figures)) figure.hidden = !names.includes(name);
    maps.style.setProperty("--columns", names.includes("matrix") ? "" : names.map(column).join(" "));
  }

  fillStack(range) {
    const { result, views, settings } = this;
    const peak = result.largest || 1;
    views.five.show(result.five, range);
    views.difference.show(result.difference, [-peak, peak]);
    const { weights, divisor, bias } = result.kernel;
    const most = Math.max(...weights.map(Math.abs)) || 1;
    const cells = weights.map((one) => make(`span${one < 0 ? ".negative" : ""}`, { style: `--share:${Math.abs(one) / most}` }, told(one)));
    this.find(".twentyfive").replaceChildren(...cells);
    this.find(".twentyfive").setAttribute("aria-label", `The 5 × 5 kernel: ${weights.map(told).join(", ")}`);
    this.find(".five .equation").textContent = `÷ ${told(divisor)} + ${told(bias)}${settings.activation === "relu" ? ", without ReLU" : ""}`;
  }

  captions(range) {
    const { input, result, settings } = this;
    const [least, most] = range.map((one) => told(Math.round(one)));
    this.caption("input", "Input", words.sizes(input));
    if (settings.show !== "stack") this.caption("output", settings.show === "slide" ? "Feature map" : "Output", words.sizes(result.output));
    this.find(".none").textContent = `${this.source()} In the output, black is ${least} and white ${most}.`;
    if (result.pooled) this.caption("pooled", settings.pooling === "max" ? "Max pooling" : "Mean pooling", words.sizes(result.pooled));
    if (settings.show === "share") this.caption("matrix", "The same as a matrix", `${result.matrix.rows} × ${result.matrix.columns}`);
  }

  caption(name, title, text) {
    this.figures[name].querySelector("figcaption").replaceChildren(make("b", {}, title), ` ${text}`);
  }

  lines() {
    const { input, result, settings } = this;
    if (settings.show === "stack") return words.stack(input, result, settings.activation === "relu");
    return settings.show === "share" ? words.share(result) : words.slide(input, result);
  }

  get at() {
    const [{ width }] = this.result.output;
    return { row: Math.floor(this.player.at / width), column: this.player.at % width };
  }

  moved() {
    this.settings.at = this.at;
    this.remember();
    this.place();
  }

  // All that follows the place in view.
  place() {
    const { at, result, views, settings, player } = this;
    const upTo = player.growing ? player.at : null;
    const { stride, padding, field } = result;
    const seen = { row: at.row * stride - padding, column: at.column * stride - padding, size: field };
    const here = { ...at, size: 1 };
    const group = { row: Math.floor(at.row / 2), column: Math.floor(at.column / 2), size: 1 };
    const isPooled = !this.figures.pooled.hidden;
    const cell = this.fit();
    views.input.paint(cell, { frames: [seen] });
    views.output.paint(cell, { frames: isPooled ? [{ row: 2 * group.row, column: 2 * group.column, size: 2 }, here] : [here], upTo });
    if (isPooled) views.pooled.paint(cell, { frames: inside(group, result.pooled[0]) ? [group] : [], upTo: upTo === null ? null : pooledUpTo(at, result.pooled[0]) });
    if (settings.show === "stack") for (const name of ["five", "difference"]) views[name].paint(cell, { frames: [here], upTo });
    if (settings.show === "share") views.matrix.paint(player.at, upTo ?? player.count - 1);
    this.wipe.mark(this.onPhoto(seen));
    this.say();
  }

  // One size for the pixels of all maps, so that they are seen to shrink.
  fit() {
    const seen = Object.entries(this.views).filter(([name, view]) => view instanceof PlaneView && !this.figures[name].hidden);
    return Math.min(...seen.map(([, view]) => view.fit()));
  }

  // A square of the input as shares of the photo.
  onPhoto({ row, column, size }) {
    const [{ width, height }] = this.input;
    const { picture } = this;
    const side = Math.min(picture.width, picture.height);
    const [wide, high] = this.settings.show === "share" ? [side / picture.width, side / picture.height] : [1, 1];
    const [left, top] = [(1 - wide) / 2, (1 - high) / 2];
    return [left + (column / width) * wide, top + (row / height) * high, (size / width) * wide, (size / height) * high];
  }

  // The place in words; read aloud only where it was the visitor who moved.
  say() {
    const { at, player, settings, result } = this;
    this.find("[data-do=play]").textContent = player.playing ? "Pause" : "Play";
    const spoken = player.playing ? "off" : "polite";
    if (settings.show === "stack") return this.sayBoth(spoken);
    const all = products(this.input[0], settings.kernel, at, result);
    const equation = this.find("#equation");
    equation.setAttribute("aria-live", spoken);
    equation.replaceChildren(...words.equation(all, settings.kernel, settings.show === "slide" && settings.activation === "relu"));
    this.find(".sum .where").textContent = `Row ${at.row + 1}, column ${at.column + 1}: pixel × weight`;
    this.products.replaceChildren(...words.nine(all));
    this.products.setAttribute("aria-label", `The nine products: ${words.nineAloud(all)}`);
  }

  // The place's value after both kernels, and by the one that does both.
  sayBoth(spoken) {
    const { at, player, result } = this;
    const [twice, once, difference] = ["output", "five", "difference"].map((name) => told(result[name][0].values[player.at]));
    this.caption("output", "3 × 3 twice", twice);
    this.caption("five", "5 × 5 once", once);
    this.caption("difference", "Difference", difference);
    const said = this.find("#both");
    said.setAttribute("aria-live", spoken);
    said.textContent = `Row ${at.row + 1}, column ${at.column + 1}: ${twice} after both, ${once} by the 5 × 5.`;
  }

  click(does) {
    const { player } = this;
    if (does === "step") {
      player.pause();
      player.step();
    } else if (does === "play") {
      if (player.playing) player.pause();
      else player.play();
      this.say();
    }
  }

  point(name, event) {
    const { player, result } = this;
    if (player.playing && event.type === "pointermove") return;
    const [{ width, height }] = result.output;
    if (name === "matrix") return this.go(this.views.matrix.under(event));
    const under = this.views[name].under(event);
    const to = { input: (one) => Math.round((one + result.padding - (result.field - 1) / 2) / result.stride), pooled: (one) => 2 * one }[name] ?? ((one) => one);
    const [row, column] = [clamp(to(under.row), height - 1), clamp(to(under.column), width - 1)];
    this.go(row * width + column);
  }

  go(at) {
    if (at !== this.player.at || this.player.growing) this.player.go(at);
  }

  press(event) {
    const [{ width, height }] = this.result.output;
    const { row, column } = this.at;
    const far = event.ctrlKey;
    const to = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Home: [far ? 0 : row, 0],
      End: [far ? height - 1 : row, width - 1],
      PageUp: [0, column],
      PageDown: [height - 1, column],
    }[event.key];
    if (!to || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.player.go(clamp(to[0], height - 1) * width + clamp(to[1], width - 1));
  }

  paintLater() {
    cancelAnimationFrame(this.painting);
    this.painting = requestAnimationFrame(() => this.paintPhoto());
  }

  // On the photo itself, in as many pixels as it is shown with.
  paintPhoto() {
    if (!this.isFresh || !["photo", "camera"].includes(stage.element.dataset.state)) return;
    const { settings } = this;
    this.wipe.paint(this.picture, settings.pixels, (input) => {
      const output = whole(input, settings);
      return { planes: output, range: rangeOf(output, look(settings)) };
    });
  }
}

const viewOf = (figure) => new (figure.dataset.map === "matrix" ? MatrixView : PlaneView)(figure.querySelector("canvas"));
const clamp = (value, most) => Math.min(Math.max(value, 0), most);
const inside = ({ row, column }, { width, height }) => row < height && column < width;

// The last pooled place whose four are all there.
function pooledUpTo({ row, column }, { width, height }) {
  const rows = Math.min(row % 2 ? (row - 1) / 2 : row / 2, height);
  return row % 2 && rows < height ? rows * width + Math.min(Math.floor((column + 1) / 2), width) - 1 : rows * width - 1;
}
