//! The roles of the template: each function has exactly the rights that it uses, and does not work with one less.
//!
//! The local stack holds every request of a function against its role, in every journey of these tests, so a right that
//! is missing breaks the journey that needs it. Here the journeys use all of them, with every attribute that a right is
//! for, so a right or an attribute too many shows as well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::{ApiName, ClientId, SessionId, UserId};
use gateway_domain::password::{Cost, Passwords};
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_local::binaries::WORKSPACE;
use gateway_local::stack::Options;
use gateway_local::template::condition::{ATTRIBUTES, LEADING_KEYS};
use gateway_runtime::SystemClock;
use gateway_store::{GrantType, Subscription, User};
use serde_json::json;
use support::{
    ADA, BOB, DEMO_APP, Gateway, OldIssuer, PARTNER_APP, REDIRECT_URI, Tokens, UNTRUSTED_APP, VERIFIER, Visitor,
    parameter,
};

use crate::accounts::use_accounts;
use crate::admin_api::use_admin_api;
use crate::administrators::use_administration;
use crate::deliveries::{Receiver, told, use_events};
use crate::developers::use_development;
use crate::devices::use_devices;
use crate::directory::KEY;
use crate::dpop::{use_keys, use_the_admin_api_with_a_key};
use crate::events::{invoke, sample};
use crate::logout::use_logouts;
use crate::mail::{OUTBOX, sent, written};
use crate::native_sso::use_shared_logins;
use crate::openid::{self, KeyedApp};
use crate::owners::use_own_account;
use crate::passkeys::use_passkeys;
use crate::turns::rotate;
use crate::webhooks::use_webhooks;

/// A user whose password was hashed when hashing was cheaper, so that the next login stores a dearer hash.
pub(crate) async fn weaken_the_hash_of(gateway: &Gateway, user: support::User) {
    let passwords =
        Passwords::new(&gateway.stack.secrets().value("Pepper").expect("a pepper"), Cost { memory: 64, passes: 1 });
    let hash = passwords.expect("a hasher").hash(&Secret::new(user.password.to_owned()), [7; 16]).expect("a hash");
    let User { user_id, .. } = gateway.store().users.by_email(user.name).await.expect("a read").expect("a user");
    gateway.store().users.change_credentials(&user_id, Some(&hash), true).await.expect("a write");
}

async fn refresh_with_key(gateway: &Gateway, tokens: &Tokens, key: &str) -> Tokens {
    let form = [("grant_type", "refresh_token"), ("client_id", DEMO_APP), ("refresh_token", tokens.refresh.as_str())];
    let request = gateway.request("POST", "/oauth2/token").header("Idempotency-Key", key).form(&form);
    gateway.response(request).await.tokens()
}

/// A login into the session of these tokens.
async fn login_again(gateway: &Gateway, user: support::User, tokens: &Tokens) -> Tokens {
    let (name, password) = (user.name, user.password);
    let form = [("grant_type", "password"), ("client_id", DEMO_APP), ("username", name), ("password", password)];
    let form = [&form[..], &[("refresh_token", &tokens.refresh)]].concat();
    gateway.post_form("/oauth2/token", &form).await.tokens()
}

/// On the pages: logins with every parameter that is kept, a new hash, a consent that is given and one that is refused, a
/// browser login that is used and ended; a redemption with a key, and a login that lapses.
async fn use_pages(gateway: &Gateway) {
    let mut visitor = Visitor::of(gateway);
    weaken_the_hash_of(gateway, ADA).await;
    visitor.tokens(DEMO_APP, "orders:read", ADA).await;
    let kept = [("nonce", "n"), ("prompt", "login")];
    let path = Visitor::asking(UNTRUSTED_APP, "orders:read", &kept);
    let code = visitor.logs_in(&path, ADA).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", UNTRUSTED_APP),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    let request = gateway.request("POST", "/oauth2/token").header("Idempotency-Key", "one").form(&form);
    assert_eq!(gateway.response(request).await.status, 200);
    let again = Visitor::asking(UNTRUSTED_APP, "orders:read orders:write", &kept);
    let asked = visitor.fill(&again, &[("username", ADA.name), ("password", ADA.password)]).await;
    let consent = asked.header("Location").to_owned();
    assert_eq!(parameter(&visitor.fill(&consent, &[("decision", "deny")]).await, "error"), "access_denied");
    // The code is never redeemed: the logout of the browser ends it.
    visitor.logs_in(&path, BOB).await;
    // A use of the browser login is noted when it moves the end by a tenth.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(visitor.get(&path).await.status, 200);
    visitor.fill("/oauth2/logout", &[]).await;
    // Where nobody logs out, the schedule does it.
    Visitor::of(gateway).logs_in(&path, BOB).await;
    let first = SessionId::from_random([0; 16]);
    for lapsed in
        gateway.store().pending.lapsed(&first, Timestamp::from_secs(i64::MAX / 2), 10).await.expect("a scan").items
    {
        let lapse = gateway.dynamodb().update_item().table_name("PendingSessionsTable");
        let lapse = lapse.key("sid", AttributeValue::S(lapsed.sid.to_string())).update_expression("SET ends = :past");
        lapse.expression_attribute_values(":past", AttributeValue::N("1".to_owned())).send().await.expect("a write");
    }
    let swept = invoke(gateway, "RenewalFunction", &json!({ "log_out_lapsed_logins": {} })).await;
    assert_eq!(swept, Ok(json!("logged_out")));
}

