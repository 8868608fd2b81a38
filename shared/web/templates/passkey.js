"use strict";
const form = document.getElementById("passkey-form");
const told = document.getElementById("passkey-told");
const button = form.querySelector("button");
const options = JSON.parse(form.dataset.options);
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
options.challenge = bytes(options.challenge);
// One request at a time: the button takes over from the list of the browser.
let waiting = null;
async function ask(mediation) {
  if (waiting) waiting.abort();
  const mine = new AbortController();
  waiting = mine;
  // What was told stays while the list waits by itself.
  if (mediation !== "conditional") told.textContent = "";
  try {
    const asked = navigator.credentials.get({ publicKey: options, mediation, signal: mine.signal });
    const found = await asked.finally(() => { if (waiting === mine) waiting = null; });
    const { clientDataJSON, authenticatorData, signature, userHandle } = found.response;
    const response = { clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature) };
    if (userHandle) response.userHandle = text(userHandle);
    form.elements.passkey.value = JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
    button.disabled = true;
    form.submit();
  } catch (error) {
    if (mine.signal.aborted || mediation === "conditional") return;
    told.textContent = error.name === "NotAllowedError" ? form.dataset.cancelled : form.dataset.failed;
    offer();
  }
}
// The list of the browser at the field for the address, where it has one.
async function offer() {
  const can = PublicKeyCredential.isConditionalMediationAvailable;
  // The button may have been pressed meanwhile.
  if (can && (await can.call(PublicKeyCredential)) && !waiting) await ask("conditional");
}
const here = location.hostname === options.rpId || location.hostname.endsWith(`.${options.rpId}`);
if (here && window.PublicKeyCredential) {
  form.hidden = false;
  button.addEventListener("click", () => ask("optional"));
  // Back from the page after it: the form can be sent again.
  addEventListener("pageshow", () => { button.disabled = false; });
  offer();
}
