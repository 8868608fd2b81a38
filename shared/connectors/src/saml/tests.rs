//! Tests of SAML logins against a small server that responds correctly or not.

mod ecp;
mod soap;
mod ws_trust;

use bytes::Bytes;
use gateway_config::connector::ConnectorConfig;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;

use super::ns;
use crate::back_end::BackEndClient;
use crate::counting::counting;
use crate::recording_server::{Recorded, Reply, http_response};
use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection, SamlEcp, WsTrust};

const NOW: Timestamp = Timestamp::from_secs(1_896_091_200);
/// Five minutes after `NOW`.
const ENDS: &str = "2030-01-31T12:05:00Z";
const ENDS_AT: Timestamp = Timestamp::from_secs(1_896_091_500);
/// A placeholder in responses for the identifier of the request, with the same length.
const REQUEST: &str = "_the_identifier_of_this_request__";

/// A connector with these settings.
fn connector(settings: &str) -> Box<dyn Connector> {
    let yaml = format!(
        "plans: {{ standard: {{ calls: 60, window: 1m }} }}\nconnectors:\n  one:\n{settings}\napis:\n  orders:\n    \
         back_end: http://127.0.0.1:1\n    connector: one\n    routes: [{{ path: /orders, methods: {{ GET: [read] }} }}]\n"
    );
    let gateway = gateway_config::Gateway::parse(&yaml).unwrap();
    let client = BackEndClient::new().unwrap();
    match gateway.connectors().next().unwrap().1 {
        ConnectorConfig::SamlEcp(settings) => Box::new(SamlEcp::new(*settings.clone(), client, counting())),
        ConnectorConfig::WsTrust(settings) => Box::new(WsTrust::new(settings.clone(), client, counting())),
        ConnectorConfig::HttpLogin(_)
        | ConnectorConfig::SsoSession(_)
        | ConnectorConfig::KerberosS4u(_)
        | ConnectorConfig::KerberosPassword(_) => panic!("another type"),
    }
}

async fn login_as(connector: &dyn Connector, name: &str, password: &str) -> Result<Acquired, ConnectorError> {
    let password = Secret::new(password.to_owned());
    connector
        .acquire(Credentials { username: "ada@example.com", link: Some(name), password: Some(&password) }, NOW)
        .await
}

async fn login(connector: &dyn Connector) -> Result<Acquired, ConnectorError> {
    login_as(connector, "ada", "p\u{e4}ss <&\"'>").await
}

fn injected(connector: &dyn Connector, state: &[u8]) -> Injection {
    connector.inject(state, Call { content_type: None, body: &Bytes::new() }).unwrap()
}

fn misbehaved(outcome: Result<Acquired, ConnectorError>) {
    let error = outcome.map(|acquired| acquired.ends).unwrap_err();
    assert!(matches!(error, ConnectorError::Misbehaved(_)), "{error:?}");
}

fn unavailable(outcome: Result<Acquired, ConnectorError>) {
    let error = outcome.map(|acquired| acquired.ends).unwrap_err();
    assert!(matches!(error, ConnectorError::Unavailable(_)), "{error:?}");
}

fn refused(outcome: Result<Acquired, ConnectorError>) {
    assert_eq!(outcome.map(|acquired| acquired.ends), Err(ConnectorError::Refused));
}

/// An assertion as `SimpleSAMLphp` writes it. Its own prefix is declared outside of it.
const ASSERTION: &str = r#"<saml:Assertion xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="_a" Version="2.0" IssueInstant="2030-01-31T12:00:00Z"><saml:Issuer>https://idp.example.com</saml:Issuer><ds:Signature>
  <ds:SignatureValue>c2lnbmF0dXJl</ds:SignatureValue></ds:Signature><saml:Subject><saml:NameID>ada &amp; co</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="2030-01-31T12:05:00Z"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="2030-01-31T11:59:30Z" NotOnOrAfter="2030-01-31T12:05:00Z"><saml:AudienceRestriction><saml:Audience>https://orders.example.com/sp</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="2030-01-31T12:00:00Z" SessionNotOnOrAfter="2030-01-31T20:00:00Z"/></saml:Assertion>"#;