/// A service gets what a call's session has; a back end sets a cookie that is kept.
async fn use_a_service_and_a_jar(gateway: &Gateway) {
    let partner = ClientId::parse(PARTNER_APP).expect("an id");
    let mut service = gateway.store().apps.get(&partner).await.expect("a read").expect("an app");
    service.grants.insert(GrantType::TokenExchange);
    let subscription = Subscription { id: "jar".to_owned(), enabled: true, plan: None };
    service.subscriptions.insert(ApiName::parse("jar").expect("a name"), subscription);
    gateway.store().apps.put(&service).await.expect("a write");
    let by_partner = |path: &str| gateway.request("POST", path).basic_auth(PARTNER_APP, Some(gateway.partner_secret()));
    let form = [("grant_type", "password"), ("username", ADA.name), ("password", ADA.password)];
    let access = gateway.response(by_partner("/oauth2/token").form(&form)).await.tokens().access;
    let login = json!({ "user": ADA.name, "pass": ADA.password });
    let call = gateway.request("POST", "/jar").bearer_auth(&access).json(&login);
    assert_eq!(gateway.response(call).await.status, 200);

    let access = gateway.login(ADA).await.access;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token", &access),
        ("audience", "orders"),
    ];
    let response = gateway.response(by_partner("/oauth2/token").form(&form)).await;
    assert_eq!((response.status, &response.json()["token_type"]), (200, &json!("N_A")), "{}", response.text());
}

/// Login with a new hash, an ID token and userinfo, an assertion, calls, refusals with refund, refreshes with a key, a login into
/// a session, one session too many, tokens that are bound to a key,
/// logout, an application for itself, introspection, a use that is noted, a renewal in mid-life, mail, accounts.
async fn use_everything(gateway: &Gateway) {
    weaken_the_hash_of(gateway, ADA).await;
    openid::widen(gateway, DEMO_APP).await;
    let told = openid::login(gateway, "openid").await.tokens();
    assert_eq!(gateway.call("GET", "/oauth2/userinfo", &told.access).await.status, 200);
    let keyed = KeyedApp::register(gateway).await;
    assert_eq!(keyed.authenticate(gateway, &keyed.assertion(gateway)).await.status, 200);
    let first = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/echo", &first.access).await.status, 200);
    let second = gateway.refresh(&gateway.login(ADA).await).await;
    assert_eq!(gateway.call("GET", "/orders", &second.access).await.status, 200);
    assert_eq!(gateway.call("GET", "/orders", &second.access).await.status, 429);
    let second = refresh_with_key(gateway, &refresh_with_key(gateway, &second, "one").await, "another").await;
    let second = login_again(gateway, ADA, &second).await;
    gateway.login(ADA).await;
    let partner = |path: &str| gateway.request("POST", path).basic_auth(PARTNER_APP, Some(gateway.partner_secret()));
    let response = gateway.response(partner("/oauth2/token").form(&[("grant_type", "client_credentials")])).await;
    let access = response.tokens().access;
    let response = gateway.response(partner("/oauth2/introspect").form(&[("token", &access)])).await;
    assert_eq!(response.json()["active"], true, "{}", response.text());
    let form = [("client_id", DEMO_APP), ("token", second.refresh.as_str())];
    assert_eq!(gateway.post_form("/oauth2/revoke", &form).await.status, 200);
    // A use that is worth noting comes a second after the login; then the back end forgets, and a renewal is tried.
    let idle = gateway.login(BOB).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(gateway.call("GET", "/orders", &idle.access).await.status, 200);
    gateway.stack.legacy().forget_sessions();
    assert_eq!(gateway.call("GET", "/orders", &idle.access).await.status, 401);
    use_a_service_and_a_jar(gateway).await;
    use_keys(gateway).await;
    use_development(gateway).await;
    use_pages(gateway).await;
    use_devices(gateway).await;
    use_passkeys(gateway).await;
    use_accounts(gateway).await;
    use_own_account(gateway).await;
    let before = gateway.stack.outbox().mails().iter().filter(|mail| mail.to == ADA.name).count();
    written(gateway, ADA.name, 1).await;
    Box::pin(use_logouts(gateway)).await;
    use_shared_logins(gateway).await;
    invoke(gateway, OUTBOX, &sample("outbox-due.json")).await.expect("mails are sent");
    sent(gateway, ADA.name, before + 1).await;
    invoke(gateway, OUTBOX, &sample("outbox-bounce.json")).await.expect("a bounce is noted");
    use_administration(gateway).await;
    use_admin_api(gateway).await;
    use_the_admin_api_with_a_key(gateway).await;
    invoke(gateway, "UsageFunction", &sample("usage.json")).await.expect("calls are counted");
    for rotation in &gateway.stack.template().rotations {
        rotate(gateway, &rotation.secret).await;
    }
}

