// One question at a time: what stands in a place while its answer is awaited, and when it fails.
// The answer's place is one of waiting, busy, answer, problem; an old answer never stands beside a
// new photo, and nobody waits without a way out.

import { Problem } from "./service.js";

const STILL_MS = 10_000;

export class Asker {
  // place: the element that shows the answer; blank(): what stands there before one.
  constructor(place, blank) {
    this.place = place;
    this.blank = blank;
    this.asked = null;
    place.addEventListener("click", (event) => {
      const does = event.target.closest("button")?.dataset.do;
      if (does === "again") this.again?.();
      if (does === "cancel") this.giveUp();
    });
  }

  // Run `work({signal, progress})` in place of whatever still runs; show({...}) its result.
  // Gives whether it was shown.
  async run(work, show, { quietly = false } = {}) {
    this.asked?.abort();
    const mine = (this.asked = new AbortController());
    this.again = () => this.run(work, show);
    if (!quietly) this.clear();
    this.place.setAttribute("aria-busy", "true");
    const still = setTimeout(() => this.say(stillWaiting()), STILL_MS);
    try {
      const result = await work({ signal: mine.signal, progress: (share) => this.progress(share) });
      if (mine !== this.asked) return false;
      show(result);
      return true;
    } catch (cause) {
      if (mine !== this.asked || cause.name === "AbortError") return false;
      this.fail(cause);
      return false;
    } finally {
      clearTimeout(still);
      if (mine === this.asked) {
        this.place.setAttribute("aria-busy", "false");
        this.progress(1);
        this.say("");
      }
    }
  }

  // What stands there before any answer.
  clear() {
    this.place.dataset.state = "waiting";
    this.blank();
  }

  stop() {
    this.asked?.abort();
    this.asked = null;
    this.place.setAttribute("aria-busy", "false");
    this.say("");
    this.progress(1);
  }

  giveUp() {
    this.stop();
    this.fail(new Problem("Given up", "The photo was not answered."));
  }

  fail(cause) {
    const known = cause instanceof Problem ? cause : new Problem("That did not work", "Something in this page failed.");
    if (known !== cause) console.warn(cause);
    this.clear();
    this.place.dataset.state = "problem";
    this.problem.replaceChildren(...problem(known));
  }

  progress(share) {
    const bar = this.place.querySelector("progress");
    if (!bar) return;
    bar.hidden = share >= 1;
    bar.value = share;
    bar.title = `${Math.round(100 * share)} % sent`;
  }

  get problem() {
    return this.place.querySelector(".problem");
  }

  say(text) {
    const still = this.place.querySelector(".still");
    if (text) still.replaceChildren(...text);
    else still.replaceChildren();
  }
}

function stillWaiting() {
  return ["Still waiting. ", button("cancel", "Cancel")];
}

function problem({ heading, message, again }) {
  const title = document.createElement("h2");
  title.textContent = heading;
  const text = document.createElement("p");
  text.textContent = message;
  return again ? [title, text, button("again", "Try again")] : [title, text];
}

function button(does, text) {
  const made = document.createElement("button");
  made.type = "button";
  made.dataset.do = does;
  made.textContent = text;
  return made;
}
