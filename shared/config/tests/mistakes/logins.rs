//! Logins over HTTP and at portals: what they send and take for a response.

use super::{accepted, told};

const URL: &str = "url: https://legacy.example.com/login";
const JSON: &str =
    "json:\n        user: \"{username}\"\n        pass: \"{password}\"\n      success: { status: 200 }\n";
const SUCCESS: &str = "success: { status: 200 }";
const EXTRACT: &str = "extract: { cookie: SESSID }";
const EXPIRES: &str = "expires: { cookie_max_age: true }";
const INJECT: &str = "inject: { cookie: SESSID }";
const DEAD: &str = "dead_session: { status: 401 }";
const LOGOUT: &str = "logout: { method: POST, url: https://legacy.example.com/logout }";
const TYPE: &str = "type: http_login\n    login:";

#[test]
fn a_login_has_one_body_of_known_values() {
    let login = "connectors.orders-login.login";
    told(&[
        (JSON, "success: { status: 200 }\n", 19, login, "sends nothing: write `json` or `form`"),
        (
            JSON,
            "form: { user: \"{username}\", pass: x }\n",
            21,
            "connectors.orders-login.login.form",
            "sends no password: write \"{password}\"",
        ),
        (
            JSON,
            "form: { user: \"{username}\", pass: \"{password}\", more: { a: 1 } }\n",
            21,
            "connectors.orders-login.login.form.more",
            "a single value, not a list or fields",
        ),
        (
            JSON,
            "json: { user: { name: \"{username}\", pass: \"{password}\", secret: x } }\n",
            21,
            "connectors.orders-login.login.json.user.secret",
            "does not belong in this file",
        ),
        (
            JSON,
            "json: { user: \"{username}\", pass: \"{password}\", csrf: \"{csrf}\" }\n",
            21,
            "connectors.orders-login.login.json.csrf",
            "or `csrf` under `keep` of an earlier request",
        ),
        (
            JSON,
            "json: { user: \"{username}\", pass: \"{password}\" }\n      form: { a: \"{username}\" }\n",
            22,
            "connectors.orders-login.login.form",
            "one body",
        ),
    ]);
    accepted(&[
        (JSON, "json: { user: { name: \"{username}\", pass: \"{password}\" } }\n"),
        (JSON, "form: { user: \"{username}\", pass: \"{password}\", go: 1 }\n"),
    ]);
}

#[test]
fn headers_of_a_login_are_sound_and_carry_no_secret() {
    let headers = "connectors.orders-login.login.headers";
    told(&[
        (SUCCESS, "headers: { Cookie: a=b }", 24, headers, "`cookie` has a meaning of its own"),
        (SUCCESS, "headers: { Authorization: Basic eDp5 }", 24, headers, "meaning of its own"),
        (SUCCESS, "headers: { X-Api-Key: abc }", 24, headers, "a secret does not belong in this file"),
        (SUCCESS, "headers: { X-Pass: \"{password}\" }", 24, headers, "belong in `json` or `form`"),
        (SUCCESS, "headers: { Referer: \"a\\r\\nb\" }", 24, headers, "printable ASCII"),
        (SUCCESS, "headers: { referer: a, Referer: b }", 24, headers, "there twice"),
        (SUCCESS, "headers: { \"a b\": c }", 24, headers, "not the name of a header"),
    ]);
    accepted(&[(SUCCESS, "headers: { Referer: https://legacy.example.com/, Accept: text/html }")]);
}