const IN_TURN: &str = r#"connectors:
  echo-login:
    type: http_login
    login: { url: "http://127.0.0.1:3001/login", json: { user: "{username}", pass: "{password}" } }
    extract: { cookie: LEGACYSESSID }
    expires: { fixed: 1h }
    inject: { cookie: LEGACYSESSID }
    moves: in_turn
"#;
const JAR: &str = r"apis:
  jar:
    back_end: http://127.0.0.1:3001
    cookie_jar: true
    routes: [{ path: /jar, rewrite: /login, methods: { POST: [orders:write] } }]
";
/// Two calls, and limits of every kind of counter.
const PLAN: &str =
    "{ calls: 2, window: 1m, limits: { day: { calls: 500, every: day }, month: { calls: 9000, every: month },
                    everybody: { calls: 40, window: 10s, per: app } } }";
const ECHO: &str = "  echo:\n    back_end: http://127.0.0.1:3001\n    pass_access_token: { audience: partner-app }\n    connector: echo-login";

#[tokio::test]
async fn every_role_has_exactly_the_rights_and_attributes_that_its_function_uses() {
    let files = tempfile::tempdir().expect("a directory");
    let (receiver, url) = Receiver::start().await;
    let (told, secrets) = (told(&url), files.path().join("secrets"));
    let issuer = OldIssuer::start(SystemClock.now().as_secs()).await;
    let issuers = format!("{}# Apps register devices,", issuer.section(DEMO_APP));
    std::fs::create_dir(&secrets).expect("a directory");
    std::fs::write(secrets.join("company"), KEY).expect("a file");
    let gateway = Gateway::start_with(|options| {
        options.secrets = Some(secrets);
        let changes = [
            ("plans:\n", told.as_str()),
            ("# Apps register devices,", issuers.as_str()),
            ("portal: { ", "portal: { webhooks: true, "),
            ("{ calls: 60, window: 1m }", PLAN),
            ("and_app: 8", "and_app: 2"),
            ("lifetimes: {", "lifetimes: { browser_idle: 5s,"),
            // A back end that takes the calls of a session in turn.
            ("connectors:\n", IN_TURN),
            ("apis:\n", JAR),
            ("  echo:\n    back_end: http://127.0.0.1:3001\n    connector: orders-login", ECHO),
        ];
        renewable(files.path(), options, &changes);
        options.environment.push(("KEY_CACHE_SECONDS".to_owned(), "1".to_owned()));
    })
    .await;
    // Before the user has other credentials than those of the import.
    trade_in(&gateway, &issuer).await;
    use_everything(&gateway).await;
    Box::pin(use_webhooks(&gateway)).await;
    use_events(&gateway, &receiver).await;
    let used = gateway.stack.access().used();
    for function in &gateway.stack.template().functions {
        let (role, used) = (&gateway.stack.template().roles[&function.role], &used[&function.id]);
        println!("{} ({})", function.id, function.role);
        for ((action, resource), named) in used {
            let attributes: Vec<_> = named.get(ATTRIBUTES).into_iter().flatten().map(String::as_str).collect();
            println!("  {action:<31} {resource:<13} {}", attributes.join(" "));
        }
        let more: Vec<_> = role.allowed.keys().filter(|right| !used.contains_key(right)).collect();
        assert!(more.is_empty(), "{} may do what {} never does: {more:?}", function.role, function.id);
        // The key of messages is named by the configuration alone.
        let policies = ["HookSecretsPolicy", "EventSecretsPolicy"];
        let by_policy =
            |secret: &str| secret == "company" && policies.iter().any(|policy| role.managed.contains(*policy));
        let less: Vec<_> =
            used.keys().filter(|right| !role.allowed.contains_key(right) && !by_policy(&right.1)).collect();
        assert!(less.is_empty(), "{} does what {} forbids: {less:?}", function.id, function.role);
        for (right, conditions) in &role.allowed {
            let more: Vec<_> = conditions.iter().flat_map(|condition| condition.unused(&used[right])).collect();
            assert!(more.is_empty(), "{right:?} of {} is for {more:?}, which is never named", function.role);
            let reads = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DeleteItem"];
            let is_write = right.0.starts_with("dynamodb:") && !reads.contains(&right.0.as_str());
            assert!(!is_write || !conditions.is_empty(), "{right:?} of {} is for all attributes", function.role);
            let kinds = conditions.iter().filter(|condition| condition.is_on(LEADING_KEYS)).count();
            assert!(right.1 != "OutboxTable" || kinds == 1, "{right:?} of {} is for all kinds", function.role);
        }
    }
}

