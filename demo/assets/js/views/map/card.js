// What is said of the photograph that is looked at: larger, its nearest by each layer, its credits.

import { make } from "../../show.js";

const TITLES = { last: "Nearest by the last layer", first: "Nearest by the first layer" };

// picture: what is looked at; near: {last, first}, each [{item, distance}]; portrait(item): an
// element that shows it.
export function card(picture, near, portrait) {
  const large = portrait(picture);
  large.classList.add("large");
  return [
    make("div.head", {}, large, make("div", {}, make("h2", {}, picture.shows), make("p.kind", {}, picture.own ? "your photo" : picture.kind))),
    ...Object.keys(TITLES).map((side) => row(side, near[side], portrait)),
    picture.own ? make("p.credit", {}, "Your photo was answered and forgotten: this page alone has it, until you leave this view.") : credit(picture),
  ];
}

function row(side, list, portrait) {
  const tiles = list.map(({ item, distance }) => {
    const button = make("button", { type: "button", title: item.shows, "aria-label": `${item.shows}, distance ${short(distance)}` });
    button.append(portrait(item), make("span", {}, short(distance)));
    button.item = item;
    return make("li", {}, button);
  });
  return make("section", { "data-by": side }, make("h3", {}, make("i", { "aria-hidden": "true" }), TITLES[side]), make("ol", {}, ...tiles));
}

// The first layer's are a hundredth of the last one's.
const short = (distance) => (distance < 0.1 ? distance.toFixed(4) : distance.toFixed(2));

function credit({ author, licence, terms, source }) {
  const from = source.startsWith("http") ? make("a", { href: source }, "source") : source;
  return make("p.credit", {}, `${author}, `, make("a", { href: terms, rel: "license" }, licence), "; ", from);
}
