// usage: screens.mjs DIRECTORY PICTURES   Takes one picture of each page in DIRECTORY/en, and of a few in DIRECTORY/de.
import { createRequire } from "node:module";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DESKTOP, PHONE, address, launch, names, serve } from "./browser.mjs";

const UPNG = createRequire(new URL("../../target/tools/browser/", import.meta.url))("upng-js");
const GAP = 24;
// The ground between the three, and how many colours a picture has: few, so that the repository stays small.
const GROUND = [0xc8, 0xcd, 0xd4, 0xff];
const COLOURS = 32;
const IN_GERMAN = ["login", "consent"];

const [directory, pictures] = process.argv.slice(2);
mkdirSync(pictures, { recursive: true });
const browser = await launch();

async function pages(language, settings) {
  const context = await browser.newContext(settings);
  await serve(context, path.join(directory, language));
  return context.newPage();
}

// The three side by side, each a list of bytes of colour and transparency.
function beside(shots) {
  const width = shots.reduce((sum, shot) => sum + shot.width + GAP, GAP);
  const height = Math.max(...shots.map((shot) => shot.height)) + 2 * GAP;
  const pixels = new Uint8Array(width * height * 4);
  for (let at = 0; at < pixels.length; at += 4) pixels.set(GROUND, at);
  let left = GAP;
  for (const shot of shots) {
    const rgba = new Uint8Array(UPNG.toRGBA8(shot)[0]);
    for (let row = 0; row < shot.height; row += 1) {
      const line = rgba.subarray(row * shot.width * 4, (row + 1) * shot.width * 4);
      pixels.set(line, ((row + GAP) * width + left) * 4);
    }
    left += shot.width + GAP;
  }
  return Buffer.from(UPNG.encode([pixels.buffer], width, height, COLOURS));
}

for (const language of ["en", "de"]) {
  const views = [
    await pages(language, { viewport: PHONE, colorScheme: "light" }),
    await pages(language, { viewport: PHONE, colorScheme: "dark" }),
    await pages(language, { viewport: DESKTOP, colorScheme: "light" }),
  ];
  for (const name of names(path.join(directory, language))) {
    if (language === "de" && !IN_GERMAN.includes(name)) continue;
    const shots = [];
    for (const view of views) {
      await view.goto(address(name));
      shots.push(UPNG.decode(await view.screenshot()));
    }
    writeFileSync(path.join(pictures, language === "en" ? `${name}.png` : `${name}-${language}.png`), beside(shots));
  }
}
await browser.close();
