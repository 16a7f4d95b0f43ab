// The race: a lane for each network that is here, filled as its answer comes; the slowest so far
// fills it whole.

import { inShort, make } from "../../show.js";
import { milliseconds, spent } from "./words.js";

export class Lanes {
  constructor(place) {
    this.place = place;
    this.lanes = new Map(); // id -> its elements
  }

  lay(networks) {
    const ids = networks.map(({ id }) => id).join();
    if (ids === this.ids) return;
    this.ids = ids;
    this.lanes = new Map(networks.map((one) => [one.id, lane(one)]));
    this.place.replaceChildren(...[...this.lanes.values()].map(({ element }) => element));
  }

  show({ racing, answers, running }) {
    const longest = Math.max(...[...answers].filter(([id]) => racing.has(id)).map(([, answer]) => spent(answer)), 0);
    for (const [id, { element, box, time, first }] of this.lanes) {
      const answer = racing.has(id) ? answers.get(id) : null;
      box.checked = racing.has(id);
      element.dataset.state = answer ? "there" : running?.id === id ? "running" : racing.has(id) ? "waiting" : "out";
      element.style.setProperty("--share", answer && longest ? (spent(answer) / longest).toFixed(4) : 0);
      time.textContent = answer ? milliseconds(spent(answer)) : "";
      first.textContent = answer ? inShort(answer) : racing.has(id) ? "" : "sits out";
    }
  }
}

function lane({ id, title, year }) {
  const box = make("input", { type: "checkbox", checked: true, "data-network": id });
  const time = make("b.time");
  const first = make("span.said");
  const name = make("label", {}, box, make("span.year", {}, year ? String(year) : ""), make("span.network", {}, title));
  return { element: make("li", { "data-state": "waiting" }, make("div", {}, name, first), make("i"), time), box, time, first };
}
