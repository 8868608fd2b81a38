//! Tests of responses that no KDC should give, and of what a name, a state and a response of a back end mean.

use crate::counting::counting;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_config::Gateway;
use gateway_config::connector::ConnectorConfig;
use gateway_domain::secret::Secret;
use proptest::prelude::*;

use super::*;
use crate::{Call, Connector, Credentials, ResponseStart};
use bytes::Bytes;
use http::Response;

/// The address of a KDC that does this with every connection after it has read a request.
fn kdc(http_response: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let http_response = Arc::new(http_response);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let http_response = http_response.clone();
            std::thread::spawn(move || {
                if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
                    http_response(&mut stream);
                }
            });
        }
    });
    address
}

/// A KDC that responds with these bytes, preceded by their length.
fn answering(bytes: Vec<u8>) -> String {
    kdc(move |stream| {
        let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        let _ = stream.write_all(&[length.as_slice(), &bytes].concat());
    })
}

/// A KDC that accepts no connection. The port is fixed, because another test could take one that was free a moment ago.
const CLOSED: &str = "127.0.0.1:1";

fn connectors(kdcs: &[&str], timeout: &str) -> (KerberosS4u, KerberosPassword) {
    let common = format!("realm: HEIM.GW\n    kdcs: {kdcs:?}\n    service: HTTP/localhost\n    timeout: {timeout}");
    let yaml = format!(
        "
plans: {{ standard: {{ calls: 60, window: 1m }} }}
connectors:
  delegated:
    type: kerberos_s4u
    {common}
    account: gateway
    secret: gateway-account
  own:
    type: kerberos_password
    {common}
apis:
  orders:
    back_end: http://127.0.0.1:1
    connector: delegated
    routes: [{{ path: /orders, methods: {{ GET: [read] }} }}]
"
    );
    let gateway = Gateway::parse(&yaml).unwrap();
    let found: Vec<_> = gateway.connectors().map(|(_, connector)| connector.clone()).collect();
    let [ConnectorConfig::KerberosS4u(delegated), ConnectorConfig::KerberosPassword(own)] = found.as_slice() else {
        panic!("{found:?}")
    };
    let account = Some(Secret::new("secret".to_owned()));
    (KerberosS4u::new(delegated, account, counting()), KerberosPassword::new(own, counting()))
}

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

/// The error of a login at both connectors, and the time that it took.
async fn outcome(kdcs: &[&str], timeout: &str) -> (ConnectorError, Duration) {
    let (delegated, own) = connectors(kdcs, timeout);
    let password = Secret::new("password".to_owned());
    let login = Credentials { username: "alice", link: Some("alice"), password: Some(&password) };
    let begun = tokio::time::Instant::now();
    let (first, second) = tokio::join!(delegated.acquire(login, NOW), own.acquire(login, NOW));
    let (first, second) = (first.err().unwrap(), second.err().unwrap());
    // The texts may differ, because either of two timeouts can end first.
    assert_eq!(std::mem::discriminant(&first), std::mem::discriminant(&second), "{first} {second}");
    for secret in ["password", "secret", "alice"] {
        assert!(!first.to_string().contains(secret), "{first}");
    }
    (first, begun.elapsed())
}

#[tokio::test]
async fn a_kdc_that_answers_anything_else_has_misbehaved() {
    // Text that is not Kerberos, no bytes, the beginning of an AS-REP, and the tag of KRB-ERROR many times.
    for bytes in [b"HTTP/1.1 400 Bad Request\r\n".to_vec(), vec![], vec![0x6b, 0x82, 0xff], vec![0x7e; 200_000]] {
        let (error, _) = outcome(&[&answering(bytes.clone())], "5s").await;
        assert!(matches!(error, ConnectorError::Misbehaved(_)), "{error}");
    }
    // The KDC announces ten megabytes, which the connector does not read.
    let large = kdc(|stream| {
        let _ = stream.write_all(&10_000_000_u32.to_be_bytes());
        let _ = stream.write_all(&vec![0x7e; 10_000_000]);
    });
    let (error, _) = outcome(&[&large], "5s").await;
    assert_eq!(error, ConnectorError::Misbehaved("the KDC's response is too large".to_owned()));
}

