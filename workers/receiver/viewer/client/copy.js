// @ts-check

/** The buttons that copy exactly the text of an element or of the button itself. */

const SAID_MS = 2_000;

export function offerCopies() {
  for (const button of document.querySelectorAll("button.copy")) {
    if (button instanceof HTMLButtonElement) button.hidden = false;
  }
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button.copy") : null;
    if (button instanceof HTMLButtonElement) void copy(button);
  });
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const { copy: text, copyFrom } = button.dataset;
  const source = copyFrom === undefined ? null : document.getElementById(copyFrom);
  const copied = await writeClipboard(text ?? source?.textContent ?? "");
  if (!copied && source !== null) getSelection()?.selectAllChildren(source);
  say(button, copied ? "Copied" : source === null ? "Not allowed" : "Selected");
}

/** @param {string} text */
async function writeClipboard(text) {
  try {
    // There is no clipboard on a page that came over plain HTTP from another machine.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** @param {HTMLButtonElement} button @param {string} text */
function say(button, text) {
  const label = button.firstChild;
  if (label === null) return;
  button.dataset.label ??= label.textContent ?? "";
  label.textContent = text;
  button.setAttribute("aria-live", "polite");
  setTimeout(() => {
    label.textContent = button.dataset.label ?? "";
  }, SAID_MS);
}
