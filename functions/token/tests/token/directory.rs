//! People who have no password here: a connector's legacy system checks them, and their account is made at the first login.

use crate::fixture::{Fixture, NOTES, PASSWORD, login, password_login, send};
use crate::request::{Request, decoded, post};
use gateway_domain::acquired::Begun;
use gateway_domain::address::Address;
use gateway_domain::ids::{ConnectorName, UserId};
use gateway_domain::provider_event::{ValidateUserPass, Validated};
use gateway_domain::secret::Secret;
use gateway_store::User;
use gateway_token::{AuthorizationServer, handle};

pub(crate) fn directory(config: &str) -> String {
    in_directory(config, "")
}

fn in_directory(config: &str, more: &str) -> String {
    let connector = "  orders-login:\n    type: http_login\n";
    assert!(config.contains(connector));
    let config = config.replace(connector, &format!("{connector}    password: theirs\n"));
    format!("accounts: {{ directory: {{ connector: orders-login{more} }} }}\n{config}")
}

/// The configuration with a legacy system that nobody reaches.
fn unreachable(config: &str) -> String {
    let (before, after) = config.split_once("login: { url: \"http://").unwrap();
    let (_, after) = after.split_once("/login\"").unwrap();
    let config = format!("{before}login: {{ url: \"http://127.0.0.1:1/login\"{after}");
    let (before, after) = config.split_once("logout: { method: POST, url: \"http://").unwrap();
    let (_, after) = after.split_once("/logout\"").unwrap();
    directory(&format!("{before}logout: {{ method: POST, url: \"http://127.0.0.1:1/logout\"{after}"))
}

/// The requests that the legacy system got.
fn requests(fixture: &Fixture) -> Vec<String> {
    fixture.legacy.recorded().iter().map(|request| request.target.clone()).collect()
}

/// The login of whoever types this name.
fn login_as(name: &str) -> Request {
    let form = [
        ("grant_type", "password"),
        ("client_id", "pub1"),
        ("scope", "orders:read"),
        ("username", name),
        ("password", PASSWORD),
    ];
    post("/oauth2/token", &form)
}

async fn user(fixture: &Fixture, name: &str) -> Option<User> {
    fixture.db.store.users.by_email(&format!("{name}@example.com")).await.unwrap()
}

async fn validated(container: &AuthorizationServer, name: &str, keep: bool) -> Validated {
    let address = Address::parse(&format!("{name}@example.com")).unwrap();
    let event = ValidateUserPass::to_event(&address, &Secret::new(PASSWORD.to_owned()), keep);
    serde_json::from_value(handle(Ok(container), event).await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_first_login_makes_an_account_without_a_password_and_logs_in_there_once() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.send(login("greta", "pub1", "orders:read")).await.refusal(), (400, "invalid_grant"));
    let container = fixture.container_with(directory);
    assert_eq!(send(&container, password_login("greta", "pub1", "x")).await.refusal(), (400, "invalid_grant"));
    assert!(user(&fixture, "greta").await.is_none(), "a wrong password makes nothing");
    let first = send(&container, login("greta", "pub1", "orders:read")).await.tokens();
    assert_eq!(fixture.legacy.logins(), 1, "the check begins the session that the app gets");
    let greta = user(&fixture, "greta").await.unwrap();
    assert_eq!((greta.password, greta.email_verified, greta.enabled), (None, true, true));
    assert_eq!(greta.directory_subject.as_deref(), Some("greta@example.com"));
    let second = send(&container, login("greta", "pub1", "orders:read")).await.tokens();
    let subject = |access: &str| decoded(access).1["sub"].clone();
    assert_eq!(subject(&first.access), subject(&second.access));
    assert_eq!(subject(&first.access), greta.user_id.as_str());
    assert!(!requests(&fixture).contains(&"/logout".to_owned()), "both sessions live");
    let wrong = send(&container, password_login("greta", "pub1", "x")).await;
    assert_eq!(wrong.refusal(), (400, "invalid_grant"));
}

#[tokio::test]
async fn what_the_check_began_is_ended_where_no_session_needs_it() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    send(&container, login("greta", "pub1", NOTES)).await.tokens();
    assert_eq!(requests(&fixture), ["/login", "/logout"], "the scope needs no legacy session");
    let greta = user(&fixture, "greta").await.unwrap().user_id;
    fixture.db.store.users.change_credentials(&greta, None, false).await.unwrap();
    let refused = send(&container, login("greta", "pub1", "orders:read")).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant"), "a disabled account stays disabled");
    assert_eq!(requests(&fixture)[2..], ["/login", "/logout"]);
}

