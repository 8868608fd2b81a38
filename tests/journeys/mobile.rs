//! docs/mobile.md against the running gateway: its commands, forms, endpoints, headers and errors.

use std::collections::{BTreeMap, BTreeSet};

use gateway_domain::clock::Clock as _;
use gateway_local::binaries::WORKSPACE;
use gateway_runtime::SystemClock;
use serde_json::Value as Json;
use support::{
    ADA, BOB, CHALLENGE, ClientKey, DEMO_APP, Gateway, Response, Switch, UNTRUSTED_APP, Unsigned, User, VERIFIER,
};
use tokio::process::Command;

use crate::accounts::sign_up;
use crate::canned::{Canned, nobody};
use crate::challenge::{asks, typed};
use crate::wire::{echo_at, login_for};

const METADATA: &str = "/.well-known/oauth-authorization-server";

fn page() -> String {
    std::fs::read_to_string(format!("{WORKSPACE}/docs/mobile.md")).expect("docs/mobile.md")
}

/// Every block of code in a language.
fn blocks<'p>(page: &'p str, language: &str) -> Vec<&'p str> {
    let start = format!("```{language}\n");
    page.split(&start).skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}

/// Every maximal run of such characters.
fn words(text: &str, of: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !of(c)).filter(|word| !word.is_empty())
}

/// The names in every literal list of pairs that has this name: `"a": b`, `"a" to b` or `a: b`, between brackets.
fn forms<'p>(code: &'p str, with: &str) -> Vec<BTreeMap<&'p str, &'p str>> {
    let groups = code.split(['[', '(', '{']).filter_map(|rest| rest.split([']', ')', '}']).next());
    let pair = |part: &'p str| {
        let (name, value) = part.split_once(" to ").or_else(|| part.split_once(": "))?;
        Some((name.trim().trim_matches('"'), value.trim().trim_matches('"')))
    };
    let lists = groups.map(|group| group.split(',').filter_map(pair).collect::<BTreeMap<_, _>>());
    lists.filter(|list| list.contains_key(with)).collect()
}

/// Sends a form of the page: what is written there, and these values for variables. A repetition has the same id.
async fn send_form(gateway: &Gateway, path: &str, form: &BTreeMap<&str, &str>, values: &[(&str, &str)]) -> Response {
    let value = |name: &str, written: &str| match name {
        "grant_type" | "scope" | "response_type" | "code_challenge_method" => written.to_owned(),
        "client_id" => DEMO_APP.to_owned(),
        other => {
            let known = values.iter().find(|(known, _)| *known == other);
            known.unwrap_or_else(|| panic!("the page sends {other}, which no endpoint knows")).1.to_owned()
        }
    };
    let form: Vec<_> = form.iter().map(|(name, written)| (*name, value(name, written))).collect();
    gateway.response(gateway.request("POST", path).header("idempotency-key", "attempt").form(&form)).await
}

/// A request of the page to the challenge endpoint, to which the app adds what the user typed.
async fn login(gateway: &Gateway, form: &BTreeMap<&str, &str>, session: &str, typed: &[(&str, &str)]) -> Response {
    let form = form.iter().map(|(name, value)| (*name, *value)).chain(typed.iter().copied()).collect();
    let values = [&[("code_challenge", CHALLENGE), ("auth_session", session)], typed].concat();
    send_form(gateway, "/oauth2/challenge", &form, &values).await
}

/// The one form of a client with this name, which has exactly these names.
fn form<'c>(client: &'c str, with: &str, names: &[&str]) -> BTreeMap<&'c str, &'c str> {
    let mut found = forms(client, with);
    assert_eq!(found.len(), 1, "{with}: {found:?}");
    let form = found.remove(0);
    assert_eq!(form.keys().copied().collect::<BTreeSet<_>>(), names.iter().copied().collect(), "{with}");
    form
}

