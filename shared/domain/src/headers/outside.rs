//! What back ends say of themselves, in the words of who is outside: references and cookies that name their addresses and paths
//! get those of the gateway. What no route leads to is left out, since it could tell no more than an inner address.

use std::borrow::Cow;

use http::header::HeaderValue;
use percent_encoding::percent_decode_str;
use url::{Origin, ParseError, Position, Url};

/// Where an address of a reference is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It belongs to no back end.
    Elsewhere,
    /// A route leads to it: the path here, without that of the stage.
    Here(String),
    /// It belongs to a back end, and no route leads there.
    Nowhere,
}

/// Looks up the place of a host, a port unless it is the usual one, and a path.
pub type Lookup<'a> = &'a dyn Fn(&str, Option<u16>, &str) -> Place;

/// The two sides of one call.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// The URL of the call, as clients reach the gateway.
    pub called: &'a Url,
    /// The URL at the back end.
    pub forwarded: &'a Url,
    /// The path before all paths of the gateway, such as `/prod`, without a slash at its end. Mostly empty.
    pub stage: &'a str,
    /// The path before all paths at the back end, and what stands in its place here: `/app` and `/shop`. Both may be empty.
    pub bases: (&'a str, &'a str),
    /// Where addresses are.
    pub place: Lookup<'a>,
    /// Whether anything here has this path, which is without that of the stage.
    pub is_path: &'a dyn Fn(&str) -> bool,
}

