// How much of the photo is sent, on the photo and in place of the answer.

import { make } from "../../show.js";
import { stage } from "../../stage.js";

const AFTER_MS = 250; // what is sent within this needs no telling

export class Sending {
  // say(text): in place of the answer
  constructor(say) {
    this.say = say;
    this.text = make("span");
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Sending the photo" });
    this.element = make("p.sending", {}, this.text, this.bar);
  }

  start() {
    this.since = performance.now();
  }

  progress(share) {
    if (share >= 1) this.stop();
    else if (performance.now() - this.since > AFTER_MS) this.tell(share);
  }

  tell(share) {
    this.text.textContent = `Sending ${Math.round(100 * share)}\u202f%`;
    this.bar.value = share;
    if (!this.element.isConnected) stage.overlay.append(this.element);
    this.say(this.text.textContent);
  }

  stop() {
    if (!this.element.isConnected) return;
    this.element.remove();
    this.say("Looking at it");
  }
}
