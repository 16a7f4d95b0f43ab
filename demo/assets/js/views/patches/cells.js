// What the cells of a photo say, read off an answer's `cells`.

import { isKnown, percent } from "../../show.js";

const UNSURE = 0.35; // how strong the colour of a cell is whose confidence would not hold

export class Cells {
  constructor({ cells, view, predictions, known }, step) {
    Object.assign(this, { rows: cells.rows, columns: cells.columns, box: cells.box, step, view, predictions, known });
    this.labels = cells.labels;
    this.first = cells.first;
    this.confidences = cells.confidences;
    this.winners = Int32Array.from(cells.first.flat().map(([best]) => best));
    this.ranking = ranked(this.winners, this.labels);
  }

  get count() {
    return this.rows * this.columns;
  }

  // How the address names a label: by its number in the answer, as in the view Classify, or, where
  // the answer hasn't it, by its category.
  nameOf(category) {
    const at = this.predictions.findIndex((one) => one.category === category);
    return at < 0 ? category : String(at + 1);
  }

  // The category of a label that the address names; null where there is none.
  named(name) {
    return this.predictions[Number(name) - 1]?.category ?? (this.wins(name) ? name : null);
  }

  wins(category) {
    return this.ranking.some((one) => one.category === category);
  }

  winner(row, column) {
    return this.labels[this.first[row][column][0]];
  }

  // A cell's first label and its confidence, as far as that holds.
  saying(row, column) {
    const { label } = this.winner(row, column);
    return isKnown(this) ? `${label} ${percent(this.confidences[row][column][0])}` : label;
  }

  // How strong a cell's colour is, 0 to 1: as its confidence.
  strength(row, column) {
    return isKnown(this) ? this.confidences[row][column][0] : UNSURE;
  }

  // A cell's labels, most confident first.
  of(row, column) {
    return this.first[row][column].map((at, rank) => ({
      ...this.labels[at],
      confidence: this.confidences[row][column][rank],
    }));
  }

  // For each cell a number; neighbours have the same one where their first labels are the same.
  get regions() {
    return (this.flooded ??= this.flooding());
  }

  flooding() {
    const region = new Int32Array(this.count).fill(-1);
    let next = 0;
    for (let start = 0; start < this.count; start++) {
      if (region[start] < 0) this.flood(region, start, next++);
    }
    return region;
  }

  flood(region, start, number) {
    const open = [start];
    region[start] = number;
    while (open.length) {
      const at = open.pop();
      for (const beside of this.beside(at)) {
        if (region[beside] >= 0 || this.winners[beside] !== this.winners[at]) continue;
        region[beside] = number;
        open.push(beside);
      }
    }
  }

  beside(at) {
    const column = at % this.columns;
    const found = [at - this.columns, at + this.columns];
    if (column > 0) found.push(at - 1);
    if (column < this.columns - 1) found.push(at + 1);
    return found.filter((one) => one >= 0 && one < this.count);
  }
}

// The labels that win cells, those that win most first: [{...label, share}].
function ranked(winners, labels) {
  const won = new Uint32Array(labels.length);
  for (const at of winners) won[at]++;
  return labels
    .map((label, at) => ({ ...label, share: won[at] / winners.length }))
    .filter(({ share }) => share)
    .sort((one, other) => other.share - one.share);
}
