// @ts-check

/** Folds and unfolds all of a body's JSON at once. */

export function offerFolding() {
  for (const button of document.querySelectorAll("button[data-fold]")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      const open = button.dataset.fold === "open";
      // The outermost stays open: without it nothing could be seen.
      for (const details of document.querySelectorAll(".json details details")) details.toggleAttribute("open", open);
    });
  }
}
