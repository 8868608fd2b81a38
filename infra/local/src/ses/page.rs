//! Shows the outbox to a person, and hands it to programs as JSON.
//!
//! A mail holds whatever a stranger typed into a form: text is escaped, and HTML is shown in a sandbox without an origin.

use std::fmt::Write as _;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use tokio::net::TcpListener;

use super::{Outbox, SentMail};
use crate::visitors;

/// No script, nothing from elsewhere, and no other page around it.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; \
                           form-action 'none'; frame-ancestors 'none'";
/// The same for the HTML of a mail, which has no origin either and is shown by the page alone.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
                           style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

pub(super) async fn serve(listener: TcpListener, outbox: Outbox) {
    let router = Router::new()
        .route("/", get(|| async { Redirect::to("/outbox") }))
        .route("/outbox", get(page))
        .route("/outbox.json", get(|State(outbox): State<Outbox>| async move { axum::Json(outbox.mails()) }))
        .route("/outbox/{id}", get(html_of_mail))
        .with_state(outbox);
    // Not `programs_only`: a person looks at it. A page of another site cannot read it, since no header allows that.
    let router = visitors::our_names_only(router, &listener);
    // It only ends by being aborted.
    let _ = axum::serve(listener, router).await;
}

async fn page(State(outbox): State<Outbox>) -> Response {
    let mut body = String::new();
    for mail in outbox.mails().iter().rev() {
        // Writing into a String cannot fail.
        let _ = article(&mut body, mail);
    }
    if body.is_empty() {
        body.push_str("<p>No mail yet. Reload when one was sent.</p>");
    }
    html(
        PAGE_POLICY,
        &format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Outbox</title><style>{STYLE}</style>\
             </head><body><h1>Outbox</h1>{body}</body></html>"
        ),
    )
}

async fn html_of_mail(State(outbox): State<Outbox>, Path(id): Path<String>) -> Response {
    match outbox.mails().into_iter().find(|mail| mail.id == id) {
        // Its links open beside the page, because nothing else may be shown in its frame.
        Some(mail) => html(MAIL_POLICY, &mail.html.replacen("<head>", "<head><base target=\"_blank\">", 1)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn html(policy: &'static str, body: &str) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (http::header::REFERRER_POLICY, "no-referrer"),
        (http::header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body.to_owned()).into_response()
}

fn article(body: &mut String, mail: &SentMail) -> std::fmt::Result {
    let (to, from, subject) = (escaped(&mail.to), escaped(&mail.from), escaped(&mail.subject));
    write!(body, "<article><h2>{subject}</h2><p>to {to}, from {from}</p><pre>")?;
    for line in mail.text.lines() {
        let line = escaped(line);
        if line.starts_with("http://") || line.starts_with("https://") {
            writeln!(body, "<a href=\"{line}\" target=\"_blank\" rel=\"noreferrer noopener\">{line}</a>")?;
        } else {
            writeln!(body, "{line}")?;
        }
    }
    let sandbox = "sandbox=\"allow-popups allow-popups-to-escape-sandbox\"";
    let frame = format!("<iframe {sandbox} src=\"/outbox/{}\" title=\"{subject}\"></iframe>", escaped(&mail.id));
    write!(body, "</pre><details><summary>HTML</summary>{frame}</details></article>")
}

/// A text as the content of an element or of an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;\
                     padding:0 1rem}article{border-top:1px solid #8888;padding:1rem 0}h2{font-size:1.1rem;margin:0}\
                     p{margin:.25rem 0;opacity:.8}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
                     iframe{width:100%;height:30rem;border:1px solid #8888;background:#fff}";