#[tokio::test]
async fn a_kdc_that_does_not_answer_in_time_is_unavailable() {
    let silent = kdc(|stream| drop(stream.read_to_end(&mut Vec::new())));
    let drip = kdc(|stream| {
        let _ = stream.write_all(&1_000_u32.to_be_bytes());
        // One byte at a time, until the connector closes the connection.
        while stream.write_all(&[0]).is_ok() {
            let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
            let _ = stream.read(&mut [0]);
        }
    });
    let early = kdc(|stream| drop(stream.write_all(&1_000_u32.to_be_bytes())));
    for kdcs in [&[silent.as_str()], &[drip.as_str()], &[early.as_str()], &[CLOSED]] {
        let (error, took) = outcome(kdcs, "1s").await;
        assert!(matches!(error, ConnectorError::Unavailable(_)), "{error}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

/// KRB-ERROR (RFC 4120 §5.9.1) of a service in a realm, in DER.
fn error(code: u8) -> Vec<u8> {
    let tagged = |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
    let text = |text: &str| tagged(0x1b, text.as_bytes());
    let names = tagged(0x30, &[text("krbtgt"), text("HEIM.GW")].concat());
    let service = tagged(0x30, &[tagged(0xa0, &tagged(2, &[2])), tagged(0xa1, &names)].concat());
    let fields = [
        tagged(0xa0, &tagged(2, &[5])),
        tagged(0xa1, &tagged(2, &[30])),
        tagged(0xa4, &tagged(0x18, b"20300101000000Z")),
        tagged(0xa5, &tagged(2, &[0])),
        tagged(0xa6, &tagged(2, &[code])),
        tagged(0xa9, &text("HEIM.GW")),
        tagged(0xaa, &service),
    ];
    tagged(0x7e, &tagged(0x30, &fields.concat()))
}

#[tokio::test]
async fn a_person_is_refused_where_the_realm_says_so_and_nobody_else() {
    let password = Secret::new("password".to_owned());
    let login = Credentials { username: "alice", link: Some("alice"), password: Some(&password) };
    for code in 1..=80_u8 {
        let kdc = answering(error(code));
        let (delegated, own) = connectors(&[&kdc], "5s");
        let own = own.acquire(login, NOW).await.err().unwrap();
        let refused = matches!(code, 1 | 6 | 12 | 18 | 21 | 23 | 24 | 31);
        assert_eq!(own == ConnectorError::Refused, refused, "{code}: {own}");
        if matches!(code, 29 | 37) {
            assert!(matches!(own, ConnectorError::Unavailable(_)), "{code}: {own}");
        }
        // Here the error is about the gateway's account, not about the user.
        let delegated = delegated.acquire(login, NOW).await.err().unwrap();
        assert_ne!(delegated, ConnectorError::Refused, "{code}");
    }
}

/// Realms lock an account after too many logins with a wrong password.
#[tokio::test]
async fn an_account_that_is_refused_stays_away_for_a_minute() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, refusal) = (asked.clone(), error(24));
    let kdc = kdc(move |stream| {
        count.fetch_add(1, Ordering::SeqCst);
        let length = u32::try_from(refusal.len()).unwrap().to_be_bytes();
        let _ = stream.write_all(&[length.as_slice(), &refusal].concat());
    });
    let (delegated, _) = connectors(&[&kdc], "5s");
    let password = Secret::new("password".to_owned());
    let login = Credentials { username: "alice", link: Some("alice"), password: Some(&password) };
    for (later, times) in [(0, 1), (59, 1), (60, 2), (61, 2)] {
        let error = delegated.acquire(login, NOW.saturating_add(Seconds::new(later))).await.err().unwrap();
        assert!(matches!(&error, ConnectorError::Misbehaved(text) if text.contains("`secret`")), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), times, "after {later} s");
    }
}

#[tokio::test]
async fn a_kdc_that_is_down_is_passed_over() {
    let up = answering(error(6));
    let (_, own) = connectors(&[CLOSED, &up], "5s");
    let password = Secret::new("password".to_owned());
    let login = Credentials { username: "alice", link: None, password: Some(&password) };
    assert_eq!(own.acquire(login, NOW).await.err(), Some(ConnectorError::Refused));
}

