//! A proof by mail that changes no password: it lets an owner in where strangers have used up the attempts of the account.

use std::net::{IpAddr, Ipv4Addr};

use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::address::Address;
use gateway_domain::clock::Clock as _;
use gateway_domain::login_attempts::ACCOUNT;
use gateway_domain::secret::sha256_hex;
use gateway_domain::time::Seconds;
use gateway_runtime::SystemClock;
use gateway_store::{Reservation, User};
use serde_json::{Value as Json, json};
use support::{ADA, BOB, Client, DEMO_APP, Gateway, Response, Visitor};

use crate::accounts::{Browser, OTHER, mailed, path};
use crate::directory::{KEY, People, start, user};
use crate::mail::sent;

const SUBJECT: &str = "Demo Shop: prove that it is you";
const TOLD: &str = "or prove by a mail that it is you";

/// A device at an address that nothing else comes from.
pub(crate) fn device(gateway: &Gateway, number: u8) -> Client {
    Client::at(gateway.stack.base_url(), IpAddr::V4(Ipv4Addr::new(127, 0, 0, number)))
}

/// Fills the counter of all strange sources, as a hundred wrong attempts from there within two hours do.
pub(crate) async fn fill(gateway: &Gateway, user: &User) {
    let hash = sha256_hex(user.email.as_str().as_bytes());
    // Whoever is kept elsewhere is counted as somebody unknown.
    let key = match user.password {
        Some(_) => format!("account#{hash}#{}#{}", user.user_id, user.credential_epoch),
        None => format!("account#{hash}"),
    };
    let item = gateway.dynamodb().delete_item().table_name("LoginAttemptsTable");
    item.key("pk", AttributeValue::S(key.clone())).send().await.expect("a write");
    let (attempts, begin) = (gateway.store().attempts, SystemClock.now().saturating_sub(Seconds::new(7_200)));
    for number in 0..ACCOUNT.most {
        let (seen, now) = (attempts.get(&key).await.expect("a read"), begin.saturating_add(Seconds::new(61 * number)));
        assert_eq!(attempts.reserve(&key, ACCOUNT, &seen, now).await, Ok(Reservation::Granted), "{number}");
    }
}

/// The response to a login that has to wait for most of a day.
async fn refused(device: &Client, user: support::User) {
    let response = device.try_login(DEMO_APP, user.name, user.password).await;
    assert_eq!((response.status, response.json()["error"].as_str()), (429, Some("too_many_requests")));
    assert!(response.text().contains(TOLD), "{}", response.text());
    assert!(response.header("retry-after").parse::<u64>().expect("seconds") > 36_000, "{response:?}");
}

pub(crate) async fn post(device: &Client, path: &str, body: &Json) -> Response {
    device.response(device.request("POST", &format!("/account/api/v1/{path}")).json(body)).await
}

pub(crate) async fn ask(device: &Client, email: &str) -> Response {
    post(device, "unlock", &json!({ "email": email })).await
}

/// The id and the token of a link, as an app takes them.
fn of_link(link: &str) -> (&str, &str) {
    let (_, query) = link.split_once("?id=").expect("an id");
    query.split_once("&token=").expect("a token")
}

/// The URL of a link of a page.
fn link(page: &str, path: &str) -> String {
    let (_, rest) = page.split_once(&format!("href=\"{path}")).unwrap_or_else(|| panic!("no {path}: {page}"));
    format!("{path}{}", rest.split('"').next().unwrap_or_default().replace("&#38;", "&"))
}

