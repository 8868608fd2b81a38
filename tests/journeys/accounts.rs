//! People's own accounts: sign-up with a mail that comes back, proof by code and by link, another password.

use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, Response};

use super::Gateway;
use crate::mail::sent;

const PASSWORD: &str = "wobbly lantern cactus tuesday";
pub(crate) const OTHER: &str = "seven purple anvils whistle";

async fn post(gateway: &Gateway, path: &str, body: &Json) -> Response {
    gateway.response(gateway.request("POST", &format!("/account/api/v1/{path}")).json(body)).await
}

pub(crate) async fn sign_up(gateway: &Gateway, email: &str, password: &str) -> String {
    let body =
        json!({ "email": email, "password": password, "profile": { "name": "Carla", "birthday": "2000-02-29" } });
    let response = post(gateway, "sign-up", &body).await;
    assert_eq!(response.status, 202, "{}", response.text());
    response.json()["verification"].as_str().expect("a ticket").to_owned()
}

/// The code and the link of the last of this many mails to an address.
pub(crate) async fn mailed(gateway: &Gateway, to: &str, count: usize) -> (String, String) {
    let mail = sent(gateway, to, count).await.pop().expect("a mail");
    let line =
        |begin: &str| mail.text.lines().find(|line| line.starts_with(begin)).unwrap_or_default().trim().to_owned();
    (line("    "), line("http"))
}

async fn login(gateway: &Gateway, email: &str, password: &str) -> Response {
    gateway.try_login(DEMO_APP, email, password).await
}

/// A browser: it keeps cookies, and sends forms with the hidden token of the page.
#[derive(Default, Clone)]
pub(crate) struct Browser(Vec<(String, String)>);

impl Browser {
    fn take(&mut self, response: &Response) {
        for cookie in response.headers.get_all("set-cookie") {
            let pair = cookie.to_str().expect("a cookie").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a pair");
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    pub(crate) async fn send(
        &mut self,
        gateway: &Gateway,
        method: &str,
        path: &str,
        form: Option<&[(&str, &str)]>,
    ) -> Response {
        let cookies: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = gateway.request(method, path).header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request = request.header("origin", gateway.stack.base_url()).form(form);
        }
        let response = gateway.response(request).await;
        self.take(&response);
        response
    }

    /// Writes another address into the cookie of a sign-up, after the ticket.
    pub(crate) fn replace_address_of_the_sign_up(&mut self, address: &str) {
        use base64::Engine as _;
        let (_, value) = self.0.iter_mut().find(|(name, _)| name.ends_with("sign-up")).expect("the cookie");
        let (ticket, _) = value.rsplit_once('.').expect("a ticket");
        *value = format!("{ticket}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(address));
    }

    pub(crate) async fn get(&mut self, gateway: &Gateway, path: &str) -> Response {
        self.send(gateway, "GET", path, None).await
    }

    /// Opens a page and sends its form.
    pub(crate) async fn submit(&mut self, gateway: &Gateway, path: &str, typed: &[(&str, &str)]) -> Response {
        let page = self.get(gateway, path).await.text();
        let token = page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let form = [typed, &[("form_token", token.unwrap_or_else(|| panic!("no form: {page}")))]].concat();
        self.send(gateway, "POST", path, Some(&form)).await
    }
}

/// The path and query of a link.
pub(crate) fn path<'l>(gateway: &Gateway, link: &'l str) -> &'l str {
    link.strip_prefix(gateway.stack.base_url()).expect("a link to the gateway")
}

/// Uses all that the account function does, for the test of its role.
pub(crate) async fn use_accounts(gateway: &Gateway) {
    sign_up(gateway, "dora@example.com", PASSWORD).await;
    let second = sign_up(gateway, "dora@example.com", OTHER).await;
    sign_up(gateway, ADA.name, PASSWORD).await;
    let (code, link) = mailed(gateway, "dora@example.com", 2).await;
    assert_eq!(Browser::default().get(gateway, path(gateway, &link)).await.status, 200);
    let (id, _) = second.split_once('.').expect("an id");
    assert_eq!(
        post(gateway, "verify", &json!({ "verification": id, "code": code, "password": PASSWORD })).await.status,
        400
    );
    assert_eq!(post(gateway, "verify", &json!({ "verification": second, "code": code })).await.status, 204);
    // Beyond the mails that an address gets at once, one more is counted with its pace.
    for _ in 0..7 {
        post(gateway, "forgotten", &json!({ "email": "nobody@example.com" })).await;
    }
    let asked = post(gateway, "forgotten", &json!({ "email": "dora@example.com" })).await;
    let (code, _) = mailed(gateway, "dora@example.com", 3).await;
    let reset = json!({ "reset": asked.json()["reset"], "code": code, "new_password": PASSWORD });
    assert_eq!(post(gateway, "reset", &reset).await.status, 204);
}

