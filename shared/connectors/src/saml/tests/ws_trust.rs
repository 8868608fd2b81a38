//! Tests of WS-Trust 1.3 with messages as the specification and common services write them.

use super::*;
use crate::recording_server::RecordingServer;
use gateway_domain::time::Seconds;
use gateway_domain::token_type::TokenType;

fn sts(origin: &str) -> Box<dyn Connector> {
    connector(&format!(
        "    type: ws_trust\n    url: '{origin}/trust/13/usernamemixed'\n    applies_to: https://orders.example.com/sp\n    \
         present: authorization"
    ))
}

/// A response in the form of AD FS: a collection, with the lifetime beside the token.
fn issued(lifetime: &str, token: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header><a:Action s:mustUnderstand="1">http://docs.oasis-open.org/ws-sx/ws-trust/200512/RSTRC/IssueFinal</a:Action></s:Header><s:Body><trust:RequestSecurityTokenResponseCollection xmlns:trust="http://docs.oasis-open.org/ws-sx/ws-trust/200512" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><trust:RequestSecurityTokenResponse>{lifetime}<trust:RequestedSecurityToken>{token}</trust:RequestedSecurityToken><trust:TokenType>http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0</trust:TokenType></trust:RequestSecurityTokenResponse></trust:RequestSecurityTokenResponseCollection></s:Body></s:Envelope>"#
    )
}

fn lifetime(expires: &str) -> String {
    format!(
        r#"<trust:Lifetime><u:Created xmlns:u="{0}">2030-01-31T12:00:00.000Z</u:Created><u:Expires xmlns:u="{0}">{expires}</u:Expires></trust:Lifetime>"#,
        ns::WSU
    )
}

fn fault(code: &str, namespace: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value xmlns:a="{namespace}">a:{code}</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">ID3242</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>"#
    )
}

async fn answered(status: u16, body: String) -> Result<Acquired, ConnectorError> {
    let server = RecordingServer::start(move |_, _| http_response(status, &[], body.as_bytes()));
    login(&*sts(&server.origin())).await
}

#[tokio::test]
async fn a_request_says_who_and_for_whom_and_the_assertion_comes_back() {
    let body = issued(&lifetime("2030-01-31T12:04:00.000Z"), ASSERTION);
    let server = RecordingServer::start(move |_, _| http_response(200, &[], body.as_bytes()));
    let connector = sts(&server.origin());
    let acquired = login(&*connector).await.unwrap();
    assert_eq!((acquired.ends, acquired.renew_until), (Some(Timestamp::from_secs(1_896_091_440)), None));
    assert_eq!(injected(&*connector, &acquired.state).headers.len(), 1);

    let request = &server.requests()[0];
    assert_eq!(request.line(), "POST /trust/13/usernamemixed HTTP/1.1");
    assert!(
        request.values("content-type")[0].starts_with("application/soap+xml; charset=utf-8; action=\"http://docs.")
    );
    let text = String::from_utf8(request.body.clone()).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let text_of = |namespace: &str, name: &str| {
        let node = document.descendants().find(|node| node.has_tag_name((namespace, name)));
        node.and_then(|node| node.text()).unwrap_or_else(|| panic!("{name} in {text}"))
    };
    // The service reads exactly what the user typed, although XML escapes it.
    assert_eq!(text_of(ns::WSSE, "Username"), "ada");
    assert_eq!(text_of(ns::WSSE, "Password"), "p\u{e4}ss <&\"'>");
    let id = text_of(ns::WSA, "MessageID").strip_prefix("urn:uuid:").unwrap();
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    let (version, variant) = (&id[14..15], &id[19..20]);
    assert!(lengths == [8, 4, 4, 4, 12] && version == "4" && "89ab".contains(variant), "{id}");
    assert_eq!(text_of(ns::WSA, "To"), format!("{}/trust/13/usernamemixed", server.origin()));
    assert_eq!(text_of(ns::WSU, "Created"), "2030-01-31T12:00:00Z");
    assert_eq!(text_of(ns::WSU, "Expires"), "2030-01-31T12:05:00Z");
    let wst = |name: &str| text_of(ns::WST, name);
    assert_eq!(wst("RequestType"), "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue");
    assert_eq!(wst("KeyType"), "http://docs.oasis-open.org/ws-sx/ws-trust/200512/Bearer");
    assert_eq!(wst("TokenType"), "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV2.0");
    let applies = document.descendants().find(|node| node.has_tag_name((ns::WSP, "AppliesTo"))).unwrap();
    let address = applies.descendants().find(|node| node.has_tag_name((ns::WSA, "Address"))).unwrap();
    assert_eq!(address.text(), Some("https://orders.example.com/sp"));
}

