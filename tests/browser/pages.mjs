// usage: pages.mjs DIRECTORY   Prints as JSON how many pages were checked, and what is wrong with them: those in DIRECTORY/en
// on a phone and a desktop, light and dark, and those in DIRECTORY/de, whose words are longer, on a phone.
import path from "node:path";
import { DESKTOP, PHONE, address, complaints, findings, launch, names, serve } from "./browser.mjs";

const [directory] = process.argv.slice(2);
const browser = await launch();

// What is wrong with each page of a language, by its name.
async function view([language, viewport, colorScheme]) {
  const pages = path.join(directory, language);
  const context = await browser.newContext({ viewport, colorScheme });
  await serve(context, pages);
  const all = [];
  for (const name of names(pages)) {
    const page = await context.newPage();
    const complained = complaints(page);
    await page.goto(address(name));
    const found = [...(await findings(page)), ...complained];
    all.push(found.map((text) => `${language}/${name}, ${viewport.width} ${colorScheme}: ${text}`));
    await page.close();
  }
  return all;
}

const views = [["en", PHONE, "light"], ["en", PHONE, "dark"], ["en", DESKTOP, "light"], ["de", PHONE, "light"]];
const all = (await Promise.all(views.map(view))).flat();
await browser.close();
console.log(JSON.stringify({ checked: all.length, told: all.flat() }));
