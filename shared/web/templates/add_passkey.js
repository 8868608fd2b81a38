"use strict";
// The form is hidden until it is known that it can do something.
const add = document.getElementById("add-passkey");
const told = document.getElementById("add-passkey-told");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
// The challenge is good for five minutes. What is made by one that has lapsed is refused, and its device would keep it. How old the page is:
// some browsers stop the first clock while the device sleeps.
const [LIFETIME, OLD, MARGIN] = [300_000, 240_000, 10_000];
const opened = Date.now();
const age = () => Math.max(performance.now(), Date.now() - opened);
// The options as JSON has them, with bytes in the places where the browser takes bytes (WebAuthn Level 3 §5.1.9). Not every browser has
// a function for that yet.
const asked = JSON.parse(add.dataset.options);
const options = () => {
  const all = JSON.parse(add.dataset.options);
  // What is made in time is also sent in time.
  all.timeout = LIFETIME - MARGIN - age();
  all.challenge = bytes(all.challenge);
  all.user.id = bytes(all.user.id);
  all.excludeCredentials = (all.excludeCredentials ?? []).map((known) => ({ ...known, id: bytes(known.id) }));
  return all;
};
const mistake = (error) => {
  if (error.name === "InvalidStateError") return add.dataset.known;
  return error.name === "NotAllowedError" || error.name === "AbortError" ? add.dataset.cancelled : add.dataset.failed;
};
const make = async (event) => {
  event.preventDefault();
  if (age() > OLD) {
    location.replace(location.pathname);
    return;
  }
  told.textContent = "";
  const button = add.querySelector("button");
  button.disabled = true;
  try {
    const made = await navigator.credentials.create({ publicKey: options() });
    const { clientDataJSON, attestationObject } = made.response;
    sessionStorage.setItem(MADE, `${asked.user.id} ${made.id}`);
    add.elements.credential.value = JSON.stringify({
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      authenticatorAttachment: made.authenticatorAttachment ?? undefined,
      clientExtensionResults: made.getClientExtensionResults(),
      response: {
        clientDataJSON: text(clientDataJSON),
        attestationObject: text(attestationObject),
        transports: made.response.getTransports?.() ?? [],
      },
    });
    add.submit();
  } catch (error) {
    told.textContent = mistake(error);
    button.disabled = false;
    button.focus();
  }
};
// What a device has made for this person, and the gateway does not have after all, the device is told to forget, where the browser can.
const MADE = "passkey-made";
const forget = () => {
  const [user, id] = (sessionStorage.getItem(MADE) ?? "").split(" ");
  sessionStorage.removeItem(MADE);
  const known = (asked.excludeCredentials ?? []).some((one) => one.id === id);
  if (user !== asked.user.id || known) return;
  PublicKeyCredential.signalUnknownCredential?.({ rpId: asked.rp.id, credentialId: id }).catch(() => {});
};
// A browser takes passkeys of the domain that the page is under, and of no other.
const ofDomain = (id) => location.hostname === id || location.hostname.endsWith(`.${id}`);
if (window.PublicKeyCredential && ofDomain(asked.rp.id)) {
  document.getElementById("no-passkeys-here").hidden = true;
  add.hidden = false;
  add.addEventListener("submit", make);
  forget();
}