/// Follows a client of the page from the login to the logout.
async fn follow(gateway: &Gateway, language: &str, client: &str) {
    let whole = ["client_id", "code_challenge", "code_challenge_method", "response_type", "scope"];
    let whole = form(client, "code_challenge", &whole);
    let going_on = form(client, "auth_session", &["auth_session", "client_id"]);
    let redemption = form(client, "code_verifier", &["client_id", "code", "code_verifier", "grant_type"]);
    let refresh = form(client, "refresh_token", &["client_id", "grant_type", "refresh_token"]);
    let kinds: Vec<_> = forms(client, "grant_type").iter().map(|form| form["grant_type"]).collect();
    assert_eq!(kinds, ["authorization_code", "refresh_token"], "{language}");

    let missing = login(gateway, &whole, "", &[]).await;
    let wrong = login(gateway, &whole, "", &[("username", ADA.name), ("password", "wrong")]).await;
    for (response, members) in [(&missing, ["fields", "auth_session"]), (&wrong, ["mistake", "auth_session"])] {
        assert_eq!((response.status, &response.json()["error"]), (403, &"insufficient_authorization".into()));
        for member in members {
            assert!(!response.json()[member].is_null() && client.contains(member), "{language} {member}");
        }
    }
    for name in ["insufficient_authorization", "redirect_to_web", "request_uri", "invalid_session", "Idempotency-Key"] {
        assert!(client.contains(name), "{language} {name}");
    }
    let session = missing.json()["auth_session"].as_str().expect("a session").to_owned();
    for response in
        [login(gateway, &whole, "", &typed(ADA)).await, login(gateway, &going_on, &session, &typed(ADA)).await]
    {
        assert_eq!(response.status, 200, "{language}: {}", response.text());
        let code = response.json()["authorization_code"].as_str().expect("a code").to_owned();
        let values = [("code", code.as_str()), ("code_verifier", VERIFIER)];
        let first = send_form(gateway, "/oauth2/token", &redemption, &values).await;
        // As if the response had been lost.
        let again = send_form(gateway, "/oauth2/token", &redemption, &values).await;
        let tokens = first.tokens();
        assert_eq!(again.tokens().refresh, tokens.refresh, "{language}");
        let values = [("refresh_token", tokens.refresh.as_str())];
        let refreshed = send_form(gateway, "/oauth2/token", &refresh, &values).await;
        for response in [first, refreshed] {
            assert_eq!(response.status, 200, "{language}: {}", response.text());
            for member in ["access_token", "refresh_token", "expires_in"] {
                assert!(!response.json()[member].is_null() && client.contains(member), "{language} {member}");
            }
        }
        let revocations = forms(client, "token");
        let revoke = revocations.iter().find(|form| form.contains_key("client_id")).expect("a logout");
        let values = [("token", tokens.refresh.as_str())];
        assert_eq!(send_form(gateway, "/oauth2/revoke", revoke, &values).await.status, 200, "{language}");
        assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 401, "{language}: it ends the session");
    }
}

