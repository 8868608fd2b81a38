//! The connectors of SAML without the gateway, against the same servers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axum::http::{Request, Response};
use bytes::Bytes;
use gateway_connectors::back_end::{BackEndClients, Bounds};
use gateway_connectors::{Acquired, Call, Connector, Connectors, Credentials, Injection, ResponseStart};
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::secret::Secret;
use gateway_domain::time::Seconds;
use gateway_runtime::{SystemClock, SystemEntropy};
use std::sync::Arc;
use support::Server;

use super::site::{ALICE, ENVELOPE, configuration};

/// The connectors of one configuration, and clients to call back ends with.
struct Alone {
    server: Server,
    connectors: Connectors,
    clients: BackEndClients,
}

impl Alone {
    fn start() -> Self {
        let server = Server::start("saml", 3);
        let gateway = gateway_config::Gateway::parse(&configuration(&server)).unwrap();
        let clients = BackEndClients::new(&gateway, &BTreeMap::new()).unwrap();
        let connectors = Connectors::from_config(&gateway, &clients, &BTreeMap::new(), &(Arc::new(SystemEntropy) as _));
        Self { server, connectors, clients }
    }

    fn connector(&self, name: &str) -> &dyn Connector {
        &**self.connectors.get(&ConnectorName::parse(name).unwrap()).unwrap()
    }

    async fn acquire(&self, name: &str) -> Acquired {
        let password = Secret::new(ALICE.password.to_owned());
        let alice = Credentials { username: ALICE.name, link: Some("alice"), password: Some(&password) };
        self.connector(name).acquire(alice, SystemClock.now()).await.unwrap()
    }

    /// Sends a call with what was injected, changed on the way if so.
    async fn call(&self, url: &str, injection: Injection, change: impl Fn(String) -> String) -> Response<Bytes> {
        let body = String::from_utf8(injection.body.unwrap_or_default().to_vec()).unwrap();
        let mut request = Request::post(url).header("Content-Type", "text/xml").body(change(body).into()).unwrap();
        request.headers_mut().extend(injection.headers);
        let bounds = Bounds { timeout: Duration::from_secs(20), max_body: 1024 * 1024 };
        self.clients.get(None).send(request, bounds).await.unwrap()
    }
}

fn inject(connector: &dyn Connector, acquired: &Acquired) -> Injection {
    let call = Call { content_type: Some("text/xml"), body: &Bytes::from_static(ENVELOPE.as_bytes()) };
    connector.inject(&acquired.state, call).unwrap()
}

/// Its token opens the page, its end closes it, and the page then looks like a dead session.
#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_session_at_the_service_provider_ends_there() {
    let alone = Alone::start();
    let portal = alone.connector("portal");
    let now = SystemClock.now();
    let acquired = alone.acquire("portal").await;
    // The identity provider's session of eight hours.
    let ends = acquired.ends.unwrap();
    assert!(ends > now.saturating_add(Seconds::new(7 * 3600)) && ends < now.saturating_add(Seconds::new(9 * 3600)));
    assert_eq!((acquired.idle, acquired.renew_until), (None, None));

    let url = format!("http://localhost:{}/who", alone.server.port(1));
    let before = alone.call(&url, inject(portal, &acquired), |body| body).await;
    assert_eq!((before.status().as_u16(), &before.body()[..]), (200, &b"alice"[..]));
    assert!(!portal.is_dead(&ResponseStart::of(&before)));
    portal.end(&acquired.state).await.unwrap();
    let after = alone.call(&url, inject(portal, &acquired), |body| body).await;
    assert!(portal.is_dead(&ResponseStart::of(&after)), "{after:?}");
}

/// What the other tests prove by a name that is believed is proven by this one that is not.
#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn an_assertion_that_is_changed_on_the_way_is_not_believed() {
    let alone = Alone::start();
    let soap = alone.connector("soap");
    let acquired = alone.acquire("soap").await;
    let url = format!("http://localhost:{}/soap", alone.server.port(2));
    let same = alone.call(&url, inject(soap, &acquired), |body| body).await;
    assert_eq!(&same.body()[..], b"<who>alice</who>");
    for (from, to) in [(">alice<", ">bob<"), ("<saml:Subject>", "<saml:Subject> "), ("/sp</saml:A", "/sp </saml:A")] {
        let changed = alone.call(&url, inject(soap, &acquired), |body| {
            assert!(body.contains(from), "{body}");
            body.replacen(from, to, 1)
        });
        let changed = changed.await;
        assert!(soap.is_dead(&ResponseStart::of(&changed)), "{from}: {changed:?}");
    }
}

#[tokio::test]
#[cfg_attr(not(installed = "saml"), ignore = "its server is not installed: run tests/servers/install as root")]
#[expect(clippy::disallowed_methods, reason = "a measurement of real time")]
async fn sizes_and_times_are_printed() {
    const TIMES: u32 = 100;
    let alone = Alone::start();
    let key = r#"{"current":"k1","keys":{"k1":"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}}"#;
    let (keys, sid) = (SealingKeys::parse(key).unwrap(), SessionId::from_random([1; 16]));
    for name in ["portal", "header", "soap", "bearer"] {
        let connector = alone.connector(name);
        let mut logins = Vec::new();
        let mut acquired = alone.acquire(name).await;
        for _ in 0..5 {
            let begun = Instant::now();
            acquired = alone.acquire(name).await;
            logins.push(begun.elapsed().as_millis());
        }
        logins.sort_unstable();
        let begun = Instant::now();
        for _ in 0..TIMES {
            inject(connector, &acquired);
        }
        let each = begun.elapsed() / TIMES;
        let injection = inject(connector, &acquired);
        let headers: usize = injection.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
        let body = injection.body.map_or(0, |body| body.len() - ENVELOPE.len());
        let name = ConnectorName::parse(name).unwrap();
        let sealed = keys.seal(&sid, &name, 1, [0; 12], &acquired.state).unwrap();
        println!(
            "{name}: acquire {} ms (median of 5), inject {} µs, state {} bytes, sealed {}, headers {headers}, body {body}",
            logins[2],
            each.as_micros(),
            acquired.state.len(),
            sealed.as_str().len()
        );
        // It fits beside the other headers that Apache takes by default.
        assert!(headers < 7000 && sealed.as_str().len() < 7000, "{name}");
    }
}
