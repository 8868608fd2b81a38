//! Against an Active Directory domain of Samba, whose tickets say to which groups a user belongs.

use std::process::Command;

use gateway_connectors::{ConnectorError, Credentials};
use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::secret::Secret;
use support::Server;
use tokio::time::Instant;

use super::{Realm, World, assert_later, assert_refused, header, now};

const SAMBA: Realm = Realm { name: "AD.GW", account: "svc-gateway", plain: "svc-plain", unlisted: "HTTP/other.ad.gw" };

async fn world() -> World {
    SAMBA.world(Server::start("samba", 2)).await
}

/// Runs a command of the domain's administrator.
fn tool(world: &World, arguments: &[&str]) {
    let output = Command::new(world.server.directory().join("tool")).args(arguments).output().expect("samba-tool");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

#[tokio::test]
#[cfg_attr(not(installed = "samba"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn the_domain_decides_whom_the_gateway_stands_for_and_where() {
    let world = world().await;
    // In 300 groups, and still within what Apache takes.
    let (alice, bob) = (world.login("alice", "delegated").await, world.login("bob", "delegated").await);
    assert_eq!(world.caller("/who", &alice).await, "alice@AD.GW");
    assert_eq!(world.caller("/who", &bob).await, "bob@AD.GW");
    assert_eq!(world.caller("/own/who", &world.login("bob", "own").await).await, "bob@AD.GW");
    // A ticket that cannot fit is told at the login, with its size.
    assert_eq!(world.caller("/small/who", &world.login("alice", "small").await).await, "alice@AD.GW");
    let refused = world.try_login("bob", "small").await;
    let told = refused.json()["error_description"].as_str().unwrap_or_default().to_owned();
    let size = told.split_whitespace().find_map(|word| word.parse::<u32>().ok());
    assert!(refused.status >= 400 && size.is_some_and(|size| (5_000..7_000).contains(&size)), "{told}");

    assert_later(&world.try_login("alice", "unlisted").await);
    assert_later(&world.try_login("alice", "wrong").await);
    assert_later(&world.try_login("alice", "plain").await);
    // Sensitive: nobody may stand for her, but she may come herself.
    assert_refused(&world.try_login("carol", "delegated").await, "did not accept");
    assert_eq!(world.caller("/own/who", &world.login("carol", "own").await).await, "carol@AD.GW");
    tool(&world, &["user", "setpassword", "erin", "--newpassword=changed"]);
    assert_refused(&world.try_login("erin", "own").await, "did not accept");

    let password = Secret::new("alice-password".to_owned());
    let login = |name| Credentials { username: name, link: Some(name), password: Some(&password) };
    let connector = world.connector("delegated");
    let nobody = connector.acquire(login("nobody"), now()).await;
    assert_eq!(nobody.err(), Some(ConnectorError::Refused));
    for (name, most) in [("alice", 3_000), ("bob", 7_000)] {
        let begun = Instant::now();
        let acquired = connector.acquire(login(name), now()).await.expect("a ticket");
        println!("{name}: acquired in {:?}", begun.elapsed());
        let begun = Instant::now();
        let acquired = connector.renew(&acquired.state, now()).await.expect("a ticket");
        println!("{name}: renewed in {:?}", begun.elapsed());
        let header = header(&*connector, &acquired.state);
        println!(
            "{name}: state {} bytes, sealed {}, header {} bytes",
            acquired.state.len(),
            sealed(&acquired.state),
            header.len()
        );
        assert!(header.len() < most, "{}", header.len());
    }
    let own = world.connector("own").acquire(login("alice"), now()).await.expect("tickets");
    println!("alice by password: state {} bytes, sealed {}", own.state.len(), sealed(&own.state));

    // Shut out, she keeps what she has until it ends, and gets no more.
    let acquired = connector.acquire(login("alice"), now()).await.expect("a ticket");
    tool(&world, &["user", "disable", "alice"]);
    assert_eq!(connector.renew(&acquired.state, now()).await.err(), Some(ConnectorError::Refused));
    assert_refused(&world.try_login("alice", "delegated").await, "did not accept");
}

/// The length of a sealed state, as the tables hold it.
fn sealed(state: &[u8]) -> usize {
    let key = r#"{"current":"k1","keys":{"k1":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}"#;
    let keys = SealingKeys::parse(key).expect("keys");
    let connector = ConnectorName::parse("delegated").expect("a name");
    let sealed = keys.seal(&SessionId::from_random([7; 16]), &connector, 1, [0; 12], state);
    sealed.expect("a sealed state").as_str().len()
}

/// A login without a password gets a ticket for who has the passkey, as long as the domain agrees.
#[tokio::test]
#[cfg_attr(not(installed = "samba"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_login_by_passkey_ends_in_a_ticket() {
    let world = SAMBA.passkey_world(Server::start("samba", 2)).await;
    let mut ada = world.gateway.enrolled("ada@example.com").await;
    tool(&world, &["user", "disable", "alice"]);
    world.refuses_passkey(&mut ada).await;
}

#[tokio::test]
#[cfg_attr(not(installed = "samba"), ignore = "its server is not installed: run tests/servers/install as root")]
async fn a_service_gets_a_message_of_its_own_for_each_call() {
    world().await.assert_hands_out("AD.GW").await;
}