#[test]
fn answers_are_told_apart_by_something() {
    let success = "connectors.orders-login.login.success";
    let refused = "connectors.orders-login.login.refused";
    told(&[
        (SUCCESS, "success: {}", 24, success, "says nothing"),
        (SUCCESS, "success_status: 200", 24, "connectors.orders-login.login.success_status", "unknown field"),
        (
            SUCCESS,
            "success: { status: 200, redirect_to: /home }",
            24,
            "connectors.orders-login.login.success.status",
            "a redirect has a status of 300 to 399",
        ),
        (
            SUCCESS,
            "refused: { redirect_to: login }",
            24,
            "connectors.orders-login.login.refused.redirect_to",
            "such as /login",
        ),
        (SUCCESS, "success: { status: [] }", 24, "connectors.orders-login.login.success.status", "1 to 16"),
        (SUCCESS, "success: { status: 401 }", 24, "connectors.orders-login.login.success.status", "write 200 to 399"),
        (SUCCESS, "refused: {}", 24, refused, "says nothing"),
        (SUCCESS, "refused: { status: [200, 500] }", 24, "connectors.orders-login.login.refused.status", "200 to 499"),
        (
            SUCCESS,
            "success: { header: { name: Location, pattern: \"(\" } }",
            24,
            "connectors.orders-login.login.success.header.pattern",
            "not a pattern",
        ),
        (
            SUCCESS,
            "success: { body_has: \"\" }",
            24,
            "connectors.orders-login.login.success.body_has",
            "1 to 512 bytes",
        ),
        (DEAD, "dead_session: {}", 29, "connectors.orders-login.dead_session", "says nothing"),
        (
            DEAD,
            "dead_session: { redirect_to: login }",
            29,
            "connectors.orders-login.dead_session.redirect_to",
            "such as /login",
        ),
        (
            DEAD,
            "dead_session: { redirect_to: //evil.test }",
            29,
            "connectors.orders-login.dead_session.redirect_to",
            "such as /login",
        ),
        (DEAD, "dead_session: { status: [401, 200] }", 29, "connectors.orders-login.dead_session.status", "300 to 499"),
    ]);
    accepted(&[
        (SUCCESS, "success: { status: [302, 303], header: { name: Location, pattern: \"^/home\" }, cookie: SESSID }"),
        (SUCCESS, "refused: { status: 200, body_has: wrong }"),
        (SUCCESS, "success: { body_lacks: wrong }"),
        (SUCCESS, "success: { redirect_to: /home }"),
        (SUCCESS, "success: { redirect_to: https://legacy.example.com/home, status: [302, 303] }"),
        (DEAD, "dead_session: { redirect_to: /login }"),
        (DEAD, "dead_session: { redirect_to: https://sso.example.com/, status: [401, 440], body_has: Log in }"),
    ]);
}

