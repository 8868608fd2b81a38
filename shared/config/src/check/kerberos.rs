//! The rules of the Kerberos connectors.

use super::Findings;
use crate::connector::{Kdc, PrincipalName};
use gateway_domain::time::Seconds;

pub(super) fn check(
    field: &str,
    kdcs: &[Kdc],
    service: &PrincipalName,
    lifetime: Seconds,
    timeout: Seconds,
    findings: &mut Findings,
) {
    // The KDCs share the timeout, so with more of them each share would be too short.
    if !(1..=4).contains(&kdcs.len()) {
        findings.add(format!("{field}.kdcs"), "out of range: write 1 to 4 KDCs, such as [dc1.ad.example.com]");
    }
    if service.parts().count() != 2 {
        findings.add(
            format!("{field}.service"),
            format!("`{}` is not a service on a host: write such as HTTP/orders.example.com", service.as_str()),
        );
    }
    findings.within(format!("{field}.lifetime"), lifetime, 60, 86_400);
    findings.within(format!("{field}.timeout"), timeout, 1, 25);
}
