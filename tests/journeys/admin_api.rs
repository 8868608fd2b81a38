//! Applications, subscriptions, users, sessions and devices by the admin API, and applications that register themselves.

use gateway_domain::admin_scope;
use gateway_domain::ids::ClientId;
use gateway_domain::scope::Scope;
use gateway_store::GrantType;
use serde_json::{Value as Json, json};
use support::{ADA, DEMO_APP, PARTNER_APP, Phone, Response};

use super::Gateway;
use crate::forge::Key;

/// Lets the partner's app administer with these scopes and nothing else, and returns its access token.
pub(crate) async fn operator(gateway: &Gateway, scopes: &[&str]) -> String {
    let partner = ClientId::parse(PARTNER_APP).expect("an id");
    let mut app = gateway.store().apps.get(&partner).await.expect("a read").expect("an app");
    app.scope = Scope::parse(&scopes.join(" ")).expect("a scope");
    app.grants = [GrantType::ClientCredentials].into();
    app.redirect_uris.clear();
    app.trusted = false;
    gateway.store().apps.put(&app).await.expect("a write");
    let request = gateway.request("POST", "/oauth2/token").basic_auth(PARTNER_APP, Some(gateway.partner_secret()));
    let response = gateway.response(request.form(&[("grant_type", "client_credentials")])).await;
    response.json()["access_token"].as_str().expect("an access token").to_owned()
}

pub(crate) async fn ask(gateway: &Gateway, token: &str, method: &str, path: &str, body: Option<&Json>) -> Response {
    let request = gateway.request(method, &format!("/gateway/api/v1{path}")).bearer_auth(token);
    gateway.response(if let Some(body) = body { request.json(body) } else { request }).await
}

fn app(client_id: &str) -> Json {
    json!({
        "client_id": client_id, "name": "Field service", "kind": "public", "plan": "standard",
        "grants": ["authorization_code", "refresh_token"], "scopes": ["orders:read", "openid"],
        "redirect_uris": ["com.example.field:/signed-in"],
    })
}

fn without(mut value: Json, member: &str) -> Json {
    value.as_object_mut().expect("an object").remove(member);
    value
}

/// What a refusal asks for: a REST API renames the field, an HTTP API does not.
fn challenge(response: &Response) -> String {
    let names = ["x-amzn-remapped-www-authenticate", "www-authenticate"];
    names.map(|name| response.headers.get(name).map_or("", |value| value.to_str().expect("text"))).concat()
}

