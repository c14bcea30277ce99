// Looks at a built book: node browser.cjs PLAYWRIGHT CHROMIUM BOOK DIRECTORY-FOR-SCREENSHOTS
const { readFileSync, readdirSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");

const [playwright, chromium, book, directory] = process.argv.slice(2);
const devices = [
  { name: "phone", viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true },
  { name: "desktop", viewport: { width: 1280, height: 800 } },
];
const schemes = { light: "light", dark: "navy" };
// Web Content Accessibility Guidelines 2.2, 1.4.3: 4.5 for text. The colours of code are mdBook's: 3, as for pictures.
const contrasts = { text: 4.5, code: 3 };

// A page with all the faults that are looked for: where they are not found, nothing is judged.
const faulty = 'data:text/html,<main style="color:silver"><p style="width:3000px">wide and pale</p><img src="none.png"></main>';

// In the page: what is wider than the window and does not scroll by itself.
function tooWide() {
  const width = document.documentElement.clientWidth;
  const found = [];
  if (document.scrollingElement.scrollWidth > width) found.push(`the page: ${document.scrollingElement.scrollWidth} of ${width}`);
  const scrolls = (element) => {
    for (let box = element.parentElement; box && box.tagName !== "MAIN"; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX) && box.getBoundingClientRect().right <= width + 1) return true;
    }
    return false;
  };
  for (const element of document.querySelectorAll("main *")) {
    const { right, width: own } = element.getBoundingClientRect();
    if (own > 0 && right > width + 1 && !scrolls(element)) found.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
  }
  return found;
}

// In the page: texts that are too like what is behind them, by WCAG's formula.
function unreadable(contrasts) {
  const parts = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let box = element; box; box = box.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(box).backgroundColor);
      if (a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const worst = new Map();
  for (const element of document.querySelectorAll("main *, nav *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!text || element.closest("svg") || !element.checkVisibility()) continue;
    const [a, b] = [light(parts(getComputedStyle(element).color).slice(0, 3)), light(behind(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const kind = element.closest("pre, code") ? "code" : "text";
    const name = `${element.tagName} ${element.className}`.trim();
    if (contrast < contrasts[kind] && contrast < (worst.get(name) ?? 99)) worst.set(name, contrast);
  }
  return [...worst].map(([name, contrast]) => `${name}: contrast ${contrast.toFixed(2)}`);
}

// In the page: pictures that are not there.
const missing = () => [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).map((image) => image.src);

// Finds a word by the book's own search, and follows the first result.
async function search(page, word) {
  await page.keyboard.press("s");
  await page.keyboard.type(word);
  const results = page.locator("#mdbook-searchresults li, #searchresults li");
  await results.first().waitFor({ timeout: 10_000 });
  const [count, title] = [await results.count(), (await results.first().locator("a").first().innerText()).trim()];
  const wide = await page.evaluate(tooWide);
  await results.first().locator("a").first().click();
  await page.locator("mark").first().waitFor({ timeout: 10_000 });
  const marked = (await page.locator("mark").first().innerText()).toLowerCase();
  if (!marked.includes(word)) throw new Error(`${word} is not marked on the page of the first result, but ${marked}`);
  return { count, title, wide };
}

async function main() {
  const browser = await require(playwright).chromium.launch({
    executablePath: chromium,
    // Root has no sandbox in Chromium; what is looked at is our own.
    args: process.getuid() === 0 ? ["--no-sandbox"] : [],
  });
  // 404.html is for servers alone, toc.html for browsers without scripts, print.html all pages in one.
  const others = ["404.html", "toc.html", "print.html"];
  const pages = readdirSync(book).filter((name) => name.endsWith(".html") && !others.includes(name));
  const findings = [];
  let looks = 0;
  for (const { name: device, ...settings } of devices) {
    for (const [scheme, theme] of Object.entries(schemes)) {
      const context = await browser.newContext({ ...settings, colorScheme: scheme });
      const page = await context.newPage();
      const before = findings.length;
      let place = "";
      const say = (what) => findings.push(`${device}, ${scheme}, ${place}: ${what}`);
      page.on("pageerror", (error) => say(error.message));
      page.on("console", (message) => message.type() === "error" && say(message.text()));
      await page.goto(faulty);
      const found = [await page.evaluate(tooWide), await page.evaluate(unreadable, contrasts), await page.evaluate(missing)];
      if (!found.every((what) => what.length > 0)) throw new Error(`the faults of a faulty page are not found: ${found}`);
      findings.length = before;
      for (place of pages) {
        await page.goto(pathToFileURL(join(book, place)).href);
        looks += 1;
        for (const what of await page.evaluate(tooWide)) say(`wider than the window: ${what}`);
        for (const what of await page.evaluate(unreadable, contrasts)) say(what);
        for (const what of await page.evaluate(missing)) say(`no picture: ${what}`);
        const classes = await page.evaluate(() => document.documentElement.className.split(" "));
        if (!classes.includes(theme)) say(`the theme is not ${theme}, but ${classes}`);
        if (["index.html", "how.html", "live.html", "options.html"].includes(place)) {
          await page.screenshot({ path: join(directory, `${place.replace(".html", "")}-${device}-${scheme}.png`) });
        }
      }
      place = "search";
      await page.goto(pathToFileURL(join(book, "index.html")).href);
      const { count, title, wide } = await search(page, "proxy");
      for (const what of wide) say(`wider than the window: ${what}`);
      console.log(`${device}, ${scheme}: "proxy" has ${count} results; the first is "${title}"`);
      await page.screenshot({ path: join(directory, `search-${device}-${scheme}.png`) });
      await context.close();
    }
  }
  const version = browser.version();
  await browser.close();
  for (const finding of [...new Set(findings)]) console.log(finding);
  console.log(`Chromium ${version}: ${pages.length} pages, ${looks} looks, ${new Set(findings).size} findings`);
  return findings.length === 0 ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
