//! Developers on their pages: organizations and invitations, applications, and who sees which page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_domain::ids::{ClientId, OrganizationId};
use gateway_domain::role::Role;
use gateway_store::{App, AppKind, Dpop, GrantType};
use support::{ADA, BOB, Gateway, Response, without_devices};

use crate::accounts::Browser;
use crate::administrators::{administrator, logged_in, user};
use crate::mail::sent;

const ORGANIZATIONS: &str = "/gateway/organizations";

/// Where a form leads.
pub(crate) fn location(done: &Response) -> String {
    assert_eq!(done.status, 303, "{}", done.text());
    done.header("location").trim_end_matches("?done=yes").to_owned()
}

/// A developer with an organization, and its page.
pub(crate) async fn organization(gateway: &Gateway, of: support::User) -> (Browser, String) {
    let mut browser = logged_in(gateway, of, ORGANIZATIONS).await;
    let made = browser.submit(gateway, ORGANIZATIONS, &[("act", "make"), ("name", "Acme Ltd.")]).await;
    (browser, location(&made))
}

pub(crate) const NATIVE: [(&str, &str); 4] = [
    ("name", "Shop"),
    ("kind", "native"),
    ("redirect_uris", "com.example.shop:/signed-in"),
    ("scope.orders:read", "yes"),
];
const SERVER: [(&str, &str); 4] =
    [("name", "Server"), ("kind", "confidential"), ("acts_for_itself", "yes"), ("scope.orders:read", "yes")];
const SPA: [(&str, &str); 3] = [("name", "Shop"), ("kind", "spa"), ("redirect_uris", "https://shop.example/cb")];

/// Registers an application, and returns the page of it.
pub(crate) async fn register(
    gateway: &Gateway,
    browser: &mut Browser,
    organization: &str,
    typed: &[(&str, &str)],
) -> String {
    let done = browser.submit(gateway, &format!("{organization}/register"), typed).await;
    if done.status == 303 {
        return location(&done);
    }
    assert_eq!(done.status, 201, "{}", done.text());
    let id = done
        .text()
        .split("<code>")
        .find_map(|rest| rest.split_once("</code>").map(|(id, _)| id.to_owned()).filter(|id| id.starts_with("app_")));
    format!("{organization}/apps/{}", id.expect("a client id"))
}

pub(crate) async fn stored(gateway: &Gateway, page: &str) -> App {
    let id = page.rsplit('/').next().and_then(|id| ClientId::parse(id).ok()).expect("a client id");
    gateway.store().apps.get(&id).await.expect("a read").expect("an app")
}

/// What a page has in its first paragraph of this kind.
pub(crate) fn alert(response: &Response) -> String {
    let text = response.text();
    let begins = text.split("role=\"alert\">").nth(1).unwrap_or_default();
    begins.split("</div>").next().unwrap_or_default().to_owned()
}

/// The settings of a native application, some of them otherwise.
pub(crate) fn changed<'a>(otherwise: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is =
        NATIVE.into_iter().filter(|(name, _)| *name != "kind" && !otherwise.iter().any(|(other, _)| other == name));
    is.chain([("act", "change")]).chain(otherwise.iter().copied().filter(|(_, value)| !value.is_empty())).collect()
}

/// Uses all that the pages of developers do, for the test of the roles.
pub(crate) async fn use_development(gateway: &Gateway) {
    let (mut ada, home) = organization(gateway, ADA).await;
    let page = register(gateway, &mut ada, &home, &NATIVE).await;
    let usage = format!("{page}/usage");
    for path in [ORGANIZATIONS, &home, &page, &usage, "/gateway/catalogue", "/gateway/catalogue/orders"] {
        assert_eq!(ada.get(gateway, path).await.status, 200, "{path}");
    }
    location(&ada.submit(gateway, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "partner")]).await);
    location(&ada.submit(gateway, &page, &[("act", "withdraw")]).await);
    location(&ada.submit(gateway, &page, &[("act", "subscribe"), ("api", "echo"), ("plan", "")]).await);
    location(&ada.submit(gateway, &home, &[("act", "invite"), ("email", BOB.name), ("role", "member")]).await);
    let mut bob = logged_in(gateway, BOB, ORGANIZATIONS).await;
    let id = home.rsplit('/').next().expect("an id").to_owned();
    location(&bob.submit(gateway, ORGANIZATIONS, &[("join", &id)]).await);
    let client_id = page.rsplit('/').next().expect("an id").to_owned();
    location(&bob.submit(gateway, &page, &[("act", "delete"), ("confirm", &client_id)]).await);
    let bob = user(gateway, BOB.name).await.user_id;
    location(&ada.submit(gateway, &home, &[("act", &format!("remove {bob}"))]).await);
    location(&ada.submit(gateway, &home, &[("act", "delete")]).await);
}

