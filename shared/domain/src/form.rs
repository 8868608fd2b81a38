//! Parses form bodies: `application/x-www-form-urlencoded` in UTF-8, every name at most once (RFC 6749 §3.2, Appendix B).

use crate::event::Query;
use crate::media_type::MediaType;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// The largest accepted body, in bytes.
pub const MAX_BODY: usize = 16 * 1024;
/// Of a larger one, so many bytes are looked at for what can be shown again.
const MAX_LEGIBLE: usize = 256 * 1024;
/// The longest value of it that is shown again, in bytes.
const MAX_SHOWN: usize = 1024;
/// The most parameters accepted, unknown ones included.
const MAX_PARAMETERS: usize = 64;

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForm {
    /// Larger than [`MAX_BODY`].
    #[error("the body must not exceed 16384 bytes")]
    TooLarge,
    /// More than 64 parameters.
    #[error("the body must not hold more than 64 parameters")]
    TooManyParameters,
    /// Another media type, or none, or one that is malformed.
    #[error("send the parameters as application/x-www-form-urlencoded")]
    ContentType,
    /// A `charset` other than UTF-8, or more than one.
    #[error("the charset of the form must be utf-8, said once or not at all")]
    Charset,
    /// A malformed percent-encoding, or text that is not UTF-8.
    #[error("the body must be percent-encoded UTF-8")]
    Encoding,
    /// A parameter was sent twice.
    #[error("a parameter must not be repeated")]
    Repeated,
}

/// The parameters of a request. A parameter without a value counts as omitted (RFC 6749 §3.2).
#[derive(Debug)]
pub struct Form(BTreeMap<String, Secret>);

impl Form {
    /// Parses a body. The media type may have a `charset`, which must be UTF-8. Its other parameters are ignored.
    pub fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Self, InvalidForm> {
        if body.len() > MAX_BODY {
            return Err(InvalidForm::TooLarge);
        }
        check_media_type(content_type.ok_or(InvalidForm::ContentType)?)?;
        Self::of_text(std::str::from_utf8(body).map_err(|_| InvalidForm::Encoding)?)
    }

    /// The parameters of a query, which the same rules hold for (RFC 6749 §3.1).
    pub fn of_query(query: &Query) -> Result<Self, InvalidForm> {
        let pairs = match query {
            Query::Raw(text) => return Self::of_text(text),
            Query::Decoded(pairs) => pairs,
        };
        let mut parameters = BTreeMap::new();
        if pairs.len() > MAX_PARAMETERS {
            return Err(InvalidForm::TooManyParameters);
        }
        if pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_BODY {
            return Err(InvalidForm::TooLarge);
        }
        for (name, value) in pairs {
            // A REST API replaces bytes that are not UTF-8.
            if name.contains(char::REPLACEMENT_CHARACTER) || value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(InvalidForm::Encoding);
            }
            if parameters.insert(name.clone(), Secret::new(value.clone())).is_some() {
                return Err(InvalidForm::Repeated);
            }
        }
        parameters.retain(|_, value: &mut Secret| !value.is_empty());
        Ok(Self(parameters))
    }

    fn of_text(text: &str) -> Result<Self, InvalidForm> {
        if text.len() > MAX_BODY {
            return Err(InvalidForm::TooLarge);
        }
        let mut parameters = BTreeMap::new();
        for (count, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(InvalidForm::TooManyParameters);
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if parameters.insert(decode(name)?, Secret::new(decode(value)?)).is_some() {
                return Err(InvalidForm::Repeated);
            }
        }
        parameters.retain(|_, value| !value.is_empty());
        Ok(Self(parameters))
    }

    /// What can be shown again of a form that is refused: the first value of each name, none that is very long.
    pub fn legible(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body.get(..MAX_LEGIBLE).unwrap_or(body));
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').take(MAX_PARAMETERS) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Ok(name), Ok(value)) = (decode(name), decode(value)) {
                parameters.entry(name).or_insert_with(|| Secret::new(value));
            }
        }
        parameters.retain(|_, value: &mut Secret| !value.is_empty() && value.expose().len() <= MAX_SHOWN);
        Self(parameters)
    }

    /// These parameters.
    pub(crate) fn of_pairs(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.expose()))
    }

    /// The value of a parameter, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose)
    }

    /// Takes a secret parameter out of the form.
    pub fn take(&mut self, name: &str) -> Option<Secret> {
        self.0.remove(name)
    }
}

fn check_media_type(content_type: &str) -> Result<(), InvalidForm> {
    let MediaType { essence, parameters } = MediaType::parse(content_type).ok_or(InvalidForm::ContentType)?;
    if essence != "application/x-www-form-urlencoded" {
        return Err(InvalidForm::ContentType);
    }
    // Only `charset` has a meaning for a form. Unknown parameters are ignored (RFC 2045 §5).
    let mut charsets = parameters.iter().filter(|(name, _)| name == "charset").map(|(_, value)| value);
    match (charsets.next(), charsets.next()) {
        (None, _) => Ok(()),
        (Some(charset), None) if ["utf-8", "utf8"].iter().any(|utf_8| charset.eq_ignore_ascii_case(utf_8)) => Ok(()),
        (Some(_), _) => Err(InvalidForm::Charset),
    }
}

