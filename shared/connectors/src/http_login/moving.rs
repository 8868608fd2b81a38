//! Follows a session that the back end's responses move: another id in a cookie or a header, or its deletion.

use gateway_config::connector::{End, Extract};
use gateway_domain::time::Timestamp;

use super::HttpLogin;
use super::cookies::{ChangeKind, Jar, path_matches};
use super::state::{State, is_value};
use crate::{Moved, ResponseStart, reference};

/// What a response has at a place.
enum Found {
    Nothing,
    Value(String),
    Deleted,
}

impl HttpLogin {
    /// What a response of the back end has made of the session. A cookie counts if it would go with the next call of the same
    /// path, and if it is for the path that the token's has: one of another application on the host, with the same name and another
    /// path, is none of ours, also where calls go to both.
    pub(super) fn follow(&self, state: &[u8], response: &ResponseStart<'_>, now: Timestamp) -> Moved {
        let url = response.url().and_then(reference::url);
        let (Some(state), Some(url)) = (State::read(state), url) else { return Moved::Same };
        let mut jar = Jar::default();
        let changes = jar.keep(response.headers(), &url, now);
        let own_path = |named: Option<&str>| match (state.path, named) {
            (Some(own), Some(path)) => own == path,
            (None, _) | (_, None) => true,
        };
        let find = |place: &Extract| match place {
            Extract::Cookie(name) => {
                let name = name.as_str();
                let is_token = *place == self.settings.extract;
                let cookie = jar.all(name, &url).find(|cookie| !is_token || own_path(cookie.named_path()));
                let value = cookie.and_then(|cookie| cookie.value());
                let deleted = || {
                    let mut changes = changes.iter().filter(|change| change.name == name);
                    changes.any(|one| {
                        one.kind == ChangeKind::Deleted
                            && path_matches(url.path(), &one.path)
                            && (!is_token || own_path(one.names_path.then_some(one.path.as_str())))
                    })
                };
                match value {
                    Some(value) => Found::Value(value.to_owned()),
                    None if deleted() => Found::Deleted,
                    None => Found::Nothing,
                }
            }
            Extract::Header(name, pattern) => {
                let value = response.headers().get(name).and_then(|value| value.to_str().ok());
                let value = value.and_then(|value| match pattern {
                    Some(pattern) => pattern.group(value),
                    None => Some(value),
                });
                value.map_or(Found::Nothing, |value| Found::Value(value.to_owned()))
            }
            Extract::JsonPointer(_) | Extract::Body(_) | Extract::Input(_) => Found::Nothing,
        };
        let token = match find(&self.settings.extract) {
            Found::Deleted => return Moved::Ended,
            Found::Value(value) if is_value(&value) => value,
            Found::Value(_) | Found::Nothing => state.token.to_owned(),
        };
        let also: Vec<(&str, String)> = state
            .also
            .iter()
            .map(|(name, old)| {
                let place = self.settings.extract_also.iter().find(|(known, _)| known.as_str() == *name);
                match place.map(|(_, place)| find(place)) {
                    Some(Found::Value(value)) if is_value(&value) => (*name, value),
                    Some(Found::Value(_) | Found::Nothing | Found::Deleted) | None => (*name, (*old).to_owned()),
                }
            })
            .collect();
        let same = token == state.token && also.iter().zip(&state.also).all(|((_, new), (_, old))| new == old);
        if same {
            return Moved::Same;
        }
        let ends = match (&self.settings.expires.end, &self.settings.extract) {
            (Some(End::Cookie), Extract::Cookie(name)) => {
                let ours = jar.all(name.as_str(), &url).find(|cookie| own_path(cookie.named_path()));
                ours.and_then(|cookie| cookie.ends)
            }
            _ => None,
        };
        let also = also.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let moved = State { token: &token, also, ..state }.write();
        moved.map_or(Moved::Same, |state| Moved::To { state, ends })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{Response, Uri};

    use super::*;
    use crate::Connector as _;
    use crate::back_end::BackEndClient;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    /// What a response to a call of `/app/x` with these fields makes of the session `t1` with the CSRF value `c1`.
    #[expect(clippy::option_option, reason = "the same, an end, or another state")]
    fn after(more: &str, fields: &[(&str, &str)]) -> Option<Option<(String, Option<i64>)>> {
        let yaml = format!("extract_also: {{ csrf: {{ header: X-CSRF }} }}\n    {more}");
        let settings = crate::http_login::tests::settings("http://127.0.0.1:1", &yaml);
        let connector = HttpLogin::new(settings, BackEndClient::new().unwrap());
        let mut response = Response::builder().status(200);
        for (name, value) in fields {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::new()).unwrap();
        let url = Uri::from_static("https://shop.internal/app/x");
        match connector.moved(b"t1\ncsrf=c1", &ResponseStart::of(&response).at(&url), NOW) {
            Moved::Same => None,
            Moved::Ended => Some(None),
            Moved::To { state, ends } => {
                Some(Some((String::from_utf8(state.to_vec()).unwrap(), ends.map(Timestamp::as_secs))))
            }
        }
    }

    const MOVES: &str = "moves: freely";

    #[test]
    fn another_id_is_followed_and_a_deleted_one_is_the_end() {
        let to = |text: &str| Some(Some((text.to_owned(), None)));
        for (fields, expected) in [
            (&[("set-cookie", "SID=t2; Path=/app; HttpOnly")][..], to("t2\ncsrf=c1")),
            (&[("set-cookie", "SID=t2"), ("x-csrf", "c2")], to("t2\ncsrf=c2")),
            (&[("x-csrf", "c2")], to("t1\ncsrf=c2")),
            (&[("set-cookie", "SID=t2"), ("set-cookie", "SID=t3")], to("t3\ncsrf=c1")),
            (&[("set-cookie", "SID=; Max-Age=0; Path=/")], Some(None)),
            (&[("set-cookie", "SID=t2; Expires=Thu, 01 Jan 1970 00:00:00 GMT")], Some(None)),
            (&[("set-cookie", "SID=t1; Path=/")], None),
            (&[("set-cookie", "OTHER=t2")], None),
            // Not ours: another application, another host, and what no header can carry.
            (&[("set-cookie", "SID=t2; Path=/other")], None),
            (&[("set-cookie", "SID=; Path=/old; Max-Age=0")], None),
            (&[("set-cookie", "SID=; Path=/other")], None),
            (&[("set-cookie", "SID=t2; Domain=example.com")], None),
            (&[("set-cookie", "SID=a b")], None),
            (&[], None),
        ] {
            assert_eq!(after(MOVES, fields), expected, "{fields:?}");
        }
        assert_eq!(after("", &[("set-cookie", "SID=t2")]), None, "not configured");
    }

    /// Two applications of one host, such as two contexts of a servlet container, each with its own cookie of one name.
    #[test]
    fn a_cookie_of_another_path_than_the_tokens_is_none_of_ours() {
        let settings = crate::http_login::tests::settings("http://127.0.0.1:1", MOVES);
        let connector = HttpLogin::new(settings, BackEndClient::new().unwrap());
        let url = Uri::from_static("https://shop.internal/app/x");
        let after = |line: &'static str| {
            let response = Response::builder().status(200).header("set-cookie", line).body(Bytes::new()).unwrap();
            match connector.moved(b"t1\n@path=/", &ResponseStart::of(&response).at(&url), NOW) {
                Moved::Same => "same".to_owned(),
                Moved::Ended => "ended".to_owned(),
                Moved::To { state, .. } => String::from_utf8(state.to_vec()).unwrap(),
            }
        };
        assert_eq!(after("SID=t2; Path=/"), "t2\n@path=/");
        assert_eq!(after("SID=t2"), "t2\n@path=/", "a path that nobody named");
        assert_eq!(after("SID=t2; Path=/app"), "same");
        assert_eq!(after("SID=; Path=/; Max-Age=0"), "ended");
        assert_eq!(after("SID=; Path=/app; Max-Age=0"), "same");
        // Both at once.
        let both = ["SID=foreign; Path=/app", "SID=t2; Path=/"];
        let response = both.iter().fold(Response::builder(), |response, line| response.header("set-cookie", *line));
        let response = response.body(Bytes::new()).unwrap();
        match connector.moved(b"t1\n@path=/", &ResponseStart::of(&response).at(&url), NOW) {
            Moved::To { state, .. } => assert_eq!(state.as_slice(), b"t2\n@path=/"),
            Moved::Same | Moved::Ended => panic!("not followed"),
        }
        // The end is the token's own.
        let fields = [("set-cookie", "SID=x; Path=/app; Max-Age=60"), ("x-csrf", "c2")];
        let response =
            fields.iter().fold(Response::builder(), |response, (name, value)| response.header(*name, *value));
        let response = response.body(Bytes::new()).unwrap();
        let yaml = format!("extract_also: {{ csrf: {{ header: X-CSRF }} }}\n    {MOVES}");
        let connector = HttpLogin::new(
            crate::http_login::tests::settings("http://127.0.0.1:1", &yaml),
            BackEndClient::new().unwrap(),
        );
        match connector.moved(b"t1\ncsrf=c1\n@path=/", &ResponseStart::of(&response).at(&url), NOW) {
            Moved::To { state, ends } => assert_eq!((state.as_slice(), ends), (&b"t1\ncsrf=c2\n@path=/"[..], None)),
            Moved::Same | Moved::Ended => panic!("not followed"),
        }
    }

    #[test]
    fn the_end_moves_with_the_cookie_that_has_it() {
        let aged = &[("set-cookie", "SID=t2; Max-Age=60")];
        assert_eq!(after(MOVES, aged).flatten().unwrap().1, Some(1_800_000_060));
        let fixed = after(&format!("expires: {{ fixed: 30m }}\n    {MOVES}"), aged);
        assert_eq!(fixed.flatten().unwrap().1, None);
    }
}
