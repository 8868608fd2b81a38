//! Keycloak as the issuer that apps come from: people who are logged in there trade in its refresh tokens, and stay logged in.

mod front;
mod losses;
mod people;
mod realm;

use std::net::Ipv4Addr;
use std::time::Duration;

use front::{Front, Way};
use futures_util::future::join_all;
use people::{PARTNER_SECRET, claims, configuration, seed};
use realm::{Realm, people};
use support::{Client, Gateway, Response, Server};

/// How many phones move.
const PHONES: usize = 20;

/// Keycloak, what stands before it, and the gateway that its people move to.
struct Move {
    server: Server,
    front: Front,
    gateway: Gateway,
    _secrets: tempfile::TempDir,
}

impl Move {
    async fn start(realms: &[&str], partners: bool, change: impl FnOnce(&mut gateway_local::stack::Options)) -> Self {
        let server = Server::start("keycloak-issuer", 1);
        let keycloak = format!("http://127.0.0.1:{}", server.port(0));
        let front = Front::to(&keycloak).await;
        let secrets = tempfile::tempdir().expect("a directory");
        std::fs::write(secrets.path().join("partner-at-keycloak"), PARTNER_SECRET).expect("a file");
        let config = configuration(&keycloak, &front.url, realms, partners);
        let gateway = Gateway::start_from(&config, &seed(), |options| {
            options.secrets = Some(secrets.path().to_owned());
            change(options);
        })
        .await;
        Self { server, front, gateway, _secrets: secrets }
    }

    /// A realm of Keycloak, without anything before it.
    fn realm(&self, name: &'static str) -> Realm {
        Realm::at(&format!("http://127.0.0.1:{}", self.server.port(0)), name)
    }

    /// The response to a refresh of an app here.
    async fn refresh(&self, app: &str, token: &str) -> Response {
        refresh(&self.gateway, app, token).await
    }

    /// A phone at an address of its own: what is refused, or died, counts there.
    fn phone(&self, number: u8) -> Client {
        Client::at(self.gateway.stack.base_url(), Ipv4Addr::new(127, 0, 1, number).into())
    }
}

/// The response to a refresh of an app: a partner shows its secret.
async fn refresh(gateway: &Client, app: &str, token: &str) -> Response {
    let form = [("grant_type", "refresh_token"), ("client_id", app), ("refresh_token", token)];
    let secret = app.starts_with("partner").then_some(("client_secret", PARTNER_SECRET));
    gateway.post_form("/oauth2/token", &form.into_iter().chain(secret).collect::<Vec<_>>()).await
}

/// The same of a phone that comes back as long as it is told to.
async fn patient(gateway: &Client, app: &str, token: &str) -> Response {
    let patient = async {
        loop {
            let response = refresh(gateway, app, token).await;
            if response.status != 503 {
                break response;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), patient).await.expect("an end of waiting")
}

fn is_refused(response: &Response, why: &str) {
    let told = (response.status, response.json()["error"].as_str().map(str::to_owned));
    assert_eq!(told, (400, Some("invalid_grant".to_owned())), "{why}: {}", response.text());
}

fn come_back(response: &Response) {
    assert_eq!(response.status, 503, "{}", response.text());
    assert!(response.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{response:?}");
}

/// All in one, since Keycloak takes long to start. Abuse cases N10, N11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(installed = "keycloak-issuer"),
    ignore = "its server is not installed: run tests/servers/install as root"
)]
async fn people_of_keycloak_move_and_none_is_logged_out() {
    let moving = Move::start(&["rotating", "lasting"], true, |_| {}).await;
    for (realm, phone, partner) in
        [("rotating", "phone-rotating", "partner-rotating"), ("lasting", "phone-lasting", "partner-lasting")]
    {
        let realm = moving.realm(realm);
        people::import(&moving.gateway, &realm).await;
        Box::pin(phones_move(&moving, &realm, phone)).await;
        Box::pin(partners_move(&moving, &realm, partner)).await;
        Box::pin(others_are_refused(&moving, &realm, phone)).await;
    }
    Box::pin(without_keycloak_they_wait(moving)).await;
}

/// Each phone's next refresh goes to the gateway. Some send it twice at once, and of each the response is lost once.
async fn phones_move(moving: &Move, realm: &Realm, app: &str) {
    let before = moving.front.granted();
    let mut logged_out = Vec::new();
    for (number, person) in people(PHONES).enumerate() {
        let scope = if number % 2 == 0 { "openid offline_access" } else { "openid" };
        let theirs = realm.login("phones", &person, scope).await;
        let copies = if number % 3 == 0 { 2 } else { 1 };
        let responses = join_all((0..copies).map(|_| patient(&moving.gateway, app, &theirs.refresh))).await;
        // Its response was lost: the phone sends the same again.
        let again = moving.refresh(app, &theirs.refresh).await;
        if responses.iter().chain([&again]).any(|response| response.status != 200) {
            logged_out.push(format!("{person}: {}", again.text()));
            continue;
        }
        let tokens = again.tokens();
        for response in responses {
            assert_eq!(response.tokens().refresh, tokens.refresh, "{person}: a token becomes one session");
        }
        let told = claims(&tokens.access);
        assert_eq!(told["sub"], people::user_id(realm, &theirs.subject).as_str(), "{person}");
        assert_eq!(moving.gateway.call("GET", "/catalogue", &tokens.access).await.status, 200, "{person}");
        let next = moving.refresh(app, &tokens.refresh).await.tokens();
        assert_eq!(moving.gateway.call("GET", "/catalogue", &next.access).await.status, 200, "{person}");
    }
    eprintln!("{}: {} of {PHONES} phones are logged out", realm.name, logged_out.len());
    assert!(logged_out.is_empty(), "{logged_out:?}");
    assert_eq!(moving.front.granted() - before, PHONES, "each refresh token is asked for once");
}

