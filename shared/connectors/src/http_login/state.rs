//! The stored form of a session: the token, then a line for each further value.

use std::fmt::Write as _;

use gateway_domain::time::Timestamp;
use zeroize::Zeroizing;

/// The longest value, in bytes. It must leave room for other headers of a call.
const MAX_VALUE: usize = 4096;

/// The name of the line with the time until which the session can be renewed. No configured value can have this name.
const RENEW_UNTIL: &str = "@renew_until";

/// The name of the line with the path of the token's cookie.
const PATH: &str = "@path";

/// A session, borrowed from its stored bytes. Without further values, the bytes are the token alone.
pub(super) struct State<'s> {
    /// The session token.
    pub(super) token: &'s str,
    /// Further values by name.
    pub(super) also: Vec<(&'s str, &'s str)>,
    /// Until when it can be renewed.
    pub(super) renew_until: Option<Timestamp>,
    /// The path that the system has given to the token's cookie, where another of that name could move the session.
    pub(super) path: Option<&'s str>,
}

impl<'s> State<'s> {
    /// Reads stored bytes. `None` if they are not a session.
    pub(super) fn read(bytes: &'s [u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        let mut state = Self { token: lines.next()?, also: Vec::new(), renew_until: None, path: None };
        for line in lines {
            let (name, value) = line.split_once('=')?;
            if name == RENEW_UNTIL {
                state.renew_until = Some(Timestamp::from_secs(value.parse().ok()?));
            } else if name == PATH {
                state.path = Some(value);
            } else {
                state.also.push((name, value));
            }
        }
        state.is_sound().then_some(state)
    }

    /// The bytes to store. `None` if a value cannot be sent.
    pub(super) fn write(&self) -> Option<Zeroizing<Vec<u8>>> {
        if !self.is_sound() {
            return None;
        }
        let values: usize = self.also.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        // The capacity suffices for all of it, so the buffer never moves and leaves no copy of the token in memory.
        let path = self.path.filter(|path| is_value(path));
        let room = self.token.len() + values + path.map_or(0, str::len) + 64;
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(self.token);
        for (name, value) in &self.also {
            text.push('\n');
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        if let Some(until) = self.renew_until {
            write!(text, "\n{RENEW_UNTIL}={until}").ok()?;
        }
        if let Some(path) = path {
            write!(text, "\n{PATH}={path}").ok()?;
        }
        Some(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// The value of this name.
    pub(super) fn value(&self, name: &str) -> Option<&'s str> {
        if name == "token" {
            return Some(self.token);
        }
        self.also.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn is_sound(&self) -> bool {
        is_value(self.token) && self.also.iter().all(|(_, value)| is_value(value))
    }
}

/// Whether a value can be part of a header, a cookie or a stored line and not end it early.
pub(super) fn is_value(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_VALUE && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_read_as_it_was_written_and_a_bare_token_is_one() {
        let state = State { token: "t=1", also: vec![("csrf", "a=b"), ("route", "r")], renew_until: None, path: None };
        let bytes = state.write().unwrap();
        assert_eq!(bytes.as_slice(), b"t=1\ncsrf=a=b\nroute=r");
        let read = State::read(&bytes).unwrap();
        assert_eq!((read.token, read.value("csrf"), read.value("route")), ("t=1", Some("a=b"), Some("r")));
        assert_eq!((read.value("token"), read.value("other")), (Some("t=1"), None));

        let until = Some(Timestamp::from_secs(1_800_000_000));
        let bytes = State { renew_until: until, also: vec![], ..state }.write().unwrap();
        assert_eq!(bytes.as_slice(), b"t=1\n@renew_until=1800000000");
        assert_eq!(State::read(&bytes).unwrap().renew_until, until);
        assert_eq!(State::read(b"bare").unwrap().token, "bare");
        let bytes = State { token: "t", also: vec![], renew_until: until, path: Some("/shop") }.write().unwrap();
        assert_eq!(bytes.as_slice(), b"t\n@renew_until=1800000000\n@path=/shop");
        assert_eq!(State::read(&bytes).unwrap().path, Some("/shop"));
    }

    #[test]
    fn bytes_that_are_no_session_are_told() {
        for bytes in [&b""[..], b"\xff", b"a\r\nX: 1", b"a\n", b"a\nb", b"a\nb=", b"a b", b"a\n@renew_until=x", b"a;b"]
        {
            assert!(State::read(bytes).is_none(), "{bytes:?}");
        }
        assert!(State { token: "a\n@renew_until=1", also: vec![], renew_until: None, path: None }.write().is_none());
    }
}
