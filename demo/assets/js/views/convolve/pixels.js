// A picture's pixels as planes of numbers from 0 to 255.

const GREY = [0.299, 0.587, 0.114]; // of red, green, blue: ITU-R BT.601
const CHANNELS = ["red", "green", "blue"];
const LEAST = 8; // pixels of a side
const CARD = { width: 640, height: 480 };

// Columns and rows of a picture that is shrunk to so many pixels of its longer side.
export function shape({ width, height }, size) {
  const scale = size / Math.max(width, height);
  return { width: Math.max(LEAST, Math.round(width * scale)), height: Math.max(LEAST, Math.round(height * scale)) };
}

// A picture (ImageBitmap or canvas) in so many pixels: one plane, or three where `pixels` is "colour".
// square: its middle alone.
export function planes(picture, { width, height }, pixels, { square = false } = {}) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  const side = Math.min(picture.width, picture.height);
  const [wide, high] = square ? [side, side] : [picture.width, picture.height];
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, (picture.width - wide) / 2, (picture.height - high) / 2, wide, high, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const wanted = pixels === "colour" ? CHANNELS : [pixels];
  return wanted.map((one) => ({ width, height, values: channel(data, CHANNELS.indexOf(one)) }));
}

function channel(data, index) {
  const values = new Uint8ClampedArray(data.length / 4);
  for (let at = 0; at < values.length; at++) {
    const [red, green, blue] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    values[at] = index < 0 ? GREY[0] * red + GREY[1] * green + GREY[2] * blue : data[4 * at + index];
  }
  return Float64Array.from(values);
}

// What stands in for a photo while there is none: edges of every direction, stripes, a slope of grey.
export function testCard() {
  const canvas = new OffscreenCanvas(CARD.width, CARD.height);
  const context = canvas.getContext("2d", { alpha: false });
  const slope = context.createLinearGradient(0, 0, CARD.width, 0);
  slope.addColorStop(0, "#1d1815");
  slope.addColorStop(1, "#f6f2ec");
  context.fillStyle = slope;
  context.fillRect(0, 0, CARD.width, CARD.height);
  context.fillStyle = "#f6f2ec";
  context.beginPath();
  context.arc(210, 230, 150, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = "#b3261e";
  context.fillRect(130, 150, 160, 160);
  context.fillStyle = "#231d19";
  for (let stripe = 0; stripe < 4; stripe++) context.fillRect(420 + 50 * stripe, 60, 25, 180);
  context.beginPath();
  context.moveTo(420, 430);
  context.lineTo(595, 430);
  context.lineTo(595, 280);
  context.fill();
  return canvas;
}
