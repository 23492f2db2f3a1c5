// @ts-check

/** The boxes in the rows: the last two that were checked are compared. */

export function offerComparing() {
  const form = document.getElementById("compare");
  const status = form?.querySelector("[role=status]");
  if (!(form instanceof HTMLFormElement) || !status) return;
  /** Those that are checked, in turn. @type {HTMLInputElement[]} */
  let checked = [];
  const show = () => {
    const [first, second] = checked.map(({ value }) => Number(value)).sort((a, b) => a - b);
    if (second !== undefined) status.textContent = `Events ${first} and ${second}.`;
    else status.textContent = first === undefined ? "Check two in the list." : "Check one more.";
  };
  document.getElementById("events")?.addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLInputElement)) return;
    checked = checked.filter((box) => box !== target && box.isConnected);
    if (target.checked) checked.push(target);
    for (const box of checked.splice(0, checked.length - 2)) box.checked = false;
    show();
  });
  // A browser that goes back restores what was checked.
  addEventListener("pageshow", () => {
    const boxes = [...document.querySelectorAll("#events input")].filter((box) => box instanceof HTMLInputElement);
    checked = boxes.filter((box) => box.checked);
    show();
  });
}