#[tokio::test]
async fn every_form_and_endpoint_of_the_samples_works() {
    let (page, gateway) = (page(), Gateway::start().await);
    let metadata = gateway.response(gateway.request("GET", METADATA)).await.json();
    let base = gateway.stack.base_url();
    let mut advertised: BTreeSet<_> =
        metadata.as_object().expect("an object").values().filter_map(Json::as_str).collect();
    advertised.remove(base);
    let advertised: BTreeSet<_> = advertised.into_iter().filter_map(|url| url.strip_prefix(base)).collect();
    for prefix in ["/oauth2/", "/.well-known/"] {
        for rest in page.split(prefix).skip(1) {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_./".contains(c)).unwrap_or(rest.len());
            let path = format!("{prefix}{}", rest[..end].trim_end_matches('.'));
            assert!(path == METADATA || advertised.contains(path.as_str()), "the page speaks of {path}");
        }
    }
    let list = |name: &str| {
        metadata[name].as_array().expect("a list").iter().filter_map(Json::as_str).collect::<BTreeSet<_>>()
    };
    let methods = list("token_endpoint_auth_methods_supported");
    let grants = list("grant_types_supported");
    assert!(methods.iter().chain(&grants).all(|name| page.contains(&format!("`{name}`"))), "the page lacks one");
    let identifier = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let grant = |c: char| identifier(c) || matches!(c, ':' | '-');
    for word in words(&page, identifier).filter(|word| word.starts_with("client_secret_")) {
        assert!(methods.contains(word), "{word}");
    }
    for marker in [
        "grant_type=",
        "\"grant_type\": \"",
        "\"grant_type\" to \"",
        "grant_type: \"",
        "grantType: \"",
        "setGrantType(\"",
    ] {
        let found: Vec<_> = page.split(marker).skip(1).map(|rest| words(rest, grant).next().unwrap_or("")).collect();
        assert!(found.len() >= 2 && found.iter().all(|grant| grants.contains(grant)), "{marker}: {found:?}");
    }

    // The clients stand below the ways to a code, which have samples of their own.
    let (_, page) = page.split_once("\n## Swift\n").expect("the clients");
    for language in ["swift", "kotlin", "ts"] {
        follow(&gateway, language, blocks(page, language)[0]).await;
    }
    // AppAuth redeems a code with the address of the request, without which it redeems none.
    let swift = forms(blocks(page, "swift")[1], "authorizationCode");
    let redemption = swift.iter().find(|form| form["grantType"] == "authorization_code").expect("a redemption");
    let names = ["authorizationCode", "codeVerifier", "redirectURL", "clientID"].map(|name| redemption[name]);
    assert_eq!(names, ["code", "verifier", "redirect", DEMO_APP]);
    let kotlin = blocks(page, "kotlin")[1];
    for call in ["AuthorizationCode(code)", "CodeVerifier(verifier)", "RedirectUri(redirect)"] {
        assert!(kotlin.contains(&format!(".set{call}")), "{call}");
    }
    let redirect = "com.example.demo:/signed-in";
    assert!(["swift", "kotlin"].iter().all(|language| blocks(page, language)[1].contains(redirect)));
    let named = asks(&gateway, DEMO_APP, &[&typed(ADA)[..], &[("redirect_uri", redirect)]].concat()).await;
    let code = named.json()["authorization_code"].as_str().expect("a code").to_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", DEMO_APP),
        ("code", &code),
        ("code_verifier", VERIFIER),
        ("redirect_uri", redirect),
    ];
    gateway.post_form("/oauth2/token", &form).await.tokens();
}

#[tokio::test]
async fn the_commands_do_what_the_page_says() {
    let (page, gateway) = (page(), Gateway::start().await);
    let mut script = "set -eu -o pipefail\n".to_owned();
    for command in blocks(&page, "sh") {
        script.push_str(&format!(
            "printf '\\n===\\n'\n{}\n",
            command.replace("http://127.0.0.1:3000", gateway.stack.base_url())
        ));
    }
    let output = Command::new("bash").args(["-c", &script]).output().await.expect("bash");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed}");
    let parts: Vec<_> = printed.split("\n===\n").skip(1).collect();
    let [metadata, login, call, refresh, again, revoke] = parts.as_slice() else { panic!("{parts:?}") };
    let json = |text: &str| serde_json::from_str::<Json>(text.trim()).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(json(metadata)["issuer"], gateway.stack.base_url());
    for (told, printed) in blocks(&page, "json").into_iter().zip([login, call]) {
        let (told, printed) = (json(told), json(printed));
        let names = |value: &Json| value.as_object().expect("an object").keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&told), names(&printed));
        for name in ["expires_in", "scope", "token_type", "orders", "user"] {
            assert_eq!(told.get(name), printed.get(name), "{name}");
        }
    }
    let successors: Vec<_> =
        refresh.lines().filter(|line| !line.is_empty()).map(|line| json(line)["refresh_token"].clone()).collect();
    assert!(successors.len() == 2 && successors[0] == successors[1], "{refresh}");
    assert_ne!(successors[0], json(login)["refresh_token"]);
    let sid =
        |response: &Json| response["refresh_token"].as_str().expect("a token").split('.').next().map(str::to_owned);
    assert_ne!(sid(&json(again)), sid(&json(login)), "another session");
    let before = successors[0].as_str().expect("a token");
    assert_eq!(gateway.try_refresh(DEMO_APP, before).await.status, 400, "the one before has ended");
    assert_eq!(gateway.stack.legacy().logins(), 2);
    assert_eq!(revoke.trim(), "200");
}

