//! A response of a login, of which each part is read when it is asked for: its decoded body, its forms and its values.

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use encoding_rs::Encoding;
use gateway_config::connector::Extract;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{Response, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use super::cookies::Jar;
use super::page::{self, Page, TooMany};
use super::{MAX_RESPONSE, json};
use crate::charset;
use crate::content_coding::{self, NotDecoded};

/// How much of a body is searched for a pattern, in bytes. A search takes time, and responses to a login are small.
const SEARCHED: usize = 256 * 1024;

/// Why a response has no value at the configured place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Absent {
    #[error("the response has nothing there")]
    NotThere,
    #[error("the response has neither a text nor a number there")]
    NoText,
    #[error("the response has no time there that can be read")]
    NoTime,
    #[error("the response's body is JSON in UTF-32: it must be UTF-8 (RFC 8259 §8.1)")]
    Wide,
    #[error("the response's body is not JSON")]
    NoJson,
    #[error("the page has more forms or fields than are read")]
    TooMany,
    #[error("{0}")]
    NotDecoded(#[from] NotDecoded),
}

/// A response, the URL that was requested, and what came before it in the same step.
pub(super) struct Content {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The names of the cookies that the responses of this step have set and not deleted again.
    pub(super) set: Vec<String>,
    /// How many redirects of this step led here.
    pub(super) redirects: u8,
    raw: Bytes,
    body: OnceLock<Result<Bytes, NotDecoded>>,
    page: OnceLock<Result<Page, TooMany>>,
}

impl Content {
    pub(super) fn new(url: Url, response: Response<Bytes>, set: Vec<String>, redirects: u8) -> Self {
        let (head, raw) = response.into_parts();
        let (status, headers) = (head.status, head.headers);
        Self { url, status, headers, set, redirects, raw, body: OnceLock::new(), page: OnceLock::new() }
    }

    /// The decoded body.
    pub(super) fn body(&self) -> Result<&Bytes, Absent> {
        let body = self.body.get_or_init(|| content_coding::decoded(&self.headers, &self.raw, MAX_RESPONSE));
        body.as_ref().map_err(|absent| Absent::from(*absent))
    }

    /// How many bytes were received.
    pub(super) fn received(&self) -> usize {
        self.raw.len()
    }

    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The encoding of the page.
    pub(super) fn encoding(&self) -> Result<&'static Encoding, Absent> {
        Ok(charset::of_page(self.header(CONTENT_TYPE), self.body()?))
    }

    /// The body as text.
    pub(super) fn text(&self) -> Result<Cow<'_, str>, Absent> {
        Ok(charset::text(self.encoding()?, self.body()?))
    }

    /// The forms of the page.
    pub(super) fn page(&self) -> Result<&Page, Absent> {
        let text = self.text()?;
        self.page.get_or_init(|| page::read(&text)).as_ref().map_err(|TooMany| Absent::TooMany)
    }

    /// The value at this place, as it is written, in the JSON body.
    pub(super) fn json<T>(&self, pointer: &str, read: impl FnOnce(&str) -> Result<T, Absent>) -> Result<T, Absent> {
        let body = self.body()?;
        let text = charset::text(charset::of_json(body).ok_or(Absent::Wide)?, body);
        read(json::at(&text, pointer)?)
    }

    /// The value at a configured place.
    pub(super) fn value(&self, jar: &Jar, place: &Extract) -> Result<Zeroizing<String>, Absent> {
        let value = match place {
            Extract::Cookie(name) => {
                let cookie = jar.get(name.as_str(), &self.url);
                cookie.and_then(|cookie| cookie.value()).ok_or(Absent::NotThere)?.to_owned()
            }
            Extract::JsonPointer(pointer) => self.json(pointer.as_str(), json::text)?,
            Extract::Header(name, pattern) => {
                let value = self.header(name).ok_or(Absent::NotThere)?;
                match pattern {
                    None => value.to_owned(),
                    Some(pattern) => pattern.group(value).ok_or(Absent::NotThere)?.to_owned(),
                }
            }
            Extract::Body(pattern) => {
                let text = self.text()?;
                let searched = text.get(..text.floor_char_boundary(SEARCHED)).unwrap_or(&text);
                pattern.group(searched).ok_or(Absent::NotThere)?.to_owned()
            }
            Extract::Input(name) => return self.page()?.field(name).cloned().ok_or(Absent::NotThere),
        };
        Ok(Zeroizing::new(value))
    }
}
