//! People who come from another issuer: `users import` of a realm that Keycloak has exported, links to subjects, and what is refused.

use gateway_domain::ids::{IssuerName, UserId};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, DEMO_APP, Gateway};

use crate::operator::Operator;

/// A realm as Keycloak 26.4 has exported it, with a few of its people: `tests/servers/keycloak-issuer`.
const REALM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/admin/keycloak-realm.json");
/// The ids of two of them there.
const P00: &str = "a4ab0e10-f9b9-47a7-8cd0-8be206bd753f";
const P01: &str = "7273d3c7-4e5f-432d-8d18-ab8219dfabdb";

/// The demo, whose app comes from Keycloak.
async fn start(users: &str) -> (Gateway, Operator) {
    let realm = "https://keycloak.example.com/realms/rotating";
    let section = format!(
        "issuers:\n  keycloak:\n    issuer: {realm}\n    token_endpoint: {realm}/protocol/openid-connect/token\n    \
         jwks_uri: {realm}/protocol/openid-connect/certs\n    users: {users}\n    until: 2999-12-31\n    clients:\n      \
         - {{ client: demo-app, foreign_client_id: phones }}\n"
    );
    let gateway = Gateway::start_with_config(|demo| format!("{section}{demo}")).await;
    let olga = Operator::of(&gateway);
    (gateway, olga)
}

/// Who is linked to a subject of Keycloak.
async fn linked(gateway: &Gateway, subject: &str) -> Option<UserId> {
    let issuer = IssuerName::parse("keycloak").unwrap();
    gateway.store().users.linked_to(&issuer, subject).await.unwrap().map(|user| user.user_id)
}

/// The outcome of an import of a realm.
async fn import_realm(olga: &Operator, more: &[&str]) -> Json {
    let arguments = ["users", "import", REALM, "--format", "keycloak", "--issuer", "keycloak", "-o", "json"];
    let told = olga.does(&[&arguments[..], more].concat()).await;
    assert!(told.problem().contains("1 of 4 users were not imported"), "{told:?}");
    assert!(!told.err.contains("secretData") && !told.err.contains("argon2"), "{told:?}");
    serde_json::from_str(&told.out).unwrap()
}

/// Of its five users one is the account of a service, and one has no address.
fn outcome(imported: u64, skipped: u64, dry_run: bool) -> Json {
    let failed = json!([{ "user": 1, "reason": "\"nameless\" has no email, by which users log in" }]);
    json!({ "imported": imported, "linked": 0, "skipped": skipped, "failed": failed, "dry_run": dry_run })
}

/// Abuse case N13: the passwords are those of Keycloak's own hashes; a repetition changes nothing.
#[tokio::test]
async fn people_of_a_realm_are_imported_with_their_passwords_and_found_by_their_subjects() {
    for users in ["links", "subject"] {
        let (gateway, olga) = start(users).await;
        assert_eq!(import_realm(&olga, &["--dry-run"]).await, outcome(3, 0, true), "{users}");
        assert_eq!(linked(&gateway, P00).await, None);
        assert_eq!(import_realm(&olga, &[]).await, outcome(3, 0, false), "{users}");
        assert_eq!(import_realm(&olga, &[]).await, outcome(0, 3, false), "{users}");
        for (person, id) in [("p00", P00), ("p01", P01)] {
            let email = format!("{person}@example.com");
            let shown = olga.json(&["users", "show", &email]).await;
            assert_eq!(shown["password"], "imported");
            let here = UserId::parse(shown["user_id"].as_str().unwrap()).unwrap();
            match users {
                "subject" => assert_eq!((here.as_str(), &shown["links"]), (id, &json!({}))),
                _ => assert_eq!((linked(&gateway, id).await, &shown["links"]["keycloak"]), (Some(here), &json!(id))),
            }
            assert_eq!(gateway.try_login(DEMO_APP, &email, "wrong").await.status, 400, "{person}");
            // The demo's back end does not know them: that it is asked shows that the password was right.
            let login = gateway.try_login(DEMO_APP, &email, &format!("{person}-password")).await;
            assert_eq!(olga.json(&["users", "show", &email]).await["password"], "set", "{login:?}");
        }
        assert_eq!(olga.json(&["users", "show", "odd@example.com"]).await["password"], "none");
    }
}

