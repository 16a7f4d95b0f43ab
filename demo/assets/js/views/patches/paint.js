// The cells drawn over the photo: tints, lines and names, on one canvas.

import { captions, FONT, WEIGHT } from "./captions.js";

const WITH_LINES = 9; // pixels of a cell's side; below, only the regions have outlines
const LARGE = 40; // from here on, outlines are bold

// look: {colour(label), lit (a label's category, or null)}
export function paint(canvas, cells, look) {
  const context = canvas.getContext("2d");
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  if (!canvas.width || !canvas.height) return;
  // On whole pixels of the screen, so that lines are crisp and tints never overlap.
  const place = { xs: edges(cells.columns, canvas.width), ys: edges(cells.rows, canvas.height), ratio };
  const region = cells.regions;
  tint(context, cells, look, place);
  outline(context, cells, region, look, place);
  caption(context, cells, region, look, { width: width / cells.columns, height: height / cells.rows }, ratio);
}

const edges = (count, size) => Array.from({ length: count + 1 }, (_, at) => Math.round((at * size) / count));

function tint(context, cells, { colour, lit }, { xs, ys }) {
  for (let row = 0; row < cells.rows; row++) {
    for (let column = 0; column < cells.columns; column++) {
      const winner = cells.winner(row, column);
      const dark = lit !== null && winner.category !== lit;
      context.fillStyle = dark ? "#14110f" : colour(winner);
      context.globalAlpha = dark ? 0.72 : (lit === null ? 0.3 + 0.45 * cells.strength(row, column) : 0.22);
      context.fillRect(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row]);
    }
  }
  context.globalAlpha = 1;
}

// A thin line between cells, a clear one between regions.
function outline(context, cells, region, { lit }, { xs, ys, ratio }) {
  const thin = new Path2D();
  const clear = new Path2D();
  const side = xs[1] / ratio;
  const fine = side < WITH_LINES;
  const shows = (at) => lit === null || cells.labels[cells.winners[at]].category === lit;
  const between = (at, other) => (region[at] !== region[other] && (shows(at) || shows(other)) ? clear : thin);
  for (let at = 0; at < cells.count; at++) {
    const row = Math.floor(at / cells.columns);
    const column = at % cells.columns;
    if (column) {
      const path = between(at, at - 1);
      path.moveTo(xs[column], ys[row]);
      path.lineTo(xs[column], ys[row + 1]);
    }
    if (row) {
      const path = between(at, at - cells.columns);
      path.moveTo(xs[column], ys[row]);
      path.lineTo(xs[column + 1], ys[row]);
    }
  }
  context.strokeStyle = "#fff";
  context.lineCap = "square";
  stroke(context, thin, fine ? 0 : lit === null ? 0.3 : 0.15, ratio);
  stroke(context, clear, fine ? 0.75 : 0.9, (fine ? 1 : side < LARGE ? 1.5 : 2) * ratio);
}

function stroke(context, path, alpha, width) {
  context.globalAlpha = alpha;
  context.lineWidth = width;
  context.stroke(path);
  context.globalAlpha = 1;
}

function caption(context, cells, region, { lit }, cell, ratio) {
  const nameOf = (at) => {
    const { category, label } = cells.labels[cells.winners[at]];
    return lit === null || category === lit ? label : "";
  };
  const found = captions(region, cells.columns, nameOf, cell, context);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  for (const one of found) write(context, one, cell, ratio);
}

function write(context, { lines, size, line, column, row, width, height }, cell, ratio) {
  const x = (column + width / 2) * cell.width * ratio;
  const middle = (row + height / 2) * cell.height;
  context.font = `${WEIGHT} ${size * ratio}px ${FONT}`;
  lines.forEach((text, at) => {
    const y = (middle + (at - (lines.length - 1) / 2) * line) * ratio;
    context.strokeStyle = "rgb(20 14 10 / 60%)";
    context.lineWidth = Math.max(2.5, size / 5) * ratio;
    context.strokeText(text, x, y);
    context.fillStyle = "#fff";
    context.fillText(text, x, y);
  });
}
