// Planes drawn as pixels that can be pointed at, with a frame around those that matter.

const READABLE = 25; // pixels of a cell's side from which on it shows its number
const FRAME = 3; // pixels around the maps, for the frame

// What is black and what is white: a photo's 0 to 255 where the kernel keeps its brightness, else 0
// is grey (or black after ReLU), and four times the usual size of a value white.
export function rangeOf(planes, { keepsBrightness, isPositive }) {
  if (keepsBrightness) return [0, 255];
  let [squares, count, largest] = [0, 0, 0];
  for (const { values } of planes) {
    for (const value of values) {
      squares += value * value;
      largest = Math.max(largest, Math.abs(value));
    }
    count += values.length;
  }
  const peak = Math.min(largest, 4 * Math.sqrt(squares / count)) || 1;
  return [isPositive ? 0 : -peak, peak];
}

// One plane in grey, or three as red, green and blue.
export function image(planes, [least, most]) {
  const { width, height } = planes[0];
  const made = new ImageData(width, height);
  const scale = 255 / (most - least);
  for (let channel = 0; channel < 3; channel++) {
    const { values } = planes[channel] ?? planes[0];
    for (let at = 0; at < values.length; at++) made.data[4 * at + channel] = (values[at] - least) * scale;
  }
  for (let at = 3; at < made.data.length; at += 4) made.data[at] = 255;
  return made;
}

export function toCanvas(planes, range) {
  const canvas = new OffscreenCanvas(planes[0].width, planes[0].height);
  canvas.getContext("2d").putImageData(image(planes, range), 0, 0);
  return canvas;
}

export class PlaneView {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  // padding: places around the planes that count as 0.
  show(planes, range, padding = 0) {
    Object.assign(this, { planes, range, padding });
    const { width, height } = planes[0];
    this.picture = width && height ? toCanvas(planes, range) : null;
  }

  // cell: pixels of the screen's for each of these; frames: [{row, column, size}]; upTo: the last
  // place that is there yet, or null where all are.
  paint(cell, { frames = [], upTo = null } = {}) {
    if (!this.picture || !Number.isFinite(cell)) return;
    this.centre(cell);
    const { context, left, top, padding, ratio } = this;
    const [x, y] = [left + padding * cell, top + padding * cell];
    context.fillStyle = this.colour("--track");
    context.fillRect(left, top, this.columns * cell, this.rows * cell);
    context.imageSmoothingEnabled = false;
    this.lay(x, y, upTo);
    if (cell >= READABLE * ratio && this.planes.length === 1) this.write(x, y, upTo);
    for (const one of frames) this.outline(x + one.column * cell, y + one.row * cell, one.size * cell);
  }

  lay(x, y, upTo) {
    const { context, cell, picture } = this;
    const { width, height } = picture;
    const draw = (column, row, wide, high) =>
      wide && high && context.drawImage(picture, column, row, wide, high, x + column * cell, y + row * cell, wide * cell, high * cell);
    const full = upTo === null ? height : Math.floor((upTo + 1) / width);
    draw(0, 0, width, full);
    if (full < height) draw(0, full, (upTo + 1) % width, 1);
  }

  write(x, y, upTo) {
    const { context, cell, ratio } = this;
    const { width, values } = this.planes[0];
    const [least, most] = this.range;
    context.font = `${Math.min(13, cell / ratio / 2.9) * ratio}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    values.forEach((value, at) => {
      if (upTo !== null && at > upTo) return;
      context.fillStyle = value - least > (most - least) * 0.5 ? "#000" : "#fff";
      context.fillText(told(Math.round(value)), x + ((at % width) + 0.5) * cell, y + (Math.floor(at / width) + 0.5) * cell);
    });
  }

  outline(x, y, side) {
    const { context, ratio } = this;
    const width = 2 * ratio;
    context.lineWidth = width + 2 * ratio;
    context.strokeStyle = this.colour("--sheet");
    context.strokeRect(x, y, side, side);
    context.lineWidth = width;
    context.strokeStyle = this.colour("--curtain");
    context.strokeRect(x, y, side, side);
  }

  // The largest cell that there is room for; whole pixels of the screen, unless they are tiny.
  fit() {
    const { canvas } = this;
    this.ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * this.ratio);
    canvas.height = Math.round(canvas.clientHeight * this.ratio);
    if (!this.picture || !canvas.width || !canvas.height) return Infinity;
    const edge = 2 * FRAME * this.ratio;
    const most = Math.min((canvas.width - edge) / this.columns, (canvas.height - edge) / this.rows);
    return most >= 4 ? Math.floor(most) : most;
  }

  centre(cell) {
    this.cell = cell;
    this.left = Math.round((this.canvas.width - this.columns * cell) / 2);
    this.top = Math.round((this.canvas.height - this.rows * cell) / 2);
  }

  get columns() {
    return this.picture.width + 2 * this.padding;
  }

  get rows() {
    return this.picture.height + 2 * this.padding;
  }

  // The place under a pointer, the nearest one beside them.
  under({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    const { ratio, left, top, cell, padding } = this;
    const { width, height } = this.planes[0];
    const at = (offset, start, count) => Math.min(Math.max(Math.floor((offset * ratio - start) / cell) - padding, -padding), count - 1 + padding);
    return { row: at(clientY - box.top, top, height), column: at(clientX - box.left, left, width) };
  }

  colour(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name);
  }
}

// A number for people.
export function told(value) {
  const rounded = Math.abs(value) < 1e-9 ? 0 : value;
  const text = Number.isInteger(rounded) ? String(rounded) : String(Number(rounded.toFixed(Math.abs(rounded) < 10 ? 2 : 1)));
  return text.replace("-", "−");
}