#[tokio::test]
async fn an_app_signs_somebody_up_who_proves_the_address_by_the_code() {
    let gateway = Gateway::start().await;
    let carla = "carla@example.com";
    let verification = sign_up(&gateway, "Carla@Example.com", PASSWORD).await;
    let (unknown, wrong) = (login(&gateway, "nobody@example.com", PASSWORD).await, login(&gateway, carla, OTHER).await);
    assert_eq!((unknown.status, unknown.text()), (wrong.status, wrong.text()), "only who knows the password is told");
    let early = login(&gateway, carla, PASSWORD).await;
    assert_eq!(early.status, 400);
    assert!(early.text().contains("is not verified yet"), "{}", early.text());
    let (code, _) = mailed(&gateway, carla, 1).await;
    let verify = |code: &str| json!({ "verification": verification, "code": code });
    assert_eq!(post(&gateway, "verify", &verify("0000 0000")).await.status, 400);
    assert_eq!(post(&gateway, "verify", &verify(&code)).await.status, 204);
    assert_eq!(post(&gateway, "verify", &verify(&code)).await.status, 400, "a code is used once");
    let tokens = login(&gateway, carla, PASSWORD).await.tokens();
    let orders = gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!((orders.status, orders.json()["user"].as_str()), (200, Some(carla)), "{}", orders.text());
    let user = gateway.store().users.by_email(carla).await.expect("a read").expect("a user");
    assert_eq!(user.profile["birthday"], "2000-02-29");
    assert!(!gateway.logged().await.join("\n").contains(&code.replace(' ', "")), "no code is logged");
}

#[tokio::test]
async fn a_person_signs_up_by_the_pages() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::default();
    let typed = [("email", "carla@example.com"), ("password", "short"), ("profile_name", "Carla <b>")];
    let mistaken = browser.submit(&gateway, "/account/sign-up", &typed).await;
    assert_eq!(mistaken.status, 400);
    let page = mistaken.text();
    assert!(
        page.contains("carla@example.com") && page.contains("Carla &#60;b&#62;") && !page.contains("short\""),
        "{page}"
    );
    let typed = [("email", "carla@example.com"), ("password", PASSWORD), ("profile_name", "Carla")];
    let next = browser.submit(&gateway, "/account/sign-up", &typed).await;
    assert_eq!(next.status, 303, "{}", next.text());
    let verify = next.header("location").to_owned();
    let page = browser.get(&gateway, &verify).await;
    assert!(page.text().contains("carla@example.com"), "{}", page.text());
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    // Another mail: its code proves the same account.
    let again = browser.submit(&gateway, &verify, &[("resend", "yes")]).await;
    let (code, _) = mailed(&gateway, "carla@example.com", 2).await;
    let wrong = browser.submit(&gateway, again.header("location"), &[("code", "1234")]).await;
    assert_eq!(wrong.status, 400);
    let done = browser.submit(&gateway, again.header("location"), &[("code", &code)]).await;
    assert_eq!((done.status, done.header("location")), (303, "/account/verified"));
    assert_eq!(browser.get(&gateway, "/account/verified").await.status, 200);
    login(&gateway, "carla@example.com", PASSWORD).await.tokens();
}

