// The cells as something to point at, to tap and to walk over by keyboard. However many there are,
// the page holds one of them: the one that has the focus, or would get it.

import { make } from "../../show.js";
import { paint } from "./paint.js";

const FADE_MS = 300; // as long as in patches.css

const MOVES = {
  ArrowLeft: ({ row, column }) => ({ row, column: column - 1 }),
  ArrowRight: ({ row, column }) => ({ row, column: column + 1 }),
  ArrowUp: ({ row, column }) => ({ row: row - 1, column }),
  ArrowDown: ({ row, column }) => ({ row: row + 1, column }),
  Home: ({ row }, event) => ({ row: event.ctrlKey ? 0 : row, column: 0 }),
  End: ({ row }, event, { rows, columns }) => ({ row: event.ctrlKey ? rows - 1 : row, column: columns - 1 }),
  PageUp: ({ column }) => ({ row: 0, column }),
  PageDown: ({ column }, event, { rows }) => ({ row: rows - 1, column }),
};

export class Grid {
  // cells: what they say; look: see paint.js; seen(row, column): what a cell sees of the photo, as
  // [x, y, width, height] in shares of the grid, or null; onpoint({row, column} or null): which
  // cell is looked at; onkeep(label): a cell's label is to be kept alone.
  constructor(cells, { look, seen, onpoint, onkeep }) {
    Object.assign(this, { cells, look, seen, onpoint, onkeep });
    this.canvas = make("canvas", { "aria-hidden": true });
    this.sight = make("div.sight", { hidden: true });
    this.mark = make("div.mark", { hidden: true });
    this.row = make("div", { role: "row" });
    const size = { "aria-rowcount": cells.rows, "aria-colcount": cells.columns };
    this.table = make("div", { role: "grid", "aria-label": "The cells of the photo", ...size }, this.row);
    this.element = make("div.cells", { style: placed(cells) }, this.canvas, this.sight, this.mark, this.table);
    this.focusable({ row: 0, column: 0 });
    this.listen();
  }

  // The next frame's cells in place of these, of the same grid.
  update(cells) {
    this.cells = cells;
    this.cell.setAttribute("aria-label", this.nameOf(this.at));
    this.element.classList.remove("stale");
    this.paint();
    if (this.pointed) this.onpoint(this.pointed);
  }

  paint() {
    paint(this.canvas, this.cells, this.look);
  }

  // What is left of it while finer or coarser cells take its place: a picture that fades.
  retired() {
    this.canvas.className = "leaving";
    this.canvas.style.cssText = placed(this.cells);
    setTimeout(() => this.canvas.remove(), FADE_MS);
    return this.canvas;
  }

  listen() {
    this.element.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.point(this.under(event)));
    this.element.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.point(this.focused));
    this.element.addEventListener("click", (event) => this.focus(this.under(event)));
    this.table.addEventListener("focusin", () => this.point(this.at));
    this.table.addEventListener("focusout", (event) => this.table.contains(event.relatedTarget) || this.point(null));
    this.table.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (event.key === "Escape") this.cell.blur();
    else if (event.key === "Enter" || event.key === " ") this.onkeep(this.cells.winner(this.at.row, this.at.column));
    else if (MOVES[event.key]) this.focus(this.within(MOVES[event.key](this.at, event, this.cells)));
    else return;
    event.preventDefault();
  }

  within({ row, column }) {
    const { rows, columns } = this.cells;
    return { row: Math.min(Math.max(row, 0), rows - 1), column: Math.min(Math.max(column, 0), columns - 1) };
  }

  under({ clientX, clientY }) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const { rows, columns } = this.cells;
    return this.within({
      row: Math.floor(((clientY - top) / height) * rows),
      column: Math.floor(((clientX - left) / width) * columns),
    });
  }

  get focused() {
    return this.table.contains(document.activeElement) ? this.at : null;
  }

  // A new element each time, so that screen readers say what the focus has come to.
  focus(place) {
    const before = this.cell;
    this.focusable(place);
    this.cell.focus({ preventScroll: true });
    before.remove();
    this.point(place);
  }

  focusable(place) {
    this.at = place;
    const where = { "aria-colindex": place.column + 1, "aria-describedby": "cell-labels", style: this.placeOf(place) };
    this.cell = make("div", { role: "gridcell", tabindex: 0, "aria-label": this.nameOf(place), ...where });
    this.row.setAttribute("aria-rowindex", place.row + 1);
    this.row.append(this.cell);
  }

  nameOf({ row, column }) {
    return `row ${row + 1}, column ${column + 1}: ${this.cells.saying(row, column)}`;
  }

  placeOf({ row, column }) {
    const { rows, columns } = this.cells;
    return inset([column / columns, row / rows, 1 / columns, 1 / rows]);
  }

  // Look at a cell, or at none.
  point(place) {
    if (place?.row === this.pointed?.row && place?.column === this.pointed?.column) return;
    this.pointed = place;
    this.mark.hidden = !place;
    const sight = place && this.seen(place.row, place.column);
    this.sight.hidden = !sight;
    if (place) this.mark.style.cssText = this.placeOf(place);
    if (sight) this.sight.style.cssText = inset(sight);
    this.onpoint(place);
  }
}

const share = (number) => `${(100 * number).toFixed(4)}%`;
const inset = ([left, top, width, height]) =>
  `left:${share(left)};top:${share(top)};width:${share(width)};height:${share(height)}`;

function placed({ box: [x, y, width, height], view }) {
  return inset([x / view.width, y / view.height, width / view.width, height / view.height]);
}
