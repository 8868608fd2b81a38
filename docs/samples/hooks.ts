// A hook in TypeScript: it verifies that a question comes from the gateway, has a say in tokens (`hooks` in gateway.yaml), says by which name
// a legacy system knows a new user, and takes events (`events`).
//
// `HOOK_KEY` is the text of the secret that the gateway signs with, `SUSPENDED` are user ids with commas between.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

interface Question {
  type: string;
  timestamp: number;
  // Of events.
  id?: string;
  subject?: string;
  data: { user_id?: string; email?: string; [member: string]: unknown };
}
type Answer =
  | { allow: false }
  | { allow: true; scope?: string; claims?: Record<string, unknown> }
  | { links?: Record<string, string> };

const key = process.env.HOOK_KEY;
if (key === undefined) throw new Error("HOOK_KEY is missing");
const webhook = new Webhook(key);
const suspended = new Set((process.env.SUSPENDED ?? "").split(",").filter((id) => id !== ""));
const largest = 64 * 1024;

// Events come at least once. This one forgets when it ends; a company keeps ids beside what it makes of them.
const had = new Set<string>();

function take(id: string, type: string, subject: string): Answer {
  if (!had.has(id)) console.log(`${type} ${subject}`);
  had.add(id);
  return {};
}

function answer({ type, id, subject, data }: Question): Answer | undefined {
  const allow = !suspended.has(data.user_id ?? "");
  switch (type) {
    case "allow_refresh":
      return { allow };
    case "map_scope":
      // What is left out stays as it was to be.
      return allow ? { allow, claims: { "https://company.example/claims/tier": "gold" } } : { allow };
    case "registered":
      // It is asked until it answers: an answer has to be the same each time.
      return { links: { "orders-login": String(data.email) } };
    default:
      return id === undefined ? undefined : take(id, type, subject ?? "");
  }
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  let length = 0;
  request.on("data", (part: Buffer) => {
    length += part.length;
    if (length > largest) request.destroy();
    else parts.push(part);
  });
  request.on("end", () => {
    const header = (name: string) => String(request.headers[name] ?? "");
    const signed = {
      "webhook-id": header("webhook-id"),
      "webhook-timestamp": header("webhook-timestamp"),
      "webhook-signature": header("webhook-signature"),
    };
    let question: Question;
    try {
      // Whoever can reach this port can send a message. Old ones are refused, too.
      question = webhook.verify(Buffer.concat(parts).toString("utf8"), signed) as Question;
    } catch {
      response.writeHead(401).end();
      return;
    }
    const said = answer(question);
    if (said === undefined) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(said));
  });
});
server.listen(Number(process.env.PORT ?? "8090"), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`);
});
