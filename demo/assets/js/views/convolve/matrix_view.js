// Convolution drawn as a matrix: above it the input's pixels in one row, at its right the output in
// one column; each of the nine weights has its shade, and the row of the place in view is lit.

import { toCanvas } from "./plane_view.js";

const GAP = 0.8; // cells between the matrix and what stands around it
const [PAST, COMING] = [0.6, 0.25]; // of a weight's shade, in rows that aren't lit

// A weight's shade, from 0 to 1: as in convolve.css.
const shade = (weight) => 0.12 + 0.11 * weight;

export class MatrixView {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  show(matrix, input, output, ranges) {
    this.matrix = matrix;
    const flat = (planes, width, height) => planes.map(({ values }) => ({ width, height, values }));
    this.input = toCanvas(flat(input, matrix.columns, 1), ranges.input);
    this.output = toCanvas(flat(output, 1, matrix.rows), ranges.output);
  }

  paint(lit, upTo) {
    const { context, canvas, matrix } = this;
    const ratio = window.devicePixelRatio || 1;
    if (!canvas.clientWidth) return;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const edge = 2 * ratio;
    const cell = Math.min((canvas.width - 2 * edge) / (matrix.columns + 1 + GAP), (canvas.height - 2 * edge) / (matrix.rows + 1 + GAP));
    const [left, top] = [(canvas.width - cell * (matrix.columns + 1 + GAP)) / 2, edge + cell * (1 + GAP)];
    Object.assign(this, { cell, left, top, ratio });
    context.imageSmoothingEnabled = false;
    this.cells(lit, upTo);
    context.drawImage(this.input, left, edge, cell * matrix.columns, cell);
    context.drawImage(this.output, 0, 0, 1, upTo + 1, left + cell * (matrix.columns + GAP), top, cell, cell * (upTo + 1));
    this.frames(lit, edge);
  }

  cells(lit, upTo) {
    const { context, matrix, cell, left, top, ratio } = this;
    const gap = cell > 5 * ratio ? ratio : 0;
    for (let row = 0; row < matrix.rows; row++) {
      for (let column = 0; column < matrix.columns; column++) {
        const weight = matrix.weightAt[row * matrix.columns + column];
        context.globalAlpha = (weight < 0 ? 1 : shade(weight)) * (row === lit || weight < 0 ? 1 : row <= upTo ? PAST : COMING);
        context.fillStyle = this.colour(weight < 0 ? "--track" : "--curtain");
        context.fillRect(left + column * cell, top + row * cell, cell - gap, cell - gap);
      }
    }
    context.globalAlpha = 1;
  }

  frames(lit, edge) {
    const { context, matrix, cell, left, top, ratio } = this;
    context.lineWidth = 2 * ratio;
    context.strokeStyle = this.colour("--ink");
    context.strokeRect(left, top + lit * cell, cell * matrix.columns, cell);
    context.strokeRect(left + cell * (matrix.columns + GAP), top + lit * cell, cell, cell);
    for (let column = 0; column < matrix.columns; column++) {
      if (matrix.weightAt[lit * matrix.columns + column] >= 0) context.strokeRect(left + column * cell, edge, cell, cell);
    }
  }

  // The row under a pointer.
  under({ clientY }) {
    const { top, cell, ratio, matrix } = this;
    const row = Math.floor(((clientY - this.canvas.getBoundingClientRect().top) * ratio - top) / cell);
    return Math.min(Math.max(row, 0), matrix.rows - 1);
  }

  colour(name) {
    return getComputedStyle(this.canvas).getPropertyValue(name);
  }
}
