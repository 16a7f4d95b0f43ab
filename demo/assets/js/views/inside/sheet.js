// One unit: its map, its kernel, what it really sees, and the samples that excite it most.

import { Asker } from "../../ask.js";
import { filters, occlusion } from "../../service.js";
import { make, percent } from "../../show.js";
import { show as kernelOf } from "./kernel.js";
import { crops, Samples, waiting } from "./samples.js";
import { closeUp } from "./seen.js";
import { count, isFirst, isFlat, value } from "./words.js";

export class Sheet {
  // really(answer): what the unit really sees has been found.
  constructor(element, really) {
    Object.assign(this, { element, really, samples: new Samples() });
    this.find = (selector) => element.querySelector(selector);
    const asker = (name, blank = () => []) => new Asker(this.find(name), () => this.find(`${name} .result`).replaceChildren(...blank()));
    this.kernel = asker(".kernel");
    this.occluded = asker(".really");
    this.exciting = asker(".exciting", waiting);
    this.button = this.find("[data-do=really]");
    this.key = null;
  }

  // look: {model, layer, view, name: the unit's, where it has one, live: of a camera}; its kernel and the samples are
  // asked for once, its numbers change with the photo.
  show(one, look) {
    this.element.hidden = false;
    this.find("h2").replaceChildren(`Unit ${one.unit}${look.name ? `: ${look.name}` : ""}`);
    this.find(".map").replaceChildren(...map(one, look));
    this.forgetReally();
    this.button.disabled = look.live;
    const key = [look.model, look.layer.name, one.unit].join(" ");
    if (key === this.key) return;
    this.key = key;
    this.ask(one.unit, look);
  }

  hide() {
    this.stop();
    this.key = null;
    this.element.hidden = true;
  }

  stop() {
    for (const one of [this.kernel, this.occluded, this.exciting]) one.stop();
  }

  ask(unit, { model, layer }) {
    this.find(".kernel h3").textContent = layer.has_filters ? `Its kernel, ${title(layer)}` : "";
    if (layer.has_filters) this.askKernel(unit, model, layer);
    else this.noKernel(layer);
    this.exciting.run(
      (options) => this.samples.of(model, layer.name, unit, options),
      (found) => this.fill(this.exciting, crops(found)),
    );
  }

  askKernel(unit, model, layer) {
    this.kernel.run(
      (options) => filters(model, { layer: layer.name, unit }, options),
      ({ filters: [one] }) => this.fill(this.kernel, kernelOf(layer, one, isFirst(layer))),
    );
  }

  noKernel(layer) {
    this.kernel.stop();
    this.fill(this.kernel, [make("p.none", {}, layer.parameters ? "Its weights are too many to look at." : `It has no kernel: a layer of ${layer.kind} has nothing to learn.`)]);
  }

  // Cover the photo patch by patch, and see what the unit loses.
  askReally(blob, { model, layer }, unit) {
    this.button.setAttribute("aria-pressed", "true");
    return this.occluded.run(
      (options) => occlusion(blob, { model, layer: layer.name, unit }, options),
      (answer) => {
        this.fill(this.occluded, [make("p", {}, lesson(answer)), ...closeUp(answer)]);
        this.really(answer);
      },
    );
  }

  forgetReally() {
    this.occluded.stop();
    this.occluded.clear();
    this.button.setAttribute("aria-pressed", "false");
  }

  fill({ place }, content) {
    place.dataset.state = "answer";
    place.querySelector(".result").replaceChildren(...content);
  }
}

function title({ kernel, input_channels: channels, groups }) {
  const [height, width] = kernel ?? [1, 1];
  const deep = channels / (groups ?? 1);
  return `${height} × ${width} × ${count(deep)}${deep > 12 ? ": its strongest input channels" : ""}`;
}

function map({ value: most, mean, at, box, map: picture, least }, { layer, view }) {
  const rows = {
    Strongest: value(most),
    Mean: value(mean),
    ...(isFlat(layer) ? {} : { At: `row ${at[0] + 1}, column ${at[1] + 1} of ${layer.shape[0]} × ${layer.shape[1]}` }),
    Sees: sees(box, view),
  };
  const list = make("dl", {}, ...Object.entries(rows).map(([name, text]) => make("div", {}, make("dt", {}, name), make("dd", {}, text))));
  if (isFlat(layer)) return [list];
  const scale = make("figcaption", {}, make("span", {}, value(least)), make("i"), make("span", {}, value(most)));
  return [make("figure", {}, make("img", { src: picture, alt: "Its map: bright where it answers" }), scale), list];
}

function sees([, , width, height], { box: [, , across, down] }) {
  if (width >= 0.999 * across && height >= 0.999 * down) return "all that the network saw of the photo";
  return `${Math.round(width)} × ${Math.round(height)} pixels of the photo: the box`;
}

// How much smaller the place is that counts than the one that could.
function lesson({ box, occlusion: { rows, columns, box: grid, patch, drop } }) {
  const losses = drop.flat().map((one) => Math.max(one, 0)).sort((one, other) => other - one);
  const sum = losses.reduce((all, one) => all + one, 0);
  if (!sum) return "Whatever is covered, this unit loses nothing.";
  let [cells, lost] = [0, 0];
  while (lost < sum / 2) lost += losses[cells++];
  const red = "Red is where covering the photo with grey costs it most.";
  if (patch[0] * patch[1] >= box[2] * box[3]) return `${red} The box is smaller than the patches that cover it: deeper layers show more.`;
  const area = (cells * grid[2] * grid[3]) / (rows * columns);
  const share = Math.min(area / (box[2] * box[3]), 1);
  return `${red} It could see all of the box; half of the loss comes from ${percent(share)} of it.`;
}
