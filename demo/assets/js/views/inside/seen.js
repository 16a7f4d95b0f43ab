// What lies over the photo: where a unit answers, what its strongest place sees, and where covering
// the photo hurts it.

import { make } from "../../show.js";
import { stage } from "../../stage.js";

const DIM = 0.82; // of what a unit does not answer to
const DARK = [20, 16, 14];
const CLOSE = 240; // pixels of the longer side
const RED = [200, 30, 22];

export class Seen {
  constructor(overlay) {
    this.overlay = overlay;
    this.latest = 0;
  }

  clear() {
    this.latest += 1;
    this.overlay.replaceChildren();
  }

  // A unit's map over the photo, and its box. layer: its; side: pixels of the network's input.
  async unit(one, { view, layer, side }) {
    const mine = ++this.latest;
    const heat = one.map && layer.shape[0] * layer.shape[1] > 1 ? await spotlight(one) : null;
    if (mine !== this.latest) return;
    this.lay(view, heat && placed(heat, layer, side), one.box);
  }

  // Where covering the photo hurts, beside the theoretical box.
  occlusion({ view, box, occlusion, centre }) {
    this.latest += 1;
    const heat = losses(occlusion);
    Object.assign(heat.style, inset(relative(occlusion.box, view.box), view.box[2], view.box[3]));
    this.lay(view, heat, box, centre);
  }

  lay(view, heat, box, centre = null) {
    const inside = make("div.saw", {}, ...(heat ? [heat] : []));
    Object.assign(inside.style, inset(view.box, view.width, view.height));
    const sight = make("div.sight");
    Object.assign(sight.style, inset(box, view.width, view.height));
    const marks = centre ? [make("i.centre", { style: `left:${share(centre[0] / view.width)};top:${share(centre[1] / view.height)}` })] : [];
    this.overlay.replaceChildren(inside, sight, ...marks);
  }
}

const share = (number) => `${(100 * number).toFixed(3)}%`;
const relative = ([x, y, width, height], [left, top]) => [x - left, y - top, width, height];
const inset = ([x, y, width, height], across, down) => ({ left: share(x / across), top: share(y / down), width: share(width / across), height: share(height / down) });

// A map's places lie where their receptive fields have their centres.
function placed(canvas, { shape: [rows, columns], receptive_field: { jump, first_centre: first } }, side) {
  const box = [first[1] - jump[1] / 2, first[0] - jump[0] / 2, columns * jump[1], rows * jump[0]];
  Object.assign(canvas.style, inset(box, side, side));
  return canvas;
}

// Dark where the unit is silent, clear where it answers most.
async function spotlight({ map, least, most }) {
  const image = new Image();
  image.src = map;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = make("canvas.heat", { width, height, "aria-hidden": true });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height);
  const floor = most > 0 ? Math.max(least, 0) : least;
  for (let at = 0; at < pixels.data.length; at += 4) {
    const value = least + (pixels.data[at] / 255) * (most - least);
    const lit = Math.min(Math.max((value - floor) / (most - floor || 1), 0), 1);
    pixels.data.set([...DARK, 255 * DIM * (1 - lit)], at);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// What is covered of the photo, enlarged, with the losses over it; nothing where it is not seen.
export function closeUp({ view, occlusion }) {
  const { shown } = stage;
  if (!shown.naturalWidth) return [];
  const [x, y, width, height] = occlusion.box.map((one) => (one * shown.naturalWidth) / view.width);
  const scale = CLOSE / Math.max(width, height);
  const canvas = make("canvas", { width: Math.max(1, width * scale), height: Math.max(1, height * scale), "aria-hidden": true });
  canvas.getContext("2d").drawImage(shown, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return [make("div.close", {}, canvas, losses(occlusion))];
}

function losses({ rows, columns, drop }) {
  const canvas = make("canvas.heat.smooth", { width: columns, height: rows, "aria-hidden": true });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(columns, rows);
  const most = Math.max(...drop.flat(), 1e-9);
  for (const [at, loss] of drop.flat().entries()) {
    const hurt = Math.max(loss, 0) / most;
    const colour = DARK.map((one, channel) => one + (RED[channel] - one) * Math.min(1, 4 * hurt));
    pixels.data.set([...colour, 255 * (0.5 + 0.25 * hurt)], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}