/// Uses all that the admin API can do, for the test of the roles.
pub(crate) async fn use_admin_api(gateway: &Gateway) {
    let token = operator(gateway, &admin_scope::ALL).await;
    let does = async |method, path: &str, body: Option<Json>, status| {
        let response = ask(gateway, &token, method, path, body.as_ref()).await;
        assert_eq!(response.status, status, "{method} {path}: {}", response.text());
        response
    };
    does("POST", "/apps", Some(app("field")), 201).await;
    does("POST", "/apps", Some(app("field")), 409).await;
    does("PUT", "/apps/field/subscriptions/orders", Some(json!({})), 201).await;
    let full = json!({
        "name": "Service", "kind": "confidential", "plan": "standard", "grants": ["authorization_code", "refresh_token"],
        "scopes": ["orders:read", "openid"], "redirect_uris": ["https://service.example/cb"], "pkce_optional": true,
        "refresh_retry_window": 60, "id_token_alg": "ES256", "dpop": "required",
        "post_logout_redirect_uris": ["https://service.example/"], "backchannel_logout_uri": "https://service.example/out",
    });
    does("PUT", "/apps/service", Some(full), 201).await;
    does("POST", "/apps/service/secret", Some(json!({ "overlap": 60 })), 200).await;
    let keys = json!({ "keys": [Key::generate("service-key").jwk()] });
    does("PATCH", "/apps/service", Some(json!({ "jwks": keys })), 200).await;
    let registered = json!({ "redirect_uris": ["https://app.example/cb"] });
    let request = gateway.request("POST", "/oauth2/register").bearer_auth(&token).json(&registered);
    assert_eq!(gateway.response(request).await.status, 201);
    does("GET", "/apps", None, 200).await;
    does("DELETE", "/apps/field", None, 204).await;
    let refused = json!({ "enabled": false });
    for path in ["", "?email=ada@example.com"] {
        does("GET", &format!("/users{path}"), None, 200).await;
    }
    gateway.login(ADA).await;
    let found = does("GET", "/users?email=ada@example.com", None, 200).await.json();
    let ada = format!("/users/{}", found["items"][0]["user_id"].as_str().expect("an id"));
    does("GET", &format!("{ada}/sessions"), None, 200).await;
    does("DELETE", &format!("{ada}/sessions"), None, 204).await;
    // One of two, and the last.
    let phones = [Phone::registered(gateway, DEMO_APP).await, Phone::registered(gateway, DEMO_APP).await];
    for phone in &phones {
        assert_eq!(phone.log_in(ADA).await.status, 200);
    }
    does("GET", &format!("{ada}/devices"), None, 200).await;
    does("DELETE", &format!("/devices/{}", phones[0].id), None, 204).await;
    does("DELETE", &format!("{ada}/devices"), None, 204).await;
    does("PATCH", &ada, Some(refused), 200).await;
    does("PATCH", &ada, Some(json!({ "enabled": true })), 200).await;
    does("GET", "/audit", None, 200).await;
    does("GET", "/usage", None, 200).await;
    does("GET", "/apps/service/usage", None, 200).await;
    // Something was told, and is told again.
    let mut told = Json::Null;
    for _ in 0..100 {
        told = does("GET", "/deliveries", None, 200).await.json()["items"][0].clone();
        if told != Json::Null {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    does("POST", "/deliveries", Some(json!({ "day": told["day"], "at": told["at"] })), 202).await;
    does("GET", "/deliveries/waiting", None, 200).await;
    let all = json!({ "destination": told["destination"], "from": told["time"], "to": told["time"] });
    does("POST", "/deliveries/replay", Some(all), 202).await;
}

#[tokio::test]
async fn an_app_is_created_subscribed_changed_and_deleted_and_all_of_it_is_recorded() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let does = async |method, path: &str, body: Option<Json>| ask(&gateway, &token, method, path, body.as_ref()).await;
    let created = does("POST", "/apps", Some(app("field"))).await;
    assert_eq!((created.status, created.header("location")), (201, "/gateway/api/v1/apps/field"), "{}", created.text());
    assert_eq!(created.json().get("client_secret"), None, "a public app has none");
    assert_eq!(does("POST", "/apps", Some(app("field"))).await.status, 409);

    let subscribed = does("PUT", "/apps/field/subscriptions/orders", Some(json!({ "id": "contract 17" }))).await;
    assert_eq!((subscribed.status, &subscribed.json()["id"]), (201, &json!("contract 17")));
    let again = does("PUT", "/apps/field/subscriptions/orders", Some(json!({ "plan": "standard" }))).await;
    assert_eq!(
        (again.status, &again.json()["plan"], &again.json()["id"]),
        (200, &json!("standard"), &json!("contract 17"))
    );
    let none = does("PUT", "/apps/field/subscriptions/orders", Some(json!({ "plan": null }))).await;
    assert_eq!(none.json()["plan"], Json::Null);

    let shown = does("GET", "/apps/field", None).await;
    assert_eq!(shown.json()["subscriptions"]["orders"]["enabled"], true);
    let tag = shown.header("etag").to_owned();
    let changed = does("PATCH", "/apps/field", Some(json!({ "name": "Field", "enabled": false }))).await;
    assert_eq!(
        (changed.status, &changed.json()["name"], &changed.json()["enabled"]),
        (200, &json!("Field"), &json!(false))
    );
    let stale = gateway.request("PATCH", "/gateway/api/v1/apps/field").bearer_auth(&token).header("If-Match", &tag);
    assert_eq!(gateway.response(stale.json(&json!({ "name": "Lost" }))).await.status, 412);

    // What was created by PUT is the same when it is sent again.
    let whole = without(app("other"), "client_id");
    let put = does("PUT", "/apps/other", Some(whole.clone())).await;
    assert_eq!((put.status, does("PUT", "/apps/other", Some(whole)).await.header("etag")), (201, put.header("etag")));
    // The same sent again changes nothing, so that a description of all apps can be sent whenever it likes.
    let whole = without(app("field"), "client_id");
    let put = does("PUT", "/apps/field", Some(whole.clone())).await;
    let tag = put.header("etag").to_owned();
    assert_eq!((put.status, &put.json()["name"], &put.json()["enabled"]), (200, &json!("Field service"), &json!(true)));
    assert_eq!(does("PUT", "/apps/field", Some(whole)).await.header("etag"), tag);

    assert_eq!(does("DELETE", "/apps/field/subscriptions/orders", None).await.status, 204);
    assert_eq!(does("DELETE", "/apps/field/subscriptions/orders", None).await.status, 404);
    assert_eq!(does("DELETE", "/apps/field", None).await.status, 204);
    assert_eq!(does("GET", "/apps/field", None).await.status, 404);

    let acts = does("GET", "/audit?subject=app%20field", None).await.json();
    let acts: Vec<_> = acts["items"].as_array().expect("rows").iter().collect();
    assert!(acts.iter().all(|row| row["who"] == format!("app {PARTNER_APP}")), "{acts:?}");
    let done =
        |act: &str, outcome: &str| acts.iter().filter(|row| row["act"] == act && row["outcome"] == outcome).count();
    assert_eq!((done("apps create", "done"), done("apps create", "failed")), (1, 1), "{acts:?}");
    assert_eq!((done("subscriptions add", "done"), done("subscriptions change", "done")), (1, 2));
    assert_eq!(
        (done("apps change", "done"), done("apps delete", "done")),
        (2, 1),
        "what changes nothing is not recorded"
    );
}

#[tokio::test]
async fn a_secret_is_told_once_and_the_one_before_works_until_its_overlap_ends() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &[admin_scope::APPS_READ, admin_scope::APPS_WRITE]).await;
    let service = json!({
        "client_id": "service", "name": "Service", "kind": "confidential", "plan": "standard",
        "grants": ["client_credentials"], "scopes": ["orders:read"],
    });
    let created = ask(&gateway, &token, "POST", "/apps", Some(&service)).await.json();
    let secret = created["client_secret"].as_str().expect("a secret").to_owned();
    assert_eq!(ask(&gateway, &token, "GET", "/apps/service", None).await.json().get("client_secret"), None);
    let works = async |secret: &str| {
        let request = gateway.request("POST", "/oauth2/token").basic_auth("service", Some(secret));
        gateway.response(request.form(&[("grant_type", "client_credentials")])).await.status == 200
    };
    assert!(works(&secret).await);
    let rotate = async |body: Json| ask(&gateway, &token, "POST", "/apps/service/secret", Some(&body)).await;
    let rotated = rotate(json!({ "overlap": 3600 })).await.json();
    let second = rotated["client_secret"].as_str().expect("a secret").to_owned();
    assert!(works(&secret).await && works(&second).await);
    assert_eq!(rotate(json!({ "overlap": 3600 })).await.status, 400, "a third one would end the first");
    assert_eq!(rotate(json!({ "overlap": 3600, "now": true })).await.status, 400);
    assert_eq!(ask(&gateway, &token, "DELETE", "/apps/service/secret/previous", None).await.status, 200);
    assert!(!works(&secret).await && works(&second).await);
    assert_eq!(rotate(json!({ "now": true })).await.status, 200);
    assert!(!works(&second).await);
}

