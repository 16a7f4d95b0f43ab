// Classify: a photo in, five labels out.

import { Asker } from "../ask.js";
import { models } from "../models.js";
import { photo } from "../photo.js";
import { classify } from "../service.js";
import { label, make, percent } from "../show.js";

export function mount(place) {
  const result = place.querySelector(".result");
  const asker = new Asker(place.querySelector(".answer"), () => result.replaceChildren(...blank()));
  asker.clear();

  const ask = () =>
    asker.run(
      async (options) => {
        await models.fill(place.querySelector("#model"), options);
        if (!photo.current) return null;
        return classify(photo.current.blob, { model: models.chosen }, options);
      },
      (answer) => {
        if (!answer) return;
        asker.place.dataset.state = "answer";
        result.replaceChildren(...shown(answer));
      },
      { quietly: photo.current?.live },
    );
  const changed = ({ detail }) => detail.answers.push(ask());
  const taken = () => asker.clear();

  photo.addEventListener("taken", taken);
  photo.addEventListener("change", changed);
  models.addEventListener("change", ask);
  ask();
  return () => {
    asker.stop();
    photo.removeEventListener("taken", taken);
    photo.removeEventListener("change", changed);
    models.removeEventListener("change", ask);
  };
}

function blank() {
  const rows = Array.from({ length: 5 }, () => make("li", {}, make("i")));
  return [make("h2.first.empty", {}, "Five labels will appear here"), make("ol.labels.empty", { "aria-hidden": "true" }, ...rows)];
}

function shown(answer) {
  const [first] = answer.predictions;
  return [
    make("h2.first", {}, make("b", {}, percent(first.confidence)), " ", ...label(first)),
    answer.environment ? make("p.environment", {}, "Type of environment: ", make("b", {}, answer.environment.kind)) : "",
    make("ol.labels", {}, ...answer.predictions.map(row)),
    timing(answer.timing_ms),
  ];
}

function row(one) {
  return make(
    "li",
    { style: `--share:${one.confidence.toFixed(4)}`, title: one.category },
    make("span", {}, ...label(one)),
    make("b", {}, percent(one.confidence)),
    make("i"),
  );
}

function timing({ total, decode, queue, inference }) {
  const part = (name, ms) => make("span", {}, `${name} ${ms.toFixed(1)}`);
  return make("p.timing", {}, make("b", {}, `${total.toFixed(1)}\u202fms`), " ", part("decode", decode), " · ", part("queue", queue), " · ", part("inference", inference));
}