#[tokio::test]
async fn a_name_of_another_realm_is_nobodys() {
    let (delegated, own) = connectors(&[CLOSED], "1s");
    let password = Secret::new("password".to_owned());
    for name in ["alice@ELSEWHERE.GW", "alice@", "", "@HEIM.GW", "host/alice", "a\\b", "a\0b", "a@b@HEIM.GW"] {
        let linked = Credentials { username: "alice", link: Some(name), password: Some(&password) };
        assert_eq!(delegated.acquire(linked, NOW).await.err(), Some(ConnectorError::NotLinked), "{name}");
        let typed = Credentials { username: name, link: None, password: Some(&password) };
        assert_eq!(own.acquire(typed, NOW).await.err(), Some(ConnectorError::NotLinked), "{name}");
        assert_eq!(delegated.acquire(typed, NOW).await.err(), Some(ConnectorError::NotLinked), "{name}");
    }
    // A refusal by the realm shows that the connector accepted the name.
    let (_, own) = connectors(&[&answering(error(6))], "5s");
    for name in ["alice", "alice@HEIM.GW", "alice@heim.gw"] {
        let typed = Credentials { username: name, link: None, password: Some(&password) };
        assert_eq!(own.acquire(typed, NOW).await.err(), Some(ConnectorError::Refused), "{name}");
    }
}

#[tokio::test]
async fn without_the_password_of_the_account_nobody_logs_in() {
    let ConnectorConfig::KerberosS4u(settings) = ({
        let yaml = "
plans: { standard: { calls: 60, window: 1m } }
connectors:
  delegated:
    type: kerberos_s4u
    realm: HEIM.GW
    kdcs: [127.0.0.1]
    service: HTTP/localhost
    account: gateway
    secret: gateway-account
apis:
  orders: { back_end: 'http://127.0.0.1:1', routes: [{ path: /orders, methods: { GET: [read] } }] }
";
        Gateway::parse(yaml).unwrap().connectors().next().unwrap().1.clone()
    }) else {
        panic!("another type")
    };
    let password = Secret::new("password".to_owned());
    let login = Credentials { username: "alice", link: Some("alice"), password: Some(&password) };
    let error = KerberosS4u::new(&settings, None, counting()).acquire(login, NOW).await.err().unwrap();
    assert!(matches!(&error, ConnectorError::Misbehaved(text) if text.contains("could not be read")), "{error}");
}

#[test]
fn a_response_that_asks_for_a_ticket_is_a_dead_session() {
    let (connector, _) = connectors(&[CLOSED], "1s");
    let http_response = |status: u16, challenges: &[&str]| {
        let mut http_response = Response::builder().status(status);
        for challenge in challenges {
            http_response = http_response.header("WWW-Authenticate", *challenge);
        }
        connector.is_dead(&ResponseStart::of(&http_response.body(Bytes::new()).unwrap()))
    };
    assert!(http_response(401, &["Negotiate"]));
    assert!(http_response(401, &["Basic realm=\"x\"", "negotiate oRQw"]));
    assert!(http_response(401, &["NTLM, Negotiate"]));
    assert!(!http_response(401, &[]));
    assert!(!http_response(401, &["Basic realm=\"Negotiate\""]));
    assert!(!http_response(200, &["Negotiate oRQw"]));
    assert!(!http_response(403, &["Negotiate"]));
}

proptest! {
    /// A state that is not the connector's own is an error and no panic.
    #[test]
    fn no_bytes_are_shown_that_are_no_ticket(bytes in any::<Vec<u8>>(), ticket in any::<Vec<u8>>(), length in 0_usize..64) {
        let (connector, _) = connectors(&["127.0.0.1"], "1s");
        let call = Call { content_type: None, body: &Bytes::new() };
        prop_assert!(connector.inject(&bytes, call).is_err());
        let head = format!(r#"{{"name":"a","service":{{"etype":18,"key":"AAAA","length":{length},"ends":1}}}}"#);
        prop_assert!(connector.inject(&[head.as_bytes(), b"\n", &ticket].concat(), call).is_err());
    }
}