/// The whole way: signed up, registered, subscribed, approved, called.
#[tokio::test]
async fn a_developer_registers_an_app_that_calls_once_it_is_approved() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, BOB).await;
    let registered = browser.submit(&gateway, &format!("{home}/register"), &SERVER).await;
    assert_eq!(registered.status, 201, "{}", registered.text());
    let shown = registered.text();
    let code = |begins: &str| {
        let mut texts = shown.split("<code>").filter_map(|rest| rest.split_once("</code>")).map(|(text, _)| text);
        texts.find(|text| text.starts_with(begins)).expect("a code").to_owned()
    };
    let (client_id, secret) = (code("app_"), code("mgs_"));
    let page = format!("{home}/apps/{client_id}");
    assert!(!browser.get(&gateway, &page).await.text().contains(&secret), "the secret is shown once");

    // It waits, which those who decide are told.
    let asked = browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", "orders"), ("plan", "")]).await;
    assert_eq!(location(&asked), page);
    assert!(browser.get(&gateway, &page).await.text().contains("Waits for an approval"));
    assert!(stored(&gateway, &page).await.subscriptions.is_empty());
    let told = sent(&gateway, "operators@example.com", 1).await.remove(0);
    assert_eq!(told.subject, "Demo Shop: Server waits for an approval");
    assert!(
        told.text.contains(&format!("/gateway/requests/{client_id}")) && told.text.contains("Acme Ltd."),
        "{}",
        told.text
    );

    let (mut admin, _) = administrator(&gateway, ADA).await;
    let list = admin.get(&gateway, "/gateway/requests").await.text();
    assert!(list.contains(&client_id), "{list}");
    let request = format!("/gateway/requests/{client_id}");
    let revision = revision(&admin.get(&gateway, &request).await.text());
    let approved = admin.submit(&gateway, &request, &[("act", "approve"), ("revision", &revision)]).await;
    assert_eq!(location(&approved), "/gateway/requests");
    let told = sent(&gateway, BOB.name, 1).await.remove(0);
    assert_eq!(told.subject, "Demo Shop: what you asked for Server is approved");
    assert!(!admin.get(&gateway, "/gateway/requests").await.text().contains(&client_id));

    let token = gateway.request("POST", "/oauth2/token").basic_auth(&client_id, Some(&secret));
    let token = gateway.response(token.form(&[("grant_type", "client_credentials"), ("scope", "orders:read")])).await;
    let token = token.json()["access_token"].as_str().expect("a token").to_owned();
    // Nothing that acts for itself has a session at the orders: the call is let through to its connector, and no further.
    let called = gateway.response(gateway.request("GET", "/orders").bearer_auth(&token)).await;
    assert_eq!(called.status, 401, "{}", called.text());
    assert!(called.text().contains("insufficient_user_authentication"), "{}", called.text());

    // What was done is told, with those who belong to it by name and nobody else.
    let history = browser.get(&gateway, &page).await.text();
    for text in ["apps create", "subscriptions ask", "requests approve", BOB.name, "an administrator or former member"]
    {
        assert!(history.contains(text), "{text}: {history}");
    }
    assert!(!history.contains(ADA.name));
}

/// The revision that a page was made of.
pub(crate) fn revision(page: &str) -> String {
    let rest = page.split("name=\"revision\" value=\"").nth(1).expect("a revision");
    rest.split('"').next().expect("a revision").to_owned()
}