/// Who may write apps gets no other part of the admin API by them, neither a new one nor one that is there.
#[tokio::test]
async fn no_scope_of_the_admin_api_leads_to_another() {
    let gateway = Gateway::start().await;
    let all = operator(&gateway, &admin_scope::ALL).await;
    let token = operator(&gateway, &[admin_scope::APPS_READ, admin_scope::APPS_WRITE]).await;
    let greedy = json!({
        "name": "Mine", "kind": "confidential", "plan": "standard", "grants": ["client_credentials"],
        "scopes": ["gateway:users:write"],
    });
    let does = async |method, path: &str, body: Option<Json>| {
        let response = ask(&gateway, &token, method, path, body.as_ref()).await;
        (response.status, response.text())
    };
    let told =
        |(status, text): (u16, String)| assert!(status == 400 && text.contains("an operator alone"), "{status} {text}");
    told(does("PUT", "/apps/mine", Some(greedy.clone())).await);
    let mut modest = greedy.clone();
    modest["scopes"] = json!(["orders:read"]);
    assert_eq!(does("PUT", "/apps/mine", Some(modest.clone())).await.0, 201);
    told(does("PUT", "/apps/mine", Some(greedy.clone())).await);
    told(does("PATCH", "/apps/mine", Some(json!({ "scopes": ["gateway:audit:read"] }))).await);
    // The partner's app is one of the admin API here.
    let other = format!("/apps/{PARTNER_APP}");
    told(does("POST", &format!("{other}/secret"), Some(json!({ "now": true }))).await);
    told(does("DELETE", &format!("{other}/secret/previous"), None).await);
    told(does("PATCH", &other, Some(json!({ "jwks": { "keys": [Key::generate("mine").jwk()] } }))).await);
    told(does("PATCH", &other, Some(json!({ "enabled": false }))).await);
    told(does("DELETE", &other, None).await);
    let path = format!("{other}/subscriptions/orders");
    assert_eq!(ask(&gateway, &all, "DELETE", &path, None).await.status, 403, "its scope is what it is now");
    modest["client_id"] = json!("subscribed");
    modest["subscribe"] = json!(["orders"]);
    assert_eq!(does("POST", "/apps", Some(modest)).await.0, 403, "subscriptions have a scope of their own");
}

