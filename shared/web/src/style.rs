//! The style sheets of a page, and the hashes by which the Content Security Policy permits them.

use crate::Site;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_domain::secret::sha256;
use std::sync::LazyLock;

/// The style sheet of all pages.
pub(crate) const SHEET: &str = include_str!("../templates/style.css");

/// Its source in a policy.
static SHEET_SOURCE: LazyLock<String> = LazyLock::new(|| source(SHEET));

/// A `hash-source` (CSP Level 3 §2.3.1).
fn source(sheet: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(sha256(sheet.as_bytes())))
}

impl Site {
    /// The style sheet of this site: what the configuration chooses.
    pub(crate) fn own_sheet(&self) -> String {
        format!(":root{{--button:{}}}", self.looks().colour)
    }

    /// The sources of both style sheets.
    pub(crate) fn style_sources(&self) -> String {
        format!("{} {}", *SHEET_SOURCE, source(&self.own_sheet()))
    }
}