/// No field of a form that developers send raises what they may.
#[tokio::test]
async fn no_field_gives_a_developer_more() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let more = [
        ("client_id", "demo-app"),
        ("plan", "partner"),
        ("enabled", "yes"),
        ("grants", "password token_exchange"),
        ("scope", "admin"),
        ("scopes", "gateway:apps:write"),
        ("subscriptions", "orders"),
        ("subscribe", "orders"),
        ("organization", "org_AAAAAAAAAAAAAAAAAAAAAA"),
        ("requested", ""),
        ("pkce_optional", "true"),
        ("dpop", "required"),
        ("registration_hash", "00"),
        ("secret_hash", "00"),
        ("role", "owner"),
        ("roles", "administrator"),
        ("revision", ""),
        ("by", "u_other"),
    ];
    let typed = [NATIVE.as_slice(), &more].concat();
    let page = register(&gateway, &mut browser, &home, &typed).await;
    let app = stored(&gateway, &page).await;
    let expected = |app: &App| {
        assert_eq!(
            (app.plan.as_str(), app.kind, app.trusted, app.pkce_optional),
            ("standard", AppKind::Public, false, false)
        );
        assert_eq!(app.grants, [GrantType::AuthorizationCode, GrantType::RefreshToken].into());
        assert_eq!(app.scope.iter().collect::<Vec<_>>(), ["orders:read"]);
        assert_eq!((app.subscriptions.len(), &app.secret_hash, &app.registration_hash), (0, &None, &None));
        assert_eq!(app.dpop, Dpop::Optional);
        assert_eq!(app.organization.as_ref().map(|id| id.as_str()), home.rsplit('/').next());
    };
    expected(&app);
    let typed = [changed(&[]).as_slice(), &more[1..]].concat();
    browser.submit(&gateway, &page, &typed).await;
    expected(&stored(&gateway, &page).await);

    // A scope that only operators give is told at the field, and nothing is saved.
    for scope in ["scope.account", "scope.gateway:apps:write", "scope.admin"] {
        let refused = browser.submit(&gateway, &page, &changed(&[(scope, "yes")])).await;
        assert_eq!(refused.status, 400, "{scope}");
        assert!(alert(&refused).contains("offered to nobody"), "{scope}: {}", alert(&refused));
    }
    // An API or plan that is not offered cannot be subscribed to.
    for (api, plan) in [("public", ""), ("nothing", ""), ("echo", "standard"), ("echo", "gold")] {
        let refused = browser.submit(&gateway, &page, &[("act", "subscribe"), ("api", api), ("plan", plan)]).await;
        assert_eq!(refused.status, 400, "{api} {plan}: {}", refused.text());
    }
    for act in ["enable", "approve", "open orders", "end-registration", "plan partner", ""] {
        assert_eq!(browser.submit(&gateway, &page, &[("act", act)]).await.status, 404, "{act}");
    }
    expected(&stored(&gateway, &page).await);
}

#[tokio::test]
async fn what_could_not_work_is_told_at_its_field() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let path = format!("{home}/register");
    let with = |name: &'static str, value: &'static str| {
        let others = NATIVE.into_iter().filter(move |(known, _)| *known != name);
        others.chain([(name, value)]).collect::<Vec<_>>()
    };
    let cases = [
        (with("redirect_uris", "http://shop.example/cb"), "redirect_uris"),
        (with("redirect_uris", "com.example.shop:/cb https://*.example/cb"), "redirect_uris"),
        (with("redirect_uris", "https://shop.example/cb#part"), "redirect_uris"),
        (with("redirect_uris", "javascript:alert(1)"), "redirect_uris"),
        (with("redirect_uris", ""), "redirect_uris"),
        (with("name", "caf\u{e9}"), "name"),
        (with("name", ""), "name"),
        (with("name", "Shop, see evil.example"), "name"),
        (with("kind", "robot"), "kind"),
        (with("kind", "spa"), "redirect_uris"),
        (with("kind", "confidential"), "redirect_uris"),
        (with("acts_for_itself", "yes"), "grants"),
        ([SERVER.as_slice(), &[("trusted", "yes")]].concat(), "trusted"),
        ([SPA.as_slice(), &[("trusted", "yes")]].concat(), "trusted"),
        (with("backchannel_logout_uri", "https://shop.example/out"), "backchannel_logout_uri"),
        (with("backchannel_logout_uri", "http://10.0.0.1/out"), "backchannel_logout_uri"),
    ];
    for (typed, field) in cases {
        let refused = browser.submit(&gateway, &path, &typed).await;
        assert_eq!(refused.status, 400, "{typed:?}: {}", refused.text());
        assert!(alert(&refused).contains(&format!("href=\"#{field}")), "{typed:?}: {}", alert(&refused));
        assert!(
            refused.text().contains("com.example")
                || typed.contains(&("redirect_uris", ""))
                || field == "redirect_uris",
            "what was typed stays"
        );
    }
    let id = OrganizationId::parse(home.rsplit('/').next().expect("an id")).expect("an id");
    let organization = gateway.store().developers.organizations.get(&id).await.expect("a read");
    assert_eq!(organization.expect("an organization").0.apps, 0);
    for name in ["", "visit evil.example", "<b>", "a\u{202e}b", &"x".repeat(61)] {
        let refused = browser.submit(&gateway, ORGANIZATIONS, &[("act", "make"), ("name", name)]).await;
        assert_eq!(refused.status, 400, "{name:?}");
    }
}