#[test]
fn values_come_from_one_place_each_and_go_where_they_are_known() {
    let extract = "connectors.orders-login.extract";
    told(&[
        (EXTRACT, "extract: { cookie: SESSID, header: X-Session }", 26, extract, "exactly one place"),
        (EXTRACT, "extract: {}", 26, extract, "exactly one place"),
        (
            EXTRACT,
            "extract: { cookie: SESSID }\n    extract_also: { token: { cookie: A } }",
            27,
            "connectors.orders-login.extract_also.token",
            "a meaning of its own",
        ),
        (
            EXTRACT,
            "extract: { cookie: SESSID }\n    extract_also: { a: { pattern: \"b\" } }",
            27,
            "connectors.orders-login.extract_also.a",
            "no single group",
        ),
        (
            INJECT,
            "inject: [{ cookie: SESSID }, { cookie: B, value: \"{b}\" }]",
            28,
            "connectors.orders-login.inject[1].value",
            "add `b` under `extract_also`",
        ),
        (
            INJECT,
            "inject: [{ cookie: SESSID }, { cookie: SESSID }]",
            28,
            "connectors.orders-login.inject[1]",
            "there twice",
        ),
        (INJECT, "inject: []", 28, "connectors.orders-login.inject", "has 1 to 8"),
        (
            INJECT,
            "inject: [{ header: Referer, value: x }]",
            28,
            "connectors.orders-login.inject",
            "the token is not sent",
        ),
        (INJECT, "inject: { query: \"a b\" }", 28, "connectors.orders-login.inject", "not the name of a parameter"),
        (
            LOGOUT,
            "logout: { method: POST, url: https://legacy.example.com/logout, form: { a: \"{username}\" } }",
            30,
            "connectors.orders-login.logout.form.a",
            "there is no value `username`",
        ),
        (
            LOGOUT,
            "renew: { method: POST, url: https://other.example.com/renew, for: 8h }",
            30,
            "connectors.orders-login.renew.url",
            "stays on the scheme, host",
        ),
        (
            LOGOUT,
            "renew: { method: POST, url: https://legacy.example.com/renew, for: 0s }",
            30,
            "connectors.orders-login.renew.for",
            "write 1s to",
        ),
        (
            LOGOUT,
            "renew: { method: POST, url: https://legacy.example.com/renew }",
            30,
            "connectors.orders-login.renew",
            "`for` is missing",
        ),
        (EXPIRES, "expires: { idle: 0s }", 27, "connectors.orders-login.expires.idle", "write 1s to"),
        (EXPIRES, "expires: {}", 27, "connectors.orders-login.expires", "exactly one way"),
    ]);
    accepted(&[
        (EXTRACT, "extract: { cookie: SESSID }\n    extract_also: { csrf: { header: X-CSRF, pattern: \"^(.+)$\" } }"),
        (INJECT, "inject: [{ cookie: SESSID }, { query: sid }, { header: Referer, value: https://a/ }]"),
        (INJECT, "inject: { query: sid }"),
        (EXPIRES, "expires: { idle: 20m }"),
        (EXPIRES, "expires: { cookie_max_age: true, idle: 20m }"),
        (LOGOUT, "renew: { method: GET, url: https://legacy.example.com/renew, json: { t: \"{token}\" }, for: 8h }"),
        (URL, "url: https://legacy.example.com/login\n      refused: { body_has: wrong }"),
    ]);
}

/// A login of the requests in a list, each a line from line 19 on, in place of the one of the file.
fn several(steps: &[&str], more: &str) -> String {
    let one = format!("login:\n      {URL}\n      {JSON}");
    let list = steps.iter().map(|step| format!("      - {step}\n")).collect::<Vec<_>>().concat();
    super::changed(&one, &format!("login:\n{list}{more}"))
}

const PAGE: &str = "{ url: https://legacy.example.com/login, keep: { csrf: { input: csrf } } }";
const TYPED: &str = "{ submit: { fields: { user: \"{username}\", pass: \"{password}\" } } }";
const POST: &str =
    "{ url: https://legacy.example.com/login, form: { u: \"{username}\", p: \"{password}\", c: \"{csrf}\" } }";

#[test]
fn a_login_of_several_requests_hands_values_on() {
    let sso = "    also_at: [https://sso.example.com]\n";
    for (steps, more) in [
        (&[PAGE, POST][..], ""),
        (&[PAGE, TYPED], ""),
        (&["{ url: https://legacy.example.com/, follow: 10 }", TYPED, "{ submit: {} }"], ""),
        (
            &[
                "{ url: https://legacy.example.com/ }",
                "{ submit: { form: { id: login }, button: go, fields: { u: \"{username}\" } } }",
                "{ submit: { form: { action: /word }, fields: { p: \"{password}\" } }, success: { redirect_to: /home } }",
            ],
            "",
        ),
        (
            &[
                "{ url: https://legacy.example.com/, keep: { t: { json_pointer: /t } } }",
                "{ url: https://sso.example.com/x, method: PUT, query: { t: \"{t}\" }, headers: { X-T: \"{t}\" }, json: { u: \"{username}\", p: \"{password}\" } }",
            ],
            sso,
        ),
    ] {
        if let Err(error) = gateway_config::Gateway::parse(&several(steps, more)) {
            panic!("{steps:?} should be accepted: {error}");
        }
    }
}