/// A scanner of mails opens links; and whoever is made to click one must not prove an account that somebody else has made.
#[tokio::test]
async fn a_link_shows_and_only_a_form_confirms_and_in_another_browser_with_the_password() {
    let gateway = Gateway::start().await;
    sign_up(&gateway, "carla@example.com", PASSWORD).await;
    let (_, link) = mailed(&gateway, "carla@example.com", 1).await;
    let (link, mut browser) = (path(&gateway, &link), Browser::default());
    for _ in 0..10 {
        let page = browser.get(&gateway, link).await;
        assert!(page.status == 200 && page.text().contains("carla@example.com"), "{}", page.text());
    }
    assert_eq!(login(&gateway, "carla@example.com", PASSWORD).await.status, 400, "opening proves nothing");
    assert_eq!(browser.submit(&gateway, link, &[]).await.status, 400);
    let wrong = browser.submit(&gateway, link, &[("password", OTHER)]).await;
    assert!(wrong.status == 400 && wrong.text().contains("not the password of the account"), "{}", wrong.text());
    assert_eq!(browser.submit(&gateway, link, &[("password", PASSWORD)]).await.status, 303);
    login(&gateway, "carla@example.com", PASSWORD).await.tokens();
    assert_eq!(browser.get(&gateway, link).await.status, 400, "it was used");
}

#[tokio::test]
async fn a_form_of_another_browser_or_site_does_nothing() {
    let gateway = Gateway::start().await;
    let (mut one, mut other) = (Browser::default(), Browser::default());
    let page = one.get(&gateway, "/account/sign-up").await.text();
    let token =
        page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let form =
        [("email", "carla@example.com"), ("password", PASSWORD), ("profile_name", "Carla"), ("form_token", token)];
    assert_eq!(other.send(&gateway, "POST", "/account/sign-up", Some(&form)).await.status, 400);
    let foreign = gateway.request("POST", "/account/sign-up").header("origin", "https://evil.example");
    let cookie = one.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    assert_eq!(gateway.response(foreign.header("cookie", cookie).form(&form)).await.status, 400);
    assert!(gateway.store().users.by_email("carla@example.com").await.expect("a read").is_none());
    assert_eq!(one.send(&gateway, "POST", "/account/sign-up", Some(&form)).await.status, 303);
}

/// Checklist Y-07; abuse case G6.
#[tokio::test]
async fn a_sign_up_for_an_address_with_an_owner_looks_the_same_and_tells_the_owner_alone() {
    let gateway = Gateway::start().await;
    let ticket = sign_up(&gateway, ADA.name, PASSWORD).await;
    assert_eq!(ticket.len(), sign_up(&gateway, "carla@example.com", PASSWORD).await.len());
    let mail = sent(&gateway, ADA.name, 1).await.remove(0);
    assert_eq!(mail.subject, "Demo Shop: you already have an account");
    let verify = json!({ "verification": ticket, "code": "12345678" });
    assert_eq!(post(&gateway, "verify", &verify).await.status, 400);
    login(&gateway, ADA.name, ADA.password).await.tokens();
    assert_eq!(login(&gateway, ADA.name, PASSWORD).await.status, 400);
}

/// Checklist Z-18.
#[tokio::test]
async fn a_forgotten_password_is_set_anew_and_ends_the_sessions() {
    let gateway = Gateway::start().await;
    let tokens = login(&gateway, ADA.name, ADA.password).await.tokens();
    let unknown = post(&gateway, "forgotten", &json!({ "email": "nobody@example.com" })).await;
    let known = post(&gateway, "forgotten", &json!({ "email": ADA.name })).await;
    let shape = |response: &Response| {
        let body = response.json();
        (response.status, body["reset"].as_str().map(str::len), body["expires_in"].clone())
    };
    assert_eq!(shape(&unknown), shape(&known));
    let (code, _) = mailed(&gateway, ADA.name, 1).await;
    let reset =
        |password: &str, code: &str| json!({ "reset": known.json()["reset"], "code": code, "new_password": password });
    for _ in 0..6 {
        let weak = post(&gateway, "reset", &reset("short", &code)).await;
        assert_eq!((weak.status, weak.json()["field"].as_str()), (400, Some("new_password")), "{}", weak.text());
    }
    assert_eq!(post(&gateway, "reset", &reset(OTHER, &code)).await.status, 204);
    assert_eq!(post(&gateway, "reset", &reset(PASSWORD, &code)).await.status, 400, "a code is used once");
    assert_eq!(login(&gateway, ADA.name, ADA.password).await.status, 400);
    let set = login(&gateway, ADA.name, OTHER).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &set.access).await.status, 200, "the legacy system takes the new one");
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400, "its session has ended");
    assert_eq!(sent(&gateway, ADA.name, 2).await[1].subject, "Demo Shop: your password was changed");
    assert!(gateway.stack.outbox().mails().iter().all(|mail| mail.to != "nobody@example.com"));
}

