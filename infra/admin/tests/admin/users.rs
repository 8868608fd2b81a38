//! `users …`: each command, and what it does to logins and calls.

use support::{DEMO_APP, Gateway};

use crate::fixture::fixture;
use crate::operator::{OTHER, Operator, PASSWORD};

const NEW: &str = "carla@example.com";

/// The first user of a gateway: created, logged in, logged out by disabling, back, deleted.
#[tokio::test]
async fn a_user_lives_from_creation_to_deletion() {
    let (gateway, olga) = fixture().await;
    let created =
        olga.run(&["users", "create", " Carla@Example.com", "-o", "json"], &format!("{PASSWORD}\n")).await.json();
    assert_eq!((created["email"].as_str(), created["password"].as_str()), (Some(NEW), Some("set")));
    let id = created["user_id"].as_str().unwrap().to_owned();

    let tokens = gateway.try_login(DEMO_APP, NEW, PASSWORD).await.tokens();
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200);
    assert_eq!(olga.json(&["users", "show", NEW]).await["live_sessions"], 1);

    let disabled = olga.json(&["users", "disable", NEW]).await;
    assert_eq!((&disabled["enabled"], &disabled["sessions_ended"]), (&false.into(), &1.into()));
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401, "the next call fails");
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    assert_eq!(gateway.try_login(DEMO_APP, NEW, PASSWORD).await.status, 400);

    assert_eq!(olga.json(&["users", "enable", &id]).await["enabled"], true);
    let tokens = gateway.try_login(DEMO_APP, NEW, PASSWORD).await.tokens();
    assert_eq!(olga.json(&["users", "enable", NEW]).await["sessions_ended"], 0);
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200, "nothing was to be changed");
    let set = olga.run(&["users", "set-password", NEW], OTHER).await;
    assert!(set.text().contains("1 sessions ended"), "{set:?}");
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401);
    assert_eq!(gateway.try_login(DEMO_APP, NEW, PASSWORD).await.status, 400);
    assert_eq!(gateway.try_login(DEMO_APP, NEW, OTHER).await.status, 200);

    let changed = olga.json(&["users", "change", NEW, "--email", "carla.n@example.com"]).await;
    assert_eq!(changed["email"], "carla.n@example.com");
    assert_eq!(gateway.try_login(DEMO_APP, NEW, OTHER).await.status, 400);
    let tokens = gateway.try_login(DEMO_APP, "carla.n@example.com", OTHER).await.tokens();
    assert!(
        olga.does(&["users", "create", "carla.n@example.com", "--no-password"]).await.problem().contains("is taken")
    );

    let refused = olga.does(&["users", "delete", &id]).await;
    assert!(refused.problem().contains("--yes"), "{refused:?}");
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 200);
    assert_eq!(olga.json(&["users", "delete", &id, "--yes"]).await["deleted"], true);
    assert_eq!(gateway.call("GET", "/notes", &tokens.access).await.status, 401);
    assert!(olga.does(&["users", "show", &id]).await.problem().contains("there is no user"));
    let again = olga.run(&["users", "create", "carla.n@example.com", "-o", "json"], PASSWORD).await.json();
    assert_ne!(again["user_id"], id.as_str(), "the address is free again");
}

/// Who is created anew under an id has other credentials than whoever had it.
#[tokio::test]
async fn an_id_that_comes_again_has_no_epoch_that_was_there_before() {
    let (gateway, olga) = fixture().await;
    let epoch = async || gateway.store().users.by_email(NEW).await.unwrap().unwrap().credential_epoch;
    let create = ["users", "create", NEW, "--id", "carla", "-o", "json"];
    olga.run(&create, PASSWORD).await.json();
    let first = epoch().await;
    assert_eq!(olga.json(&["users", "delete", "carla", "--yes"]).await["deleted"], true);
    olga.run(&create, PASSWORD).await.json();
    assert!(epoch().await > first + 1, "{first}");
}

/// The name at a back end is the administrator's to set; sessions of the name before are over.
#[tokio::test]
async fn a_link_is_the_name_at_the_back_end_from_the_next_login_on() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    olga.run(&["users", "create", NEW, "-o", "json"], support::ADA.password).await.json();
    let login = async || gateway.try_login(DEMO_APP, NEW, support::ADA.password).await;
    let known_as = async |access: &str| gateway.call("GET", "/orders", access).await.json()["user"].clone();
    assert_eq!(known_as(&login().await.tokens().access).await, NEW);

    let linked = olga.json(&["users", "link", NEW, "orders-login", support::ADA.name]).await;
    assert_eq!((&linked["connector"], &linked["name"]), (&"orders-login".into(), &support::ADA.name.into()));
    assert_eq!(olga.json(&["users", "show", NEW]).await["links"]["orders-login"], support::ADA.name);
    let tokens = login().await.tokens();
    assert_eq!(known_as(&tokens.access).await, support::ADA.name);

    assert_eq!(olga.json(&["users", "unlink", NEW, "orders-login"]).await["sessions_ended"], 1);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    assert_eq!(known_as(&login().await.tokens().access).await, NEW);
    let unknown = olga.does(&["users", "link", NEW, "nowhere", "carla"]).await;
    assert!(unknown.problem().contains("no connector or issuer nowhere; it has orders-login"), "{unknown:?}");
    let empty = olga.does(&["users", "link", NEW, "orders-login", ""]).await;
    assert!(empty.problem().contains("1 to 256 bytes"), "{empty:?}");
}

/// Checklist Z-03, Z-05, Z-07, Z-10: told with the reason, and nothing is created.
#[tokio::test]
async fn a_weak_password_creates_nobody() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    for (password, reason) in [
        ("short", "at least 15"),
        ("passwordpassword", "everybody"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "common"),
        ("carla-nystrom-carla", "nystrom"),
        (&"wobbly lantern ".repeat(70), "1024 bytes"),
        ("", "no password"),
        (&format!("{PASSWORD}\n{PASSWORD}\n"), "no password"),
    ] {
        let refused = olga.run(&["users", "create", "carla.nystrom@example.com"], password).await;
        assert!(refused.problem().contains(reason), "{password}: {refused:?}");
        assert!(password.is_empty() || !refused.err.contains(password), "{refused:?}");
    }
    assert!(olga.does(&["users", "show", "carla.nystrom@example.com"]).await.problem().contains("no user"));
    for email in ["carla", "@example.com", "a@b@c", "a b@example.com", "carla@"] {
        assert!(olga.does(&["users", "create", email, "--no-password"]).await.problem().contains("e-mail"), "{email}");
    }
}

#[tokio::test]
async fn a_list_goes_on_where_it_ended() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    for number in 0..5 {
        let id = format!("person-{number}");
        olga.json(&["users", "create", &format!("p{number}@example.com"), "--no-password", "--id", &id]).await;
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let next: Vec<_> = after.iter().flat_map(|after| ["--after", after.as_str()]).collect();
        let page = olga.json(&[&["users", "list", "--limit", "3"][..], &next].concat()).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        let Some(last) = page["next"].as_str() else { break };
        after = Some(last.to_owned());
    }
    seen.sort();
    let users = ["ada", "bob", "p0", "p1", "p2", "p3", "p4"].map(|name| format!("{name}@example.com"));
    assert_eq!(seen, users);
    let table = olga.does(&["users", "list", "--limit", "3"]).await;
    assert!(table.text().starts_with("USER ID") && table.text().lines().count() == 4, "{table:?}");
    assert!(table.err.contains("--after "), "{table:?}");
}