/// Decodes one name or value: `+` is a space, `%XX` is a byte, and the result must be UTF-8.
pub fn decode(text: &str) -> Result<String, InvalidForm> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(InvalidForm::Encoding);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                bytes.push(u8::try_from(value).map_err(|_| InvalidForm::Encoding)?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| InvalidForm::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

    fn parse(body: &[u8]) -> Result<Form, InvalidForm> {
        Form::parse(FORM, body)
    }

    /// Abuse case E1; checklist T-09.
    #[test]
    fn what_was_typed_is_kept_of_a_form_that_is_refused() {
        let long = "x".repeat(20_000);
        let body = format!("email=a%40b&name=Ada+L&name=Bob&note={long}&bad=%zz&empty=");
        let refused = |body: &str| Form::parse(Some("application/x-www-form-urlencoded"), body.as_bytes()).unwrap_err();
        assert_eq!((refused(&body), refused("a=1&a=2")), (InvalidForm::TooLarge, InvalidForm::Repeated));
        let kept = Form::legible(body.as_bytes());
        assert_eq!(kept.iter().collect::<Vec<_>>(), [("email", "a@b"), ("name", "Ada L")]);
        assert!(Form::legible(&[0xff; 10]).iter().next().is_none());
    }

    #[test]
    fn a_repeated_parameter_is_refused_however_its_name_is_written() {
        assert_eq!(parse(b"scope=a&scope=b").unwrap_err(), InvalidForm::Repeated);
        assert_eq!(parse(b"grant_type=a&%67rant_type=b").unwrap_err(), InvalidForm::Repeated);
        assert_eq!(parse(b"scope=&scope=b").unwrap_err(), InvalidForm::Repeated);
        assert!(parse(b"scope=a&username=b").is_ok());
    }

    /// Checklist T-10.
    #[test]
    fn values_decode_as_utf_8() {
        let form = parse("password=%C3%A9+%2B%26%25%F0%9F%98%80&u=é".as_bytes()).unwrap();
        assert_eq!(form.get("password"), Some("é +&%😀"));
        for bad in [&b"a=%ff"[..], b"a=%e9", b"a=%4", b"a=%zz", b"a=\xff", b"%ff=a"] {
            assert_eq!(parse(bad).unwrap_err(), InvalidForm::Encoding, "{bad:?}");
        }
    }

    /// Checklist T-07, T-08.
    #[test]
    fn a_parameter_without_a_value_is_omitted_and_an_unknown_one_harmless() {
        let form = parse(b"scope=&refresh_token&foo=bar").unwrap();
        assert_eq!((form.get("scope"), form.get("refresh_token"), form.get("foo")), (None, None, Some("bar")));
    }

    /// Abuse case E8; checklist T-11.
    #[test]
    fn only_a_form_is_a_form() {
        for other in [None, Some("application/json"), Some("text/plain"), Some("multipart/form-data; boundary=x")] {
            assert_eq!(Form::parse(other, b"a=b").unwrap_err(), InvalidForm::ContentType, "{other:?}");
        }
    }

    /// Checklist T-10, T-11: UTF-8 is accepted in every spelling in use, and no other encoding is.
    #[test]
    fn the_charset_of_a_form_is_utf_8() {
        let parse = |parameters: &str| {
            Form::parse(Some(&format!("Application/X-WWW-Form-Urlencoded{parameters}")), b"a=b").map(drop)
        };
        let utf_8 = [
            "",
            ";",
            "; charset=UTF-8",
            ";charset=utf8",
            " ;\tCHARSET=UTF8 ; ",
            ";charset=\"utf-8\"",
            "; charset=\"UTF\\8\"",
            "; boundary=x; charset=Utf-8",
            "; x=\"; charset=latin1\"",
        ];
        for parameters in utf_8 {
            assert_eq!(parse(parameters), Ok(()), "{parameters}");
        }
        let others =
            ["latin1", "utf-16", "us-ascii", "\"\"", "utf-8; charset=utf-8", "utf-8;Charset=latin1", "'utf-8'"];
        for charset in others {
            assert_eq!(parse(&format!("; charset={charset}")), Err(InvalidForm::Charset), "{charset}");
        }
        for malformed in ["; charset", "; charset=", "; charset = utf-8", "; charset=\"utf-8", ", charset=utf-8", "x"] {
            assert_eq!(parse(malformed), Err(InvalidForm::ContentType), "{malformed}");
        }
    }

    /// Checklist G-20: the query of either kind of API is read as a form is.
    #[test]
    fn a_query_holds_parameters_as_a_form_does() {
        let decoded = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Form::of_query(&Query::Decoded(pairs.collect()))
        };
        let raw = |text: &str| Form::of_query(&Query::Raw(text.to_owned()));
        for form in [decoded(&[("state", "a b&"), ("scope", "")]).unwrap(), raw("state=a+b%26&scope=").unwrap()] {
            assert_eq!(form.iter().collect::<Vec<_>>(), [("state", "a b&")]);
        }
        assert_eq!(decoded(&[("a", "1"), ("a", "")]).unwrap_err(), InvalidForm::Repeated);
        assert_eq!(raw("a=1&%61=").unwrap_err(), InvalidForm::Repeated);
        assert_eq!(decoded(&[("a", "\u{fffd}")]).unwrap_err(), InvalidForm::Encoding);
        assert_eq!(raw("a=%ff").unwrap_err(), InvalidForm::Encoding);
        assert_eq!(decoded(&[("a", &"x".repeat(MAX_BODY))]).unwrap_err(), InvalidForm::TooLarge);
        assert_eq!(decoded(&vec![("a", ""); 65]).unwrap_err(), InvalidForm::TooManyParameters);
        assert!(raw("").unwrap().is_empty());
    }

    /// Abuse case G4.
    #[test]
    fn size_and_number_are_bounded() {
        assert_eq!(parse(&vec![b'a'; MAX_BODY + 1]).unwrap_err(), InvalidForm::TooLarge);
        let many: Vec<_> = (0..65).map(|n| format!("p{n}=x")).collect();
        assert_eq!(parse(many.join("&").as_bytes()).unwrap_err(), InvalidForm::TooManyParameters);
        assert!(parse(many[..64].join("&").as_bytes()).is_ok());
    }
}