#[tokio::test]
async fn a_person_sets_a_password_anew_by_the_link() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::default();
    let asked = browser.submit(&gateway, "/account/forgotten", &[("email", ADA.name)]).await;
    assert_eq!(asked.status, 303);
    assert_eq!(browser.get(&gateway, asked.header("location")).await.status, 200);
    let (_, link) = mailed(&gateway, ADA.name, 1).await;
    let (link, mut phone) = (path(&gateway, &link), Browser::default());
    let weak = phone.submit(&gateway, link, &[("new_password", "ada@example.com ada")]).await;
    assert_eq!(weak.status, 400, "{}", weak.text());
    let set = phone.submit(&gateway, link, &[("new_password", OTHER)]).await;
    assert_eq!((set.status, set.header("location")), (303, "/account/password-set"));
    login(&gateway, ADA.name, OTHER).await.tokens();
}

/// Checklist Z-16, Z-19: five guesses at a code, then none, not even the right one.
#[tokio::test]
async fn a_code_cannot_be_guessed() {
    let gateway = Gateway::start().await;
    let verification = sign_up(&gateway, "carla@example.com", PASSWORD).await;
    let (code, _) = mailed(&gateway, "carla@example.com", 1).await;
    let other = if code == "0000 0000" { "11111111" } else { "00000000" };
    for _ in 0..5 {
        assert_eq!(post(&gateway, "verify", &json!({ "verification": verification, "code": other })).await.status, 400);
    }
    assert_eq!(post(&gateway, "verify", &json!({ "verification": verification, "code": code })).await.status, 400);
}

/// Whoever asks for mails in the name of an owner knows the ids of their codes, and takes no way in from the owner by guessing.
#[tokio::test]
async fn a_link_works_however_often_its_code_was_guessed() {
    let gateway = Gateway::start().await;
    let asked = post(&gateway, "forgotten", &json!({ "email": ADA.name })).await.json();
    for _ in 0..6 {
        let guess = json!({ "reset": asked["reset"], "code": "00000000", "new_password": OTHER });
        assert_eq!(post(&gateway, "reset", &guess).await.status, 400);
    }
    let (code, link) = mailed(&gateway, ADA.name, 1).await;
    let late = json!({ "reset": asked["reset"], "code": code, "new_password": OTHER });
    assert_eq!(post(&gateway, "reset", &late).await.status, 400, "the digits are used up");
    let set = Browser::default().submit(&gateway, path(&gateway, &link), &[("new_password", OTHER)]).await;
    assert_eq!((set.status, set.header("location")), (303, "/account/password-set"), "{}", set.text());
}

/// What a stranger has told of an address, and allowed apps to do with its account, ends when its owner comes.
#[tokio::test]
async fn an_owner_who_sets_a_password_finds_nothing_that_somebody_else_prepared() {
    let gateway = Gateway::start_with_config(|demo| {
        demo.replace("  sign_up: true", "  sign_up: true\n  login_before_verification: true")
    })
    .await;
    let carla = "carla@example.com";
    sign_up(&gateway, carla, PASSWORD).await;
    let mut stranger = support::Visitor::of(&gateway);
    let asking = support::Visitor::asking(support::UNTRUSTED_APP, "orders:read", &[]);
    stranger.logs_in(&asking, support::User { name: carla, password: PASSWORD }).await;
    let user = gateway.store().users.by_email(carla).await.expect("a read").expect("a user");
    assert!(!gateway.store().consents.of_user(&user.user_id).await.expect("a read").is_empty());
    // Nor are there mails to an address that nobody has proved: many could be sent by changing the password.
    let mut changing = crate::owners::logged_in(&gateway, carla, PASSWORD).await;
    assert_eq!(changing.submit(&gateway, "/account/password", &[("new_password", OTHER)]).await.status, 303);
    let asked = post(&gateway, "forgotten", &json!({ "email": carla })).await.json();
    let (code, _) = mailed(&gateway, carla, 2).await;
    let reset = json!({ "reset": asked["reset"], "code": code, "new_password": "correct lantern battery tuesday" });
    assert_eq!(post(&gateway, "reset", &reset).await.status, 204);
    let user = gateway.store().users.by_email(carla).await.expect("a read").expect("a user");
    assert!(user.email_verified && user.profile.is_empty(), "{user:?}");
    assert!(gateway.store().consents.of_user(&user.user_id).await.expect("a read").is_empty());
}