#[test]
fn mistakes_in_a_login_of_several_requests_are_told() {
    let nine = [PAGE; 9];
    let typed = "connectors.orders-login.login[1].submit.fields.user";
    for (steps, more, field, says) in [
        (&nine[..], "", "login", "a login has 1 to 8 requests"),
        (&[TYPED], "", "login", "the first request has no page before it"),
        (&[PAGE], "", "login", "sends nothing"),
        (&[PAGE, "{ submit: { fields: { u: \"{username}\" } } }"], "", "login", "sends no password"),
        (
            &["{ url: https://legacy.example.com/ }", POST],
            "",
            "login[1].form.c",
            "`csrf` under `keep` of an earlier request",
        ),
        (&[POST, PAGE], "", "login[0].form.c", "`csrf` under `keep` of an earlier request"),
        (&[PAGE, PAGE, POST], "", "login[1].keep.csrf", "an earlier request keeps `csrf`"),
        (
            &["{ url: https://legacy.example.com/, keep: { password: { input: a } } }", TYPED],
            "",
            "login[0].keep.password",
            "a meaning of its own",
        ),
        (
            &[TYPED.replace("submit", "url: https://legacy.example.com/, submit").as_str(), POST],
            "",
            "login[0]",
            "exactly one request",
        ),
        (&[PAGE, "{ headers: { X-A: b } }"], "", "login[1]", "`url` is missing"),
        (&[PAGE, "{ submit: {}, form: { a: b } }"], "", "login[1]", "under `submit.fields`"),
        (
            &[PAGE, "{ submit: { form: { id: a, name: b } } }", POST],
            "",
            "login[1].submit.form",
            "exactly one way to find the form",
        ),
        (
            &[PAGE, "{ submit: { fields: { user: \"{username}\", client_secret: x } } }"],
            "",
            "login[1].submit.fields.client_secret",
            "does not belong in this file",
        ),
        (&[PAGE, &TYPED.replace("{username}", "{user}")], "", typed, "there is no value `user`"),
        (&[PAGE, &POST.replace("legacy", "other")], "", "login[1].url", "add https://other.example.com to `also_at`"),
        (&[PAGE, &POST.replace("form", "method: GET, form")], "", "login[1].form", "a GET has no body"),
        (
            &[PAGE, &POST.replace("form", "query: { p: \"{password}\" }, form")],
            "",
            "login[1].query.p",
            "belong in `json` or `form`",
        ),
        (
            &[PAGE, &POST.replace("form", "query: { api_key: x }, form")],
            "",
            "login[1].query.api_key",
            "a secret does not belong",
        ),
        (&[PAGE, &POST.replace("form", "follow: 11, form")], "", "login[1].follow", "write 0 to 10"),
        (
            &[PAGE, &POST.replace("form", "keep: { a: { cookie: b } }, form")],
            "",
            "login[1].keep",
            "under `extract_also`",
        ),
        (&[PAGE, POST], "    also_at: [http://sso.example.com]\n", "also_at[0]", "sends passwords unencrypted"),
        (&[PAGE, POST], "    also_at: [https://sso.example.com/x]\n", "also_at[0]", "scheme, host and port only"),
        (
            &[&PAGE.replace("https", "http"), &POST.replace("https", "http")],
            "",
            "login[0].url",
            "sends passwords unencrypted",
        ),
    ] {
        let problems = super::problems(&several(steps, more));
        let field =
            if field.starts_with("connectors") { field.to_owned() } else { format!("connectors.orders-login.{field}") };
        let found = problems.iter().any(|problem| problem.field == field && problem.reason.contains(says));
        assert!(found, "{steps:?} should say {field}: …{says}…, but says {problems:#?}");
    }
}

const PORTAL: &str = "type: sso_session\n    ends: 10h\n    idle: 20m\n    login:";