#[tokio::test]
async fn a_request_that_expects_something_else_changes_nothing() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let whole = without(app("field"), "client_id");
    let does = async |method: &str, path: &str, header: (&str, &str), body: Option<&Json>| {
        let request =
            gateway.request(method, &format!("/gateway/api/v1{path}")).bearer_auth(&token).header(header.0, header.1);
        gateway.response(if let Some(body) = body { request.json(body) } else { request }).await.status
    };
    let subscription = "/apps/field/subscriptions/orders";
    for (method, path, header, body, status) in [
        ("PUT", "/apps/field", ("If-Match", "*"), Some(&whole), 412),
        ("PUT", "/apps/field", ("If-Match", "\"1\""), Some(&whole), 412),
        ("PUT", "/apps/field", ("If-None-Match", "*"), Some(&whole), 201),
        ("PUT", "/apps/field", ("If-None-Match", "*"), Some(&whole), 412),
        ("PUT", subscription, ("If-Match", "\"7\""), Some(&json!({})), 412),
        ("PUT", subscription, ("If-None-Match", "*"), Some(&json!({})), 201),
        ("PUT", subscription, ("If-None-Match", "*"), Some(&json!({})), 412),
        ("DELETE", subscription, ("If-Match", "\"1\""), None, 412),
        ("DELETE", subscription, ("If-Match", "\"2\""), None, 204),
        ("DELETE", "/apps/field", ("If-Match", "\"1\""), None, 412),
        ("DELETE", "/apps/field", ("If-Match", "one"), None, 400),
        ("DELETE", "/apps/field", ("If-Match", "*"), None, 204),
    ] {
        assert_eq!(does(method, path, header, body).await, status, "{method} {path} {header:?}");
    }
}

/// Ids of users may have signs that clients encode in a path.
#[tokio::test]
async fn a_path_is_read_as_it_was_meant() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let email = gateway_domain::address::Address::parse("crm@example.com").expect("an address");
    let user_id = gateway_domain::ids::UserId::parse("crm:17@old").expect("an id");
    let user = gateway_store::User { user_id, email, ..ada };
    gateway.store().users.create(&user).await.expect("a write");
    for path in ["/users/crm:17@old", "/users/crm%3A17%40old"] {
        assert_eq!(ask(&gateway, &token, "GET", path, None).await.status, 200, "{path}");
    }
    assert_eq!(ask(&gateway, &token, "GET", "/users/crm%2F17", None).await.status, 404);
}

