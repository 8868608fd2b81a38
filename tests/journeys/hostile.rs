//! Back ends that keep to no rule, behind the whole gateway: each has a clear outcome in the time that was said, and the next
//! call, of another user, gets its own response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_local::stack::Options;
use support::{ADA, Act, Asked, BOB, DEMO_APP, Gateway, Hostile};
use tokio::time::Instant;

use crate::wire::echo_at;

/// What a busy machine may take longer.
const SLACK: Duration = Duration::from_secs(15);
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

/// What the back end does, how often it is done, and what becomes of it: the status, and the kind in the log.
fn behaviours() -> Vec<(&'static str, Vec<Act>, u16, &'static str)> {
    let flood = |text: &str, most| Act::Flood(text.repeat(8 * 1024 / text.len()).into_bytes(), most);
    let send = |text: String| Act::send(&text);
    vec![
        (
            "drips-its-head",
            vec![Act::Drip(format!("{HEAD}X: {}\r\n\r\n", "x".repeat(600)).into_bytes(), Duration::from_millis(5))],
            504,
            "back_end_timed_out",
        ),
        ("stalls-in-its-head", vec![Act::send(HEAD), Act::Stall], 504, "back_end_timed_out"),
        ("resets-in-its-head", vec![Act::send(HEAD), Act::Reset], 502, "back_end_broken"),
        (
            "has-10-mb-of-headers",
            vec![Act::send(HEAD), flood("X-More: some more\r\n", 10 * 1024 * 1024)],
            502,
            "back_end_too_large",
        ),
        (
            "has-a-header-of-1-mb",
            vec![send(format!("{HEAD}X: {}\r\n\r\n", "x".repeat(1024 * 1024)))],
            502,
            "back_end_too_large",
        ),
        (
            "has-thousands-of-headers",
            vec![send(format!("{HEAD}{}\r\n", "a: b\r\n".repeat(5_000)))],
            502,
            "back_end_too_large",
        ),
        (
            "has-more-than-a-prelude",
            vec![send(format!("{HEAD}X: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(20_000)))],
            502,
            "back_end_too_large",
        ),
        (
            "never-gets-beyond-interim-responses",
            vec![flood("HTTP/1.1 103 Early Hints\r\n\r\n", u64::MAX)],
            504,
            "back_end_timed_out",
        ),
        (
            "has-two-framings",
            vec![send(format!("{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))],
            502,
            "back_end_broken",
        ),
        ("speaks-http-0.9", vec![Act::send("<h1>hello</h1>\r\n\r\n"), Act::Close], 502, "back_end_broken"),
        // Behind a head that was good, the client is told by a connection that is cut.
        ("stalls-in-its-body", vec![send(format!("{HEAD}Content-Length: 9\r\n\r\nx")), Act::Stall], 0, "idle"),
        ("resets-in-its-body", vec![send(format!("{HEAD}Content-Length: 9\r\n\r\nx")), Act::Reset], 0, "broken"),
        (
            "has-a-chunk-of-no-size",
            vec![send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\nFFFFFFFFFFFFFFFFF\r\n"))],
            0,
            "broken",
        ),
        (
            "never-ends-its-trailers",
            vec![send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")), flood("X: x\r\n", u64::MAX)],
            0,
            "broken",
        ),
        // What is slow and sound arrives.
        (
            "drips-its-body",
            vec![
                send(format!("{HEAD}Content-Length: 60\r\n\r\n")),
                Act::Drip(vec![b'x'; 60], Duration::from_millis(20)),
            ],
            200,
            "",
        ),
        (
            "says-more-than-its-length",
            vec![send(format!("{HEAD}Content-Length: 1\r\n\r\nx")), Act::respond("of nobody")],
            200,
            "",
        ),
        (
            "says-more-at-once",
            vec![send(format!(
                "{HEAD}Content-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nof nobody"
            ))],
            200,
            "",
        ),
        ("closes-what-it-kept", vec![send(format!("{HEAD}Content-Length: 1\r\n\r\nx")), Act::Close], 200, ""),
    ]
}

/// Does what the query names, and answers anything else with its session and its query.
fn answer(asked: &Asked) -> Vec<Act> {
    let how = asked.target().split_once("?how=").map_or("", |(_, how)| how);
    let named = behaviours().into_iter().find(|(name, ..)| *name == how);
    named.map_or_else(|| vec![Act::respond(&format!("{how} {}", asked.field("cookie")))], |(_, acts, ..)| acts)
}

/// Abuse case C9; checklist H-05, H-08. One process of the proxy serves everybody, so that they share its connections.
#[tokio::test]
async fn each_has_its_outcome_and_the_next_user_gets_the_own_response() {
    let back_end = Hostile::start(answer);
    let config = std::fs::read_to_string(Options::default().config).expect("the demo's configuration");
    let config = config.replace("calls: 60", "calls: 1000");
    let config = echo_at(&config, &back_end.url(), "    timeout: 1s\n    idle_timeout: 1s\n");
    let seed = std::fs::read_to_string(Options::default().seed).expect("the demo's seed");
    let gateway = Gateway::start_from(&config, &seed, |options| options.most_processes = 1).await;
    let (ada, bob) = (gateway.login(ADA).await, gateway.login(BOB).await);
    let session = gateway.call("POST", "/echo?how=whose", &bob.access).await.text();
    assert!(session.starts_with("whose LEGACYSESSID="), "{session}");

    for (name, _, status, _) in behaviours() {
        for method in ["GET", "POST"] {
            let begun = Instant::now();
            let request = gateway.request(method, &format!("/echo?how={name}")).bearer_auth(&ada.access);
            let response = request.send().await.expect("a head");
            let (answered, body) = (response.status().as_u16(), response.bytes().await);
            // A second exchange of a GET, and the pauses of a body, are within the time of the function.
            assert!(begun.elapsed() < Duration::from_secs(3) + SLACK, "{method} {name}: {:?}", begun.elapsed());
            match status {
                0 => assert!(answered == 200 && body.is_err(), "{method} {name}: {answered}"),
                _ => assert!(answered == status && body.is_ok(), "{method} {name}: {answered}"),
            }
            let next = gateway.call("POST", &format!("/echo?how=after-{name}"), &bob.access).await;
            assert_eq!(
                (next.status, next.text()),
                (200, session.replace("whose", &format!("after-{name}"))),
                "{method}"
            );
        }
        let sent = |text: &str| back_end.asked().iter().filter(|asked| asked.text.starts_with(text)).count();
        assert_eq!(sent(&format!("POST /echo?how={name} ")), 1, "a POST is sent once");
        assert_eq!(sent(&format!("POST /echo?how=after-{name} ")), 2, "a POST is sent once");
    }
    let lines = gateway.logged().await;
    for (name, _, status, kind) in behaviours() {
        let (field, most) = if status == 0 { ("reason", 2) } else { ("kind", 2) };
        let told = lines.iter().filter(|line| line.contains(&format!("\"{field}\":\"{kind}\""))).count();
        assert!(kind.is_empty() || told >= most, "{name}: {told} lines tell {kind}");
    }
    assert!(!lines.iter().any(|line| line.contains("of nobody") || line.contains("panicked")));
}

/// Checklist H-08. A login is no refusal then, which would count as a wrong password, and the next one works.
#[tokio::test]
async fn a_login_there_is_unavailable_in_the_time_of_its_connector() {
    let number = Arc::new(AtomicUsize::new(usize::MAX));
    let chosen = Arc::clone(&number);
    let back_end = Hostile::start(move |asked| match behaviours().into_iter().nth(chosen.load(Ordering::SeqCst)) {
        Some((_, acts, ..)) if asked.target() == "/login" => acts,
        _ => vec![Act::send("HTTP/1.1 200 OK\r\nSet-Cookie: LEGACYSESSID=1; Max-Age=60\r\nContent-Length: 0\r\n\r\n")],
    });
    let config = std::fs::read_to_string(Options::default().config).expect("the demo's configuration");
    let login = "    login:\n      url: http://127.0.0.1:3001/login\n";
    assert!(
        config.contains(login) && config.contains("    logout: { method: POST, url: http://127.0.0.1:3001/logout }\n")
    );
    let config = config.replace(login, &format!("    timeout: 1s\n    login:\n      url: {}/login\n", back_end.url()));
    let config = config.replace("    logout: { method: POST, url: http://127.0.0.1:3001/logout }\n", "");
    let seed = std::fs::read_to_string(Options::default().seed).expect("the demo's seed");
    let gateway = Gateway::start_from(&config, &seed, |_| {}).await;
    for (at, (name, _, status, _)) in behaviours().into_iter().enumerate() {
        number.store(at, Ordering::SeqCst);
        let begun = Instant::now();
        let response = gateway.try_login(DEMO_APP, ADA.name, ADA.password).await;
        let log = if response.status == 503 { Vec::new() } else { gateway.logged().await };
        assert_eq!(response.status, 503, "{name} ({status}): {}\n{log:#?}", response.text());
        assert!(response.header("retry-after").parse::<u32>().is_ok(), "{name}: {response:?}");
        assert!(begun.elapsed() < Duration::from_secs(1) + SLACK, "{name}: {:?}", begun.elapsed());
        number.store(usize::MAX, Ordering::SeqCst);
        gateway.login(BOB).await;
    }
    gateway.login(ADA).await;
}
