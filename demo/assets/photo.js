// Runs once for the photograph's place; Gradio hands in element, props and trigger.
// The file is sent as it is, whatever it is: the service says whether it can read it.
const find = (selector) => element.querySelector(selector);
const stage = find(".stage");
const shown = find(".shown");
const live = find(".live");
const note = find(".note");
const input = find("input[type=file]");
let latest = 0;

function show(state) {
  const camera = state === "camera";
  stage.dataset.state = state;
  for (const button of element.querySelectorAll(".tools button")) {
    button.hidden = ["shoot", "stop"].includes(button.dataset.do) !== camera;
  }
}

function preview(file) {
  find(".unseen b").textContent = file.name;
  URL.revokeObjectURL(shown.src);
  shown.src = URL.createObjectURL(file);
  shown.onload = () => {
    stage.style.setProperty("--photo", `url("${shown.src}")`);
    show("photo");
  };
  shown.onerror = () => {
    stage.style.removeProperty("--photo");
    show("unseen");
  };
}

async function classify(file) {
  const mine = ++latest;
  stop();
  note.textContent = "";
  preview(file);
  document.body.classList.add("booth-busy");
  try {
    const name = await send(file);
    if (mine !== latest) return;
    props.value = name;
    trigger("photo");
  } catch {
    if (mine === latest) lost();
  }
}

async function send(file) {
  const response = await fetch("page/photos", { method: "POST", body: file });
  if (!response.ok) throw new Error(response.statusText);
  return (await response.json()).photo;
}

async function classifySample(address) {
  try {
    const response = await fetch(address);
    await classify(new File([await response.blob()], address.split("/").pop()));
  } catch {
    lost();
  }
}

function lost() {
  document.body.classList.remove("booth-busy");
  note.textContent = "The photo could not be sent: it may be too large, or the connection is gone.";
}

function choose() {
  input.removeAttribute("capture");
  input.click();
}

async function camera() {
  note.textContent = "";
  if (!navigator.mediaDevices) {
    // Browsers open a camera in the page on https and localhost only; a phone has its own app.
    input.setAttribute("capture", "environment");
    input.click();
    return;
  }
  try {
    const video = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
    live.srcObject = await navigator.mediaDevices.getUserMedia({ video });
    await live.play();
    show("camera");
    find("[data-do=shoot]").focus();
  } catch {
    stop();
    note.textContent = "No camera could be opened: allow it in the browser, or choose a photo.";
  }
}

function stop() {
  for (const track of live.srcObject?.getTracks() ?? []) track.stop();
  live.srcObject = null;
  if (stage.dataset.state === "camera") show(shown.src ? "photo" : "empty");
}

function shoot() {
  const canvas = document.createElement("canvas");
  canvas.width = live.videoWidth;
  canvas.height = live.videoHeight;
  canvas.getContext("2d").drawImage(live, 0, 0);
  canvas.toBlob((blob) => classify(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
}

const actions = { choose, camera, shoot, stop };

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.sample) classifySample(button.dataset.sample);
  else if (button) actions[button.dataset.do]?.();
});

input.addEventListener("change", () => {
  if (input.files.length) classify(input.files[0]);
  input.value = "";
});

document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) classify(event.clipboardData.files[0]);
});

// The whole page takes the drop: a file let go beside the place must not replace the page.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  stage.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) stage.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  if (event.dataTransfer.files.length) classify(event.dataTransfer.files[0]);
  else note.textContent = "That was no file: save the picture first, then drop its file.";
});