impl Outside<'_> {
    /// A reference as it is right outside; `None` if it leads to where no route does. References are read and resolved as
    /// browsers do it (RFC 3986 §5 by the rules of WHATWG URL), which read what is malformed in one way only.
    pub(super) fn reference<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let target = self.forwarded.join(text).ok()?;
        let is_web = matches!(target.scheme(), "http" | "https");
        if !is_web {
            // No route leads to an address of another scheme.
            let inner = target.host_str().is_some_and(|_| self.place_of(&target) != Place::Elsewhere);
            return (!inner).then_some(Cow::Borrowed(text));
        }
        if target.origin() == self.called.origin() {
            return self.own_path_at_our_host(text, &target);
        }
        match self.place_of(&target) {
            Place::Elsewhere => Some(Cow::Borrowed(text)),
            Place::Here(path) => self.here(text, &target, &path),
            // A relative one names no address, and is as wrong or right as it was.
            Place::Nowhere if is_relative(text) => Some(Cow::Borrowed(text)),
            Place::Nowhere => None,
        }
    }

    /// A system that takes its host from `X-Forwarded-Host`, and nothing from `X-Forwarded-Prefix`, writes a path of its own behind
    /// the gateway's host. It is one if nothing here has that path.
    fn own_path_at_our_host<'t>(&self, text: &'t str, target: &Url) -> Option<Cow<'t, str>> {
        let ours = below(target.path(), self.stage).is_some_and(|path| (self.is_path)(path));
        let host = self.forwarded.host_str().unwrap_or_default();
        match (self.place)(host, self.forwarded.port(), target.path()) {
            // An API whose paths are not moved has every path, as far as that is known, and what no route has is another application's.
            Place::Here(path) if !ours && (self.is_path)(&path) => self.here(text, target, &path),
            Place::Here(_) | Place::Elsewhere | Place::Nowhere => Some(Cow::Borrowed(text)),
        }
    }

    /// A reference to this path here, with the query and the fragment of the target.
    fn here<'t>(&self, text: &'t str, target: &Url, path: &str) -> Option<Cow<'t, str>> {
        let path = format!("{}{path}", self.stage);
        // Where it leads to the right place by itself, it stays as it is.
        let seen = self.called.join(text).ok();
        if seen.is_some_and(|seen| seen.origin() == self.called.origin() && same_path(seen.path(), &path)) {
            return Some(Cow::Borrowed(text));
        }
        // Two slashes at the beginning would name a host, wherever they come from.
        let written = format!("{path}{}", &target[Position::AfterPath..]);
        let leads_here = self.called.join(&written).is_ok_and(|led| led.origin() == self.called.origin());
        leads_here.then_some(Cow::Owned(written))
    }

    /// Scheme, host and port of the place that a reference means at the back end.
    pub(super) fn host_of(&self, text: &str) -> Option<Origin> {
        self.forwarded.join(text).ok().map(|target| target.origin())
    }

    /// Whether a reference names an address of a back end, or a path there.
    pub(super) fn is_inner(&self, text: &str) -> bool {
        self.forwarded.join(text).is_ok_and(|target| self.place_of(&target) != Place::Elsewhere)
    }

    fn place_of(&self, target: &Url) -> Place {
        (self.place)(target.host_str().unwrap_or_default(), target.port(), target.path())
    }

    /// A `Set-Cookie` (RFC 6265 §5.2) with its `Path` and `Domain` as they are right outside. A domain that does not include the
    /// gateway's host is left out, since no client would take it; so the cookie is the host's alone. `None` for a cookie of
    /// paths that no call of this API has.
    pub(super) fn cookie(&self, value: &HeaderValue) -> Option<HeaderValue> {
        // Each byte as one character, since a value may have any.
        let text: String = value.as_bytes().iter().copied().map(char::from).collect();
        let mut parts = text.split(';');
        let mut written = parts.next().unwrap_or_default().to_owned();
        // Such a cookie has the path `/` or none takes it (RFC 6265bis §4.1.3.2).
        let is_of_host = written.trim_start().get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("__Host-"));
        let mut changed = false;
        for attribute in parts {
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = value.trim();
            if name.trim().eq_ignore_ascii_case("domain") && !self.is_within(value) {
                changed = true;
                continue;
            }
            if name.trim().eq_ignore_ascii_case("path") && value.starts_with('/') && !is_of_host {
                let path = self.cookie_path(value)?;
                changed |= path != value;
                written.push_str("; Path=");
                written.push_str(&path);
                continue;
            }
            written.push(';');
            written.push_str(attribute);
        }
        if !changed {
            return Some(value.clone());
        }
        let bytes: Vec<u8> = written.chars().filter_map(|character| u8::try_from(character).ok()).collect();
        HeaderValue::from_bytes(&bytes).ok()
    }

    /// A cookie's path, which is the beginning of paths.
    fn cookie_path(&self, inside: &str) -> Option<String> {
        let (base, here) = self.bases;
        let here = match below(inside, base) {
            // All of the back end is all of the API, with and without a slash at its end.
            Some("/") if base.is_empty() => here.to_owned(),
            Some(rest) => format!("{here}{rest}"),
            // It is for all of the system, of which this API is a part.
            None if below(base, inside.trim_end_matches('/')).is_some() => here.to_owned(),
            None => match self.forwarded.join(inside).map(|target| self.place_of(&target)) {
                Ok(Place::Here(path)) => path,
                Ok(Place::Elsewhere | Place::Nowhere) | Err(_) => return None,
            },
        };
        let path = format!("{}{here}", self.stage);
        Some(if path.is_empty() { "/".to_owned() } else { path })
    }

    /// Whether the gateway's host is in this domain (RFC 6265 §5.1.3).
    fn is_within(&self, domain: &str) -> bool {
        let domain = domain.trim_start_matches('.').to_ascii_lowercase();
        let host = self.called.host_str().filter(|_| !domain.is_empty());
        let before = host.and_then(|host| host.strip_suffix(&domain));
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    /// A value of any other field, in which addresses of back ends are the gateway's, and so are their hosts alone.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.addresses(text) {
            Cow::Borrowed(text) => self.hosts(text),
            Cow::Owned(text) => Cow::Owned(self.hosts(&text).into_owned()),
        }
    }

    /// Replaces hosts that stand without a scheme, with a port or without one. One without a dot could be any word, unless the port is
    /// the back end's.
    fn hosts<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_inner = |host: &str, port: Option<u16>| match (self.place)(host, port, "/") {
            Place::Elsewhere => false,
            Place::Here(_) | Place::Nowhere if host.contains('.') => true,
            Place::Here(_) | Place::Nowhere => {
                let known = self.forwarded.host_str().is_some_and(|known| known.eq_ignore_ascii_case(host));
                known && port.is_some() && port == self.forwarded.port_or_known_default()
            }
        };
        let (mut written, mut done, mut next) = (String::new(), 0_usize, 0_usize);
        while let Some(begin) = text.get(next..).and_then(|rest| rest.find(of_host)).map(|at| next.saturating_add(at)) {
            let rest = text.get(begin..).unwrap_or_default();
            let host = rest.find(|c: char| !of_host(c)).map_or(rest, |end| rest.get(..end).unwrap_or_default());
            let port = rest.get(host.len()..).and_then(|rest| rest.strip_prefix(':'));
            let digits = port.map_or("", |port| {
                port.find(|c: char| !c.is_ascii_digit()).map_or(port, |end| port.get(..end).unwrap_or_default())
            });
            let number = digits.parse::<u16>().ok();
            let length = host.len().saturating_add(number.map_or(0, |_| digits.len().saturating_add(1)));
            next = begin.saturating_add(length.max(1));
            let before = text.get(..begin).unwrap_or_default();
            // Behind one slash it is a part of a path.
            let in_path = before.ends_with('/') && !before.ends_with("//");
            let is_host = !in_path && !host.starts_with('.') && (host.contains('.') || number.is_some());
            let ours = self.called.host_str().is_some_and(|ours| ours.eq_ignore_ascii_case(host));
            if is_host && !ours && is_inner(host, number) {
                written.push_str(text.get(done..begin).unwrap_or_default());
                written.push_str(&self.called[Position::BeforeHost..Position::BeforePath]);
                done = next;
            }
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        written.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(written)
    }

    fn addresses<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut written = String::new();
        let mut done = 0;
        for (at, _) in text.match_indices("://") {
            let before = text.get(done..at).unwrap_or_default();
            let scheme =
                before.len().saturating_sub(before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()).len());
            let begin = at.saturating_sub(scheme);
            let host = text.get(at.saturating_add(3)..).unwrap_or_default();
            let ends = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | ':' | '[' | ']' | '_' | '@');
            let end = text.len().saturating_sub(host.len()).saturating_add(host.find(ends).unwrap_or(host.len()));
            let Ok(target) = Url::parse(text.get(begin..end).unwrap_or_default()) else { continue };
            if target.origin() != self.called.origin() && self.place_of(&target) != Place::Elsewhere {
                written.push_str(text.get(done..begin).unwrap_or_default());
                written.push_str(&self.called[..Position::BeforePath]);
                done = end;
            }
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        written.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(written)
    }
}

/// Whether a reference has neither a scheme, nor a host, nor a path from the root.
fn is_relative(text: &str) -> bool {
    let begins = text.trim_start_matches(|c: char| c <= ' ').starts_with(['/', '\\']);
    !begins && Url::parse(text) == Err(ParseError::RelativeUrlWithoutBase)
}

/// Whether two paths are one, however their characters are encoded.
fn same_path(one: &str, other: &str) -> bool {
    percent_decode_str(one).eq(percent_decode_str(other))
}

/// What is behind a path that another one begins with, at the end of a segment.
fn below<'p>(path: &'p str, base: &str) -> Option<&'p str> {
    path.strip_prefix(base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
pub(super) mod tests;
