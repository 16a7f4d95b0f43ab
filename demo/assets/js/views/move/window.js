// The network's window: a square that stays, and the photo that is moved and zoomed under it.

const FRAME = 0.74; // of the place's shorter side
const DIM = 0.62; // outside of it
const LEAST = 0.5; // zoom: times as large as when the photo's shorter side is sent
const MOST = 8;

export class Window {
  // canvas: where it is drawn; image: the photo; margin: the side of what is sent, in frames, since
  // the network cuts off what is around the frame; changed(): is called after each move.
  constructor(canvas, image, margin, changed) {
    Object.assign(this, { canvas, image, margin, changed });
    this.home();
  }

  // The photo's middle, its shorter side as long as what is sent.
  home() {
    this.place({ x: 0.5, y: 0.5, zoom: 1 });
  }

  // x, y: the point of the photo under the frame's middle, as shares of its width and height.
  place({ x, y, zoom }) {
    this.x = clamp(x, 0, 1);
    this.y = clamp(y, 0, 1);
    this.zoom = clamp(zoom, LEAST, MOST);
    this.draw();
    this.changed?.();
  }

  // Pixels of the photo in one frame's side.
  get pixels() {
    return Math.min(this.image.naturalWidth, this.image.naturalHeight) / this.margin / this.zoom;
  }

  // Move the photo by pixels of the place, as a finger does.
  drag(right, down) {
    const scale = this.pixels / this.side;
    this.shift(-right * scale, -down * scale);
  }

  // Move the frame by pixels of the photo.
  shift(right, down) {
    this.place({ x: this.x + right / this.image.naturalWidth, y: this.y + down / this.image.naturalHeight, zoom: this.zoom });
  }

  zoomTo(zoom) {
    this.place({ x: this.x, y: this.y, zoom });
  }

  get side() {
    return FRAME * Math.min(this.canvas.clientWidth, this.canvas.clientHeight);
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.image.naturalWidth) return;
    const ratio = devicePixelRatio;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    this.drawPhoto(context, width / 2, height / 2, this.side);
    frame(context, width, height, this.side);
  }

  // With the frame's middle at (centreX, centreY), `side` pixels a side.
  drawPhoto(context, centreX, centreY, side) {
    const scale = side / this.pixels;
    const { naturalWidth, naturalHeight } = this.image;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      this.image,
      centreX - this.x * naturalWidth * scale,
      centreY - this.y * naturalHeight * scale,
      naturalWidth * scale,
      naturalHeight * scale,
    );
  }

  // The frame and its margin, as a JPEG of so many pixels a side; beyond the photo's edge it is grey.
  async content(side) {
    const canvas = new OffscreenCanvas(side, side);
    const context = canvas.getContext("2d", { alpha: false });
    context.fillStyle = "#808080";
    context.fillRect(0, 0, side, side);
    this.drawPhoto(context, side / 2, side / 2, side / this.margin);
    return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  }
}

function frame(context, width, height, side) {
  const [left, top] = [(width - side) / 2, (height - side) / 2];
  context.fillStyle = `rgb(20 16 14 / ${DIM})`;
  context.beginPath();
  context.rect(0, 0, width, height);
  context.rect(left, top, side, side);
  context.fill("evenodd");
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.strokeRect(left - 1, top - 1, side + 2, side + 2);
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
