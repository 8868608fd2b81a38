//! What is lost when the token function ends at the worst moment, and what is not: measured at the real Keycloak, with rotation and
//! without, and printed.

use std::sync::{Arc, Mutex};

use support::{Last, Switch, Wire, dying};

use super::front::Way;
use super::people::{self, REALMS, claims};
use super::realm::{Realm, people as names};
use super::{Move, patient, refresh};

/// More writes than a trade-in has.
const MOST: usize = 20;

/// A phone whose trade-in died, and when.
#[derive(Debug)]
struct Died {
    phone: u8,
    when: String,
    /// Whether Keycloak had taken its token by then.
    spent: bool,
    token: String,
    subject: String,
}

/// Abuse case N12: what a death loses is the token that an issuer has spent and whose answer nobody has kept. Where refresh tokens are not
/// rotated, or may be repeated once, nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(
    not(installed = "keycloak-issuer"),
    ignore = "its server is not installed: run tests/servers/install as root"
)]
async fn a_death_between_the_answer_and_its_write_is_all_that_loses_a_phone() {
    let line = Switch::start().await;
    let wire = Wire::signed_to(&line.url).await;
    let endpoint = ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), wire.endpoint.clone());
    let moving = Move::start(&REALMS, false, |options| options.environment.push(endpoint)).await;
    line.lead_to(moving.gateway.stack.dynamodb_url());
    for name in REALMS {
        let (realm, app) = (moving.realm(name), &format!("phone-{name}"));
        people::import(&moving.gateway, &realm).await;
        let died = Box::pin(deaths(&moving, &wire, &realm, app)).await;
        assert!(died.len() > 4, "a trade-in has several writes: {}", died.len());
        let lost = Box::pin(repeated(&moving, &realm, app, &died)).await;
        let whens: Vec<_> = lost.iter().map(|lost| lost.when.as_str()).collect();
        eprintln!("{}: of {} trade-ins that died, {} lost their phones: {whens:?}", realm.name, died.len(), lost.len());
        // The response of Keycloak that nobody got, and the one that nobody kept; no other death loses anything.
        assert_eq!(lost.len(), if name == "rotating" { 2 } else { 0 }, "{}: {lost:?}", realm.name);
        assert!(lost.iter().all(|lost| lost.spent), "{}: {lost:?}", realm.name);
        assert!(died.iter().filter(|died| died.spent).count() > 3, "most deaths come after the answer");
    }
}

/// Lets a trade-in die at each of its writes, before and after it; one that gets through is the last. And one whose answer is lost on its
/// way from Keycloak.
async fn deaths(moving: &Move, wire: &Wire, realm: &Realm, app: &str) -> Vec<Died> {
    let mut died = Vec::new();
    let mut phones = (1_u8..).zip(names(super::PHONES).cycle());
    let mut next = || phones.next().expect("a phone");
    let (phone, person) = next();
    let theirs = realm.login("phones", &person, "openid offline_access").await;
    moving.front.goes(Way::LoseResponse);
    let response = refresh(&moving.phone(phone), app, &theirs.refresh).await;
    moving.front.goes(Way::Forward);
    assert_eq!(response.status, 503, "{}", response.text());
    let when = "Keycloak's answer is lost".to_owned();
    died.push(Died { phone, when, spent: true, token: theirs.refresh, subject: theirs.subject });
    for most in 0..MOST {
        for last in [Last::Unanswered, Last::Answered] {
            let (phone, person) = next();
            let theirs = realm.login("phones", &person, "openid offline_access").await;
            let before = moving.front.granted();
            let passed = Arc::new(Mutex::new(dying(most, last)));
            wire.script(move |operation| passed.lock().expect("a lock")(operation));
            let response = refresh(&moving.phone(phone), app, &theirs.refresh).await;
            wire.calm();
            if response.status == 200 && matches!(last, Last::Answered) {
                return died;
            }
            let when = format!("after {most} writes, the last {last:?}");
            assert!(response.status == 503 || response.status == 200, "{when}: {}", response.text());
            let spent = moving.front.granted() > before;
            died.push(Died { phone, when, spent, token: theirs.refresh, subject: theirs.subject });
        }
    }
    panic!("a trade-in has more than {MOST} writes");
}

/// Every phone sends the same again, until it is told something else than to come back: a lease of the dead has to lapse. Returns when
/// those died who are logged out.
async fn repeated<'d>(moving: &Move, realm: &Realm, app: &str, died: &'d [Died]) -> Vec<&'d Died> {
    let mut lost = Vec::new();
    for died in died {
        let Died { phone, when, token, subject, .. } = died;
        let phone = moving.phone(*phone);
        let response = patient(&phone, app, token).await;
        if response.status != 200 {
            assert_eq!(response.json()["error"], "invalid_grant", "{when}: {}", response.text());
            lost.push(died);
            continue;
        }
        let tokens = response.tokens();
        assert_eq!(claims(&tokens.access)["sub"], people::user_id(realm, subject).as_str(), "{when}");
        let next = refresh(&phone, app, &tokens.refresh).await;
        assert_eq!(next.status, 200, "{when}: {}", next.text());
    }
    lost
}