/// The rows of the table of errors: status, error code, response to.
fn rows(page: &str) -> BTreeSet<(u16, String, String)> {
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| ")).map(cells);
    rows.filter_map(|cells| Some((cells.get(1)?.parse().ok()?, cells.get(2)?.clone(), cells.get(3)?.clone()))).collect()
}

/// What is answered to proofs that are none, or of another time, and to a bound token without one.
async fn unproved(gateway: &Gateway) -> Vec<(&'static str, Response)> {
    let (key, now, url) = (ClientKey::new(), SystemClock.now().as_secs(), gateway.url("/oauth2/token"));
    let sends = async |proof: Unsigned<'_>, form: &[(&str, &str)]| {
        let request = gateway.request("POST", "/oauth2/token").header("DPoP", proof.signed());
        gateway.response(request.form(form)).await
    };
    let login =
        [("grant_type", "password"), ("client_id", DEMO_APP), ("username", ADA.name), ("password", ADA.password)];
    let tokens = sends(key.proof("POST", &url, now), &login).await.tokens();
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", DEMO_APP), ("refresh_token", tokens.refresh.as_str())];
    let call = gateway.request("GET", "/orders").header("Authorization", format!("DPoP {}", tokens.access));
    vec![
        ("login", sends(key.proof("GET", &url, now), &login).await),
        ("login", sends(key.proof("POST", &url, 1_000), &login).await),
        ("refresh", gateway.try_refresh(DEMO_APP, &tokens.refresh).await),
        ("refresh", sends(key.proof("POST", &url, 1_000), &refresh).await),
        ("call", gateway.response(call).await),
    ]
}