#[tokio::test]
async fn without_passwords_no_hash_is_taken() {
    let (gateway, olga) = start("links").await;
    assert_eq!(import_realm(&olga, &["--without-passwords"]).await, outcome(3, 0, false));
    assert_eq!(olga.json(&["users", "show", "p00@example.com"]).await["password"], "none");
    assert!(linked(&gateway, P00).await.is_some());
}

/// Abuse case N13: who has that address here under another id is not the one whom the issuer means.
#[tokio::test]
async fn somebody_with_the_address_and_another_id_is_told_and_left() {
    let (_gateway, olga) = start("subject").await;
    olga.does(&["users", "create", "p00@example.com", "--id", "peter", "--no-password"]).await.text();
    let arguments = ["users", "import", REALM, "--format", "keycloak", "--issuer", "keycloak", "-o", "json"];
    let told = olga.does(&arguments).await;
    assert!(told.problem().contains("user 3: the address is that of peter here"), "{told:?}");
    let result: Json = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&result["imported"], &result["skipped"]), (&2.into(), &0.into()));
}

/// Abuse case N13: a subject is one user's, and a user has one; the link of an unproved address would be whoever's typed it.
#[tokio::test]
async fn users_who_are_there_get_the_links_they_lack() {
    let (gateway, olga) = start("links").await;
    let import = async |text: &str| {
        let arguments = ["users", "import", "-", "--format", "csv", "-o", "json"];
        let dry = olga.run(&[&arguments[..], &["--dry-run"]].concat(), text).await;
        let told = olga.run(&arguments, text).await;
        let read = |out: &str| -> Json {
            let mut result: Json = serde_json::from_str(out).unwrap();
            result.as_object_mut().unwrap().remove("dry_run");
            result
        };
        assert_eq!(read(&dry.out), read(&told.out), "a dry run counts as the import does");
        read(&told.out)
    };
    let text = format!(
        "email,links.keycloak,links.orders-login,email_verified\n{},k-ada,ada-there,true\nnew@example.com,k-new,,\n\
         unproved@example.com,k-unproved,,false\n",
        ADA.name
    );
    let all_there = json!({ "imported": 0, "linked": 0, "skipped": 3, "failed": [] });
    assert_eq!(import(&text).await, json!({ "imported": 2, "linked": 1, "skipped": 0, "failed": [] }));
    assert_eq!(import(&text).await, all_there);
    let ada = olga.json(&["users", "show", ADA.name]).await;
    assert_eq!(ada["links"], json!({ "keycloak": "k-ada", "orders-login": "ada-there" }));
    assert_eq!(linked(&gateway, "k-ada").await.unwrap().as_str(), ada["user_id"]);
    assert!(linked(&gateway, "k-new").await.is_some() && linked(&gateway, "k-unproved").await.is_some());

    // An import that died behind the user and before the link goes on.
    let new = gateway.store().users.by_email("new@example.com").await.unwrap().unwrap();
    let claims = gateway.dynamodb().scan().table_name("UsersTable").send().await.unwrap();
    let claim = claims.items().iter().find(|item| {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        text("pk").starts_with("issuer#") && text("user_id") == new.user_id.as_str()
    });
    let key = claim.unwrap()["pk"].clone();
    gateway.dynamodb().delete_item().table_name("UsersTable").key("pk", key).send().await.unwrap();
    assert_eq!(linked(&gateway, "k-new").await, None);
    assert_eq!(import(&text).await, json!({ "imported": 0, "linked": 1, "skipped": 2, "failed": [] }));
    assert_eq!(linked(&gateway, "k-new").await, Some(new.user_id));

    let created = "email,email_verified\nother-unproved@example.com,false\n";
    assert_eq!(import(created).await["imported"], 1);
    let wrong = format!(
        "email,links.keycloak\n{},k-other\n{},k-ada\nsomebody@example.com,k-new\nother-unproved@example.com,k-5\n\
         x@example.com,k-6\ny@example.com,k-6\nz@example.com,{}\nq@example.com,ключ\n",
        ADA.name,
        BOB.name,
        "k".repeat(256)
    );
    let refused = import(&wrong).await;
    let lines: Vec<_> = refused["failed"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!((lines.as_slice(), &refused["imported"]), (&[2, 3, 4, 5, 7, 8, 9][..], &1.into()), "{refused}");
    for (line, reason) in
        [(2, "another link"), (3, "another user"), (4, "another user"), (5, "not proved"), (7, "line 6")]
    {
        let told = refused["failed"].as_array().unwrap().iter().find(|bad| bad["line"] == line).unwrap();
        assert!(told["reason"].as_str().unwrap().contains(reason), "{told}");
    }
    assert_eq!(linked(&gateway, "k-5").await, None);
}

/// Abuse case N13: whoever has registered somebody's address at the other issuer, and proved nothing, is not that person here.
#[tokio::test]
async fn an_account_that_has_not_proved_its_address_there_is_linked_to_nobody_here() {
    let (gateway, olga) = start("links").await;
    let import = async |text: String| {
        let told = olga.run(&["users", "import", "-", "--format", "jsonl", "-o", "json"], &text).await;
        let result: Json = serde_json::from_str(&told.out).unwrap();
        (result["linked"].clone(), result["failed"][0]["reason"].clone())
    };
    let record = |user: &str, links: Json, proved: Option<bool>| {
        let mut record = json!({ "email": user, "links": links });
        if let Some(proved) = proved {
            record["email_verified"] = json!(proved);
        }
        record.to_string()
    };
    let refused = (json!(0), json!("the other issuer has not proved this address"));
    let (of_issuer, of_connector) = (json!({ "keycloak": "k-evil" }), json!({ "orders-login": "evil" }));
    for (links, proved) in [(&of_issuer, Some(false)), (&of_issuer, None), (&of_connector, Some(false))] {
        assert_eq!(import(record(ADA.name, links.clone(), proved)).await, refused, "{links} {proved:?}");
    }
    assert_eq!(linked(&gateway, "k-evil").await, None);
    let ada = olga.json(&["users", "show", ADA.name]).await;
    assert!(ada["links"].get("keycloak").is_none() && ada["links"]["orders-login"] != "evil", "{ada}");
    let twin = import(record(ADA.name, json!({ "keycloak": "k-ada" }), Some(true))).await;
    assert_eq!(twin, (json!(1), json!(null)), "the twin");
    assert_eq!(linked(&gateway, "k-ada").await.unwrap().as_str(), ada["user_id"]);
}

/// Abuse case N13: the owner of an address takes an unproved account over, and an import that is repeated does not give it back.
#[tokio::test]
async fn whoever_was_imported_is_known_by_the_credentials_of_then() {
    let (gateway, olga) = start("links").await;
    let issuer = IssuerName::parse("keycloak").unwrap();
    let users = &gateway.store().users;
    let is_known = async || users.known_by_link(&issuer, "k-new").await.unwrap().unwrap().is_unchanged();
    let record = json!({ "email": "new@example.com", "links": { "keycloak": "k-new" }, "email_verified": false });
    let arguments = ["users", "import", "-", "--format", "jsonl", "-o", "json"];
    let import = async || olga.run(&arguments, &record.to_string()).await.json();
    assert_eq!(import().await["imported"], 1);
    assert!(is_known().await);
    assert_eq!(import().await["skipped"], 1);
    let id = users.by_email("new@example.com").await.unwrap().unwrap().user_id;
    users.change_credentials(&id, None, true).await.unwrap();
    assert!(!is_known().await);
    assert_eq!(import().await["skipped"], 1);
    assert!(!is_known().await, "a repetition allows nothing again");
    olga.json(&["users", "link", "new@example.com", "keycloak", "k-new"]).await;
    assert!(is_known().await, "the twin: whoever says so for one user");
}

/// Abuse case N13: whom an operator has unlinked is linked again by the operator alone.
#[tokio::test]
async fn an_import_that_is_repeated_undoes_no_unlink() {
    let (gateway, olga) = start("links").await;
    let text = json!({ "email": ADA.name, "links": { "keycloak": "k-ada" }, "email_verified": true }).to_string();
    let import = async |more: &[&str]| {
        let arguments = ["users", "import", "-", "--format", "jsonl", "-o", "json"];
        let told = olga.run(&[&arguments[..], more].concat(), &text).await;
        let result: Json = serde_json::from_str(&told.out).unwrap();
        (result["linked"].clone(), result["skipped"].clone(), result["failed"].to_string())
    };
    let none = "[]".to_owned();
    assert_eq!(import(&[]).await, (json!(1), json!(0), none.clone()));
    assert_eq!(import(&[]).await, (json!(0), json!(1), none.clone()), "the twin: a repetition");
    olga.json(&["users", "unlink", ADA.name, "keycloak"]).await;
    for more in [&["--dry-run"][..], &[]] {
        let (added, skipped, failed) = import(more).await;
        assert_eq!((added, skipped), (json!(0), json!(0)));
        assert!(failed.contains("was linked before") && failed.contains("`users link` allows it again"), "{failed}");
        assert_eq!(linked(&gateway, "k-ada").await, None);
    }
    olga.json(&["users", "link", ADA.name, "keycloak", "k-ada"]).await;
    assert_eq!(import(&[]).await, (json!(0), json!(1), none), "the twin: whoever says so for one user");
}

/// Abuse case N13: where subjects are user ids, a user is known without a link, and until the credentials change: an import that has links does
/// not bring that back.
#[tokio::test]
async fn an_import_with_links_brings_back_nobody_who_was_known_by_the_id() {
    let (gateway, olga) = start("subject").await;
    let users = &gateway.store().users;
    let id_of = |name: &str| UserId::parse(name).unwrap();
    let is_known = async |name: &str| users.known_by_id(&id_of(name)).await.unwrap().unwrap().is_unchanged();
    let record = |name: &str, links: Json| {
        let email = format!("{name}@example.com");
        json!({ "email": email, "user_id": name, "links": links, "email_verified": true }).to_string()
    };
    let import = async |more: &[&str], lines: &[String]| -> Json {
        let arguments = ["users", "import", "-", "--format", "jsonl", "-o", "json"];
        let told = olga.run(&[&arguments[..], more].concat(), &lines.join("\n")).await;
        serde_json::from_str(&told.out).unwrap()
    };
    let people = ["reset", "unlinked", "same"];
    let made = import(&[], &people.map(|name| record(name, json!({})))).await;
    assert_eq!(made["imported"], 3, "{made}");
    users.change_credentials(&id_of("reset"), None, true).await.unwrap();
    olga.json(&["users", "unlink", "unlinked@example.com", "keycloak"]).await;
    let lines = people.map(|name| record(name, json!({ "keycloak": name })));
    for more in [&["--dry-run"][..], &[]] {
        let told = import(more, &lines).await;
        let failed = told["failed"].as_array().unwrap();
        assert_eq!((failed.len(), &told["linked"]), (2, &json!(1)), "the twin: {told}");
        for (at, bad) in failed.iter().enumerate() {
            let reason = bad["reason"].as_str().unwrap();
            assert_eq!(bad["line"], at + 1);
            assert!(
                reason.contains("other credentials") && reason.contains("`users link` allows it again"),
                "{reason}"
            );
        }
        assert_eq!((is_known("reset").await, is_known("unlinked").await), (false, false));
    }
    assert!(is_known("same").await);
    olga.json(&["users", "link", "reset@example.com", "keycloak", "reset"]).await;
    let told = import(&[], &lines).await;
    assert_eq!((&told["skipped"], told["failed"].as_array().unwrap().len()), (&json!(2), 1), "{told}");
    assert!(is_known("reset").await, "the twin: whoever says so for one user");
}

/// Where subjects are user ids, a link to another one would be written, reported and read by nobody.
#[tokio::test]
async fn an_issuer_that_knows_users_by_their_ids_is_linked_to_no_other_subject() {
    let (gateway, olga) = start("subject").await;
    let ada = gateway.store().users.by_email(ADA.name).await.unwrap().unwrap().user_id;
    let refused = olga.does(&["users", "link", ADA.name, "keycloak", "k-ada"]).await;
    assert!(refused.code == Some(5) && refused.problem().contains("are user ids"), "{refused:?}");
    let record = |email: &str, subject: &str| {
        json!({ "email": email, "links": { "keycloak": subject }, "email_verified": true }).to_string()
    };
    let by_id = json!({ "email": "third@example.com", "user_id": "third", "links": { "keycloak": "third" } });
    let lines = [record(ADA.name, "k-ada"), record("new@example.com", "k-new"), by_id.to_string()].join("\n");
    let arguments = ["users", "import", "-", "--format", "jsonl", "-o", "json"];
    let result: Json = serde_json::from_str(&olga.run(&arguments, &lines).await.out).unwrap();
    let failed: Vec<_> = result["failed"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!((failed.as_slice(), &result["imported"]), (&[1, 2][..], &json!(1)), "{result}");
    assert_eq!((linked(&gateway, "k-ada").await, linked(&gateway, "k-new").await), (None, None));
    assert!(gateway.store().users.by_email("new@example.com").await.unwrap().is_none());
    assert_eq!(linked(&gateway, "third").await.unwrap().as_str(), "third", "the twin");
    let linked_too = olga.run(&arguments, &record(ADA.name, ada.as_str())).await.json();
    assert_eq!(linked_too["linked"], 1, "the twin: who is there");
    olga.json(&["users", "link", ADA.name, "keycloak", ada.as_str()]).await;
}

#[tokio::test]
async fn a_link_to_a_subject_is_one_users_and_ends_with_it() {
    let (gateway, olga) = start("links").await;
    let linked_to_ada = olga.json(&["users", "link", ADA.name, "keycloak", "k-1"]).await;
    assert_eq!((&linked_to_ada["connector"], &linked_to_ada["name"]), (&"keycloak".into(), &"k-1".into()));
    assert!(linked(&gateway, "k-1").await.is_some());
    for (user, subject) in [(ADA, "k-2"), (BOB, "k-1")] {
        let refused = olga.does(&["users", "link", user.name, "keycloak", subject]).await;
        assert_eq!(refused.code, Some(5), "{refused:?}");
        assert!(refused.problem().contains("unlink that first"), "{refused:?}");
    }
    olga.json(&["users", "unlink", ADA.name, "keycloak"]).await;
    assert_eq!(linked(&gateway, "k-1").await, None);
    olga.json(&["users", "link", BOB.name, "keycloak", "k-1"]).await;
    let bob = gateway.store().users.by_email(BOB.name).await.unwrap().unwrap();
    assert_eq!(linked(&gateway, "k-1").await, Some(bob.user_id));
}

#[tokio::test]
async fn what_cannot_be_understood_imports_nobody() {
    let (_gateway, olga) = start("links").await;
    for (arguments, input, reason) in [
        (&["--format", "keycloak"][..], "{}", "--issuer NAME"),
        (&["--format", "keycloak", "--issuer", "nobody"][..], "{}", "no issuer nobody; it has keycloak"),
        (&["--format", "csv", "--issuer", "keycloak"][..], "email\n", "links.keycloak"),
        (&["--format", "keycloak", "--issuer", "keycloak"][..], "email,user_id\n", "no realm"),
        (&["--format", "keycloak", "--issuer", "keycloak"][..], "{\"realm\":\"r\"}", "no realm"),
        (
            &["--format", "jsonl"][..],
            r#"{"email":"a@example.com","links":{"nowhere":"a"}}"#,
            "no connector or issuer nowhere",
        ),
    ] {
        let told = olga.run(&[&["users", "import", "-"][..], arguments].concat(), input).await;
        assert!(told.problem().contains(reason), "{arguments:?}: {told:?}");
    }
    assert!(olga.does(&["users", "show", "a@example.com"]).await.problem().contains("no user"));
}
