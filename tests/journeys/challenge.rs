//! The challenge endpoint through the whole gateway: an app of the company logs a person in on its own screens.

use gateway_domain::admin_scope::APPS_WRITE;
use gateway_domain::ids::ClientId;
use gateway_store::GrantType;
use serde_json::{Value as Json, json};
use support::{ADA, BOB, CHALLENGE, Client, DEMO_APP, PARTNER_APP, Response, UNTRUSTED_APP, VERIFIER};

use super::Gateway;
use crate::accounts::mailed;
use crate::admin_api::{ask, operator};
use crate::openid::METADATA;
use crate::unlock::{device, fill};

const PATH: &str = "/oauth2/challenge";

pub(crate) async fn asks(client: &Client, app: &str, more: &[(&str, &str)]) -> Response {
    let request = [
        ("client_id", app),
        ("response_type", "code"),
        ("scope", "orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    client.post_form(PATH, &[&request[..], more].concat()).await
}

pub(crate) fn typed(user: support::User) -> [(&'static str, &'static str); 2] {
    [("username", user.name), ("password", user.password)]
}

pub(crate) async fn redeem(client: &Client, response: &Response) -> Response {
    assert_eq!(response.status, 200, "{}", response.text());
    let code = response.json()["authorization_code"].as_str().expect("a code").to_owned();
    let form =
        [("grant_type", "authorization_code"), ("client_id", DEMO_APP), ("code", &code), ("code_verifier", VERIFIER)];
    client.post_form("/oauth2/token", &form).await
}

/// Checklist F-09.
#[tokio::test]
async fn a_person_logs_in_on_the_apps_own_screens_and_calls() {
    let gateway = Gateway::start().await;
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    assert!(metadata["authorization_challenge_endpoint"].as_str().is_some_and(|url| url.ends_with(PATH)), "{metadata}");
    // Everything at once.
    let tokens = redeem(&gateway, &asks(&gateway, DEMO_APP, &typed(ADA)).await).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    let refreshed = gateway.refresh(&tokens).await;
    assert_eq!(gateway.call("GET", "/orders", &refreshed.access).await.status, 200);
    // Step by step.
    let wanted = asks(&gateway, DEMO_APP, &[]).await;
    assert_eq!((wanted.status, &wanted.json()["error"]), (403, &json!("insufficient_authorization")));
    let session = wanted.json()["auth_session"].as_str().expect("a session").to_owned();
    let goes_on = async |user: &[(&str, &str)]| {
        gateway.post_form(PATH, &[&[("auth_session", session.as_str())], user].concat()).await
    };
    let wrong = goes_on(&[("username", BOB.name), ("password", "wrong")]).await;
    assert_eq!((wrong.status, &wrong.json()["mistake"]), (403, &json!("wrong_login")));
    let tokens = redeem(&gateway, &goes_on(&typed(BOB)).await).await.tokens();
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    // Who is not of the company asks nobody for a password.
    let refused = asks(&gateway, UNTRUSTED_APP, &typed(ADA)).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
}

/// Checklist F-21, G-04, Z-12: the whole way of an app whose user strangers have locked out, by what each response says.
#[tokio::test]
async fn an_owner_whom_strangers_have_locked_out_gets_in_by_a_mail() {
    let gateway = Gateway::start().await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("ada of the demo");
    fill(&gateway, &ada).await;
    let (phone, stranger) = (device(&gateway, 6), device(&gateway, 7));
    let told = asks(&phone, DEMO_APP, &typed(ADA)).await;
    assert_eq!((told.status, &told.json()["error"]), (403, &json!("insufficient_authorization")));
    assert_eq!(told.json()["step"], "email_code");
    assert!(told.header("retry-after").parse::<u64>().expect("seconds") > 36_000, "{told:?}");
    let url = told.json()["email_code_endpoint"].as_str().expect("an address").to_owned();
    let endpoint = url.strip_prefix(gateway.stack.base_url()).expect("an address of the gateway");
    let sends = async |path: &str, body: Json| phone.response(phone.request("POST", path).json(&body)).await;

    let asked = sends(endpoint, json!({ "email": ADA.name })).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let (code, _) = mailed(&gateway, ADA.name, 1).await;
    let confirm = format!("{endpoint}/confirm");
    let guess = if code == "0000 0000" { "11111111" } else { "00000000" };
    let wrong = sends(&confirm, json!({ "unlock": asked.json()["unlock"], "code": guess })).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    let goes_on = async |client: &Client| {
        let session = told.json()["auth_session"].as_str().expect("a session").to_owned();
        client.post_form(PATH, &[&[("auth_session", session.as_str())], &typed(ADA)[..]].concat()).await
    };
    assert_eq!(goes_on(&phone).await.json()["step"], "email_code", "a guess lets nobody in");
    let right = sends(&confirm, json!({ "unlock": asked.json()["unlock"], "code": code })).await;
    assert_eq!(right.status, 204, "{}", right.text());
    let tokens = redeem(&phone, &goes_on(&phone).await).await.tokens();
    assert_eq!(phone.call("GET", "/orders", &tokens.access).await.status, 200);
    assert_eq!(goes_on(&stranger).await.json()["step"], "email_code", "strangers stay where they are");
}

/// Abuse case G15; checklist F-01, F-11: an app on a server shows its secret in every request, also with a session of its own.
#[tokio::test]
async fn an_app_on_a_server_authenticates_in_every_request() {
    let gateway = Gateway::start().await;
    let (apps, id) = (gateway.store().apps, ClientId::parse(PARTNER_APP).expect("an id"));
    let mut partner = apps.get(&id).await.expect("a read").expect("an app of the demo");
    partner.grants.insert(GrantType::Challenge);
    apps.put(&partner).await.expect("a write");
    let secret = gateway.partner_secret();
    let proof = [("client_secret", secret)];

    let wanted = asks(&gateway, PARTNER_APP, &proof).await;
    assert_eq!((wanted.status, &wanted.json()["step"]), (403, &json!("password")));
    let session = wanted.json()["auth_session"].as_str().expect("a session").to_owned();
    let goes_on = async |client: &[(&str, &str)]| {
        gateway.post_form(PATH, &[&[("auth_session", session.as_str())], client, &typed(ADA)[..]].concat()).await
    };
    let named = [("client_id", PARTNER_APP)];
    let unproved: [&[(&str, &str)]; 3] = [&[], &named, &[named[0], ("client_secret", "wrong")]];
    for client in unproved {
        let refused = goes_on(client).await;
        assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_client")), "{client:?}");
    }
    let of_other = goes_on(&[("client_id", DEMO_APP)]).await;
    assert_eq!((of_other.status, &of_other.json()["error"]), (400, &json!("invalid_session")));
    let form = [&[("auth_session", session.as_str()), proof[0]], &typed(ADA)[..]].concat();
    let twice = gateway.request("POST", PATH).basic_auth(PARTNER_APP, Some(secret)).form(&form);
    let twice = gateway.response(twice).await;
    assert_eq!((twice.status, &twice.json()["error"]), (400, &json!("invalid_request")));
    // A public app proves nothing.
    let public = asks(&gateway, DEMO_APP, &[&proof[..], &typed(ADA)].concat()).await;
    assert_eq!((public.status, &public.json()["error"]), (401, &json!("invalid_client")));

    let form = [&[("auth_session", session.as_str())], &typed(ADA)[..]].concat();
    let by_basic = gateway.request("POST", PATH).basic_auth(PARTNER_APP, Some(secret)).form(&form);
    for response in [goes_on(&[named[0], proof[0]]).await, gateway.response(by_basic).await] {
        assert_eq!(response.status, 200, "{}", response.text());
        let code = response.json()["authorization_code"].as_str().expect("a code").to_owned();
        let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER), named[0]];
        let stolen = gateway.post_form("/oauth2/token", &form).await;
        assert_eq!((stolen.status, &stolen.json()["error"]), (401, &json!("invalid_client")));
        let tokens = gateway.post_form("/oauth2/token", &[&form[..], &proof].concat()).await.tokens();
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    }
}

