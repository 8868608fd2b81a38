//! How the pages for users look, and where they lead for help.

mod colour;

use crate::url;
use crate::{NotAllowed, Origin};
use schemars::JsonSchema;
use serde::Deserialize;

pub use colour::Colour;

/// The longest logo within the file, in bytes. Every page carries it.
const LONGEST_DATA: usize = 16 * 1024;

/// How the pages for users look, and where they lead for help.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pages {
    /// Who the users log in to, 1 to 60 characters, such as `Example Bank`. Without it, pages name nobody.
    pub name: Option<SiteName>,
    /// The picture above each page, shown 40 pixels high: an https URL, or `data:image/…` of at most 16 KB.
    pub logo: Option<Logo>,
    /// The colour of buttons, dark enough for their white text, such as `#1f4f8f`.
    #[serde(default)]
    pub colour: Colour,
    /// Where users get help: an https URL, or `mailto:` with an address.
    pub support: Option<Support>,
    /// The privacy notice.
    pub privacy: Option<WebLink>,
    /// The terms of use.
    pub terms: Option<WebLink>,
}

/// Who the users log in to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 60))]
pub struct SiteName(String);

impl SiteName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SiteName {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        if text.trim().is_empty() || text.chars().count() > 60 || text.chars().any(char::is_control) {
            return Err(NotAllowed::new("not a name: write 1 to 60 characters, such as Example Bank"));
        }
        Ok(Self(text))
    }
}

/// The picture above each page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = r"^(https://[^/?#@{} ]+([/?].*)?|data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+=*)$"))]
pub struct Logo {
    source: String,
    origin: Option<Origin>,
}

impl Logo {
    /// What an `img` element loads.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it is loaded from; `None` if the file holds the picture itself.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl TryFrom<String> for Logo {
    type Error = NotAllowed;

    fn try_from(source: String) -> Result<Self, NotAllowed> {
        if let Some(data) = source.strip_prefix("data:image/") {
            let picture = data.split_once(";base64,").filter(|(kind, content)| {
                let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
                let kinds = ["png", "jpeg", "gif", "webp", "svg+xml"];
                kinds.contains(kind) && !content.is_empty() && content.bytes().all(base64)
            });
            return match picture {
                Some(_) if source.len() <= LONGEST_DATA => Ok(Self { source, origin: None }),
                Some(_) => Err(NotAllowed::new("the logo has more than 16384 bytes: write a smaller one, or its URL")),
                None => Err(NotAllowed::new(
                    "not a picture: write data:image/TYPE;base64,… with png, jpeg, gif, webp or svg+xml as its type",
                )),
            };
        }
        match https(&source) {
            Some(origin) => Ok(Self { source, origin: Some(origin) }),
            None => Err(NotAllowed::new(format!(
                "`{source}` is not a logo: write an https URL, such as https://www.example.com/logo.svg, or data:image/…"
            ))),
        }
    }
}

/// A page of others that ours lead to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^https://[^/?#@{} ]+([/?#].*)?$"))]
pub struct WebLink(String);

impl WebLink {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WebLink {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        match https(&text) {
            Some(_) => Ok(Self(text)),
            None => Err(NotAllowed::new(format!(
                "`{text}` is not a page that users can open: write an https URL, such as https://www.example.com/privacy"
            ))),
        }
    }
}

/// Where users get help.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", extend("pattern" = "^(https://[^/?#@{} ]+([/?#].*)?|mailto:[^@? ]+@[^@? ]+)$"))]
pub struct Support(String);

impl Support {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Support {
    type Error = NotAllowed;

    fn try_from(text: String) -> Result<Self, NotAllowed> {
        let mail =
            text.strip_prefix("mailto:").and_then(|address| address.split_once('@')).is_some_and(|(name, host)| {
                let plain = |part: &str| {
                    part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&'*+-./=^_`|~".contains(&b))
                        && !part.is_empty()
                };
                text.len() <= 255 && plain(name) && plain(host)
            });
        if mail || https(&text).is_some() {
            return Ok(Self(text));
        }
        Err(NotAllowed::new(format!(
            "`{text}` is not where users get help: write an https URL, or mailto:support@example.com"
        )))
    }
}

/// The origin of an https URL.
fn https(text: &str) -> Option<Origin> {
    let (origin, _) = url::parse(text)?;
    (origin.scheme() == &http::uri::Scheme::HTTPS).then_some(origin)
}
