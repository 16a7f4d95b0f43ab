// The error of ImageNet's contest by year, and where the networks that are here stand in it. The
// figures are a table as well.

import { make } from "../../show.js";
import { CONTEST, PERSON } from "./history.js";

const YEARS = [2010, 2020];
const MOST = 30; // percent
const HEIGHT = 236;
const EDGE = { left: 34, right: 8, top: 14, bottom: 26 };
const ROW = 17; // pixels between two names
const LETTER = 7.4; // pixels of a letter's width, about
const NARROW = 420; // pixels: fewer words fit
const APART = 4.5; // pixels between two entries of one year, each side

export class Chart {
  constructor(place) {
    this.place = place.querySelector(".plot");
    this.own = place.querySelector(".legend-own");
    this.unstated = place.querySelector(".unstated");
    this.table = place.querySelector(".scroll");
    this.here = [];
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.place);
    this.tell();
  }

  stop() {
    this.observer.disconnect();
  }

  // Mark the networks that are here, those that learned ImageNet's things.
  mark(networks) {
    this.here = networks.filter((one) => !one.scene && one.published && one.year).map((one) => ({ ...one, error: errorOf(one) }));
    this.draw();
    this.tell();
    this.own.hidden = !this.marked.length;
    this.unstated.textContent = unstated(this.here.filter(({ error }) => error === null));
  }

  // Those that have a place in the chart.
  get marked() {
    return this.here.filter(({ error }) => error !== null);
  }

  draw() {
    const width = this.place.clientWidth;
    if (!width) return;
    const x = (year) => EDGE.left + ((width - EDGE.left - EDGE.right) * (year - YEARS[0] + 0.4)) / (YEARS[1] - YEARS[0] + 0.8);
    const y = (error) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - error / MOST);
    const picture = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": summary(this.marked) });
    const isNarrow = width < NARROW;
    const here = this.marked.map((one) => ({ ...one, words: `${one.title} ${one.error.toFixed(1)}` }));
    const longest = Math.max(...here.map((one) => one.words.length), `${PERSON.who} ${PERSON.error}`.length);
    const left = Math.max(x(2015.6), width - EDGE.right - LETTER * longest); // the contest leaves room there
    picture.append(...grid(x, y, width), person(left, y, width), ...contest(x, y, isNarrow), ...marks(here, left, x, y));
    this.place.replaceChildren(picture);
  }

  tell() {
    const rows = [...CONTEST, PERSON].map(({ year, who, error, what, from }) => [year ?? "", who, error.toFixed(1), `${what}. ${from}`]);
    const here = this.here.map(({ year, title, error }) => [year, title, error === null ? "not stated" : error.toFixed(1), "here: one network, one crop, on the validation set. Its publisher"]);
    const head = make("thead", {}, row("th", ["Year", "Who", "Top-5 error, %", "What, and whose figure"], { scope: "col" }));
    const body = make("tbody", {}, ...[...rows, ...here].map((cells) => row("td", cells)));
    this.table.replaceChildren(make("table", {}, head, body));
  }
}

const row = (kind, cells, attributes = {}) => make("tr", {}, ...cells.map((cell) => make(kind, attributes, String(cell))));

const errorOf = ({ published: { top5 } }) => (top5 === null || top5 === undefined ? null : 100 * (1 - top5));

function summary(here) {
  const fall = "ImageNet’s top-5 error fell from 28.2 percent in 2010 to 16.4 with AlexNet in 2012, 6.7 in 2014 and 3.6 in 2015; a person’s is 5.1.";
  const names = here.map(({ title }) => title).join(", ");
  return names ? `${fall} Marked: ${names}.` : fall;
}

function svg(name, attributes = {}, ...content) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...content);
  return made;
}

const text = (x, y, words, kind, anchor = "start") => svg("text", { x, y, class: kind, "text-anchor": anchor }, words);

function grid(x, y, width) {
  const lines = [0, 10, 20, 30].flatMap((error) => [
    svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(error), y2: y(error), class: "grid" }),
    text(EDGE.left - 7, y(error) + 4, error ? String(error) : "0\u202f%", "axis", "end"),
  ]);
  const every = x(2011) - x(2010) < 34 ? 2 : 1;
  const years = [];
  for (let year = YEARS[0]; year <= YEARS[1]; year += every) years.push(text(x(year), HEIGHT - 7, String(year), "axis", "middle"));
  return [...lines, ...years];
}

function person(left, y, width) {
  const at = y(PERSON.error);
  const line = svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: at, y2: at, class: "person" });
  return svg("g", {}, line, text(left, at - 5, `${PERSON.who} ${PERSON.error}`, "axis"));
}

// Where a name stands beside its point: [pixels right, pixels down, anchor].
const NAMED = { XRCE: [5, 18, "end"], GoogLeNet: [-9, 4, "end"], ResNet: [0, 17, "middle"], VGG: [2, -9, "start"] };
const NAMED_NARROW = { AlexNet: [-9, 5, "end"] };
const KNOWN_BY_NAME = new Set(["AlexNet", "ResNet"]);
const SECOND = new Set(["ISI", "VGG"]);

function contest(x, y, isNarrow) {
  const at = (one) => x(one.year) + (one.year === 2014 ? (one.who === "VGG" ? APART : -APART) : 0);
  const winners = CONTEST.filter(({ who }) => !SECOND.has(who));
  const line = svg("polyline", { points: winners.map((one) => `${at(one)},${y(one.error)}`).join(" "), class: "course" });
  const points = CONTEST.flatMap((one) => {
    const [right, down, anchor] = (isNarrow && NAMED_NARROW[one.who]) || NAMED[one.who] || [9, -3, "start"];
    const isHand = one.what.includes("by hand");
    const words = isHand || (isNarrow && !KNOWN_BY_NAME.has(one.who)) ? one.error.toFixed(1) : `${one.who} ${one.error.toFixed(1)}`;
    return [svg("circle", { cx: at(one), cy: y(one.error), r: 4.5, class: isHand ? "hand" : "net" }), text(at(one) + right, y(one.error) + down, words, "name", anchor)];
  });
  return [line, ...points];
}

// Those that are here; their names stand one below the other where the contest leaves room.
function marks(here, left, x, y) {
  const placed = [...here].sort((one, other) => other.error - one.error);
  const last = y(PERSON.error) - 5 - 2 * ROW;
  let next = Math.min(y(22), last - ROW * (placed.length - 1));
  return placed.flatMap((one, index) => {
    const [cx, cy] = [x(one.year), y(one.error)];
    const room = last - ROW * (placed.length - 1 - index);
    const row = Math.min(Math.max(next, cy - 40), room);
    next = row + ROW;
    return [leader(cx, cy, left, row), diamond(cx, cy), text(left, row, one.words, "name")];
  });
}

const leader = (cx, cy, left, row) =>
  svg("polyline", { points: cx > left - 20 ? `${cx},${cy} ${cx},${row + 6}` : `${cx},${cy} ${left - 14},${row - 4} ${left - 4},${row - 4}`, class: "leader" });

const diamond = (cx, cy) => svg("path", { d: `M${cx} ${cy - 6}l6 6l-6 6l-6 -6z`, class: "own" });

// Those that are here and have no place in the chart: its publisher gives the top-1 error alone.
function unstated(networks) {
  const names = networks.map(({ title, year }) => `${title} (${year})`).join(", ");
  return names && `Here too, no top-5 error stated: ${names}`;
}
