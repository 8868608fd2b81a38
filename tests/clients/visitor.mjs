// A user with a browser that has no window: keeps cookies, fills in the gateway's forms and follows its redirects.
import { issuer, user } from "./gateway.mjs";

const MOST_PAGES = 10;

export class Visitor {
  #cookies = new Map();

  // Goes to a page of the gateway, logs in, gives this decision if asked for consent, and returns the URL of the app to which
  // the gateway redirects.
  async visit(url, decision = "allow") {
    let at = new URL(url);
    let response = await this.#send(at);
    for (let page = 0; page < MOST_PAGES; page++) {
      if (response.status === 303) {
        at = new URL(response.headers.get("Location"), at);
        if (at.origin !== issuer.origin) return at;
        response = await this.#send(at);
      } else {
        const html = await response.text();
        const token = html.match(/name="form_token" value="([^"]*)"/)?.[1];
        if (response.status !== 200 || !token) throw new Error(`${response.status} at ${at}: ${html}`);
        const answers = html.includes('name="password"') ? user : { decision };
        response = await this.#send(at, new URLSearchParams({ form_token: token, ...answers }));
      }
    }
    throw new Error(`the pages have no end at ${at}`);
  }

  async #send(url, body) {
    const Cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Cookie }, redirect: "manual" });
    // The Node.js 18 of Debian 12 gives all of them as one line. None of ours has a comma in it.
    const all = response.headers.getSetCookie?.() ?? response.headers.get("set-cookie")?.split(/,\s*/) ?? [];
    for (const cookie of all) {
      const [, name, value] = cookie.match(/^([^=]*)=([^;]*)/);
      this.#cookies.set(name, value);
    }
    return response;
  }
}