/// All that is wrong is told, each at its field, before anything is written.
#[tokio::test]
async fn what_could_not_work_is_told_at_its_field() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let told = async |method: &str, path: &str, body: Json| {
        let response = ask(&gateway, &token, method, path, Some(&body)).await;
        let errors = response.json()["errors"].as_array().cloned().unwrap_or_default();
        let fields: Vec<_> =
            errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect();
        (response.status, fields, response.text())
    };
    let with = |changes: Json| {
        let mut body = app("odd");
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        body
    };
    for (changes, fields) in [
        (
            json!({ "redirect_uris": ["http://localhost/cb", "https://a.example/", "x:y"] }),
            vec!["redirect_uris[0]", "redirect_uris[2]"],
        ),
        (json!({ "scopes": ["orders:read", "nothing:here"] }), vec!["scopes"]),
        (
            json!({ "plan": "gold", "scopes": ["nothing"], "subscribe": ["nowhere"] }),
            vec!["subscribe", "plan", "scopes"],
        ),
        (json!({ "grants": ["password", "authorization_code"] }), vec!["trusted"]),
        (json!({ "grants": ["implicit"] }), vec!["grants[0]"]),
        (json!({ "grants": ["challenge", "authorization_code"] }), vec!["trusted"]),
        (json!({ "grants": ["challenge"], "trusted": true, "redirect_uris": [] }), vec!["grants"]),
        (json!({ "grants": ["jwt_bearer", "authorization_code"], "kind": "confidential" }), vec!["grants"]),
        (json!({ "grants": ["native_sso", "authorization_code"], "trusted": false }), vec!["grants"]),
        (json!({ "scopes": ["openid", "device_sso"] }), vec!["scopes"]),
        (json!({ "grants": ["client_credentials", "authorization_code"] }), vec!["grants"]),
        (json!({ "redirect_uris": [] }), vec!["redirect_uris"]),
        (json!({ "name": "caf\u{e9}", "kind": "secret" }), vec!["name", "kind"]),
        (json!({ "jwks": { "keys": [] }, "kind": "confidential" }), vec!["jwks"]),
        (json!({ "scopes": ["gateway:users:write"] }), vec!["scopes"]),
        (json!({ "refresh_retry_window": 100_000 }), vec!["refresh_retry_window"]),
    ] {
        let (status, found, text) = told("POST", "/apps", with(changes)).await;
        assert_eq!((status, found), (400, fields.into_iter().map(str::to_owned).collect()), "{text}");
    }
    for member in ["client_id", "name", "kind", "plan", "grants", "scopes"] {
        let (status, found, text) = told("POST", "/apps", without(app("odd"), member)).await;
        assert_eq!((status, found), (400, vec![member.to_owned()]), "{text}");
    }
    assert_eq!(ask(&gateway, &token, "GET", "/apps/odd", None).await.status, 404, "nothing was saved");
    for body in [json!({ "name": null }), json!({ "redirect_uris": null }), json!({ "enabled": null }), json!([])] {
        assert_eq!(told("PATCH", &format!("/apps/{DEMO_APP}"), body.clone()).await.0, 400, "{body}");
    }
    for body in [json!({ "secret_hash": "x" }), json!({ "revision": 7 }), json!({ "subscriptions": {} })] {
        let (status, _, text) = told("PATCH", &format!("/apps/{DEMO_APP}"), body).await;
        assert!(status == 400 && text.contains("unknown field"), "{text}");
    }
    assert_eq!(told("PATCH", &format!("/apps/{DEMO_APP}"), json!({ "kind": "secret" })).await.1, ["kind"]);
    assert_eq!(
        told("PUT", &format!("/apps/{DEMO_APP}/subscriptions/orders"), json!({ "plan": "gold" })).await.1,
        ["plan"]
    );
    for query in ["?limit=0", "?limit=101", "?limit=x", "?after=%20"] {
        assert_eq!(ask(&gateway, &token, "GET", &format!("/apps{query}"), None).await.status, 400, "{query}");
    }
}