#[tokio::test]
async fn members_share_apps_and_owners_alone_say_who_belongs() {
    let gateway = Gateway::start().await;
    let (mut ada, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut ada, &home, &NATIVE).await;
    let mut bob = logged_in(&gateway, BOB, ORGANIZATIONS).await;
    for path in [&home, &page, &format!("{home}/register")] {
        assert_eq!(bob.get(&gateway, path).await.status, 404, "{path}");
    }
    assert_eq!(
        bob.submit(&gateway, ORGANIZATIONS, &[("join", home.rsplit('/').next().expect("an id"))]).await.status,
        404
    );

    location(
        &ada.submit(&gateway, &home, &[("act", "invite"), ("email", "BOB@example.com"), ("role", "member")]).await,
    );
    let told = sent(&gateway, BOB.name, 1).await.remove(0);
    assert_eq!(told.subject, "Demo Shop: an invitation to Acme Ltd.");
    assert!(told.text.contains(ADA.name) && told.text.contains(ORGANIZATIONS), "{}", told.text);
    assert!(bob.get(&gateway, ORGANIZATIONS).await.text().contains("Acme Ltd."));
    assert_eq!(bob.get(&gateway, &page).await.status, 404, "an invitation alone opens nothing");
    let joined = bob.submit(&gateway, ORGANIZATIONS, &[("join", home.rsplit('/').next().expect("an id"))]).await;
    assert_eq!(location(&joined), home);
    assert_eq!(bob.get(&gateway, &page).await.status, 200);
    location(&bob.submit(&gateway, &page, &changed(&[("name", "Shop 2")])).await);
    assert_eq!(stored(&gateway, &page).await.name, "Shop 2");

    // A member says nothing about members.
    let (ada_id, bob_id) = (user(&gateway, ADA.name).await.user_id, user(&gateway, BOB.name).await.user_id);
    let acts = [
        "invite",
        "rename",
        "delete",
        &format!("remove {ada_id}"),
        &format!("owner {bob_id}"),
        "uninvite x@example.com",
    ];
    for act in acts {
        let typed = [("act", act), ("email", "carla@example.com"), ("name", "Mine")];
        assert_eq!(bob.submit(&gateway, &home, &typed).await.status, 404, "{act}");
    }
    // The last owner stays until there is another one.
    let leave = format!("remove {ada_id}");
    let refused = ada.submit(&gateway, &home, &[("act", &leave)]).await;
    assert_eq!(refused.status, 400);
    assert!(alert(&refused).contains("the last owner stays"), "{}", alert(&refused));
    assert_eq!(ada.submit(&gateway, &home, &[("act", &format!("member {ada_id}"))]).await.status, 400);
    location(&ada.submit(&gateway, &home, &[("act", &format!("owner {bob_id}"))]).await);
    assert_eq!(location(&ada.submit(&gateway, &home, &[("act", &leave)]).await), ORGANIZATIONS);
    assert_eq!(ada.get(&gateway, &page).await.status, 404, "who has left sees nothing");
    // Who alone is left and is disabled cannot be the reason that nobody stays.
    location(&bob.submit(&gateway, &home, &[("act", "invite"), ("email", ADA.name), ("role", "owner")]).await);
    location(&ada.submit(&gateway, ORGANIZATIONS, &[("decline", home.rsplit('/').next().expect("an id"))]).await);
    assert!(!ada.get(&gateway, ORGANIZATIONS).await.text().contains("Decline"));
}

