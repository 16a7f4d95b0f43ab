// A photo is sent no larger than it has to be: the network looks at some 200 pixels a side.

export const SIDE = 640; // pixels of the shorter side: above twice what the networks see
const QUALITY = 0.95; // below 0.92 the confidences begin to differ; see benchmarks/shrink.py
const SMALL_BYTES = 200_000; // is sent as it is: to shrink it would save no time
const WORTH_IT = 1.25; // to shrink it by less is not

// The upright photo with a shorter side of `side` pixels as a JPEG, or the file itself where it is
// small already, or where this browser can't read it: the service can read more kinds.
// `always`: even where that saves little. Gives {blob, width, height}: what to send, and the upright
// photo's own size (0 where unknown).
export async function shrink(file, side, { always = false } = {}) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return { blob: file, width: 0, height: 0 };
  }
  const { width, height } = bitmap;
  const scale = side / Math.min(width, height);
  try {
    const isSmall = file.size <= SMALL_BYTES || scale * WORTH_IT > 1;
    if (scale >= 1 || (isSmall && !always)) return { blob: file, width, height };
    return { blob: await drawn(bitmap, scale), width, height };
  } finally {
    bitmap.close();
  }
}

async function drawn(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff"; // what is transparent is white, as in the service
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    const done = (blob) => (blob ? resolve(blob) : reject(new Error("the canvas is empty")));
    canvas.toBlob(done, "image/jpeg", QUALITY);
  });
}
