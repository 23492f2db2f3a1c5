// @ts-check

/** The buttons that copy the text of an element. Without the script they are hidden, and the text can be selected. */

const SAID_MS = 2000;

export function offerCopies() {
  for (const button of document.querySelectorAll("button.copy")) {
    if (!(button instanceof HTMLButtonElement)) continue;
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const source = document.getElementById(button.dataset.copyFrom ?? "");
  if (source === null) return;
  const label = button.textContent;
  try {
    // There is no clipboard on a page that came over plain HTTP from another machine.
    await navigator.clipboard.writeText(source.textContent ?? "");
    button.textContent = "Copied";
  } catch {
    getSelection()?.selectAllChildren(source);
    button.textContent = "Selected";
  }
  button.setAttribute("aria-live", "polite");
  setTimeout(() => {
    button.textContent = label;
  }, SAID_MS);
}