/// Each page with everybody who could ask for it.
#[tokio::test]
async fn who_may_not_sees_nothing() {
    let gateway = Gateway::start_with_config(|text| text.replace("developers: anyone", "developers: invited")).await;
    let ada = user(&gateway, ADA.name).await.user_id;
    gateway.store().users.set_role(&ada, Role::Developer, true).await.expect("a write");
    let (mut developer, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut developer, &home, &NATIVE).await;
    let id = page.rsplit('/').next().expect("an id");
    let for_developers = [
        ORGANIZATIONS.to_owned(),
        home.clone(),
        format!("{home}/register"),
        page.clone(),
        format!("{page}/usage"),
        "/gateway/catalogue".into(),
        "/gateway/catalogue/orders".into(),
    ];
    let (request, app, usage) = (format!("requests/{id}"), format!("apps/{id}"), format!("apps/{id}/usage"));
    let own = format!("users/{ada}");
    let pages =
        ["requests", &request, "users", &own, "apps", &app, "plans", "usage", &usage, "events", "audit", "audit.csv"];
    let for_administrators = pages.map(|page| format!("/gateway/{page}"));
    let mut nobody = Browser::default();
    let mut person = logged_in(&gateway, BOB, ORGANIZATIONS).await;
    for path in for_developers.iter().chain(&for_administrators) {
        assert!(nobody.get(&gateway, path).await.header("location").starts_with("/account/log-in?to="), "{path}");
        assert_eq!(person.get(&gateway, path).await.status, 404, "{path}");
        let expected = if for_developers.contains(path) { 200 } else { 404 };
        assert_eq!(developer.get(&gateway, path).await.status, expected, "{path}");
    }
    for path in for_administrators {
        let token = form_token(&developer.get(&gateway, ORGANIZATIONS).await.text());
        let form = [("form_token", token.as_str()), ("act", "approve"), ("revision", "1")];
        assert_eq!(developer.send(&gateway, "POST", &path, Some(&form)).await.status, 404, "{path}");
    }
    for path in [
        "/gateway/catalogue/public",
        "/gateway/catalogue/nothing",
        &page.replace(id, "demo-app"),
        &page.replace("org_", "org_x"),
    ] {
        assert_eq!(developer.get(&gateway, path).await.status, 404, "{path}");
    }
    // An administrator sees all of them, once the second proof is there.
    let bob = user(&gateway, BOB.name).await.user_id;
    gateway.store().users.set_role(&bob, Role::Administrator, true).await.expect("a write");
    assert!(person.get(&gateway, &home).await.header("location").starts_with("/gateway/second-factor"));
    let (mut admin, _) = administrator(&gateway, BOB).await;
    for path in for_developers {
        assert_eq!(admin.get(&gateway, &path).await.status, 200, "{path}");
    }
    // Without a portal there is nothing for developers.
    let closed = Gateway::start_with_config(|text| {
        let text = text.lines().filter(|line| !line.starts_with("portal:") && !line.trim_start().starts_with("offer:"));
        text.collect::<Vec<_>>().join("\n")
    });
    let closed = closed.await;
    let mut person = logged_in(&closed, ADA, ORGANIZATIONS).await;
    assert_eq!(person.get(&closed, ORGANIZATIONS).await.status, 404);
}

pub(crate) fn form_token(page: &str) -> String {
    let rest = page.split("name=\"form_token\" value=\"").nth(1).expect("a token");
    rest.split('"').next().expect("a token").to_owned()
}

