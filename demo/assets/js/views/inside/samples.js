// The page's sample photographs, and how much each excites a unit.

import { make } from "../../show.js";
import { activations } from "../../service.js";
import { value } from "./words.js";

const SHOWN = 6;
const SIDE = 96; // pixels of a crop

const names = () => [...document.querySelectorAll("#photo [data-sample]")].map((one) => ({ name: one.dataset.sample, title: one.title }));

export class Samples {
  constructor() {
    this.photos = new Map(); // by name: {blob, bitmap}
    this.answers = new Map(); // by model and layer and unit: what was found
  }

  // The samples that excite a unit most, those first that do so most: [{name, title, value, box, bitmap}].
  async of(model, layer, unit, options) {
    const key = [model, layer, unit].join(" ");
    if (!this.answers.has(key)) this.answers.set(key, await this.asked(model, layer, unit, options));
    return this.answers.get(key);
  }

  // One request at a time.
  async asked(model, layer, unit, { signal }) {
    const found = [];
    for (const sample of names()) {
      const { blob, bitmap } = await this.photo(sample.name, signal);
      const { view, layers } = await activations(blob, { model, layer, unit, maps: "none" }, { signal });
      const [one] = layers[0].units;
      found.push({ ...sample, bitmap, view, value: one.value, box: one.box });
    }
    return found.sort((one, other) => other.value - one.value).slice(0, SHOWN);
  }

  async photo(name, signal) {
    if (!this.photos.has(name)) {
      const response = await fetch(`page/samples/${encodeURIComponent(name)}.jpg`, { signal });
      if (!response.ok) throw new Error(`no sample ${name}`);
      const blob = await response.blob();
      this.photos.set(name, { blob, bitmap: await createImageBitmap(blob) });
    }
    return this.photos.get(name);
  }
}

export const waiting = () => [make("ol.crops", { "aria-hidden": true }, ...Array.from({ length: SHOWN }, () => make("li", {}, make("div.crop"), make("b", {}, "\u00a0"))))];

export function crops(found) {
  return [make("ol.crops", {}, ...found.map((one) => make("li", {}, crop(one), make("b", {}, value(one.value)))))];
}

// What the unit's strongest place sees of a sample; a click takes the sample for the photo.
function crop({ name, title, bitmap, view, box }) {
  const scale = bitmap.width / view.width;
  const [x, y, width, height] = box.map((one) => one * scale);
  const side = Math.max(width, height, 1);
  const canvas = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": true });
  const context = canvas.getContext("2d");
  const [across, down] = [width, height].map((one) => (SIDE * one) / side);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, width, height, (SIDE - across) / 2, (SIDE - down) / 2, across, down);
  return make("button.crop", { type: "button", "data-take": name, "aria-label": `${title}: look at this photo`, title }, canvas);
}