#[tokio::test]
async fn every_error_of_the_table_is_made_and_every_header_is_seen() {
    let page = page();
    let line = Switch::start().await;
    let gateway = Gateway::start_with(|options| {
        options.environment.push(("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), line.url.clone()));
    })
    .await;
    line.lead_to(gateway.stack.dynamodb_url());
    let post = async |form: &[(&str, &str)]| gateway.post_form("/oauth2/token", form).await;
    let challenge = async |form: &[(&str, &str)]| gateway.post_form("/oauth2/challenge", form).await;
    let login = |app: &'static str, scope: &'static str| {
        [
            ("response_type", "code"),
            ("client_id", app),
            ("scope", scope),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("username", ADA.name),
            ("password", ADA.password),
        ]
    };
    let code =
        [("grant_type", "authorization_code"), ("client_id", DEMO_APP), ("code", "mgc_x"), ("code_verifier", VERIFIER)];
    // Somebody whose address is not proved.
    let carla = User { name: "carla@example.com", password: "wobbly lantern cactus tuesday" };
    sign_up(&gateway, carla.name, carla.password).await;
    let tokens = gateway.login(ADA).await;
    let reader = login_for(&gateway, ADA, "orders:read").await.access;
    let mut seen = vec![
        ("login", asks(&gateway, DEMO_APP, &[]).await),
        ("login", asks(&gateway, DEMO_APP, &typed(carla)).await),
        ("login", challenge(&[("client_id", DEMO_APP), ("auth_session", "mga_x")]).await),
        ("login", challenge(&login(DEMO_APP, "admin")).await),
        ("login", challenge(&[("response_type", "code"), ("client_id", DEMO_APP)]).await),
        ("login", challenge(&login(UNTRUSTED_APP, "orders:read")).await),
        ("login", challenge(&login("nobody", "")).await),
        ("code", post(&code).await),
        ("code", post(&[("grant_type", "implicit"), ("client_id", DEMO_APP)]).await),
        ("refresh", gateway.try_refresh(DEMO_APP, "mgr_x").await),
        ("call", gateway.call("GET", "/orders", "wrong").await),
        ("call", gateway.call("POST", "/orders", &reader).await),
        ("call", gateway.call("GET", "/nowhere", &reader).await),
        ("call", gateway.call("DELETE", "/orders", &reader).await),
        ("call", gateway.call("GET", "/orders/a%252fb", &reader).await),
        ("call", gateway.call("GET", &format!("/orders/{}", "7".repeat(2_000)), &reader).await),
        (
            "call",
            gateway
                .response(gateway.request("POST", "/orders").bearer_auth(&tokens.access).body(vec![b' '; 5_000_000]))
                .await,
        ),
    ];
    seen.extend(unproved(&gateway).await);
    for _ in 0..12 {
        seen.push(("login", asks(&gateway, DEMO_APP, &[("username", BOB.name), ("password", "wrong")]).await));
    }
    // What is 403 at the challenge endpoint where mails are sent.
    seen.push(("login", gateway.try_login(DEMO_APP, BOB.name, "wrong").await));
    for _ in 0..62 {
        let response = gateway.call("GET", "/orders", &reader).await;
        match response.status {
            200 => assert!(response.header("ratelimit-policy") == "\"default\";q=60;w=60", "{response:?}"),
            _ => seen.push(("call", response)),
        }
    }
    line.cut();
    seen.push(("login", asks(&gateway, DEMO_APP, &typed(ADA)).await));
    seen.push(("code", post(&code).await));
    seen.push(("refresh", gateway.try_refresh(DEMO_APP, &tokens.refresh).await));
    gateway.restart_functions();
    seen.push(("call", gateway.call("GET", "/orders", &tokens.access).await));

    let (_socket, dead) = nobody();
    let silent = Canned::start(None).await;
    for (url, fields) in [(dead, ""), (silent.url(), "    timeout: 1s\n")] {
        let gateway = Gateway::start_with_config(|text| echo_at(&text, &url, fields)).await;
        let tokens = gateway.login(ADA).await;
        seen.push(("call", gateway.call("GET", "/echo", &tokens.access).await));
        gateway.stack.legacy().forget_sessions();
        seen.push(("call", gateway.call("GET", "/orders", &tokens.access).await));
    }
    let made: BTreeSet<_> = seen
        .iter()
        .map(|(what, response)| {
            let error = response.json()["error"].as_str().unwrap_or("none").to_owned();
            (response.status, error, (*what).to_owned())
        })
        .collect();
    assert_eq!(rows(&page), made);
    // A 429 or 503 always says when to come back.
    let later = seen.iter().filter(|(_, response)| matches!(response.status, 429 | 503));
    assert!(
        later.clone().count() > 3
            && later.into_iter().all(|(_, response)| response.header("retry-after").parse::<u64>().is_ok())
    );

    // What samples send and read: ours to send, or seen in a response.
    let headers: BTreeSet<_> =
        seen.iter().flat_map(|(_, response)| response.headers.keys().map(ToString::to_string)).collect();
    let sent = ["authorization", "content-type", "idempotency-key"];
    for marker in ["forHTTPHeaderField: \"", ".header(\"", "headers.get(\"", "headers[\"", "-H '", "-H \""] {
        for rest in page.split(marker).skip(1) {
            let name =
                words(rest, |c| c.is_ascii_alphanumeric() || c == '-').next().expect("a name").to_ascii_lowercase();
            assert!(sent.contains(&name.as_str()) || headers.contains(&name), "{marker}{name}");
        }
    }
    for name in [
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "dpop-nonce",
        "www-authenticate",
        "x-amzn-remapped-www-authenticate",
        "allow",
    ] {
        assert!(headers.contains(name) && page.to_lowercase().contains(name), "{name}");
    }
}