#[tokio::test]
async fn a_token_has_to_be_one_assertion_for_the_back_end_that_lasts() {
    assert_eq!(answered(200, issued("", ASSERTION)).await.unwrap().ends, Some(ENDS_AT));
    // Older services respond without a collection.
    let bare = issued("", ASSERTION)
        .replace("<trust:RequestSecurityTokenResponseCollection", "<trust:RequestSecurityTokenResponse")
        .replace("<trust:RequestSecurityTokenResponse><trust:", "<trust:")
        .replace("</trust:RequestSecurityTokenResponseCollection>", "")
        .replace("xmldsig#\"><trust:RequestSecurityTokenResponse>", "xmldsig#\">");
    assert_eq!(answered(200, bare).await.unwrap().ends, Some(ENDS_AT));
    for token in [
        String::new(),
        ASSERTION.repeat(2),
        ASSERTION.replace("https://orders.example.com/sp", "https://other.example.com/sp"),
        ASSERTION.replace("Version=\"2.0\"", ""),
        "<x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\"/>".to_owned(),
    ] {
        misbehaved(answered(200, issued("", &token)).await);
    }
    misbehaved(answered(200, issued(&lifetime("2030-01-31T11:00:00Z"), ASSERTION)).await);
    misbehaved(answered(200, issued(&lifetime("soon"), ASSERTION)).await);
    misbehaved(answered(200, "<html>".to_owned()).await);
    misbehaved(answered(200, "x".repeat(10 * 1024 * 1024)).await);
    misbehaved(answered(302, String::new()).await);
}

#[tokio::test]
async fn a_fault_tells_a_refusal_from_a_failure() {
    for status in [400, 500, 200] {
        refused(answered(status, fault("FailedAuthentication", ns::WST)).await);
        refused(answered(status, fault("FailedAuthentication", ns::WSSE)).await);
        refused(answered(status, fault("InvalidSecurityToken", ns::WSSE)).await);
        refused(answered(status, fault("SecurityError", ns::WSS4J)).await);
        refused(answered(status, fault("InvalidSecurity", ns::WSSE)).await);
        unavailable(answered(status, fault("RequestFailed", ns::WST)).await);
        misbehaved(answered(status, fault("InvalidRequest", ns::WST)).await);
        misbehaved(answered(status, fault("FailedAuthentication", "urn:other")).await);
    }
    let old = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:t='http://docs.oasis-open.org/ws-sx/ws-trust/200512'><s:Body><s:Fault><faultcode>t:FailedAuthentication</faultcode></s:Fault></s:Body></s:Envelope>";
    refused(answered(500, old.to_owned()).await);
    refused(answered(401, String::new()).await);
    unavailable(answered(503, "<html>".to_owned()).await);
    misbehaved(answered(404, String::new()).await);
}

/// With settings more, and a service that answers each request with the next of these.
fn renewing(more: &str, present: &str, bodies: &[(u16, String)]) -> (RecordingServer, Box<dyn Connector>) {
    let bodies = bodies.to_vec();
    let server = RecordingServer::start(move |number, _| {
        let (status, body) = bodies.get(number).or(bodies.last()).unwrap();
        http_response(*status, &[], body.as_bytes())
    });
    let settings = format!(
        "    type: ws_trust\n    url: '{}/issue'\n    applies_to: https://orders.example.com/sp\n    present: {present}\n{}",
        server.origin(),
        more.replace("ORIGIN", &server.origin())
    );
    let connector = connector(&settings);
    (server, connector)
}

const RENEW: &str = "    renew: { url: 'ORIGIN/renew', for: 1h }";

#[tokio::test]
async fn an_assertion_is_renewed_without_the_password_until_the_login_is_too_long_ago() {
    let renewed = issued("", &ASSERTION.replace("_a", "_b"))
        .replace("<trust:RequestSecurityTokenResponseCollection", "<trust:RequestSecurityTokenResponse")
        .replace("<trust:RequestSecurityTokenResponse><trust:", "<trust:")
        .replace("</trust:RequestSecurityTokenResponseCollection>", "")
        .replace("xmldsig#\"><trust:RequestSecurityTokenResponse>", "xmldsig#\">");
    let (server, connector) = renewing(RENEW, "authorization", &[(200, issued("", ASSERTION)), (200, renewed)]);
    let acquired = login(&*connector).await.unwrap();
    let until = NOW.saturating_add(Seconds::new(3600));
    assert_eq!((acquired.ends, acquired.renew_until), (Some(ENDS_AT), Some(until)));
    let again = connector.renew(&acquired.state, NOW).await.unwrap();
    assert_eq!((again.ends, again.renew_until), (Some(ENDS_AT), Some(until)));
    assert_ne!(again.state, acquired.state);
    assert_eq!(injected(&*connector, &again.state).headers.len(), 1);

    let requests = server.requests();
    assert!(String::from_utf8_lossy(&requests[0].body).contains("<t:Renewing/>"));
    assert_eq!(requests[1].line(), "POST /renew HTTP/1.1");
    assert!(requests[1].values("content-type")[0].ends_with("/RST/Renew\""));
    let text = String::from_utf8(requests[1].body.clone()).unwrap();
    assert!(!text.contains("Password") && !text.contains("ss &lt;"), "{text}");
    let document = roxmltree::Document::parse(&text).unwrap();
    let held = |namespace: &str, name: &str| {
        let around = document.descendants().find(|node| node.has_tag_name((namespace, name))).unwrap();
        around.children().filter(|node| node.has_tag_name((ns::SAML, "Assertion"))).count()
    };
    assert_eq!((held(ns::WSSE, "Security"), held(ns::WST, "RenewTarget")), (1, 1));

    // Too late, and with a state that cannot be renewed.
    refused(connector.renew(&acquired.state, until).await);
    let (_, without) = renewing("", "authorization", &[(200, issued("", ASSERTION))]);
    let plain = login(&*without).await.unwrap();
    assert_eq!(plain.renew_until, None);
    refused(without.renew(&plain.state, NOW).await);
    refused(connector.renew(&plain.state, NOW).await);
}

