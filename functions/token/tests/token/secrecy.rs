//! What the tables and the log hold: nothing that opens anything.

use std::io;
use std::sync::{Arc, Mutex};

use crate::fixture::{Fixture, PASSWORD, SECRET, login, password_login};
use crate::phone::{MOBILE, Phone, grant, login_on};
use crate::request::{decoded, post};
use support::Verdict;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// Keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// Everything secret that came about, each under a name.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn absent_from(&self, what: &str, text: &str) {
        for (name, secret) in &self.0 {
            assert!(!secret.is_empty() && !text.contains(secret.as_str()), "the {name} is in the {what}");
        }
    }
}

async fn eventful_day(fixture: &Fixture) -> Secrets {
    let first = fixture.login("pub1", "orders:read vault:read notes:read").await;
    fixture.clock.forward(1_500);
    let second = fixture.refresh("pub1", &first.refresh).await.tokens();
    let third = fixture.refresh("pub1", &second.refresh).await.tokens();
    let itself = post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", SECRET);
    let itself = fixture.send(itself).await.tokens();
    let phone = Phone::registered(fixture, MOBILE).await;
    let (assertion, shown) = (phone.assertion(), phone.link_assertion());
    let of_device = fixture.send(grant(MOBILE, &assertion)).await.tokens();
    fixture.send(login_on(MOBILE, "alice", PASSWORD, &shown)).await.tokens();
    fixture.send(password_login("alice", "pub1", "a wrong password")).await;
    fixture.send(login("alice", "pub1", "orders:read").query("password", PASSWORD)).await;
    fixture.send(post("/oauth2/token", &[("password", PASSWORD)]).basic("conf1", "a wrong secret")).await;
    fixture.wire.script(|operation| if operation.writes() { Verdict::Fail } else { Verdict::Forward });
    fixture.refresh("pub1", &third.refresh).await;
    fixture.send(login("alice", "pub1", "orders:read")).await;
    fixture.wire.calm();
    fixture.clock.forward(1_000);
    fixture.refresh("pub1", &first.refresh).await;
    let mut secrets = vec![
        ("password", PASSWORD.to_owned()),
        ("password as JSON writes it", serde_json::to_string(PASSWORD).unwrap().trim_matches('"').to_owned()),
        ("password as forms write it", crate::request::encode(PASSWORD)),
        ("wrong password", "a wrong password".to_owned()),
        ("client secret", SECRET.to_owned()),
        ("wrong client secret", "a wrong secret".to_owned()),
        ("access token of an application", itself.access.clone()),
        ("signature of a device", assertion.rsplit('.').next().unwrap().to_owned()),
        ("signature of a device at a login", shown.rsplit('.').next().unwrap().to_owned()),
        ("access token of a device", of_device.access.clone()),
    ];
    for tokens in [first, second, third] {
        secrets.push(("mac of a refresh token", tokens.refresh.rsplit('.').next().unwrap().to_owned()));
        secrets.push(("access token", tokens.access.rsplit('.').next().unwrap().to_owned()));
    }
    for cookie in fixture.legacy.recorded().iter().flat_map(|request| request.header("cookie")) {
        secrets.push(("internal token", cookie.split_once('=').unwrap().1.to_owned()));
    }
    assert!(secrets.iter().any(|(name, _)| *name == "internal token"), "the back end saw one at a logout");
    Secrets(secrets)
}

/// Abuse cases I2, E3; checklist Y-01, T-02, T-28: a day with logins, refreshes, failures and a reuse.
#[tokio::test]
async fn neither_the_tables_nor_the_log_hold_a_secret() {
    let fixture = Fixture::new().await;
    let kept = Kept::default();
    let writer = kept.clone();
    let filter = "trace,hyper=info,aws_smithy_runtime=info,h2=info,tower=info,axum=info,reqwest=info";
    let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone());
    let subscriber = lines.finish().with(filter.parse::<Targets>().unwrap());
    // With one subscriber alive, a line that another test's thread meets first is taken for one that nobody reads.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let secrets = {
        let _log = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
        eventful_day(&fixture).await
    };
    let dump = fixture.dump().await;
    assert!(dump.contains("alice@example.com") && dump.contains("u_alice"), "the dump is one");
    secrets.absent_from("tables", &dump);
    let log = kept.text();
    assert!(log.contains("a refresh token was reused") && log.contains("wrong secret"), "the log is one: {log}");
    secrets.absent_from("log", &log);
    assert!(!log.contains("alice@example.com"), "nor who it was");
}

/// Abuse case I2: what the tables hold is presented as tokens and secrets, and opens nothing.
#[tokio::test]
async fn nothing_in_the_tables_opens_anything() {
    let fixture = Fixture::new().await;
    let tokens = fixture.login("pub1", "vault:read notes:read").await;
    let session = fixture.session(&tokens.access).await;
    let dump = fixture.dump().await;
    let words =
        dump.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.=+/$,".contains(c))).filter(|word| word.len() >= 16);
    for word in words {
        let made = format!("mgr_{}.1.{word}", session.sid);
        for token in [word, &made] {
            assert_eq!(fixture.refresh("pub1", token).await.refusal(), (400, "invalid_grant"), "{token}");
        }
        let itself = post("/oauth2/token", &[("grant_type", "client_credentials")]).basic("conf1", word);
        assert_ne!(fixture.send(itself).await.status, 200, "{word}");
        assert!(!fixture.calls(word).await);
    }
    assert_eq!(decoded(&tokens.access).1["sid"], session.sid.as_str());
    assert_eq!(fixture.refresh("pub1", &tokens.refresh).await.status, 200);
}