/// Trades a refresh token of another issuer in, and presents one that the issuer does not know.
async fn trade_in(gateway: &Gateway, issuer: &OldIssuer) {
    let ada = gateway.store().users.by_email(ADA.name).await.expect("a read").expect("a user");
    let tokens = gateway.try_refresh(DEMO_APP, &issuer.issue(ada.user_id.as_str())).await.tokens();
    assert_eq!(gateway.try_refresh(DEMO_APP, &tokens.refresh).await.status, 200);
    assert_eq!(gateway.try_refresh(DEMO_APP, "of nobody").await.status, 400);
}

/// The template with another right in the place of one of this role.
fn template_with(files: &Path, role: &str, right: &str, instead: &str) -> PathBuf {
    let text = std::fs::read_to_string(format!("{WORKSPACE}/template.yaml")).expect("template.yaml");
    let (before, of_role) = text.split_once(&format!("\n  {role}:\n")).expect("a role");
    assert!(of_role.contains(right), "{right}");
    let template = files.join("template.yaml");
    let text = format!("{before}\n  {role}:\n{}", of_role.replacen(right, instead, 1));
    std::fs::write(&template, text).expect("a file");
    template
}

/// The demo whose back end's sessions can be renewed, after these changes.
fn renewable(files: &Path, options: &mut Options, changes: &[(&str, &str)]) {
    let renewable =
        "cookie_max_age: true, idle: 9s }\n    renew: { method: POST, url: http://127.0.0.1:3001/echo, for: 1h }";
    support::configure(options, files, |text| {
        let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
        text.replacen("cookie_max_age: true }", renewable, 1)
    });
}

/// The status of a call whose session the back end has forgotten, when one right of this role is another one.
async fn renewed_without(role: &str, right: &str, instead: &str) -> u16 {
    let files = tempfile::tempdir().expect("a directory");
    let gateway = Gateway::start_with(|options| {
        options.template = template_with(files.path(), role, right, instead);
        renewable(files.path(), options, &[]);
    })
    .await;
    let tokens = gateway.login(ADA).await;
    gateway.stack.legacy().forget_sessions();
    gateway.call("GET", "/orders", &tokens.access).await.status
}

/// The status of a login and of a call when one right of this role is another one.
async fn without(role: &str, right: &str, instead: &str) -> (u16, u16) {
    let files = tempfile::tempdir().expect("a directory");
    let template = template_with(files.path(), role, right, instead);
    let gateway = Gateway::start_with(|options| options.template = template).await;
    // The second session's internal token is read from the store.
    gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
    let login = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
    if login.status != 200 {
        return (login.status, 0);
    }
    (200, gateway.call("GET", "/orders", &login.tokens().access).await.status)
}

