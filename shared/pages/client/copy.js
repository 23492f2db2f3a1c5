// @ts-check

/** The buttons that copy exactly the text of an element, of the button itself, or at an address. */

const SAID_MS = 2_000;

export function offerCopies() {
  showCopies(document);
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button.copy") : null;
    if (button instanceof HTMLButtonElement) void copy(button);
  });
}

/** Shows the buttons of a part that came after the page. @param {ParentNode} place */
export function showCopies(place) {
  for (const button of place.querySelectorAll("button.copy")) {
    if (button instanceof HTMLButtonElement) button.hidden = false;
  }
}

/** @param {HTMLButtonElement} button */
async function copy(button) {
  const { copy: own, copyFrom, copyUrl } = button.dataset;
  const text = copyUrl === undefined ? own : await textAt(copyUrl);
  const source = copyFrom === undefined ? null : document.getElementById(copyFrom);
  const found = text ?? source?.textContent;
  const copied = found != null && (await writeClipboard(found));
  if (!copied && source !== null) getSelection()?.selectAllChildren(source);
  say(button, copied ? "Copied" : source === null ? "Not allowed" : "Selected");
}

/** Copies a text for a button, which says so. @param {HTMLButtonElement} button @param {string} text */
export async function copyText(button, text) {
  say(button, (await writeClipboard(text)) ? "Copied" : "Not allowed");
}

/** @param {string} url */
async function textAt(url) {
  const response = await fetch(url).catch(() => null);
  return response?.ok ? response.text() : undefined;
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