/// Changes of the text that make the connector a portal's, and then one more.
fn portal(more: &str, instead: &str) -> String {
    let rest = format!("{EXTRACT}\n    {EXPIRES}\n    {INJECT}\n    {DEAD}\n    {LOGOUT}");
    let text = super::changed(TYPE, PORTAL).replace(&rest, &format!("{EXTRACT}\n    {LOGOUT}"));
    assert_eq!(text.matches(more).count(), 1, "`{more}` must be there once");
    text.replace(more, instead)
}

#[test]
fn a_portal_says_how_long_its_sessions_last_and_needs_little_else() {
    for (from, to) in [
        (EXTRACT, EXTRACT),
        (LOGOUT, ""),
        ("idle: 20m", "idle: 10h"),
        (EXTRACT, "extract: { json_pointer: /id }\n    inject: { header: X-Sso, value: \"{token}\" }"),
    ] {
        if let Err(error) = gateway_config::Gateway::parse(&portal(from, to)) {
            panic!("`{to}` should be accepted: {error}");
        }
    }
    for (from, to, field, says) in [
        ("ends: 10h", "", "connectors.orders-login", "`ends` is missing"),
        ("    idle: 20m\n", "", "connectors.orders-login", "`idle` is missing"),
        ("idle: 20m", "idle: 11h", "connectors.orders-login.idle", "write 1s to 10h"),
        ("ends: 10h", "ends: 0s", "connectors.orders-login.ends", "write 1s to"),
        (EXTRACT, "extract: { json_pointer: /id }", "connectors.orders-login.inject", "the token is not sent"),
        ("ends: 10h", "ends: 10h\n    expires: { fixed: 1h }", "connectors.orders-login.expires", "unknown field"),
        (
            LOGOUT,
            "logout: { method: POST, url: https://a.example.com/ }",
            "connectors.orders-login.logout.url",
            "stays on",
        ),
        (
            EXTRACT,
            "extract: { json_pointer: /id }\n    inject: { header: Host, value: \"{token}\" }",
            "connectors.orders-login.inject.header",
            "meaning of its own",
        ),
    ] {
        let problems = super::problems(&portal(from, to));
        let found = problems.iter().any(|problem| problem.field == field && problem.reason.contains(says));
        assert!(found, "`{to}` should say {field}: …{says}…, but says {problems:#?}");
    }
}

const LOGIN: &str = "connectors.orders-login.login";

/// What YAML takes for a number, a boolean or a date is a text where a text is meant.
#[test]
fn a_form_sends_texts_as_they_are_written() {
    for written in [
        "010",
        "1.50",
        "1e3",
        "0x1F",
        "0o17",
        "1_000",
        "yes",
        "no",
        "on",
        "off",
        "true",
        "TRUE",
        "2026-11-26",
        "12:30:45",
        "-0",
        "+1",
        ".5",
        ".inf",
        "NaN",
        "12345678901234567890123",
        "1.0.0",
        "=",
        "0b11",
    ] {
        let form = format!("form: {{ user: \"{{username}}\", pass: \"{{password}}\", pin: {written} }}\n");
        let gateway = gateway_config::Gateway::parse(&super::changed(JSON, &form)).expect(written);
        let (_, gateway_config::connector::ConnectorConfig::HttpLogin(login)) =
            gateway.connectors().next().expect("one")
        else {
            panic!("another connector");
        };
        let gateway_config::connector::StepRequest::Url(request) = &login.login.steps()[0].request else {
            panic!("another request");
        };
        let pin = &request.form.as_ref().expect("a form")["pin"];
        let text = gateway_config::connector::Template::try_from(written.to_owned()).expect(written);
        assert_eq!(*pin, gateway_config::connector::Field::Text(text), "{written}");
    }
    let missing =
        |written: &str| format!("form: {{ user: \"{{username}}\", pass: \"{{password}}\", pin: {written} }}\n");
    for written in ["~", "null", ""] {
        let form = missing(written);
        told(&[(JSON, form.as_str(), 21, "connectors.orders-login.login.form.pin", "the value is missing")]);
    }
}