#[tokio::test]
async fn a_function_does_not_work_with_one_right_less() {
    let resource = |id: &str| format!("\n                Resource: !GetAtt {id}Table.Arn");
    let right = |operation: &str, table: &str| format!("Action: dynamodb:{operation}{}", resource(table));
    let (put, delete) = (right("PutItem", "Sessions"), right("DeleteItem", "Sessions"));
    assert_eq!(without("TokenRole", &put, &delete).await, (503, 0));
    let (update, delete) = (right("UpdateItem", "Activity"), right("DeleteItem", "Activity"));
    assert_eq!(without("AuthorizerRole", &update, &delete).await, (200, 503));
    let (get, query) = (right("GetItem", "Sessions"), right("Query", "Sessions"));
    assert_eq!(without("ProxyRole", &get, &query).await, (200, 503));
    let invoke = "Action: lambda:InvokeFunction";
    assert_eq!(renewed_without("ProxyRole", invoke, "Action: lambda:GetFunction").await, 503);
    assert_eq!(renewed_without("RenewalRole", &get, &query).await, 503);
}

#[tokio::test]
async fn a_function_does_not_work_with_one_attribute_less() {
    assert_eq!(without("TokenRole", "lease_until, ttl, v]", "lease_until, v]").await, (503, 0));
    assert_eq!(without("AuthorizerRole", "[user_id, client_id, \"b*\",", "[user_id, client_id,").await, (200, 503));
    assert_eq!(
        without("ProxyRole", "[sid, ended, tokens, jar, revision, v]", "[sid, ended, jar, revision, v]").await,
        (200, 503)
    );
    assert_eq!(
        renewed_without("RenewalRole", "[pk, enabled, credential_epoch, browser_epoch, v]", "[pk, enabled, v]").await,
        503
    );
}

/// A gateway with an account of its own at a realm that is not there.
async fn with_an_account(template: Option<std::path::PathBuf>) -> Gateway {
    let files = tempfile::tempdir().expect("a directory");
    std::fs::write(files.path().join("realm-account"), "a password").expect("a file");
    let config = files.path().join("config");
    std::fs::create_dir(&config).expect("a directory");
    Gateway::start_with(|options| {
        let realm = "connectors:
  realm:
    type: kerberos_s4u
    realm: EXAMPLE.COM
    kdcs: [127.0.0.1:1]
    service: HTTP/localhost
    account: gateway
    secret: realm-account
";
        support::configure(options, &config, |demo| demo.replace("connectors:\n", realm));
        options.secrets = Some(files.path().to_owned());
        if let Some(template) = template {
            options.template = template;
        }
    })
    .await
}

#[tokio::test]
async fn what_connectors_log_in_with_is_for_those_alone_who_log_in() {
    let gateway = with_an_account(None).await;
    gateway.login(ADA).await;
    let right = ("secretsmanager:GetSecretValue".to_owned(), "realm-account".to_owned());
    let readers = gateway.stack.access().used().into_iter().filter(|(_, used)| used.contains_key(&right));
    assert_eq!(
        readers.map(|(function, _)| function).collect::<Vec<_>>(),
        ["AuthorizeFunction", "RenewalFunction", "TokenFunction"]
    );
    let mut roles = gateway.stack.template().roles.iter();
    assert!(roles.all(|(id, role)| role.managed.contains("ConnectorSecretsPolicy")
        == ["AuthorizeRole", "TokenRole", "RenewalRole"].contains(&id.as_str())));

    let files = tempfile::tempdir().expect("a directory");
    let text = std::fs::read_to_string(format!("{WORKSPACE}/template.yaml")).expect("template.yaml");
    let line = "        - !If [HasConnectorSecrets, !Ref ConnectorSecretsPolicy, !Ref AWS::NoValue]\n";
    assert_eq!(text.matches(line).count(), 3);
    let template = files.path().join("template.yaml");
    std::fs::write(&template, text.replace(line, "")).expect("a file");
    let gateway = with_an_account(Some(template)).await;
    // What does not need it works.
    gateway.login(ADA).await;
    let log = gateway.logged().await.join("\n");
    assert!(log.contains("connectors.realm.secret") && log.contains("create it and permit it"), "{log}");
}

/// Who is no function, such as an operator with rights of their own, is not held to the roles of functions.
#[tokio::test]
async fn rights_of_functions_do_not_bind_operators() {
    let gateway = Gateway::start().await;
    let nobody = UserId::parse("nobody").expect("an id");
    assert_eq!(gateway.store().users.get(&nobody).await.expect("a read"), None);
    let functions: Vec<_> = gateway.stack.template().functions.iter().map(|function| function.id.clone()).collect();
    assert!(gateway.stack.access().used().keys().all(|caller| functions.contains(caller)));
}