/// docs/mobile.md, the password grant: what is given and taken ends no session.
#[tokio::test]
async fn an_app_moves_over_from_the_password_grant_and_nobody_logs_in_anew() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &[APPS_WRITE]).await;
    let gives = async |grants: &[&str], redirect_uris: &[&str]| {
        let given: Json = json!({ "grants": grants, "redirect_uris": redirect_uris });
        let changed = ask(&gateway, &token, "PATCH", &format!("/apps/{DEMO_APP}"), Some(&given)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        gateway.restart_functions();
    };
    gives(&["password", "refresh_token"], &[]).await;
    let tokens = gateway.login(ADA).await;
    assert_eq!(asks(&gateway, DEMO_APP, &typed(BOB)).await.status, 400);

    let uris = ["com.example.demo:/signed-in"];
    gives(&["authorization_code", "challenge", "password", "refresh_token"], &uris).await;
    let tokens = gateway.refresh(&tokens).await;
    gateway.login(BOB).await;
    let other = redeem(&gateway, &asks(&gateway, DEMO_APP, &typed(BOB)).await).await.tokens();

    gives(&["authorization_code", "challenge", "refresh_token"], &uris).await;
    let old_version = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
    assert_eq!((old_version.status, &old_version.json()["error"]), (400, &json!("unauthorized_client")));
    for tokens in [gateway.refresh(&tokens).await, gateway.refresh(&other).await] {
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    }
    redeem(&gateway, &asks(&gateway, DEMO_APP, &typed(ADA)).await).await.tokens();
}
