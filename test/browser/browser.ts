import { setTimeout as delay } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { expect } from "vitest";

/** A real browser, and pages of it that record everything that must not happen. */

const QUIET = [
  ...["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];
const ACTION_DEADLINE_MS = 20_000;
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };
/** More than the focusable elements of any page here: tabbing further goes in circles. */
const MAX_TABS = 120;

/** Launches a browser with an empty profile of its own, which is deleted when the browser closes. */
export function launch(executablePath: string, args: readonly string[] = []): Promise<Browser> {
  // Root has no sandbox, and only our own pages run here.
  return chromium.launch({ executablePath, headless: true, chromiumSandbox: false, args: [...QUIET, ...args] });
}

/** One visitor with cookies of its own, on one page. */
export class Visit {
  readonly page: Page;
  readonly #context: BrowserContext;
  #faults: string[] = [];

  /** Opens a page. `origin` is the visited Worker's: relative paths begin there, and requests elsewhere are faults. */
  static async open(browser: Browser, origin: string, timezoneId = "UTC"): Promise<Visit> {
    const context = await browser.newContext({ baseURL: origin, viewport: WIDE, colorScheme: "light", timezoneId });
    context.setDefaultTimeout(ACTION_DEADLINE_MS);
    const page = await context.newPage();
    const visit = new Visit(context, page);
    await visit.#watch(origin);
    return visit;
  }

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
  }

  /**
   * Returns the faults since the last call: errors and warnings of the console, uncaught errors, policy violations,
   * dialogs, requests elsewhere, and answers from 400 up as `<status> <method> <path>`. A test that provokes one takes
   * it from here; a fault that is left at its end fails it.
   */
  takeFaults(): string[] {
    return this.#faults.splice(0);
  }

  /** Adds a fault that only the test can see. */
  fault(what: string): void {
    this.#faults.push(what);
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  async #watch(origin: string): Promise<void> {
    const { page } = this;
    const fault = (what: string) => this.fault(what);
    page.on("pageerror", (error) => fault(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      // The console says less about an error answer than the answer itself.
      if (!/^(error|warning)$/.test(message.type()) || /^Failed to load resource/.test(message.text())) return;
      fault(`console: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      fault(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("popup", (popup) => fault(`popup: ${popup.url()}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && !/^(data|blob):$/.test(url.protocol)) fault(`request: ${request.url()}`);
    });
    page.on("response", (response) => {
      if (response.status() < 400) return;
      fault(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname}`);
    });
    // Hostile content calls this when it runs.
    await page.exposeBinding("fault", (_source, what: unknown) => fault(`ran: ${what}`));
    await page.exposeBinding("reportViolation", (_source, what: string) => fault(`policy: ${what}`));
    await page.addInitScript(() => {
      const { reportViolation } = globalThis as unknown as { reportViolation: (what: string) => void };
      addEventListener("securitypolicyviolation", (event) => {
        const { violatedDirective, blockedURI } = event as unknown as Record<string, string>;
        reportViolation(`${violatedDirective} ${blockedURI}`);
      });
    });
  }
}

/** Signs in with the token, as a person who wants to see `path` does. */
export async function signIn({ page }: Visit, token: string, path = "/"): Promise<void> {
  await page.goto(path);
  await page.getByLabel("API token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Presses Tab until `target` has the focus, and expects that the focus is visible. */
export async function tabTo({ page }: Visit, target: Locator): Promise<void> {
  await target.waitFor();
  for (let tabs = 0; tabs < MAX_TABS; tabs++) {
    await page.keyboard.press("Tab");
    if (!(await target.evaluate((element) => element === element.ownerDocument.activeElement))) continue;
    const outline = await target.evaluate((element) => getComputedStyle(element).outlineStyle);
    expect(outline, `the outline of what has the focus: ${target}`).not.toBe("none");
    return;
  }
  throw new Error(`not reached by Tab: ${target}`);
}

/** Presses Tab through the page once, and expects that it reaches all that acts, each with a visible focus. */
export async function expectAllByTab({ page }: Visit): Promise<void> {
  const reached: string[] = [];
  const places = await page.evaluate(() => {
    const acting = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary");
    return [...acting]
      .filter((element) => element.checkVisibility() && !element.matches(":disabled"))
      .map((element, place) => {
        Object.assign(element, { place });
        return `${place}: ${element.outerHTML.slice(0, 120)}`;
      });
  });
  expect(places.length).toBeGreaterThan(0);
  for (let tabs = 0; reached.length < places.length && tabs < MAX_TABS; tabs++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const { activeElement: element } = document;
      if (element === null || !("place" in element)) return null;
      return { place: Number(element.place), outline: getComputedStyle(element).outlineStyle };
    });
    const name = places[focused?.place ?? -1];
    if (name === undefined || reached.includes(name)) continue;
    expect(focused?.outline, `the outline of ${name}`).not.toBe("none");
    reached.push(name);
  }
  expect(reached, "what Tab reaches, in its order").toEqual(places);
}

/** Shows the page as on a desk, in light. */
export async function showWide({ page }: Visit): Promise<void> {
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
}

/** Shows the page as on a small telephone, in the dark. */
export async function showNarrow({ page }: Visit): Promise<void> {
  await page.setViewportSize(NARROW);
  await page.emulateMedia({ colorScheme: "dark" });
}

/** Opens everything that folds. */
export async function unfold({ page }: Visit): Promise<void> {
  await page.locator("details").evaluateAll((all) => all.map((each) => each.setAttribute("open", "")));
}

/** Expects that the page fits: nothing is cut off, and nothing needs sideways scrolling. */
export async function expectNoSidewaysScroll({ page }: Visit): Promise<void> {
  const { content, window } = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    window: document.documentElement.clientWidth,
  }));
  expect(content, `${page.url()} at ${window} pixels`).toBeLessThanOrEqual(window);
}

/** Takes a picture in light and one in dark, only when asked for: a run of the tests leaves the tree as it was. */
export async function screenshot({ page }: Visit, name: string): Promise<void> {
  if (!process.env.SCREENSHOTS) return;
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await delay(300); // transitions
    const file = colorScheme === "dark" ? `${name}-dark` : name;
    await page.screenshot({ path: `${import.meta.dirname}/${file}.png` });
  }
}
