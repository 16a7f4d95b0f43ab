// The camera, live: the newest frame is asked of when the one before is answered, never two at once,
// so that one visitor's stream can't hold the service.

import { photo } from "./photo.js";
import { stage } from "./stage.js";

const FRAME_SIDE = 448; // pixels of a frame's shorter side: twice what the networks see
const QUALITY = 0.9;
const LEAST_MS = 200; // between two frames
const REST = 3; // times as long as an answer took: a service that is busy is asked less often
const PAUSE_MS = 1500; // after one that was not answered

class Camera {
  constructor() {
    this.stream = null;
    this.opening = null; // stands for the one that is being opened
    this.runs = 0;
  }

  get on() {
    return this.stream !== null;
  }

  // Bring the buttons to life, once.
  start() {
    this.tools = document.querySelector("#photo .tools");
    this.tools.addEventListener("click", (event) => {
      const does = event.target.closest("button")?.dataset.do;
      if (does === "camera") this.open();
      if (does === "shoot") this.shoot();
      if (does === "stop") this.close();
    });
    // Whatever photo is chosen takes its place.
    photo.addEventListener("taken", () => this.close());
    document.addEventListener("visibilitychange", () => this.on && !document.hidden && this.run());
  }

  async open() {
    stage.say("");
    if (!navigator.mediaDevices) {
      // Browsers open a camera in the page on https and localhost only; a phone has its own app.
      stage.input.setAttribute("capture", "environment");
      stage.input.click();
      stage.input.removeAttribute("capture");
      return;
    }
    if (this.opening) return;
    const mine = (this.opening = {});
    try {
      const video = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video });
      if (mine !== this.opening) return stop(stream); // closed meanwhile
      this.stream = stage.live.srcObject = stream;
      await stage.live.play();
    } catch {
      if (mine !== this.opening) return;
      this.close();
      stage.say("No camera could be opened: allow it in the browser, or choose a photo.");
      return;
    }
    this.opening = null;
    for (const track of this.stream.getTracks()) track.addEventListener("ended", () => this.lost());
    photo.leave(); // its answer must not stand beside what the camera sees
    stage.show("camera");
    this.offer();
    this.tools.querySelector("[data-do=shoot]").focus();
    this.run();
  }

  // It was unplugged, or the visitor took back what was allowed.
  lost() {
    this.close();
    stage.say("The camera is gone: open it again, or choose a photo.");
  }

  close() {
    this.opening = null;
    if (!this.on) return;
    this.runs += 1;
    stop(this.stream);
    this.stream = null;
    stage.live.srcObject = null;
    stage.overlay.replaceChildren();
    this.offer();
    if (stage.element.dataset.state === "camera") photo.forget();
  }

  // Take the photo that is seen now, and look at it as at any other.
  async shoot() {
    const { blob } = await this.frame(null);
    await photo.take(new File([blob], "camera.jpg", { type: "image/jpeg" }));
  }

  // Two buttons give way to the other two; one that has the focus hands it on to the one in its place.
  offer() {
    const buttons = [...this.tools.querySelectorAll("button")];
    const seen = () => buttons.filter((one) => !one.hidden);
    const place = seen().indexOf(document.activeElement);
    for (const one of buttons) one.hidden = ["shoot", "stop"].includes(one.dataset.do) !== this.on;
    seen()[place]?.focus();
  }

  async run() {
    const mine = ++this.runs;
    while (mine === this.runs && this.on && !document.hidden) {
      const start = performance.now();
      const frame = await this.frame(FRAME_SIDE);
      if (mine !== this.runs) return;
      const answered = await photo.look(frame);
      const spent = performance.now() - start;
      await new Promise((resolve) => setTimeout(resolve, answered ? Math.max(LEAST_MS - spent, REST * spent) : PAUSE_MS));
    }
  }

  // What is seen now, with a shorter side of so many pixels, or as the camera has it.
  async frame(side) {
    const { videoWidth: width, videoHeight: height } = stage.live;
    const scale = side ? Math.min(1, side / Math.min(width, height)) : 1;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.getContext("2d", { alpha: false }).drawImage(stage.live, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    return { blob, width, height };
  }
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

export const camera = new Camera();
