//! The rules of the TLS settings of one system.

use super::Findings;
use crate::tls::Tls;
use crate::url::Origin;
use http::uri::Scheme;

pub(crate) fn check(field: &str, tls: Option<&Tls>, origin: &Origin, findings: &mut Findings) {
    let Some(tls) = tls else { return };
    if tls.secrets().next().is_none() {
        findings.add(format!("{field}.tls"), "says nothing: write `ca`, `client_certificate` or both");
    } else if *origin.scheme() != Scheme::HTTPS {
        findings.add(format!("{field}.tls"), format!("{origin} has no TLS: write https there, or remove `tls`"));
    }
}