/// Checklist Y-08: nobody of the directory gets an account that has a password here, and the directory never learns that password.
#[tokio::test]
async fn an_account_with_a_password_here_is_not_the_directorys() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    for password in ["x", "what the directory has for bob"] {
        assert_eq!(send(&container, password_login("bob", "pub1", password)).await.refusal(), (400, "invalid_grant"));
    }
    assert_eq!(requests(&fixture), [""; 0]);
    send(&container, password_login("bob", "pub1", PASSWORD)).await.tokens();
    assert_eq!(requests(&fixture), [""; 0]);
    assert!(matches!(validated(&container, "bob", true).await, Validated::Refused));
    assert_eq!(requests(&fixture), [""; 0], "not even if another function asks");
}

/// An address that the directory has given to somebody else does not bring the account of who had it before.
#[tokio::test]
async fn an_account_of_another_subject_is_nobodys() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    send(&container, login("greta", "pub1", NOTES)).await.tokens();
    let greta = user(&fixture, "greta").await.unwrap();
    let unbound = User { directory_subject: None, ..greta.clone() };
    assert!(!fixture.db.store.users.bind_to_subject(&unbound, "4711", None).await.unwrap(), "it has one by now");
    let other = User { email: Address::parse("other@example.com").unwrap(), ..greta.clone() };
    assert!(!fixture.db.store.users.bind_to_subject(&other, "4711", None).await.unwrap(), "it has another address");
    fixture.db.store.users.delete(&greta).await.unwrap();
    let former = User { directory_subject: Some("4711".to_owned()), ..greta };
    fixture.db.store.users.create(&former).await.unwrap();
    let refused = send(&container, login("greta", "pub1", NOTES)).await;
    assert_eq!(refused.refusal(), (400, "invalid_grant"));
    assert_eq!(user(&fixture, "greta").await.unwrap().directory_subject.as_deref(), Some("4711"));
}

#[tokio::test]
async fn an_account_that_an_operator_made_without_a_password_is_taken_over_with_its_links() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    let id = fixture.add_user("frank").await;
    let frank = user(&fixture, "frank").await.unwrap();
    fixture.db.store.users.delete(&frank).await.unwrap();
    let links = [(ConnectorName::parse("orders-login").unwrap(), "hanna".to_owned())].into();
    fixture.db.store.users.create(&User { password: None, links, ..frank }).await.unwrap();
    let tokens = send(&container, login("frank", "pub1", "orders:read")).await.tokens();
    assert_eq!(decoded(&tokens.access).1["sub"], id.as_str(), "the link is the name there");
    assert_eq!(
        user(&fixture, "frank").await.unwrap().directory_subject.as_deref(),
        Some("hanna"),
        "as the system knows her"
    );
}

/// Whoever is renamed there keeps the account, and whoever gets the name after that gets another one.
#[tokio::test]
async fn an_operator_tells_the_new_name_of_somebody_by_a_link() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    send(&container, login("greta", "pub1", NOTES)).await.tokens();
    let greta = user(&fixture, "greta").await.unwrap();
    let connector = ConnectorName::parse("orders-login").unwrap();
    fixture.db.store.users.set_link(&greta.user_id, &connector, Some("hanna")).await.unwrap();
    let tokens = send(&container, login("greta", "pub1", NOTES)).await.tokens();
    assert_eq!(decoded(&tokens.access).1["sub"], greta.user_id.as_str());
    let renamed = user(&fixture, "greta").await.unwrap();
    assert_eq!(renamed.directory_subject.as_deref(), Some("hanna"));
    let moved = Address::parse("hanna@example.com").unwrap();
    fixture.db.store.users.change_email(&renamed, &moved).await.unwrap();
    let tokens = send(&container, login("greta", "pub1", NOTES)).await.tokens();
    assert_ne!(decoded(&tokens.access).1["sub"], greta.user_id.as_str(), "somebody new, who has the name now");
}

/// Checklist Y-08: many systems take an accent or a wildcard for the plain letter.
#[tokio::test]
async fn a_spelling_that_a_system_may_take_for_another_is_nobodys() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    for name in ["gréta", "grétá", "gre*", "gret%", "greta|bob", "ɡreta"] {
        assert_eq!(send(&container, login_as(&format!("{name}@example.com"))).await.refusal(), (400, "invalid_grant"));
    }
    assert_eq!(requests(&fixture), [""; 0], "nobody is asked");
}

#[tokio::test]
async fn a_name_without_a_domain_gets_that_of_the_directory() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(|config| in_directory(config, ", domain: Example.com"));
    for name in ["hanna", "Hanna", "hanna@example.com"] {
        send(&container, login_as(name)).await.tokens();
    }
    let hanna = user(&fixture, "hanna").await.unwrap();
    assert_eq!(hanna.links[&ConnectorName::parse("orders-login").unwrap()], "hanna", "as she logs in there");
    // One of another domain is nobody's there, and nobody is asked.
    let asked = requests(&fixture).len();
    let refused = send(&container, login_as("hanna@other.example")).await;
    assert_eq!((refused.refusal(), requests(&fixture).len()), ((400, "invalid_grant"), asked));
}

