//! Sends a form of a page as a browser does (WHATWG HTML §4.10.22).

use encoding_rs::{Encoding, UTF_8};
use gateway_config::connector::{FormChoice, Submit};
use http::Method;
use percent_encoding::percent_encode;
use url::Url;
use zeroize::Zeroizing;

use super::content::{Absent, Content};
use super::page::{Control, ControlKind, Form};
use super::request::{FORM, Values, expanded};
use crate::{charset, reference};

/// Why a form cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotSent {
    #[error("the page before has no form")]
    NoForm,
    #[error("the page before has no form as `submit.form` says")]
    NoSuchForm,
    #[error("the form has no button as `submit.button` says")]
    NoButton,
    #[error("the form is sent as multipart/form-data or text/plain, which is not supported")]
    Enctype,
    #[error("the form's action is not an address that can be called")]
    Action,
    #[error("the form is sent by GET, which would put the password into the URL")]
    PasswordInUrl,
    #[error("a value of `submit.fields` is missing")]
    NoValue,
    #[error("{0}")]
    Unreadable(#[from] Absent),
}

/// A form, ready to be sent.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) method: Method,
    pub(super) url: Url,
    /// The body of a POST. A GET has it in its URL.
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
}

/// The form that a browser would send, with `fields` typed in.
pub(super) fn submission(
    submit: &Submit,
    page: &Content,
    values: Values<'_>,
    has_password: bool,
) -> Result<Submission, NotSent> {
    let read = page.page()?;
    let form = chosen(submit, &read.forms, has_password)?;
    let button = button(submit, form)?;
    let (mut action, mut method) = (form.action.as_deref(), form.method.as_deref());
    if let Some(ControlKind::Submit { action: other, method: another, .. }) = button.map(|button| &button.kind) {
        action = other.as_deref().or(action);
        method = another.as_deref().or(method);
    }
    let enctype = form.enctype.as_deref().unwrap_or_default().trim();
    let post = method.is_some_and(|method| method.trim().eq_ignore_ascii_case("post"));
    if post && ["multipart/form-data", "text/plain"].iter().any(|other| other.eq_ignore_ascii_case(enctype)) {
        return Err(NotSent::Enctype);
    }
    if !post && has_password {
        return Err(NotSent::PasswordInUrl);
    }
    // An action that is missing or empty is the page itself, whatever its base is.
    let mut url = match (action.map(str::trim).filter(|action| !action.is_empty()), &read.base) {
        (None, _) => Some(page.url.clone()),
        (Some(action), None) => reference::resolved(&page.url, action),
        (Some(action), Some(base)) => {
            let base = reference::resolved(&page.url, base.trim()).unwrap_or_else(|| page.url.clone());
            reference::resolved(&base, action)
        }
    }
    .ok_or(NotSent::Action)?;
    let encoding = charset::of_form(form.accept_charset.as_deref(), page.encoding()?);
    let entries = entries(submit, form, button, encoding, values)?;
    let body = encoded(&entries, encoding);
    if post {
        return Ok(Submission { method: Method::POST, url, body: Some(body) });
    }
    url.set_query(Some(std::str::from_utf8(&body).map_err(|_| NotSent::Action)?));
    Ok(Submission { method: Method::GET, url, body: None })
}

fn chosen<'p>(submit: &Submit, forms: &'p [Form], has_password: bool) -> Result<&'p Form, NotSent> {
    let found = |is: &dyn Fn(&&Form) -> bool| forms.iter().find(|form| is(form)).ok_or(NotSent::NoSuchForm);
    match &submit.form {
        Some(FormChoice::Id(id)) => found(&|form| form.id.as_ref() == Some(id)),
        Some(FormChoice::Name(name)) => found(&|form| form.name.as_ref() == Some(name)),
        Some(FormChoice::Action(text)) => found(&|form| form.action.as_ref().is_some_and(|to| to.contains(text))),
        None => {
            // The one that has most of the fields: not all, since a script of the page may add some. A password goes to no form that
            // asks for none, while another asks for one. Of equals, it is the first.
            let typed = |form: &Form| submit.fields.keys().filter(|name| form.has(name)).count();
            let rank = |form: &&Form| (has_password && form.has_password(), typed(form), form.has_password());
            forms.iter().rev().max_by_key(rank).ok_or(NotSent::NoForm)
        }
    }
}

