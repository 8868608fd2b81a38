//! The rules of logins at a SAML identity provider or a security token service.

use super::{Findings, tls};
use crate::HttpUrl;
use crate::connector::{AssertionRenewal, Begin, Present, RenewedBy, SamlEcp, WsTrust};
use crate::tls::Tls;

pub(super) fn check_ecp(field: &str, connector: &SamlEcp, findings: &mut Findings) {
    let mut urls = vec![(format!("{field}.identity_provider"), &connector.identity_provider)];
    let provider = match &connector.begin {
        Begin::ServiceProvider(begin) => Some(&begin.service_provider),
        Begin::Own(_) => None,
    };
    if let Some(url) = provider {
        urls.push((format!("{field}.begin.service_provider"), url));
    }
    urls.extend(exchange(field, &connector.present));
    let logout = connector.logout.as_ref().map(|logout| &logout.url);
    urls.extend(logout.map(|url| (format!("{field}.logout.url"), url)));
    reachable(field, &urls, connector.allow_plain_http, connector.tls.as_ref(), findings);
    findings.within(format!("{field}.timeout"), connector.timeout, 1, 25);
    if let Some(refused) = &connector.refused {
        if refused.status != 200 && !(400..=499).contains(&refused.status) {
            findings.add(format!("{field}.refused.status"), "out of range: write 200, or 400 to 499");
        }
        if refused.body_has.is_empty() {
            findings.add(
                format!("{field}.refused.body_has"),
                "every page has an empty text: write words that are on the page of a wrong password alone",
            );
        }
    }

    match (&connector.present, provider) {
        (Present::Cookies(names), Some(provider)) => {
            if !(1..=8).contains(&names.len()) {
                findings.add(
                    format!("{field}.present.cookies"),
                    "out of range: write the names of 1 to 8 cookies, such as [mellon-cookie]",
                );
            }
            if connector.login_page.as_ref().is_some_and(|page| page.uri().path() == "/") {
                findings.add(
                    format!("{field}.login_page"),
                    "every redirect within the host would be taken for it: write its path as well, such as /login",
                );
            }
            for (name, url) in [("login_page", connector.login_page.as_ref()), ("logout.url", logout)] {
                if url.is_some_and(|url| url.origin() != provider.origin()) {
                    findings.add(
                        format!("{field}.{name}"),
                        format!(
                            "the service provider is elsewhere: write a URL on {}, as in begin.service_provider",
                            provider.origin()
                        ),
                    );
                }
            }
        }
        (Present::Cookies(_), None) => findings.add(
            format!("{field}.present"),
            "cookies come from a service provider: write `begin: { service_provider: URL }`, or present the assertion",
        ),
        (Present::Authorization | Present::WsSecurity | Present::Exchange(_), _) => {
            for (name, there) in [("login_page", connector.login_page.is_some()), ("logout", logout.is_some())] {
                if there {
                    findings.add(
                        format!("{field}.{name}"),
                        "there is no session at a service provider: write `present: { cookies: [NAME] }`, or remove it",
                    );
                }
            }
        }
    }
}

pub(super) fn check_ws_trust(field: &str, connector: &WsTrust, findings: &mut Findings) {
    let mut urls = vec![(format!("{field}.url"), &connector.url)];
    urls.extend(exchange(field, &connector.present));
    let renewals = connector.renew.as_ref().and_then(|renew| renew.url.as_ref());
    urls.extend(renewals.map(|url| (format!("{field}.renew.url"), url)));
    reachable(field, &urls, connector.allow_plain_http, connector.tls.as_ref(), findings);
    findings.within(format!("{field}.timeout"), connector.timeout, 1, 25);
    if let Some(renew) = &connector.renew {
        check_renewal(field, connector, renew, findings);
    }
    if matches!(connector.present, Present::Cookies(_)) {
        findings.add(
            format!("{field}.present"),
            "there is no service provider that sets cookies: write authorization, ws_security or `exchange: { url: URL }`",
        );
    }
}

fn check_renewal(field: &str, connector: &WsTrust, renew: &AssertionRenewal, findings: &mut Findings) {
    if matches!(connector.present, Present::Exchange(_)) {
        findings.add(
            format!("{field}.renew"),
            "what is exchanged is not kept, and cannot be renewed: write `present: authorization` or `present: ws_security`",
        );
    }
    let certificate = connector.tls.as_ref().and_then(|tls| tls.client_certificate.as_ref());
    if renew.by == RenewedBy::ClientCertificate && certificate.is_none() {
        findings.add(
            format!("{field}.renew.by"),
            "there is no certificate to show: write `tls: { client_certificate: SECRET }`, or `by: assertion`",
        );
    }
    if renew.by == RenewedBy::Assertion && renew.after_end {
        findings.add(
            format!("{field}.renew.after_end"),
            "an assertion that has ended tells nobody who asks: write `by: client_certificate`, or remove `after_end`",
        );
    }
}

fn exchange<'a>(field: &str, present: &'a Present) -> Option<(String, &'a HttpUrl)> {
    match present {
        Present::Exchange(exchange) => Some((format!("{field}.present.exchange.url"), &exchange.url)),
        Present::Authorization | Present::WsSecurity | Present::Cookies(_) => None,
    }
}

/// Every URL gets secrets, so plain `http` must be permitted. One TLS setting is for all URLs.
fn reachable(field: &str, urls: &[(String, &HttpUrl)], plain: bool, setting: Option<&Tls>, findings: &mut Findings) {
    for (url_field, url) in urls {
        if url.origin().is_exposed() && !plain {
            findings.add(
                url_field.clone(),
                format!(
                    "{} sends passwords or assertions unencrypted: write https, or accept it with \
                     `allow_plain_http: true`",
                    url.origin()
                ),
            );
        }
    }
    if let Some((_, first)) = urls.first() {
        tls::check(field, setting, first.origin(), findings);
    }
}
