// Runs once for the answer's place; Gradio hands in element and trigger.
element.addEventListener("click", (event) => {
  if (!event.target.closest("[data-do=again]")) return;
  document.body.classList.add("booth-busy");
  trigger("again");
});