/// Whoever has one name there has one account here, however they come: otherwise one that is disabled would be left for another.
#[tokio::test]
async fn one_person_has_one_account() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(|config| in_directory(config, ", domain: example.com"));
    let users = &fixture.db.store.users;
    let frank = fixture.add_user("frank").await;
    let made = user(&fixture, "frank").await.unwrap();
    users.delete(&made).await.unwrap();
    let links = [(ConnectorName::parse("orders-login").unwrap(), "hanna".to_owned())].into();
    users.create(&User { password: None, links, ..made }).await.unwrap();
    send(&container, login("frank", "pub1", NOTES)).await.tokens();
    for enabled in [true, false] {
        users.change_credentials(&frank, None, enabled).await.unwrap();
        let other = send(&container, login("hanna", "pub1", NOTES)).await;
        assert_eq!(other.refusal(), (400, "invalid_grant"), "the account is frank@example.com");
        assert!(user(&fixture, "hanna").await.is_none());
    }
    // Who is gone leaves the name there to whoever comes by it next.
    users.delete(&user(&fixture, "frank").await.unwrap()).await.unwrap();
    send(&container, login("hanna", "pub1", NOTES)).await.tokens();
    assert_eq!(user(&fixture, "hanna").await.unwrap().directory_subject.as_deref(), Some("hanna"));
    assert_eq!(send(&container, login("hanna", "pub1", NOTES)).await.status, 200);
}

/// Checklist Y-09: a legacy system may answer a wrong password by anything, so that what is no verdict counts as a guess.
#[tokio::test]
async fn what_is_no_verdict_counts_as_a_guess() {
    let fixture = Fixture::new().await;
    let down = fixture.container_with(unreachable);
    let mut later = 0;
    for _ in 0..40 {
        let response = send(&down, login("greta", "pub1", NOTES)).await;
        match response.status {
            503 => later += 1,
            status => assert_eq!(status, 429, "{}", response.text),
        }
    }
    assert!((1..20).contains(&later), "{later}");
}

/// Checklist Y-09.
#[tokio::test]
async fn guesses_at_a_directory_are_counted_as_all_are() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    let mut asked = 0;
    for at in 0..40 {
        // Behind the directory, a tag may be nothing but another way to the same person.
        let refused = send(&container, password_login(&format!("greta+{at}"), "pub1", "x")).await;
        match refused.status {
            400 => asked += 1,
            status => assert_eq!(status, 429, "{}", refused.text),
        }
    }
    assert!((1..20).contains(&asked), "{asked}");
    assert_eq!(requests(&fixture).len(), asked, "what is refused reaches nobody");
}

#[tokio::test]
async fn of_two_first_logins_at_once_one_makes_the_account() {
    let fixture = Fixture::new().await;
    let (one, other) = (fixture.container_with(directory), fixture.container_with(directory));
    let logins = tokio::join!(
        send(&one, login("greta", "pub1", NOTES)),
        send(&other, login("greta", "pub2", NOTES)),
        send(&one, login("greta", "pub2", NOTES)),
    );
    let subject = |access: &str| decoded(access).1["sub"].as_str().unwrap().to_owned();
    let subjects = [logins.0, logins.1, logins.2].map(|response| subject(&response.tokens().access));
    let greta = user(&fixture, "greta").await.unwrap().user_id.to_string();
    assert!(subjects.iter().all(|subject| *subject == greta), "{subjects:?}");
}

#[tokio::test]
async fn another_function_gets_the_verdict_and_the_session_if_it_keeps_it() {
    let fixture = Fixture::new().await;
    let container = fixture.container_with(directory);
    let Validated::User(first, None) = validated(&container, "greta", false).await else { panic!("no verdict") };
    assert_eq!(requests(&fixture), ["/login", "/logout"]);
    let Validated::User(second, Some(Begun { connector, acquired })) = validated(&container, "greta", true).await
    else {
        panic!("no session")
    };
    assert_eq!((connector.as_str(), acquired.state.is_empty()), ("orders-login", false));
    assert_eq!(requests(&fixture)[2..], ["/login"]);
    assert_eq!(first, second);
    assert!(UserId::parse(first.as_str()).is_ok());
    assert!(matches!(validated(&container, "nobody", true).await, Validated::Refused));
    assert!(matches!(validated(&fixture.app, "greta", true).await, Validated::Refused), "there is no directory");
    let down = fixture.container_with(unreachable);
    assert!(matches!(validated(&down, "greta", true).await, Validated::Unavailable(_)));
}
