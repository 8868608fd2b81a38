//! Reads JSON bodies of requests. A member that is not known is refused by its name, and so is one that comes twice.

use crate::event::ApiRequest;
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// The most bytes of a body.
pub const MAX_BYTES: usize = 64 * 1024;

/// Why a body cannot be read. The text repeats nothing that was sent but the name of a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// It is of another media type.
    #[error("Send the body as application/json.")]
    MediaType,
    /// It is too long.
    #[error("The body must not exceed {0} bytes.")]
    TooLarge(usize),
    /// It lacks this member, has it twice, or must not have it; in words.
    #[error("There is a problem with the body: {0}.")]
    Member(String),
    /// It is not the JSON that is wanted.
    #[error("The body is not the JSON that this route takes.")]
    Other,
}

/// Reads a body of at most `most` bytes, whose type has `deny_unknown_fields`.
///
/// # Errors
/// For another media type, and for all that the type does not take.
pub fn read<T: DeserializeOwned>(request: &ApiRequest, most: usize) -> Result<T, InvalidBody> {
    let media_type = request.header("Content-Type").ok().flatten().unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(InvalidBody::MediaType);
    }
    if request.body.len() > most {
        return Err(InvalidBody::TooLarge(most));
    }
    // A type of members is also read from a list of their values, whose order nobody has promised.
    if request.body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(InvalidBody::Other);
    }
    serde_json::from_slice(&request.body).map_err(|error| told(&error))
}

/// Of an error of the reader only the name of a member is passed on: the rest may quote what was sent.
fn told(error: &serde_json::Error) -> InvalidBody {
    let text = error.to_string();
    let known = ["unknown field `", "missing field `", "duplicate field `"];
    let named = known.iter().find_map(|begin| {
        let name = text.split_once(begin)?.1.split_once('`')?.0;
        Some(InvalidBody::Member(format!("{begin}{name}`")))
    });
    named.unwrap_or(InvalidBody::Other)
}

/// A member that may be absent, and is not `null`: nobody could say whether that means to leave it or to clear it.
///
/// # Errors
/// Those of the value.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A member of which `null` says something else than its absence.
///
/// # Errors
/// Those of the value.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// An object that names none of its members twice: of two values, nobody could say which is meant.
///
/// # Errors
/// For a name that comes twice, and those of the values.
pub fn distinct<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    struct Members<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
            let mut read = BTreeMap::new();
            while let Some((name, value)) = members.next_entry::<String, T>()? {
                if read.contains_key(&name) {
                    return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                }
                read.insert(name, value);
            }
            Ok(read)
        }
    }
    deserializer.deserialize_map(Members(PhantomData))
}