/// Each route with no token, with that of a person, and with every scope on its own: what it does not open, it says.
#[tokio::test]
async fn a_scope_opens_its_area_and_nothing_else() {
    use admin_scope as scope;
    let gateway = Gateway::start().await;
    let routes = [
        ("GET", "/apps", scope::APPS_READ),
        ("POST", "/apps", scope::APPS_WRITE),
        ("GET", "/apps/demo-app", scope::APPS_READ),
        ("PUT", "/apps/demo-app", scope::APPS_WRITE),
        ("PATCH", "/apps/demo-app", scope::APPS_WRITE),
        ("DELETE", "/apps/nobody", scope::APPS_WRITE),
        ("POST", "/apps/demo-app/secret", scope::APPS_WRITE),
        ("DELETE", "/apps/demo-app/secret/previous", scope::APPS_WRITE),
        ("GET", "/apps/demo-app/subscriptions", scope::SUBSCRIPTIONS_READ),
        ("GET", "/apps/demo-app/subscriptions/orders", scope::SUBSCRIPTIONS_READ),
        ("PUT", "/apps/demo-app/subscriptions/orders", scope::SUBSCRIPTIONS_WRITE),
        ("DELETE", "/apps/demo-app/subscriptions/nothing", scope::SUBSCRIPTIONS_WRITE),
        ("GET", "/users", scope::USERS_READ),
        ("GET", "/users/u_nobody", scope::USERS_READ),
        ("PATCH", "/users/u_nobody", scope::USERS_WRITE),
        ("GET", "/users/u_nobody/sessions", scope::SESSIONS_READ),
        ("DELETE", "/users/u_nobody/sessions", scope::SESSIONS_WRITE),
        ("DELETE", "/users/u_nobody/sessions/AAAAAAAAAAAAAAAAAAAAAA", scope::SESSIONS_WRITE),
        ("GET", "/users/u_nobody/devices", scope::SESSIONS_READ),
        ("DELETE", "/users/u_nobody/devices", scope::SESSIONS_WRITE),
        ("DELETE", "/users/u_nobody/devices/device:nothing", scope::SESSIONS_WRITE),
        ("GET", "/devices/device:nothing", scope::SESSIONS_READ),
        ("DELETE", "/devices/device:nothing", scope::SESSIONS_WRITE),
        ("GET", "/audit", scope::AUDIT_READ),
        ("GET", "/requests", scope::REQUESTS_READ),
        ("GET", "/requests/nobody", scope::REQUESTS_READ),
        ("POST", "/requests/nobody", scope::REQUESTS_WRITE),
        ("GET", "/usage", scope::USAGE_READ),
        ("GET", "/apps/demo-app/usage", scope::USAGE_READ),
        ("GET", "/deliveries", scope::EVENTS_READ),
        ("POST", "/deliveries", scope::EVENTS_WRITE),
        ("GET", "/deliveries/waiting", scope::EVENTS_READ),
        ("POST", "/deliveries/replay", scope::EVENTS_WRITE),
        ("GET", "/apis", scope::APIS_READ),
        ("GET", "/plans", scope::PLANS_READ),
    ];
    let person = gateway.login(ADA).await.access;
    for (method, path, _) in routes {
        let request = gateway.request(method, &format!("/gateway/api/v1{path}"));
        let nobody = gateway.response(request).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
        assert!(challenge(&nobody).starts_with("Bearer "), "{method} {path}");
        assert_eq!(ask(&gateway, &person, method, path, None).await.status, 401, "{method} {path}");
    }
    let body = json!({});
    for own in admin_scope::ALL {
        let token = operator(&gateway, &[own]).await;
        for (method, path, needed) in routes {
            let sent = if ["GET", "DELETE"].contains(&method) { None } else { Some(&body) };
            let response = ask(&gateway, &token, method, path, sent).await;
            let refused = challenge(&response).contains(&format!("scope=\"{needed}\""));
            assert_eq!(
                (response.status == 403, refused),
                (own != needed, own != needed),
                "{own}: {method} {path}: {}",
                response.text()
            );
        }
    }
    let token = operator(&gateway, &admin_scope::ALL).await;
    for (method, path, status) in [
        ("GET", "", 404),
        ("GET", "/", 404),
        ("GET", "/nothing", 404),
        ("GET", "/apps/", 404),
        ("GET", "/apps/demo-app/nothing", 404),
        ("POST", "/audit", 405),
        ("DELETE", "/apps", 405),
        ("DELETE", "/deliveries", 405),
        ("GET", "/deliveries/replay", 405),
        ("GET", "/deliveries/nothing", 404),
        ("PUT", "/users/u_nobody", 405),
        ("GET", "/users/u_nobody/devices/device:nothing", 405),
        ("GET", "/devices", 404),
        ("PUT", "/devices/device:nothing", 405),
    ] {
        let response = ask(&gateway, &token, method, path, None).await;
        assert_eq!(response.status, status, "{method} {path}: {}", response.text());
    }
    // What is taken from an app is felt at once, by tokens that it has.
    let token = operator(&gateway, &[admin_scope::APPS_READ]).await;
    operator(&gateway, &[admin_scope::PLANS_READ]).await;
    assert_eq!(ask(&gateway, &token, "GET", "/apps", None).await.status, 403);
}

