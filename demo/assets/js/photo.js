// The photo that all views look at. It is kept in this tab alone, so that it is there after another
// view, or this page loaded anew; the service keeps none.

import * as address from "./address.js";
import { SIDE, shrink } from "./shrink.js";

const KEPT = "booth.photo";

class Photo extends EventTarget {
  constructor() {
    super();
    // {blob: what is sent, file, name, sample (its name, or null), width, height: the upright
    // photo's own size, 0 where this browser can't tell, live: whether it is a camera's frame}
    this.current = null;
    this.latest = 0;
  }

  // A visitor's file in place of what was there. "taken" tells that it is being read, "change"
  // that it is ready to be sent.
  async take(file, { sample = null } = {}) {
    const mine = ++this.latest;
    this.dispatchEvent(new CustomEvent("taken", { detail: { file, sample } }));
    address.set({ sample, label: null });
    const { blob, width, height } = await shrink(file, SIDE);
    if (mine !== this.latest) return;
    this.current = { blob, file, name: file.name, sample, width, height, live: false };
    this.keep();
    this.dispatchEvent(new CustomEvent("change", { detail: { answers: [] } }));
  }

  // A frame of the camera; resolves when the view has its answer, with whether there is one. A view
  // that listens to "change" adds the promise of that to the event's `detail.answers`.
  async look({ blob, width, height }) {
    this.latest += 1;
    if (!this.current?.live) address.set({ sample: null, label: null });
    this.current = { blob, file: null, name: "camera.jpg", sample: null, width, height, live: true };
    const answers = [];
    this.dispatchEvent(new CustomEvent("change", { detail: { answers } }));
    return (await Promise.all(answers)).every(Boolean);
  }

  forget() {
    this.current = null;
    this.dispatchEvent(new CustomEvent("change", { detail: { answers: [] } }));
  }

  async takeSample(name) {
    const mine = ++this.latest;
    this.dispatchEvent(new CustomEvent("asked", { detail: { sample: name } }));
    const response = await fetch(`page/samples/${encodeURIComponent(name)}.jpg`);
    if (!response.ok) throw new Error(`no sample ${name}`);
    const blob = await response.blob();
    if (mine !== this.latest) return;
    await this.take(new File([blob], `${name}.jpg`, { type: "image/jpeg" }), { sample: name });
  }

  // What the address names, or what this tab had; gives whether there was one.
  async restore() {
    const [sample, label] = [address.get("sample"), address.get("label")];
    const kept = sessionStorage.getItem(KEPT);
    if (sample) await this.takeSample(sample);
    else if (kept) await this.takeKept(JSON.parse(kept));
    else return false;
    address.set({ label }); // it is of this photo
    return true;
  }

  async takeKept({ name, data }) {
    // Not by fetch(data): the page may ask its own host alone.
    const [kind, packed] = data.split(",");
    const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
    await this.take(new File([bytes], name, { type: kind.slice("data:".length).split(";")[0] }));
  }

  keep() {
    sessionStorage.removeItem(KEPT);
    const { blob, name, sample } = this.current;
    if (sample) return;
    const reader = new FileReader();
    reader.onload = () => {
      try {
        sessionStorage.setItem(KEPT, JSON.stringify({ name, data: reader.result }));
      } catch {
        // It is larger than a browser keeps for a tab: then it is not there after a reload.
      }
    };
    reader.readAsDataURL(blob);
  }
}

export const photo = new Photo();
