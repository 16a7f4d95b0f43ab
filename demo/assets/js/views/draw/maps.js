// The feature maps of a layer, side by side on one canvas: -1 is the ground's colour, 1 the ink's.

const GAP = 1 / 7; // of a map's side, but a pixel at least
const GRAIN = 6; // pixels of a map that is a single value

const small = document.createElement("canvas"); // a pixel for each value; it is enlarged from here

// Of a layer that nothing is known of yet, whose canvas says how many maps it has, and their side.
export function paintBlank(canvas) {
  const { side, count } = canvas.dataset;
  const units = Array.from({ length: Number(count) }, (_, unit) => ({ unit, map: null }));
  paintMaps(canvas, { shape: [Number(side), Number(side)], units });
}

// layer: {shape: [H, W, C], units: [{unit, map: [[...]]}]}, as POST /activations has it.
export function paintMaps(canvas, { shape: [height, width], units }) {
  const columns = Number(canvas.dataset.columns);
  const grain = height * width === 1 ? GRAIN : 1;
  const gap = Math.max(Math.round(GAP * width * grain), 1);
  const [across, down] = [width * grain + gap, height * grain + gap];
  const image = new ImageData(columns * across - gap, Math.ceil(units.length / columns) * down - gap);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = palette(canvas);
  units.forEach(({ unit, map }) => {
    const corner = (unit % columns) * across + Math.floor(unit / columns) * down * image.width;
    for (let y = 0; y < height * grain; y += 1) {
      for (let x = 0; x < width * grain; x += 1) {
        const step = map ? Math.round(127.5 * (within(map[Math.floor(y / grain)][Math.floor(x / grain)]) + 1)) : 256;
        pixels[corner + y * image.width + x] = colours[step];
      }
    }
  });
  enlarge(image, canvas);
}

const within = (value) => Math.min(Math.max(value, -1), 1);

function enlarge(image, canvas) {
  small.width = image.width;
  small.height = image.height;
  small.getContext("2d").putImageData(image, 0, 0);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// 256 colours from -1 to 1, the range of tanh, and the one of no value, as an ImageData holds them.
function palette(canvas) {
  const style = getComputedStyle(canvas);
  const [least, most, none] = ["--least", "--most", "--track"].map((name) => rgb(style.getPropertyValue(name)));
  const bytes = new Uint8ClampedArray(4 * 257).fill(255);
  for (let step = 0; step < 256; step += 1) {
    least.forEach((from, at) => (bytes[4 * step + at] = from + ((most[at] - from) * step) / 255));
  }
  bytes.set(none, 4 * 256);
  return new Uint32Array(bytes.buffer);
}

const rgb = (text) => text.trim().match(/[0-9a-f]{2}/gi).map((pair) => Number.parseInt(pair, 16));