#[tokio::test]
async fn an_api_is_shown_with_its_documentation() {
    let gateway = Gateway::start().await;
    let mut browser = logged_in(&gateway, ADA, "/gateway/catalogue").await;
    let list = browser.get(&gateway, "/gateway/catalogue").await.text();
    assert!(list.contains("waits for an approval") && list.contains("holds at once"), "{list}");
    assert!(!list.contains("/gateway/catalogue/public"), "an API without an offer is not shown");
    let page = browser.get(&gateway, "/gateway/catalogue/orders").await.text();
    for text in
        ["One order", "Its number", "path, required", "The user has no such order", "application/json", "orders:write"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// Two who rotate a secret at once: one gets a secret, and it works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rotations_at_once_one_is_made_and_told() {
    let gateway = Gateway::start().await;
    let (mut ada, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut ada, &home, &SERVER).await;
    let text = ada.get(&gateway, &page).await.text();
    let (token, revision) = (form_token(&text), revision(&text));
    let form = [("form_token", token.as_str()), ("revision", &revision), ("act", "rotate-secret"), ("overlap", "3600")];
    let mut other = ada.clone();
    let (one, two) =
        tokio::join!(ada.send(&gateway, "POST", &page, Some(&form)), other.send(&gateway, "POST", &page, Some(&form)));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", one.text(), two.text());
    let made = if one.status == 200 { one.text() } else { two.text() };
    let secret = made.split("<code>").find(|rest| rest.starts_with("mgs_")).and_then(|rest| rest.split('<').next());
    let client_id = page.rsplit('/').next().expect("an id");
    let request = gateway.request("POST", "/oauth2/token").basic_auth(client_id, secret);
    assert_eq!(gateway.response(request.form(&[("grant_type", "client_credentials")])).await.status, 200);
}

/// A member who was removed while a form lay open changes nothing with it.
#[tokio::test]
async fn who_was_removed_changes_nothing() {
    let gateway = Gateway::start().await;
    let (mut ada, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut ada, &home, &NATIVE).await;
    let id = home.rsplit('/').next().expect("an id").to_owned();
    location(&ada.submit(&gateway, &home, &[("act", "invite"), ("email", BOB.name), ("role", "member")]).await);
    let mut bob = logged_in(&gateway, BOB, ORGANIZATIONS).await;
    location(&bob.submit(&gateway, ORGANIZATIONS, &[("join", &id)]).await);
    let token = form_token(&bob.get(&gateway, &page).await.text());
    let bob_id = user(&gateway, BOB.name).await.user_id;
    location(&ada.submit(&gateway, &home, &[("act", &format!("remove {bob_id}"))]).await);
    let form = [("form_token", token.as_str()), ("act", "change"), ("name", "Mine")];
    assert_eq!(bob.send(&gateway, "POST", &page, Some(&form)).await.status, 404);
    assert_eq!(stored(&gateway, &page).await.name, "Shop");
}

/// A form of another browser or site does nothing.
#[tokio::test]
async fn a_form_of_another_browser_does_nothing() {
    let gateway = Gateway::start().await;
    let (mut ada, home) = organization(&gateway, ADA).await;
    let forged = URL_SAFE_NO_PAD.encode([7; 32]);
    for path in [ORGANIZATIONS, &home, &format!("{home}/register")] {
        let form = [("form_token", forged.as_str()), ("act", "make"), ("name", "Other")];
        assert_eq!(ada.send(&gateway, "POST", path, Some(&form)).await.status, 400, "{path}");
    }
}

/// Who asks and withdraws again and again fills no mailbox.
#[tokio::test]
async fn one_developer_does_not_fill_the_audit_trail() {
    let gateway = Gateway::start().await;
    let (mut browser, home) = organization(&gateway, ADA).await;
    let page = register(&gateway, &mut browser, &home, &NATIVE).await;
    for round in 3..150 {
        let done = browser.submit(&gateway, &page, &changed(&[("name", &format!("Shop {round}"))])).await;
        if done.status == 429 {
            assert!(round > 100 && done.header("retry-after").parse::<u64>().is_ok_and(|wait| wait >= 1), "{round}");
            assert!(stored(&gateway, &page).await.name.ends_with(&format!(" {}", round - 1)), "nothing was changed");
            // Others go on.
            organization(&gateway, BOB).await;
            return;
        }
        location(&done);
    }
    panic!("it was never too much");
}

#[tokio::test]
async fn a_developer_says_that_an_app_has_devices_where_there_are_any() {
    for devices in [true, false] {
        let change = |config: String| if devices { config } else { without_devices(&config) };
        let gateway = Gateway::start_with_config(change).await;
        let (mut browser, home) = organization(&gateway, ADA).await;
        let page = register(&gateway, &mut browser, &home, &NATIVE).await;
        assert_eq!(browser.get(&gateway, &page).await.text().contains("name=\"has_devices\""), devices);
        if !devices {
            continue;
        }
        location(&browser.submit(&gateway, &page, &changed(&[("has_devices", "yes")])).await);
        assert!(stored(&gateway, &page).await.grants.contains(&GrantType::JwtBearer));
        location(&browser.submit(&gateway, &page, &changed(&[])).await);
        assert!(!stored(&gateway, &page).await.grants.contains(&GrantType::JwtBearer));
        // A server has no devices of people.
        let server = [&SERVER[..], &[("has_devices", "yes")]].concat();
        let refused = browser.submit(&gateway, &format!("{home}/register"), &server).await;
        assert!(refused.status == 400 && alert(&refused).contains("href=\"#grants"), "{}", refused.text());
    }
}
