//! Against a Heimdal realm.

use std::process::Command;
use std::time::Duration;

use gateway_connectors::{ConnectorError, Credentials};
use gateway_domain::secret::Secret;
use support::{DEMO_APP, Server, Tokens, signal};
use tokio::time::Instant;

use super::{Realm, World, assert_later, assert_refused, header, now};

pub(crate) const HEIMDAL: Realm =
    Realm { name: "HEIM.GW", account: "gateway/gw.heim.gw", plain: "plain/gw.heim.gw", unlisted: "HTTP/other.heim.gw" };

async fn world() -> World {
    HEIMDAL.world(Server::start("heimdal", 2)).await
}

/// Runs a command of the realm's administrator.
fn kadmin(world: &World, arguments: &[&str]) {
    let output = Command::new(world.server.directory().join("kadmin")).args(arguments).output().expect("kadmin");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// From now on no KDC answers.
fn stop_the_realm(world: &World) {
    let kdc = std::fs::read_to_string(world.server.directory().join("kdc.pid")).expect("a file");
    assert!(signal("TERM", &kdc));
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn everybody_calls_as_themselves_and_no_message_goes_out_twice() {
    let world = world().await;
    let (alice, bob) = (world.login("alice", "delegated").await, world.login("bob", "delegated").await);
    assert_eq!(world.caller("/who", &alice).await, "alice@HEIM.GW");
    assert_eq!(world.caller("/who", &bob).await, "bob@HEIM.GW");

    let (first, second) = (world.call("/echo", &alice).await, world.call("/echo", &alice).await);
    let (first, second) = (&first["authorization"], &second["authorization"]);
    assert!(first.starts_with("Negotiate ") && second.starts_with("Negotiate "), "{first} {second}");
    assert_ne!(first, second);
    assert_eq!(ticket(first), ticket(second), "one login, one ticket");
    // Each was shown once already.
    assert_eq!(world.directly("/who", first).await.status, 401);
    assert_eq!(world.directly("/who", second).await.status, 401);

    // Here whoever comes second on a connection is taken for the first, even without a ticket.
    let connector = world.connector("delegated");
    let password = Secret::new(String::new());
    let login = Credentials { username: "alice", link: Some("alice"), password: Some(&password) };
    let ticket = connector.acquire(login, now()).await.expect("a ticket");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("http://127.0.0.1:{}/bound", world.server.port(1));
    let shown = client.get(&url).header("authorization", header(&*connector, &ticket.state));
    for request in [shown, client.get(&url)] {
        let text = request.send().await.expect("a response").text().await.expect("a text");
        assert_eq!(text.trim(), "user=alice@HEIM.GW");
    }
    let calls = (0..40).map(|number| {
        let (tokens, name) = if number % 2 == 0 { (&alice, "alice@HEIM.GW") } else { (&bob, "bob@HEIM.GW") };
        let world = &world;
        async move { assert_eq!(world.caller("/bound", tokens).await, name) }
    });
    futures_util::future::join_all(calls).await;
}

/// A login without a password gets a ticket for who has the passkey, as long as the realm agrees.
#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_login_by_passkey_ends_in_a_ticket() {
    let world = HEIMDAL.passkey_world(Server::start("heimdal", 2)).await;
    let mut ada = world.gateway.enrolled("ada@example.com").await;
    kadmin(&world, &["modify", "--attributes=+disallow-all-tix", "alice"]);
    world.refuses_passkey(&mut ada).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_gets_a_message_of_its_own_for_each_call() {
    world().await.assert_hands_out("HEIM.GW").await;
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_person_is_refused_by_the_realm_or_by_the_gateway_and_told_which() {
    let world = world().await;
    assert_refused(&world.try_login("dave", "delegated").await, "not linked");
    // Neither the password nor the user is wrong here: the gateway's own account may not, or cannot log in.
    assert_later(&world.try_login("alice", "unlisted").await);
    assert_later(&world.try_login("alice", "wrong").await);
    assert_later(&world.try_login("alice", "plain").await);
    // Nobody may stand for her, but she may come herself.
    kadmin(&world, &["modify", "--attributes=+disallow-forwardable", "erin"]);
    assert_refused(&world.try_login("erin", "delegated").await, "did not accept");
    assert_eq!(world.caller("/own/who", &world.login("erin", "own").await).await, "erin@HEIM.GW");

    // A password that is right at the gateway alone.
    kadmin(&world, &["cpw", "-p", "changed", "bob"]);
    assert_refused(&world.try_login("bob", "own").await, "did not accept");
    assert_eq!(world.caller("/who", &world.login("bob", "delegated").await).await, "bob@HEIM.GW");
    kadmin(&world, &["delete", "bob"]);
    assert_refused(&world.try_login("bob", "own").await, "did not accept");
    assert_refused(&world.try_login("bob", "delegated").await, "did not accept");

    kadmin(&world, &["modify", "--attributes=+disallow-all-tix", "carol"]);
    assert_refused(&world.try_login("carol", "own").await, "did not accept");
    assert_refused(&world.try_login("carol", "delegated").await, "did not accept");

    let log = world.gateway.logged().await.join("\n");
    assert!(log.contains("may not stand for people at this service"), "{log}");
    assert!(log.contains("may not stand for people who came with a password"), "{log}");
    for secret in ["gateway-password", "another-password", "alice-password", "bob-password", "Negotiate"] {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
    stop_the_realm(&world);
    assert_later(&world.try_login("alice", "delegated").await);
    assert_later(&world.try_login("alice", "own").await);
}

/// Gives the site a new key, with which no ticket of before opens.
fn change_key(world: &World, name: &str) {
    kadmin(world, &["cpw", "-r", "HTTP/localhost"]);
    let (keytab, fresh) = (world.server.directory().join("http.keytab"), world.server.directory().join(name));
    kadmin(world, &["ext_keytab", "-k", fresh.to_str().expect("a path"), "HTTP/localhost"]);
    std::fs::write(keytab, std::fs::read(fresh).expect("a file")).expect("a file");
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_ticket_that_the_site_no_longer_takes_is_replaced_in_mid_life_while_the_realm_agrees() {
    let world = world().await;
    let (alice, own) = (world.login("alice", "delegated").await, world.login("alice", "own").await);
    change_key(&world, "first");
    assert_eq!(world.caller("/who", &alice).await, "alice@HEIM.GW");
    assert_eq!(world.caller("/own/who", &own).await, "alice@HEIM.GW");

    change_key(&world, "second");
    kadmin(&world, &["modify", "--attributes=+disallow-all-tix", "alice"]);
    for (path, tokens) in [("/who", &alice), ("/own/who", &own)] {
        // Of a ticket that is only seconds old a refusal is taken for one of the user.
        let mut response = world.gateway.call("GET", path, &tokens.access).await;
        while response.status == 403 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            response = world.gateway.call("GET", path, &tokens.access).await;
        }
        assert_eq!((response.status, &response.json()["error"]), (401, &"insufficient_user_authentication".into()));
        let told = response.headers.values().any(|value| value.to_str().is_ok_and(|value| value.contains("Negotiate")));
        assert!(!told, "{:?}", response.headers);
    }
}

/// A part of the ticket that an `Authorization` shows, well before what is made anew for each.
fn ticket(authorization: &str) -> &str {
    authorization.get(250..400).expect("a ticket")
}

/// Refreshes until the site sees a ticket that it has not seen.
async fn renewed(world: &World, path: &str, mut tokens: Tokens) -> Tokens {
    let before = world.call(path, &tokens).await["authorization"].clone();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        tokens = world.gateway.refresh(&tokens).await;
        if ticket(&world.call(path, &tokens).await["authorization"]) != ticket(&before) {
            return tokens;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("no new ticket");
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn delegated_tickets_are_renewed_without_a_password_until_the_person_is_shut_out() {
    let world = world().await;
    kadmin(&world, &["modify", "--max-ticket-life=8s", "HTTP/localhost"]);
    let tokens = renewed(&world, "/echo", world.login("alice", "delegated").await).await;
    let tokens = renewed(&world, "/echo", tokens).await;
    assert_eq!(world.caller("/who", &tokens).await, "alice@HEIM.GW");

    kadmin(&world, &["modify", "--attributes=+disallow-all-tix", "alice"]);
    assert_ends(&world, tokens).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn the_tickets_of_a_password_are_renewed_until_their_last_end() {
    let world = world().await;
    let begun = Instant::now();
    let tokens = renewed(&world, "/own/echo", world.login("erin", "own").await).await;
    assert_eq!(world.caller("/own/who", &tokens).await, "erin@HEIM.GW");
    assert_ends(&world, tokens).await;
    assert!(begun.elapsed() > Duration::from_secs(15), "it ended after {:?}", begun.elapsed());
}

/// Refreshes until that is refused for good.
async fn assert_ends(world: &World, mut tokens: Tokens) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let response = world.gateway.try_refresh(DEMO_APP, &tokens.refresh).await;
        if response.status != 200 {
            return assert_refused(&response, "");
        }
        tokens = response.tokens();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it still works");
}

/// What it costs, told for docs/connectors.md.
#[tokio::test]
#[cfg_attr(not(installed = "heimdal"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn tickets_are_small_and_shown_without_the_realm() {
    let world = world().await;
    let password = Secret::new("alice-password".to_owned());
    let login = Credentials { username: "alice", link: Some("alice@HEIM.GW"), password: Some(&password) };
    let mut shown = Vec::new();
    for name in ["delegated", "own"] {
        let connector = world.connector(name);
        let begun = Instant::now();
        let acquired = connector.acquire(login, now()).await.expect("a ticket");
        println!("{name}: acquired first in {:?}", begun.elapsed());
        let begun = Instant::now();
        connector.acquire(login, now()).await.expect("a ticket");
        println!("{name}: acquired again in {:?}", begun.elapsed());
        let begun = Instant::now();
        let acquired = connector.renew(&acquired.state, now()).await.expect("a ticket");
        println!("{name}: renewed in {:?}", begun.elapsed());
        let begun = Instant::now();
        for _ in 0..100 {
            header(&*connector, &acquired.state);
        }
        println!("{name}: injected in {:?}", begun.elapsed() / 100);
        let header = header(&*connector, &acquired.state);
        println!("{name}: state {} bytes, header {} bytes", acquired.state.len(), header.len());
        assert!(header.len() < 2_000, "{}", header.len());
        let length = acquired.ends.expect("an end").since(now()).as_u64();
        assert!((3_500..=3_600).contains(&length), "tickets are for an hour, not {length} s");
        shown.push((connector, acquired.state));
    }
    // Somebody of another realm is nobody here.
    let stranger = Credentials { link: Some("alice@ELSEWHERE.GW"), ..login };
    let refused = world.connector("delegated").acquire(stranger, now()).await;
    assert_eq!(refused.err(), Some(ConnectorError::NotLinked));

    stop_the_realm(&world);
    for (connector, state) in shown {
        assert!(matches!(connector.renew(&state, now()).await.err(), Some(ConnectorError::Unavailable(_))));
        assert_eq!(world.directly("/who", &header(&*connector, &state)).await.status, 200);
    }
}
