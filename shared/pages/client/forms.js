// @ts-check
import { showFault } from "./notice.js";

/**
 * Sends the forms of a page without leaving it, so that nothing typed is lost when no answer comes. The button says that
 * its request runs. Without this script, the browser sends the same forms.
 */

/** Time for an answer. */
const ANSWER_MS = 60_000;

export function sendForms() {
  restoreOnReturn();
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement)) return;
    const button = submitter instanceof HTMLButtonElement ? submitter : null;
    if (form.method !== "post") return markPending(button);
    event.preventDefault();
    // The values are read before the button is disabled: a disabled one would lose its own.
    const body = valuesOf(form, submitter);
    markPending(button);
    void send(form, body).then((leaves) => leaves || restore(button));
  });
}

/** Marks the button of a form while the browser sends it. */
export function markForms() {
  restoreOnReturn();
  document.addEventListener("submit", ({ submitter }) => {
    if (submitter instanceof HTMLButtonElement) markPending(submitter);
  });
}

/** A page that is shown again stands there as it was left. */
function restoreOnReturn() {
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) for (const button of document.querySelectorAll("button[data-label]")) restore(button);
  });
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
function valuesOf(form, submitter) {
  const values = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) values.append(name, String(value));
  return values;
}

/** @param {HTMLButtonElement | null} button */
function markPending(button) {
  if (button === null) return;
  button.dataset.label = button.textContent ?? "";
  button.textContent = "Working…";
  button.disabled = true;
}

/** @param {Element | null} button */
function restore(button) {
  if (!(button instanceof HTMLButtonElement) || button.dataset.label === undefined) return;
  button.textContent = button.dataset.label;
  delete button.dataset.label;
  button.disabled = false;
}

/**
 * Sends a form and shows the answer: its page after a redirect, or the form with what is wrong in it.
 *
 * @param {HTMLFormElement} form @param {URLSearchParams} body
 * @returns {Promise<boolean>} true if the browser leaves the page
 */
async function send(form, body) {
  try {
    const headers = { accept: "text/html" };
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(form.action, { method: "POST", body, headers, signal });
    if (response.redirected) {
      location.assign(response.url);
      return true;
    }
    showAnswer(form, new DOMParser().parseFromString(await response.text(), "text/html"), response.status);
  } catch {
    showFault("The Worker does not answer, so it is not known if this was done. Look before you try again.");
    document.getElementById("message")?.scrollIntoView({ block: "nearest" });
  }
  return false;
}

/**
 * Puts the answer's notice, and its copy of the part around the form, into this page.
 *
 * @param {HTMLFormElement} form @param {Document} page @param {number} status
 */
function showAnswer(form, page, status) {
  const part = form.closest("[data-answer]");
  const fresh = part === null ? null : page.getElementById(part.id);
  if (fresh !== null) part?.replaceWith(fresh);
  const notice = page.querySelector("#message > p");
  if (notice === null) showFault(`This was refused with status ${status}.`);
  else document.getElementById("message")?.replaceChildren(notice);
  const wrong = document.querySelector("[data-answer] [aria-invalid]");
  if (wrong instanceof HTMLElement) wrong.focus();
  else document.getElementById("message")?.scrollIntoView({ block: "nearest" });
}