/// Whoever has such an assertion could have it renewed after the end of the session here.
#[tokio::test]
async fn an_assertion_that_renews_itself_is_handed_out_to_nobody() {
    let (_, connector) = renewing(RENEW, "authorization", &[(200, issued("", ASSERTION))]);
    let state = login(&*connector).await.unwrap().state;
    assert!(matches!(connector.hand_out(&state), Err(ConnectorError::Unfit(_))));
    let (_, connector) = renewing("", "authorization", &[(200, issued("", ASSERTION))]);
    let state = login(&*connector).await.unwrap().state;
    assert_eq!(connector.hand_out(&state).unwrap().kind, TokenType::Saml2);
}

#[tokio::test]
async fn a_service_that_does_not_renew_ends_the_assertion_and_one_that_fails_does_not() {
    for code in ["RequestFailed", "UnableToRenew", "ExpiredData", "InvalidSecurityToken"] {
        let bodies = [(200, issued("", ASSERTION)), (500, fault(code, ns::WST))];
        let (_, connector) = renewing(RENEW, "authorization", &bodies);
        let acquired = login(&*connector).await.unwrap();
        refused(connector.renew(&acquired.state, NOW).await);
    }
    let (_, connector) = renewing(RENEW, "authorization", &[(200, issued("", ASSERTION)), (503, String::new())]);
    let acquired = login(&*connector).await.unwrap();
    unavailable(connector.renew(&acquired.state, NOW).await);
}

#[tokio::test]
async fn an_encrypted_assertion_is_passed_on_in_soap_until_its_lifetime_ends() {
    const ENCRYPTED: &str = "<x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\" Type=\"http://www.w3.org/2001/04/xmlenc#Element\"/>";
    const OF_SAML: &str = "<saml:EncryptedAssertion><x:EncryptedData xmlns:x=\"http://www.w3.org/2001/04/xmlenc#\"/></saml:EncryptedAssertion>";
    let lasting = lifetime("2030-01-31T12:04:00.123Z");
    let log_in = async |more: &str, present: &str, lifetime: &str, token: &str| {
        let (_, connector) = renewing(more, present, &[(200, issued(lifetime, token))]);
        login(&*connector).await
    };
    for token in [ENCRYPTED, OF_SAML] {
        let acquired = log_in(RENEW, "ws_security", &lasting, token).await.unwrap();
        let ends = Some(Timestamp::from_secs(1_896_091_440));
        assert_eq!((acquired.ends, acquired.renew_until), (ends, None));
        misbehaved(log_in("", "authorization", &lasting, token).await);
        misbehaved(log_in("", "ws_security", "", token).await);
        misbehaved(log_in("", "ws_security", &lifetime("2030-01-31T11:00:00Z"), token).await);
        misbehaved(log_in("    audience: https://orders.example.com/sp", "ws_security", &lasting, token).await);
    }
    let applies = |to: &str| {
        format!(
            "{lasting}<p:AppliesTo xmlns:p=\"{}\"><a:EndpointReference><a:Address>{to}</a:Address></a:EndpointReference></p:AppliesTo>",
            ns::WSP
        )
    };
    log_in("", "ws_security", &applies("https://orders.example.com/sp"), ENCRYPTED).await.unwrap();
    misbehaved(log_in("", "ws_security", &applies("https://other.example.com/sp"), ENCRYPTED).await);
}

#[tokio::test]
async fn control_characters_are_refused_before_anybody_is_asked() {
    let server = RecordingServer::start(|_, _| http_response(500, &[], b""));
    let connector = sts(&server.origin());
    for (name, password) in [("ada\0", "p"), ("ada", "p\u{1}"), ("ada\r\n", "p"), ("ada", "\u{ffff}")] {
        refused(login_as(&*connector, name, password).await);
    }
    assert_eq!(server.connections(), 0);
}
