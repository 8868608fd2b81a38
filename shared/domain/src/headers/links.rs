//! Removes the parameters that hold the back end's session from references in its responses.

use super::{Injected, Reserved, squash};
use crate::query::decoded;

/// The path parameter in which servlet containers put a session if they do not rely on cookies.
const PATH_PARAMETER: &str = "jsessionid";

/// The sessions that must not be in a reference.
#[derive(Clone, Copy)]
pub(super) struct Sessions<'a> {
    pub(super) reserved: &'a Reserved,
    pub(super) injected: &'a Injected,
}

impl Sessions<'_> {
    fn is_none(&self) -> bool {
        self.injected.is_empty() && self.reserved.cookies.is_empty() && self.reserved.headers.is_empty()
    }

    /// Whether a parameter of a path, query or fragment holds a session, by its name or its value.
    fn has(&self, parameter: &str) -> bool {
        let name = decoded(parameter.split('=').next().unwrap_or_default());
        let squashed = squash(&name);
        squashed == PATH_PARAMETER
            || self.injected.has_parameter(&name)
            || self.reserved.cookies.iter().any(|cookie| squash(cookie) == squashed && !squashed.is_empty())
            || self.injected.is_in(parameter.as_bytes())
    }

    /// A reference (RFC 3986 §4.1) without the parameters that hold a session.
    pub(super) fn without(&self, reference: &str) -> String {
        if self.is_none() {
            return reference.to_owned();
        }
        let (rest, fragment) = split(reference, '#');
        let (path, query) = split(rest, '?');
        let mut segments = path.split('/');
        let mut text = segments.next().map(|first| self.path_segment(first)).unwrap_or_default();
        for segment in segments {
            text.push('/');
            text.push_str(&self.path_segment(segment));
        }
        for (mark, parameters) in [('?', query), ('#', fragment)] {
            let kept = parameters.map(|parameters| self.parameters(parameters));
            if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
                text.push(mark);
                text.push_str(&kept);
            }
        }
        text
    }

    fn path_segment(&self, segment: &str) -> String {
        let mut parts = segment.split(';');
        let first = parts.next().unwrap_or_default();
        let kept = parts.filter(|parameter| !self.has(parameter));
        std::iter::once(first).chain(kept).collect::<Vec<_>>().join(";")
    }

    fn parameters(&self, text: &str) -> String {
        let without = |pair: &str| -> Option<String> {
            let parts: Vec<&str> = pair.split(';').collect();
            let kept: Vec<&str> = parts.iter().copied().filter(|part| !self.has(part)).collect();
            (!kept.is_empty()).then(|| kept.join(";"))
        };
        text.split('&').filter_map(without).collect::<Vec<_>>().join("&")
    }

    /// A `Link` field whose references, between angle brackets, hold no session (RFC 8288 §3).
    pub(super) fn link(&self, value: &str) -> String {
        let mut text = String::new();
        let mut rest = value;
        while let Some((before, after)) = rest.split_once('<') {
            let Some((reference, after)) = after.split_once('>') else { break };
            text.push_str(before);
            text.push('<');
            text.push_str(&self.without(reference));
            text.push('>');
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// A `Refresh` field whose reference holds no session: `5; url=/there`, or without `url=`, which browsers also accept.
    pub(super) fn refresh(&self, value: &str) -> String {
        let Some(at) = value.find([';', ',']).map(|at| at.saturating_add(1)) else { return value.to_owned() };
        let (delay, reference) = value.split_at_checked(at).unwrap_or((value, ""));
        format!("{delay}{}", self.without(reference))
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}