/// Checklist G-04, Z-12.
#[tokio::test]
async fn whose_password_is_kept_elsewhere_gets_in_by_a_mail_on_a_new_device() {
    let (_people, url) = People::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    let known = device(&gateway, 9);
    let tokens = known.try_login(DEMO_APP, ADA.name, ADA.password).await.tokens();
    let ada = user(&gateway).await.expect("an account");
    fill(&gateway, &ada).await;
    let (new, stranger) = (device(&gateway, 1), device(&gateway, 2));
    refused(&new, ADA).await;
    refused(&stranger, ADA).await;

    let asking = Visitor::asking(DEMO_APP, "orders:read", &[]);
    let typed = [("username", ADA.name), ("password", ADA.password)];
    let mut browser = Browser::default();
    assert!(!browser.get(&gateway, &asking).await.text().contains("/account/unlock"), "only where it helps");
    let full = browser.submit(&gateway, &asking, &typed).await;
    assert!(full.status == 429 && full.text().contains(TOLD), "{}", full.text());
    assert!(!full.header("retry-after").is_empty());
    let asked = browser.submit(&gateway, &link(&full.text(), "/account/unlock"), &[("email", ADA.name)]).await;
    assert_eq!(asked.status, 303, "{}", asked.text());
    let (code, _) = mailed(&gateway, ADA.name, 1).await;
    assert_eq!(sent(&gateway, ADA.name, 1).await[0].subject, SUBJECT);
    let confirm = asked.header("location").to_owned();
    let wrong = browser.submit(&gateway, &confirm, &[("code", "1234 567")]).await;
    assert!(wrong.status == 400 && wrong.text().contains("This code is not right"), "{}", wrong.text());
    refused(&new, ADA).await;
    let done = browser.submit(&gateway, &confirm, &[("code", &code)]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let page = browser.get(&gateway, done.header("location")).await.text();
    assert!(page.contains("You can log in again"), "{page}");
    let back = link(&page, "/oauth2/authorize");
    let gone = browser.submit(&gateway, &back, &typed).await;
    assert!(gone.status == 303 && gone.header("location").contains("code="), "{}", gone.text());

    refused(&stranger, ADA).await;
    assert_eq!(user(&gateway).await, Some(ada), "nothing of the account has changed");
    assert_eq!(known.call("GET", "/orders", &tokens.access).await.status, 200, "no session has ended");
    known.refresh(&tokens).await;
}

/// On the account's own login page, in German, and from there back to it.
#[tokio::test]
async fn the_account_pages_lead_to_the_proof_and_back_to_their_login() {
    let (_people, url) = People::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    device(&gateway, 9).try_login(DEMO_APP, ADA.name, ADA.password).await.tokens();
    fill(&gateway, &user(&gateway).await.expect("an account")).await;
    let typed = [("username", ADA.name), ("password", ADA.password)];
    let mut browser = Browser::default();
    let login = "/account/log-in?ui_locales=de";
    assert!(!browser.get(&gateway, login).await.text().contains("/account/unlock"), "only where it helps");
    let full = browser.submit(&gateway, login, &typed).await;
    assert!(full.status == 429 && full.text().contains("oder weisen Sie über eine E-Mail nach"), "{}", full.text());
    let unlock = link(&full.text(), "/account/unlock");
    let nothing = browser.submit(&gateway, &unlock, &[("email", " ")]).await;
    assert!(nothing.status == 400 && nothing.text().contains("Bitte füllen Sie dieses Feld aus"), "{}", nothing.text());
    browser.submit(&gateway, &unlock, &[("email", ADA.name)]).await;
    let (_, mail) = mailed(&gateway, ADA.name, 1).await;
    assert_eq!(sent(&gateway, ADA.name, 1).await[0].subject, "Demo Shop: weisen Sie nach, dass Sie es sind");
    // A scanner of mails opens links; only the form confirms.
    let confirm = path(&gateway, &mail);
    for _ in 0..6 {
        let page = Browser::default().get(&gateway, confirm).await;
        assert!(page.status == 200 && page.text().contains("Bestätigen"), "{}", page.text());
    }
    assert_eq!(browser.submit(&gateway, login, &typed).await.status, 429);
    let done = browser.submit(&gateway, confirm, &[]).await;
    assert_eq!((done.status, done.header("location")), (303, "/account/unlocked?ui_locales=de"), "{}", done.text());
    let page = browser.get(&gateway, done.header("location")).await.text();
    assert!(page.contains("Sie können sich wieder anmelden"), "{page}");
    assert_eq!(browser.submit(&gateway, &link(&page, "/account/log-in"), &typed).await.status, 303);
    assert_eq!(browser.get(&gateway, confirm).await.status, 200, "opening tells nothing");
    let again = browser.submit(&gateway, confirm, &[]).await;
    assert!(again.status == 400 && again.text().contains("gilt nicht mehr"), "{}", again.text());
}

/// Abuse case G6; checklist Z-15: the owner gets a mail, nobody else does, and every address looks alike.
#[tokio::test]
async fn an_app_proves_it_by_the_token_of_the_link_and_nobody_is_told_who_exists() {
    let (_people, url) = People::start().await;
    let (gateway, _files) = start(&url, KEY).await;
    device(&gateway, 9).try_login(DEMO_APP, ADA.name, ADA.password).await.tokens();
    fill(&gateway, &user(&gateway).await.expect("an account")).await;
    let store = gateway.store();
    let bob = store.users.by_email(BOB.name).await.expect("a read").expect("bob of the demo");
    store.users.change_credentials(&bob.user_id, None, false).await.expect("a write");
    let email = Address::parse("carla@example.com").expect("an address");
    let user_id = gateway_domain::ids::UserId::parse("carla").expect("an id");
    let carla = User { user_id, email, enabled: true, email_verified: false, links: [].into(), ..bob };
    store.users.create(&carla).await.expect("a write");

    let (phone, stranger) = (device(&gateway, 3), device(&gateway, 4));
    refused(&phone, ADA).await;
    let mut shapes = Vec::new();
    for email in ["nobody@example.com", BOB.name, "carla@example.com", ADA.name] {
        let asked = ask(&phone, email).await;
        let body = asked.json();
        assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
        shapes.push((asked.status, body["unlock"].as_str().map(str::len), body["expires_in"].clone()));
    }
    assert_eq!((shapes[0].0, &shapes[0].2), (202, &json!(3_600)));
    assert!(shapes[0].1 > Some(20) && shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
    let (_, mail) = mailed(&gateway, ADA.name, 1).await;
    let (id, token) = of_link(&mail);
    let proof = json!({ "unlock": id, "token": token });
    // Two at once: the code is used up once.
    let (one, other) = tokio::join!(post(&phone, "unlock/confirm", &proof), post(&phone, "unlock/confirm", &proof));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 400], "{} {}", one.text(), other.text());
    phone.login(ADA).await;
    refused(&stranger, ADA).await;
    for wrong in [
        json!({ "unlock": id }),
        json!({ "unlock": id, "code": "12345678", "token": token }),
        json!({ "unlock": "x", "token": token }),
        json!({ "unlock": id, "token": token, "email": ADA.name }),
    ] {
        assert_eq!(post(&stranger, "unlock/confirm", &wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(ask(&phone, "nobody").await.json()["field"], "email");
    let got = stranger.response(stranger.request("GET", "/account/api/v1/unlock/confirm")).await;
    assert_eq!((got.status, got.header("allow")), (405, "POST"));
    // The mail to Ada is sent after those of all others.
    ask(&phone, ADA.name).await;
    sent(&gateway, ADA.name, 2).await;
    assert!(gateway.stack.outbox().mails().iter().all(|mail| mail.to == ADA.name), "nobody else gets a mail");
}

/// Who has a password here may prove it as well, and it stays. A code is for one purpose, one account and its present credentials.
#[tokio::test]
async fn a_code_proves_nothing_for_another_purpose_or_other_credentials_and_is_not_guessed() {
    let gateway = Gateway::start_with_config(|demo| demo.replace("sign_up: true", "sign_up: false")).await;
    let users = gateway.store().users;
    let ada = users.by_email(ADA.name).await.expect("a read").expect("ada of the demo");
    fill(&gateway, &ada).await;
    let device = device(&gateway, 5);
    refused(&device, ADA).await;
    let confirm = |asked: &Response, code: &str| json!({ "unlock": asked.json()["unlock"], "code": code });
    let (asked, forgotten) =
        (ask(&device, ADA.name).await, post(&device, "forgotten", &json!({ "email": ADA.name })).await);
    let mails = sent(&gateway, ADA.name, 2).await;
    let code = |subject: &str| {
        let mail = mails.iter().find(|mail| mail.subject == subject).expect("a mail");
        mail.text.lines().find(|line| line.starts_with("    ")).expect("a code").trim().to_owned()
    };
    let (unlock, reset) = (code(SUBJECT), code("Demo Shop: set another password"));
    let other = json!({ "unlock": forgotten.json()["reset"], "code": reset });
    assert_eq!(post(&device, "unlock/confirm", &other).await.status, 400, "a code for another password");
    let other = json!({ "reset": asked.json()["unlock"], "code": unlock, "new_password": OTHER });
    assert_eq!(post(&device, "reset", &other).await.status, 400, "a code that unlocks");
    let guess = if unlock == "0000 0000" { "11111111" } else { "00000000" };
    for _ in 0..4 {
        assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, guess)).await.status, 400);
    }
    refused(&device, ADA).await;
    assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, &unlock)).await.status, 204, "the fifth");
    assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, &unlock)).await.status, 400, "it was used");
    device.login(ADA).await;
    assert_eq!(users.by_email(ADA.name).await.expect("a read"), Some(ada.clone()), "nothing has changed");

    let asked = ask(&device, ADA.name).await;
    let (unlock, _) = mailed(&gateway, ADA.name, 3).await;
    for _ in 0..5 {
        assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, guess)).await.status, 400);
    }
    assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, &unlock)).await.status, 400, "no sixth");

    let asked = ask(&device, ADA.name).await;
    let (unlock, _) = mailed(&gateway, ADA.name, 4).await;
    users.change_credentials(&ada.user_id, None, true).await.expect("a write");
    assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, &unlock)).await.status, 400, "other credentials");
    let asked = ask(&device, ADA.name).await;
    let (unlock, _) = mailed(&gateway, ADA.name, 5).await;
    assert_eq!(post(&device, "unlock/confirm", &confirm(&asked, &unlock)).await.status, 204, "the present ones");
}
