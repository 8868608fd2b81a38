//! Serves Amazon SES on a local port: `SendEmail` with simple content. Mails go no further than the [`Outbox`].
//!
//! <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>

mod outbox;
mod page;
mod simulator;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use tokio::net::TcpListener;

use crate::access::{Access, Asked};
use crate::visitors;
pub use outbox::{Outbox, SentMail};

/// The sender of all mails of the local stack, and the domain that counts as verified.
pub(crate) const PARAMETERS: [(&str, &str); 2] =
    [("MailFrom", "no-reply@example.com"), ("MailIdentity", "example.com")];
/// Most bytes of a request; SES takes mails of up to 40 MB, and the gateway's are a few KB.
const LARGEST: usize = 1 << 20;

/// Tells the subscribers what became of a mail.
type Told = Arc<dyn Fn(Bytes) + Send + Sync>;

/// Serves this listener until dropped, to callers that `access` allows. Every mail that is accepted is put into the outbox;
/// `told` gets the event of one that bounces or is complained about.
pub(crate) async fn serve(
    listener: TcpListener,
    outbox: Outbox,
    access: Access,
    told: impl Fn(Bytes) + Send + Sync + 'static,
) {
    let told: Told = Arc::new(told);
    let router = Router::new().route("/v2/email/outbound-emails", post(send_email)).with_state((outbox, access, told));
    let router = visitors::programs_only(router, &listener);
    // It only ends by being aborted.
    let _ = axum::serve(listener, router).await;
}

/// Serves every caller. No stack does: it is for tests of who sends mail.
pub async fn serve_everybody(listener: TcpListener, outbox: Outbox) {
    serve(listener, outbox, Access::of_everybody(), |_| {}).await;
}

/// What the imitation knows of a request. Anything else is an error, because SES would not ignore it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: EmailContent,
    configuration_set_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Destination {
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct EmailContent {
    simple: Message,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Message {
    subject: Content,
    body: Body,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Body {
    text: Content,
    html: Content,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Content {
    data: String,
    charset: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Header {
    name: String,
    value: String,
}

async fn send_email(State((outbox, access, told)): State<(Outbox, Access, Told)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::PAYLOAD_TOO_LARGE.into_response() };
    let mail = serde_json::from_slice::<SendEmail>(&body).map_err(|error| error.to_string());
    // What cannot be read asks for nothing that a role could allow, so that it is refused before it is looked at.
    let asked = mail.as_ref().map_or_else(|_| vec![Asked::plain((ACTION.to_owned(), String::new()))], rights);
    if let Some(refusal) = access.refusal(&parts, &body, &asked) {
        return refusal;
    }
    match mail.and_then(accepted) {
        Ok((mail, configured)) => {
            let mail = outbox.add(mail);
            // Without a configuration set, SES tells nobody.
            if let Some(event) = simulator::event(&mail).filter(|_| configured) {
                told(event);
            }
            axum::Json(json!({ "MessageId": mail.id })).into_response()
        }
        Err(message) => {
            let kind = [("x-amzn-errortype", "BadRequestException")];
            (StatusCode::BAD_REQUEST, kind, axum::Json(json!({ "message": message }))).into_response()
        }
    }
}

const ACTION: &str = "ses:SendEmail";

/// The rights that a mail needs: to send in the name of the sender's domain, and with its configuration set.
fn rights(mail: &SendEmail) -> Vec<Asked> {
    let domain = address(&mail.from_email_address).rsplit_once('@').map_or("", |(_, domain)| domain);
    let set = mail.configuration_set_name.as_ref().map(|name| format!("configuration-set/{name}"));
    let resources = std::iter::once(format!("identity/{domain}")).chain(set);
    resources.map(|resource| Asked::plain((ACTION.to_owned(), resource))).collect()
}

/// The address of `Name <address>`, or the text itself.
fn address(text: &str) -> &str {
    text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'))
}

/// The mail as the outbox keeps it, and whether it has a configuration set; unless SES would refuse it.
fn accepted(mail: SendEmail) -> Result<(SentMail, bool), String> {
    let SendEmail { from_email_address: from, destination, content, configuration_set_name } = mail;
    let EmailContent { simple } = content;
    let [to] = <[String; 1]>::try_from(destination.to_addresses).map_err(|_| "the imitation takes one address")?;
    let Message { subject, body, headers } = simple;
    if [&subject, &body.text, &body.html].iter().any(|content| content.charset != "UTF-8") {
        return Err("the imitation takes UTF-8 alone".to_owned());
    }
    // SES sends neither to nor from an address with other characters before the @.
    if [to.as_str(), from.as_str(), subject.data.as_str()].iter().any(|text| text.contains(char::is_control))
        || !to.is_ascii()
        || !from.is_ascii()
    {
        return Err("Missing final '@domain', or a character that no header may have".to_owned());
    }
    let headers = headers.into_iter().map(|header| (header.name, header.value)).collect();
    let (text, html) = (body.text.data, body.html.data);
    let mail = SentMail { id: String::new(), time: 0, from, to, subject: subject.data, text, html, headers };
    Ok((mail, configuration_set_name.is_some()))
}

#[cfg(test)]
mod tests;
