// The colours of labels: few, calm, and told apart with any kind of colour vision (Paul Tol's
// "muted", https://personal.sron.nl/~pault/); all further labels share one grey.

const COLOURS = ["#cc6677", "#44aa99", "#ddcc77", "#88ccee", "#882255", "#117733", "#aa4499", "#5d58c9"];
const OTHERS = "#9a948c";

export class Palette {
  constructor() {
    this.colours = new Map(); // from a label's category
  }

  // Colours for the first labels of a ranking. A label keeps the one that it had, so that nothing
  // changes colour when cells become finer.
  update(ranking) {
    const before = this.colours;
    const first = ranking.slice(0, COLOURS.length).map(({ category }) => category);
    this.colours = new Map(first.filter((one) => before.has(one)).map((one) => [one, before.get(one)]));
    const taken = new Set(this.colours.values());
    const free = COLOURS.filter((one) => !taken.has(one));
    for (const one of first) {
      if (!this.colours.has(one)) this.colours.set(one, free.shift());
    }
  }

  of({ category }) {
    return this.colours.get(category) ?? OTHERS;
  }

  knows({ category }) {
    return this.colours.has(category);
  }
}