#[tokio::test]
async fn an_address_gets_no_more_mails_than_it_should_and_nobody_is_told() {
    let gateway = Gateway::start().await;
    for _ in 0..7 {
        assert_eq!(post(&gateway, "forgotten", &json!({ "email": ADA.name })).await.status, 202);
    }
    // The mail to somebody else is sent after all of those.
    post(&gateway, "forgotten", &json!({ "email": support::BOB.name })).await;
    sent(&gateway, support::BOB.name, 1).await;
    let mails = gateway.stack.outbox().mails().into_iter().filter(|mail| mail.to == ADA.name).count();
    assert!(mails <= 6, "{mails}");
}

#[tokio::test]
async fn what_is_not_as_it_must_be_is_named() {
    let gateway = Gateway::start().await;
    let good = json!({ "email": "carla@example.com", "password": PASSWORD, "profile": { "name": "Carla" } });
    for (pointer, value, told) in [
        ("/email", json!("carla"), "\"field\":\"email\""),
        ("/email", json!(""), "\"field\":\"email\""),
        ("/email", json!("a%evil.example@example.com"), "\"field\":\"email\""),
        ("/email", json!("=?utf-8?q?a=40evil.example=3e?=@example.com"), "\"field\":\"email\""),
        ("/password", json!("Demo Shop Demo Shop 2026"), "\"field\":\"password\""),
        ("/password", json!("short"), "\"field\":\"password\""),
        ("/profile", json!({}), "\"field\":\"name\""),
        ("/profile", json!({ "name": "x".repeat(81) }), "more than 80 characters"),
        ("/profile", json!({ "name": "Carla", "birthday": "2026-02-29" }), "\"field\":\"birthday\""),
        ("/profile", json!({ "name": "Carla", "admin": "yes" }), "unknown field `admin`"),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("a member") = value;
        let response = post(&gateway, "sign-up", &body).await;
        assert!(response.status == 400 && response.text().contains(told), "{body}: {}", response.text());
        assert_eq!(response.header("content-type"), "application/problem+json");
    }
    let mut unknown = good.clone();
    unknown["role"] = json!("admin");
    assert!(post(&gateway, "sign-up", &unknown).await.text().contains("unknown field `role`"));
    let form = gateway.request("POST", "/account/api/v1/sign-up").form(&[("email", "x")]);
    assert_eq!(gateway.response(form).await.status, 400);
    for path in ["verify", "reset"] {
        assert_eq!(post(&gateway, path, &json!({})).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn where_nobody_can_sign_up_there_is_no_such_page() {
    let gateway = Gateway::start_with_config(|demo| demo.replace("sign_up: true", "sign_up: false")).await;
    assert_eq!(gateway.response(gateway.request("GET", "/account/sign-up")).await.status, 404);
    let body = json!({ "email": "carla@example.com", "password": PASSWORD });
    assert_eq!(post(&gateway, "sign-up", &body).await.status, 404);
    assert_eq!(gateway.response(gateway.request("GET", "/account/forgotten")).await.status, 200);
}

/// A password that belongs to a legacy system is reset there alone: who asks here is told where.
#[tokio::test]
async fn a_password_of_a_legacy_system_is_not_reset_here() {
    const RESET: &str = "https://shop.example.com/reset";
    let gateway = Gateway::start_with_config(|demo| {
        let rule = format!("    password: {{ whose: theirs, reset_url: {RESET} }}\n");
        assert!(demo.contains("    password: ours\n"), "{demo}");
        let directory = "directory: { connector: orders-login }";
        demo.replace("sign_up: true", directory).replace("    password: ours\n", &rule)
    })
    .await;
    let refused = post(&gateway, "forgotten", &json!({ "email": ADA.name })).await;
    assert_eq!((refused.status, refused.json()["link"].as_str()), (403, Some(RESET)), "{}", refused.text());
    let reset = json!({ "reset": "x.y", "code": "12345678", "new_password": OTHER });
    assert_eq!(post(&gateway, "reset", &reset).await.status, 403);
    let page = gateway.response(gateway.request("GET", "/account/forgotten")).await;
    assert_eq!(page.status, 403);
    assert!(page.text().contains(RESET) && page.text().contains("belongs to another system"), "{}", page.text());
    login(&gateway, ADA.name, ADA.password).await.tokens();
    assert!(gateway.stack.outbox().mails().is_empty());
}

/// Whoever signs up, or sets a password anew, on the way to an app comes back to it, and nowhere else.
#[tokio::test]
async fn on_the_way_to_an_app_people_come_back_to_it() {
    let gateway = Gateway::start().await;
    let mut browser = Browser::default();
    let asking = support::Visitor::asking(support::DEMO_APP, "orders:read", &[]);
    let asking = asking.replace("state=state", "state=a+b%26c%3D%C3%BC");
    let login = browser.get(&gateway, &asking).await.text();
    let link = |page: &str, path: &str| {
        let (_, rest) = page.split_once(&format!("href=\"{path}")).unwrap_or_else(|| panic!("no {path}: {page}"));
        format!("{path}{}", rest.split('"').next().unwrap_or_default().replace("&#38;", "&"))
    };
    let fields = [("email", "dana@example.com"), ("password", PASSWORD), ("profile_name", "Dana")];
    let asked = browser.submit(&gateway, &link(&login, "/account/sign-up"), &fields).await;
    assert_eq!(asked.status, 303, "{}", asked.text());
    let verify = asked.header("location").to_owned();
    let page = browser.get(&gateway, &verify).await;
    assert_eq!(page.header("cross-origin-opener-policy"), "unsafe-none", "the app may wait for this window");
    let again = browser.submit(&gateway, &verify, &[("resend", "yes")]).await.header("location").to_owned();
    let (code, _) = mailed(&gateway, "dana@example.com", 2).await;
    let done = browser.submit(&gateway, &again, &[("code", &code)]).await;
    let told = browser.get(&gateway, done.header("location")).await.text();
    let back = link(&told, "/oauth2/authorize");
    let code = browser.submit(&gateway, &back, &[("username", "dana@example.com"), ("password", PASSWORD)]).await;
    let location = code.header("location");
    assert!(
        code.status == 303 && location.contains("code=") && location.contains("state=a+b%26c%3D%C3%BC"),
        "{location}"
    );
    let code = support::parameter(&code, "code");
    let tokens = support::Visitor::of(&gateway).redeem(DEMO_APP, &code).await.tokens();
    let orders = gateway.call("GET", "/orders", &tokens.access).await;
    assert_eq!(orders.json()["user"].as_str(), Some("dana@example.com"), "{}", orders.text());

    let mut other = Browser::default();
    let login = other.get(&gateway, &asking).await.text();
    let asked = other.submit(&gateway, &link(&login, "/account/forgotten"), &[("email", "dana@example.com")]).await;
    let (code, _) = mailed(&gateway, "dana@example.com", 3).await;
    let typed = [("code", code.as_str()), ("new_password", OTHER)];
    let done = other.submit(&gateway, asked.header("location"), &typed).await;
    let told = other.get(&gateway, done.header("location")).await.text();
    assert_eq!(link(&told, "/oauth2/authorize"), back);

    // What is no query leads nowhere, and pages that are on no way to an app keep to themselves.
    let long = "x".repeat(4_097);
    for to in ["https%3A%2F%2Fevil.example%2F", "a%22b", "%2F%2Fevil.example", "x%23y", "", "a&for=a", &long] {
        let page = other.get(&gateway, &format!("/account/verified?for={to}")).await;
        assert!(!page.text().contains("evil") && !page.text().contains("/oauth2/authorize"), "{to}: {}", page.text());
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin", "{to}");
    }
    let page = other.get(&gateway, "/account/address-changed?for=client_id%3Dx").await;
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
}