/// In JSON a number without quotes is a number: one that JSON writes otherwise may be meant as a text.
#[test]
fn a_number_in_json_is_sent_as_it_is_written_or_told() {
    let json =
        |pin: &str| format!("json: {{ user: \"{{username}}\", pass: \"{{password}}\", deep: {{ pin: {pin} }} }}\n");
    for written in ["010", "1.50", "1e3", "0x1F", "0o17", "1_000", "+1", "TRUE", "-0", "12345678901234567890123"] {
        let text = super::changed(JSON, &json(written));
        // Where the reader takes it for a text, it is sent as it is written.
        match gateway_config::Gateway::parse(&text) {
            Ok(gateway) => assert!(format!("{gateway:?}").contains(&format!("Text({written:?})")), "{written}"),
            Err(gateway_config::ConfigError::Invalid(problems)) => {
                let [problem] = problems.as_slice() else { panic!("{problems:?}") };
                assert_eq!((problem.line, problem.field.as_str()), (21, format!("{LOGIN}.json.deep.pin").as_str()));
                assert!(problem.reason.contains(&format!("\"{written}\" in quotes")), "{written}: {problem}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    for written in ["1.50", "1e3", "0x1F", "TRUE", "12345678901234567890123"] {
        assert_eq!(super::problems(&super::changed(JSON, &json(written))).len(), 1, "{written}");
    }
    let good: Vec<_> = ["10", "-5", "0", "1.5", "true", "false", "\"010\"", "yes", "2026-11-26"].map(json).to_vec();
    for json in &good {
        accepted(&[(JSON, json.as_str())]);
    }
    told(&[(
        JSON,
        "json: { user: \"{username}\", pass: \"{password}\", a: &a 1, b: *a }\n",
        21,
        "connectors.orders-login.login.json.b",
        "write it out here",
    )]);
}

/// Every other text of the file is read as it is written as well. That of a scope needs quotes, since it can also be a
/// mapping with a text for each language.
#[test]
fn texts_that_look_like_numbers_are_texts_everywhere() {
    use super::GOOD;
    let text = GOOD
        .replace("audience: https://api.example.com", "audience: 010")
        .replace("orders:read: See orders", "orders:read: \"1.50\"")
        .replace("GET: [orders:read], POST: [orders:write]", "GET: [0x1F], POST: [orders:write]")
        .replace("  orders:write: Place", "  0x1F: \"1e3\"\n  orders:write: Place")
        .replace("extract: { cookie: SESSID }", "extract: { cookie: 1e3 }");
    let gateway = gateway_config::Gateway::parse(&text).expect("good");
    let of_stage = std::collections::BTreeMap::from([("issuer".to_owned(), "https://api.example.com".to_owned())]);
    assert_eq!(gateway.token_parties(&of_stage).unwrap().audience(), "010");
    assert!(gateway.scopes().contains("0x1F"), "{:?}", gateway.scopes());
    let all = format!("{gateway:?}");
    assert!(all.contains(r#"CookieName("1e3")"#) && all.contains(r#""1.50""#), "{all}");
}

#[test]
fn a_session_moves_where_a_response_can_move_it() {
    const BOTH: &str = "extract: { cookie: SESSID }\n    expires: { cookie_max_age: true }";
    let nowhere = "extract: { json_pointer: /sid }\n    moves: freely\n    expires: { fixed: 30m }";
    told(&[
        (BOTH, nowhere, 27, "connectors.orders-login.moves", "no response can move it"),
        (EXTRACT, &format!("{EXTRACT}\n    moves: always"), 27, "connectors.orders-login.moves", "freely"),
    ]);
    let written = |moves: &str| format!("{EXTRACT}\n    moves: {moves}");
    accepted(&[(EXTRACT, &written("freely")), (EXTRACT, &written("in_turn"))]);
}