/// The button that submits the form: the named one, or else the first.
fn button<'p>(submit: &Submit, form: &'p Form) -> Result<Option<&'p Control>, NotSent> {
    let mut buttons = form.controls.iter().filter(|control| matches!(control.kind, ControlKind::Submit { .. }));
    match &submit.button {
        None => Ok(buttons.next()),
        Some(name) => buttons.find(|button| button.name == *name).map(Some).ok_or(NotSent::NoButton),
    }
}

type Entry = (String, Zeroizing<String>);

fn entries(
    submit: &Submit,
    form: &Form,
    button: Option<&Control>,
    encoding: &'static Encoding,
    values: Values<'_>,
) -> Result<Vec<Entry>, NotSent> {
    let mut typed = Vec::new();
    for (name, template) in &submit.fields {
        typed.push((name.clone(), Some(expanded(template, values).ok_or(NotSent::NoValue)?)));
    }
    let mut entries: Vec<Entry> = Vec::new();
    for control in &form.controls {
        // What is typed takes the place of the field, and of each other field of that name.
        if let Some((name, value)) = typed.iter_mut().find(|(name, _)| *name == control.name) {
            entries.extend(value.take().map(|value| (name.clone(), value)));
            continue;
        }
        match &control.kind {
            ControlKind::Field { .. } if control.name == "_charset_" => {
                entries.push((control.name.clone(), Zeroizing::new(encoding.name().to_owned())));
            }
            ControlKind::Field { .. } | ControlKind::Check { checked: true } => {
                entries.push((control.name.clone(), control.value.clone()));
            }
            ControlKind::Submit { image, .. } if button.is_some_and(|button| std::ptr::eq(button, control)) => {
                if *image {
                    // An image sends where it was clicked.
                    let prefix = if control.name.is_empty() { String::new() } else { format!("{}.", control.name) };
                    entries.extend(["x", "y"].map(|axis| (format!("{prefix}{axis}"), Zeroizing::new("0".to_owned()))));
                } else if !control.name.is_empty() {
                    entries.push((control.name.clone(), control.value.clone()));
                }
            }
            ControlKind::Check { checked: false } | ControlKind::Submit { .. } => {}
        }
    }
    entries.extend(typed.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(entries)
}

/// `application/x-www-form-urlencoded`, in the encoding of the form. A character that it lacks is sent as its reference
/// (`&#8364;`), as browsers do.
fn encoded(entries: &[Entry], encoding: &'static Encoding) -> Zeroizing<Vec<u8>> {
    // A byte becomes three at most, and a character that the encoding lacks eight times its bytes. With room for all of it,
    // the buffer never moves and leaves no copy of the password in memory.
    let factor = if encoding == UTF_8 { 3_usize } else { 8 };
    let bytes: usize = entries.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum();
    let room = bytes.saturating_mul(factor).saturating_add(entries.len().saturating_mul(2));
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    for (position, (name, value)) in entries.iter().enumerate() {
        if position > 0 {
            body.push(b'&');
        }
        write(name, encoding, &mut body);
        body.push(b'=');
        write(value, encoding, &mut body);
    }
    body
}

fn write(text: &str, encoding: &'static Encoding, body: &mut Vec<u8>) {
    let bytes = Zeroizing::new(encoding.encode(text).0.into_owned());
    for piece in percent_encode(&bytes, FORM) {
        body.extend_from_slice(piece.as_bytes());
    }
}