/// A client that can keep a secret: who it is about is asked, not read.
async fn partners_move(moving: &Move, realm: &Realm, app: &str) {
    for person in people(3) {
        let theirs = realm.login("partner", &person, "openid offline_access").await;
        let first = moving.refresh(app, &theirs.refresh).await.tokens();
        assert_eq!(claims(&first.access)["sub"], people::user_id(realm, &theirs.subject).as_str(), "{person}");
        assert_eq!(moving.refresh(app, &theirs.refresh).await.tokens().refresh, first.refresh, "{person}");
        assert_eq!(moving.gateway.call("GET", "/catalogue", &first.access).await.status, 200, "{person}");
        // Without the secret of the application here, nothing is asked.
        let theirs = realm.login("partner", &person, "openid").await;
        let before = moving.front.granted();
        let form = [("grant_type", "refresh_token"), ("client_id", app), ("refresh_token", &theirs.refresh)];
        assert_eq!(moving.gateway.post_form("/oauth2/token", &form).await.status, 401, "{person}");
        assert_eq!(moving.front.granted(), before, "{person}");
        assert_eq!(moving.refresh(app, &theirs.refresh).await.status, 200, "{person}");
    }
}

/// What is not of a client that is mapped, or not of somebody who is here, opens nothing.
async fn others_are_refused(moving: &Move, realm: &Realm, app: &str) {
    let person = "p00";
    let tries = moving.phone(if realm.name == "rotating" { 1 } else { 2 });
    // Of another client of the realm: refused there as well, and not spent by it.
    for (client, scope) in [("tablets", "openid offline_access"), ("tablets", "openid"), ("partner", "openid")] {
        let theirs = realm.login(client, person, scope).await;
        is_refused(&refresh(&tries, app, &theirs.refresh).await, client);
        assert!(realm.refresh(client, &theirs.refresh).await.is_some(), "{client}: it is still good where it belongs");
    }
    // Of another realm, of nobody, changed, and tokens that are no refresh tokens.
    let other = moving.realm(if realm.name == "rotating" { "lasting" } else { "rotating" });
    let theirs = realm.login("phones", person, "openid").await;
    let foreign = other.login("phones", person, "openid").await;
    let flipped = format!("{}x", theirs.refresh);
    for (token, why) in [
        (foreign.refresh.as_str(), "of another realm"),
        ("never-issued", "of nobody"),
        (&flipped, "changed"),
        (&theirs.access, "an access token"),
    ] {
        is_refused(&refresh(&tries, app, token).await, why);
    }
    // An application that nothing is mapped to sends nothing anywhere.
    let before = moving.front.asked();
    is_refused(&refresh(&tries, "unmapped", &theirs.refresh).await, "an application that is not mapped");
    assert_eq!(moving.front.asked(), before);
    assert_eq!(moving.refresh(app, &theirs.refresh).await.status, 200);
    // Somebody who is at Keycloak, and not here.
    let stranger = realm.login("phones", "stranger", "openid").await;
    is_refused(&refresh(&tries, app, &stranger.refresh).await, "nobody here");
    // What Keycloak has answered is kept: once the person is imported, the same token is good.
    let granted = moving.front.granted();
    people::import_one(&moving.gateway, realm, &stranger.subject, "stranger@example.com").await;
    assert_eq!(refresh(&tries, app, &stranger.refresh).await.status, 200);
    assert_eq!(moving.front.granted(), granted, "nobody is asked again");
    // Somebody who was disabled here.
    let disabled = realm.login("phones", "p19", "openid").await;
    let id = people::user_id(realm, &disabled.subject);
    let users = moving.gateway.store().users;
    users.change_credentials(&id, None, false).await.expect("a write").expect("a user");
    is_refused(&refresh(&tries, app, &disabled.refresh).await, "disabled here");
    users.change_credentials(&id, None, true).await.expect("a write").expect("a user");
}

/// While Keycloak is away, a phone is told to come back, and nothing is lost by it.
async fn without_keycloak_they_wait(moving: Move) {
    let mut waiting = Vec::new();
    for (realm, app) in [("rotating", "phone-rotating"), ("lasting", "phone-lasting")] {
        let realm = moving.realm(realm);
        for (client, app) in [("phones", app.to_owned()), ("partner", app.replace("phone", "partner"))] {
            waiting.push((app, realm.login(client, "p01", "openid offline_access").await.refresh));
        }
    }
    moving.front.goes(Way::Down);
    for (app, token) in &waiting {
        come_back(&moving.refresh(app, token).await);
    }
    moving.front.goes(Way::Forward);
    for (app, token) in &waiting {
        assert_eq!(moving.refresh(app, token).await.status, 200, "{app}");
    }
    // What has become a session here needs Keycloak no more, and what has not is told to come back.
    let late = moving.realm("rotating").login("phones", "p02", "openid").await;
    let Move { server, gateway, front: _front, _secrets } = moving;
    let port = server.port(0);
    drop(server);
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        // Its process ends a moment after it is told to.
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    ended.await.expect("Keycloak ends");
    for (app, token) in &waiting {
        let served = refresh(&gateway, app, token).await.tokens();
        assert_eq!(refresh(&gateway, app, &served.refresh).await.status, 200, "{app}");
    }
    come_back(&refresh(&gateway, "phone-rotating", &late.refresh).await);
}
