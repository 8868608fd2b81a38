//! Key sets that contradict each other: the last good ones stay in force, and nothing is signed that would be refused.

use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP};

use crate::forge::Key;
use crate::rotation::{Site, kid};

/// What somebody did to a set.
type Damage = fn(&mut Json);

fn json_of(site: &Site, name: &str) -> Json {
    serde_json::from_str(&site.secrets.value(name).expect("a value")).expect("JSON")
}

/// Calls and refreshes until the functions have met what is there now and told of it; each call must succeed.
///
/// One session for all of it: a user and an application have few, and the oldest would end.
async fn met(site: &Site, secret: &str) {
    let mut tokens = site.gateway.login(ADA).await;
    let mut met = false;
    while !met {
        tokens = site.gateway.refresh(&tokens).await;
        assert_eq!(site.status(&tokens.access).await, 200, "{secret}");
        let log = site.gateway.stack.log().lines();
        met = log.iter().any(|line| line.contains(r#""alarm":"keys_stale""#) && line.contains(secret));
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Abuse cases D12 and K2; checklist J-08.
#[tokio::test]
async fn a_signing_key_that_is_not_the_published_one_signs_nothing() {
    let other = Key::generate("other-key");
    let damages: [fn(&Key, &mut Json); 2] = [
        // Not published.
        |other, secret| secret["keys"] = json!([other.private("current")]),
        // Published under this name is another public half.
        |other, secret| secret["keys"][0]["private_key"] = other.private("current")["private_key"].clone(),
    ];
    for damage in damages {
        let site = Site::start_with_cache("1").await;
        let good = site.gateway.login(ADA).await.access;
        let mut secret = json_of(&site, "SigningKeys");
        damage(&other, &mut secret);
        site.secrets.set("SigningKeys", &secret.to_string());
        met(&site, "SigningKeys").await;
        assert_eq!(kid(&site.gateway.login(ADA).await.access), kid(&good));
        // Who starts now has no last good key, and signs nothing.
        site.gateway.restart_functions();
        let cold = site.gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        assert_eq!((cold.status, cold.header("retry-after").is_empty()), (503, false), "{}", cold.text());
        assert_eq!(site.status(&good).await, 200);
    }
}

/// Abuse case K2: who starts has no last good set. It says that it cannot judge, where 401 would have an app give up a token
/// that is good.
#[tokio::test]
async fn a_container_that_starts_with_a_key_off_its_curve_judges_no_token_of_it() {
    let site = Site::start().await;
    let token = site.gateway.login(ADA).await.access;
    let mut set = json_of(&site, "PublicKeys");
    set["keys"][0]["y"] = set["keys"][0]["x"].clone();
    site.secrets.set("PublicKeys", &set.to_string());
    site.gateway.restart_functions();
    assert_eq!(site.status(&token).await, 503);
    let log = site.gateway.logged().await;
    assert!(log.iter().any(|line| line.contains(r#""alarm":"keys_stale""#) && line.contains("curve")), "{log:#?}");
}

/// Abuse case K2; checklist J-08.
#[tokio::test]
async fn a_public_set_that_cannot_be_right_is_not_believed() {
    let damages: [(&str, Damage); 5] = [
        ("a point off the curve", |set| set["keys"][1]["y"] = set["keys"][1]["x"].clone()),
        ("one name twice", |set| set["keys"][1]["kid"] = set["keys"][0]["kid"].clone()),
        ("its current key gone", |set| drop(set["keys"].as_array_mut().expect("keys").remove(0))),
        ("not said which is current", |set| drop(set.as_object_mut().expect("an object").remove("current"))),
        ("a key in use gone", |set| {
            set["keys"].as_array_mut().expect("keys").remove(0);
            set["current"] = set["keys"][0]["kid"].clone();
        }),
    ];
    for (what, damage) in damages {
        let site = Site::start_with_cache("1").await;
        let tokens = site.gateway.login(ADA).await;
        assert_eq!(site.status(&tokens.access).await, 200, "{what}");
        let mut set = json_of(&site, "PublicKeys");
        damage(&mut set);
        site.secrets.set("PublicKeys", &set.to_string());
        met(&site, "PublicKeys").await;
    }
}

/// A container that starts compares with nothing, so the set itself says what must be in it.
#[tokio::test]
async fn a_container_does_not_start_with_a_public_set_that_does_not_say_which_key_signs() {
    let site = Site::start_with_cache("1").await;
    let good = site.gateway.login(ADA).await.access;
    let right = site.secrets.value("PublicKeys").expect("a value");
    let mut set = json_of(&site, "PublicKeys");
    set["keys"].as_array_mut().expect("keys").remove(0);
    set.as_object_mut().expect("an object").remove("current");
    site.secrets.set("PublicKeys", &set.to_string());
    site.gateway.restart_functions();
    // 401 would have every app give up a good token.
    assert_eq!(site.status(&good).await, 503);
    site.secrets.set("PublicKeys", &right);
    site.gateway.restart_functions();
    assert_eq!(site.status(&good).await, 200);
}