#[tokio::test]
async fn a_user_is_found_disabled_and_enabled_and_sessions_end() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let tokens = gateway.login(ADA).await;
    let found = ask(&gateway, &token, "GET", "/users?email=ADA@example.com", None).await.json();
    let ada = &found["items"][0];
    assert_eq!((&ada["email"], &ada["password"], &ada["enabled"]), (&json!(ADA.name), &json!("set"), &json!(true)));
    let ada = format!("/users/{}", ada["user_id"].as_str().expect("an id"));
    let sessions = ask(&gateway, &token, "GET", &format!("{ada}/sessions"), None).await.json();
    assert_eq!(sessions["items"][0]["client_id"], DEMO_APP);
    let sid = sessions["items"][0]["session"].as_str().expect("an id").to_owned();
    assert_eq!(
        ask(&gateway, &token, "DELETE", &format!("{ada}/sessions/AAAAAAAAAAAAAAAAAAAAAA"), None).await.status,
        404
    );
    assert_eq!(ask(&gateway, &token, "DELETE", &format!("{ada}/sessions/{sid}"), None).await.status, 204);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);

    let tokens = gateway.login(ADA).await;
    let disabled = ask(&gateway, &token, "PATCH", &ada, Some(&json!({ "enabled": false }))).await;
    assert_eq!((disabled.status, &disabled.json()["enabled"]), (200, &json!(false)));
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 400);
    assert_eq!(gateway.try_login(DEMO_APP, ADA.name, ADA.password).await.status, 400);
    assert_eq!(ask(&gateway, &token, "PATCH", &ada, Some(&json!({ "enabled": true }))).await.status, 200);
    let tokens = gateway.login(ADA).await;
    // Said again, it ends nothing.
    assert_eq!(ask(&gateway, &token, "PATCH", &ada, Some(&json!({ "enabled": true }))).await.status, 200);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    for body in
        [json!({}), json!({ "enabled": "no" }), json!({ "enabled": false, "credential_epoch": 1 }), json!([false])]
    {
        assert_eq!(ask(&gateway, &token, "PATCH", &ada, Some(&body)).await.status, 400, "{body}");
    }
    assert_eq!(ask(&gateway, &token, "DELETE", &format!("{ada}/sessions"), None).await.status, 204);
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401);
}

#[tokio::test]
async fn lists_come_in_pages_and_the_catalogue_says_what_there_is() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    for list in ["/apps", "/users"] {
        let all = ask(&gateway, &token, "GET", list, None).await.json()["items"].as_array().expect("items").clone();
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = ask(&gateway, &token, "GET", &format!("{list}?limit=1{after}"), None).await.json();
            paged.extend(page["items"].as_array().expect("items").clone());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert!(all.len() > 1 && paged == all, "{list}");
    }
    let apis = ask(&gateway, &token, "GET", "/apis", None).await.json();
    let orders =
        apis["items"].as_array().expect("items").iter().find(|api| api["name"] == "orders").expect("orders").clone();
    assert_eq!(orders["routes"][0]["methods"]["GET"], json!(["orders:read"]), "{orders}");
    let plans = ask(&gateway, &token, "GET", "/plans", None).await.json();
    let limits = plans["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|plan| plan["name"] == "standard")
        .expect("standard")
        .clone();
    assert_eq!(limits["limits"][0]["per"], "user", "{limits}");
    let wrong = ask(&gateway, &token, "GET", "/audit?from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z", None).await;
    assert_eq!(wrong.status, 400);
}

/// Of many who change an app at once, each sees its change or is told that it was not made.
#[tokio::test]
async fn of_many_who_change_an_app_at_once_nobody_loses_a_change_unheard() {
    let gateway = Gateway::start().await;
    let token = operator(&gateway, &admin_scope::ALL).await;
    let apis = ["orders", "echo"];
    let changes = (0..12).map(|number: usize| {
        let (gateway, token) = (&gateway, &token);
        async move {
            let id = format!("contract {number}");
            let path = format!("/apps/{DEMO_APP}/subscriptions/{}", apis[number % 2]);
            (number, ask(gateway, token, "PUT", &path, Some(&json!({ "id": id }))).await.status)
        }
    });
    let outcomes = futures_util::future::join_all(changes).await;
    assert!(outcomes.iter().all(|(_, status)| [200, 201, 409].contains(status)), "{outcomes:?}");
    let rows = ask(&gateway, &token, "GET", "/audit?act=subscriptions", None).await.json();
    let done = rows["items"].as_array().expect("rows").iter().filter(|row| row["outcome"] == "done").count();
    assert_eq!(done, outcomes.iter().filter(|(_, status)| *status != 409).count());
}
