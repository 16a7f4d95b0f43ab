// The network as a strip of blocks, each drawn to scale: its face by height and width, its depth by
// the number of channels.

import { make } from "../../show.js";
import { shape } from "./words.js";
import { rove, stand } from "./rove.js";

const FACE = 62; // pixels of the largest face's height
const DEPTH = 54; // pixels of the most channels
const SLANT = [0.42, 0.26]; // how far a face leans back, as shares of its width
const LEAST = [3, 2]; // pixels of a face and of a depth: thinner is not seen

export class Strip {
  // chosen(layer): another one is to be looked at.
  constructor(list, chosen) {
    Object.assign(this, { list, layers: [] });
    const tell = (item) => chosen(this.layers[Number(item.dataset.at)]);
    rove(list, { vertical: (at, direction) => this.beyond(at, direction), focused: tell, picked: tell });
  }

  show(layers) {
    this.layers = layers;
    const faces = Math.max(...layers.map((one) => one.shape[0]));
    const channels = Math.max(...layers.filter((one) => one.shape[0] > 1 || faces === 1).map((one) => one.shape[2]));
    const scale = { face: FACE / faces, depth: DEPTH / channels };
    this.groups = grouped(layers);
    this.list.replaceChildren(...this.groups.map((group) => groupOf(group, scale)));
    this.options = [...this.list.querySelectorAll("[role=option]")];
  }

  clear() {
    this.list.replaceChildren();
  }

  // The first layer of the resolution before or after.
  beyond(at, direction) {
    const here = this.groups.findIndex((group) => group.at(-1).at >= at);
    const there = this.groups[Math.min(Math.max(here + direction, 0), this.groups.length - 1)];
    return there[0].at;
  }

  // The one that is looked at, and those that it reads from.
  mark(layer) {
    for (const [at, option] of this.options.entries()) {
      option.setAttribute("aria-selected", String(this.layers[at] === layer));
      option.classList.toggle("source", layer.inputs.includes(this.layers[at].name));
    }
    const option = this.options[this.layers.indexOf(layer)];
    stand(this.list, option);
    if (!this.list.contains(document.activeElement)) this.reveal(option);
  }

  // Scroll within the strip alone.
  reveal(option) {
    const middle = option.offsetLeft + option.offsetWidth / 2;
    this.list.scrollLeft = middle - this.list.clientWidth / 2;
  }
}

// Neighbours of the same height and width together: [[{layer, at}]].
function grouped(layers) {
  const groups = [];
  for (const [at, layer] of layers.entries()) {
    const before = groups.at(-1)?.[0].layer.shape;
    if (before && before[0] === layer.shape[0] && before[1] === layer.shape[1]) groups.at(-1).push({ layer, at });
    else groups.push([{ layer, at }]);
  }
  return groups;
}

function groupOf(group, scale) {
  const [height, width] = group[0].layer.shape;
  const name = `${height} × ${width}`;
  const options = group.map((one) => option(one, scale));
  return make("div", { role: "group", "aria-label": name, style: `--count:${group.length}` }, ...options);
}

function option({ layer, at }, scale) {
  const attributes = { role: "option", "data-at": at, "aria-selected": "false", tabindex: -1, "data-kind": layer.kind };
  const made = make("div", { ...attributes, "aria-label": `${layer.title}, ${layer.kind}, ${shape(layer)}`, title: `${layer.title}\n${layer.kind}\n${shape(layer)}` });
  made.innerHTML = block(layer.shape, scale);
  return made;
}

// A box as SVG: its front is as wide as it has channels, its side is the face.
function block([height, width, channels], { face, depth }) {
  const deep = Math.min(Math.max(channels * depth, LEAST[1]), DEPTH);
  const high = Math.max(height * face, LEAST[0]);
  const [across, up] = SLANT.map((share) => share * Math.max(width * face, LEAST[0]));
  const points = (...list) => list.map((point) => point.map((one) => one.toFixed(1)).join()).join(" ");
  const parts = {
    front: points([0, up], [deep, up], [deep, up + high], [0, up + high]),
    top: points([0, up], [across, 0], [across + deep, 0], [deep, up]),
    side: points([deep, up], [across + deep, 0], [across + deep, high], [deep, up + high]),
  };
  const polygons = Object.entries(parts).map(([name, list]) => `<polygon class="${name}" points="${list}"/>`);
  const size = [deep + across + 2, high + up + 2].map((one) => one.toFixed(1));
  return `<svg width="${size[0]}" height="${size[1]}" viewBox="-1 -1 ${size.join(" ")}" aria-hidden="true">${polygons.join("")}</svg>`;
}
