"use strict";
const form = document.getElementById("try");
const shown = document.getElementById("try-response");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const value = (name) => form.elements[name].value;
  shown.textContent = "…";
  const url = new URL(form.dataset.base + value("try-path"), location.origin);
  // What is typed stays here: the token goes to this gateway alone.
  if (!value("try-path").startsWith("/") || url.origin !== location.origin) {
    shown.textContent = "A path begins with a slash.";
    return;
  }
  const headers = { authorization: `Bearer ${value("try-token").trim()}` };
  const method = value("try-method");
  const body = ["GET", "HEAD"].includes(method) || value("try-body") === "" ? undefined : value("try-body");
  if (body !== undefined) headers["content-type"] = value("try-type");
  try {
    // Without the cookies of these pages, as an app calls.
    const response = await fetch(url, { method, headers, body, credentials: "omit", redirect: "manual", cache: "no-store" });
    const lines = [`${response.status} ${response.statusText}`];
    for (const [name, text] of response.headers) lines.push(`${name}: ${text}`);
    const text = await response.text();
    shown.textContent = `${lines.join("\n")}\n\n${text.slice(0, 20000)}`;
  } catch (error) {
    shown.textContent = `No response: ${error.message}`;
  }
});
