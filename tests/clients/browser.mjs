// usage: browser.mjs URL   Goes to a page of the gateway as a visitor does, and on to the app, with $DECISION as the consent.
import { Visitor } from "./visitor.mjs";

await fetch(await new Visitor().visit(process.argv[2], process.env.DECISION));
