//! A system that keeps to no rule of HTTP: each call and each login has a clear outcome, in the time that was said and in
//! bounded memory, and what belongs to one exchange never ends up in the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use gateway_config::Gateway;
use gateway_connectors::back_end::{BackEndClient, BackEndClients, BackEndError, Bounds};
use gateway_connectors::{ConnectorError, Connectors, Credentials};
use gateway_domain::clock::Clock as _;
use gateway_domain::secret::Secret;
use gateway_runtime::{SystemClock, SystemEntropy};
use support::{Act, Hostile};
use tokio::time::Instant;

/// Of a response that never ends, no more is taken than this, with what the kernels hold.
const MOST_TAKEN: u64 = 8 * 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(5);
/// What a busy machine may take longer.
const SLACK: Duration = Duration::from_secs(10);

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

/// What a back end may do instead of giving a response, and what it is told as.
fn behaviours() -> Vec<(&'static str, Vec<Act>, BackEndError)> {
    use BackEndError::{Broken, TimedOut, TooLarge};
    let drip = |text: String| Act::Drip(text.into_bytes(), PAUSE);
    let ten_mb = 10 * 1024 * 1024;
    vec![
        ("drips its head", vec![drip(format!("{HEAD}X-Long: {}\r\n\r\n", "x".repeat(2_000)))], TimedOut),
        ("drips its body", vec![drip(format!("{HEAD}Content-Length: 2000\r\n\r\n{}", "x".repeat(2_000)))], TimedOut),
        ("stalls before its head", vec![Act::Stall], TimedOut),
        ("stalls in its head", vec![Act::send(HEAD), Act::Stall], TimedOut),
        ("stalls in its body", vec![Act::send(&format!("{HEAD}Content-Length: 9\r\n\r\nx")), Act::Stall], TimedOut),
        ("resets before its head", vec![Act::Reset], Broken),
        ("resets in its head", vec![Act::send(HEAD), Act::Reset], Broken),
        ("resets in its body", vec![Act::send(&format!("{HEAD}Content-Length: 9\r\n\r\nx")), Act::Reset], Broken),
        (
            "has 10 MB of headers",
            vec![Act::send(HEAD), flood("X-More: some more\r\n", ten_mb), Act::send("\r\n")],
            TooLarge,
        ),
        ("has a header of 1 MB", vec![Act::send(&format!("{HEAD}X: {}\r\n\r\n", "x".repeat(1024 * 1024)))], TooLarge),
        ("has thousands of headers", vec![Act::send(&format!("{HEAD}{}\r\n", "a: b\r\n".repeat(5_000)))], TooLarge),
        (
            "has a status line of 1 MB",
            vec![Act::send(&format!("HTTP/1.1 200 {}", "x".repeat(1024 * 1024))), Act::Close],
            TooLarge,
        ),
        (
            "never gets beyond interim responses",
            vec![flood("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", u64::MAX)],
            TimedOut,
        ),
        ("never ends its body", vec![Act::send(&format!("{HEAD}\r\n")), flood("x", u64::MAX)], TooLarge),
        ("never ends its chunks", vec![Act::send(&chunked("")), flood("1\r\nx\r\n", u64::MAX)], TooLarge),
        ("never ends the line of a chunk", vec![Act::send(&chunked("1")), flood(";x=y", u64::MAX)], Broken),
        (
            "never ends its trailers",
            vec![Act::send(&chunked("0\r\n")), flood("X-More: some more\r\n", u64::MAX)],
            Broken,
        ),
        ("has a chunk of no size", vec![Act::send(&chunked("FFFFFFFFFFFFFFFFF\r\nx"))], Broken),
        (
            "has a length and chunks",
            vec![Act::send(&format!(
                "{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            ))],
            Broken,
        ),
        (
            "has two lengths",
            vec![Act::send(&format!("{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"))],
            Broken,
        ),
        ("has a length that is none", vec![Act::send(&format!("{HEAD}Content-Length: -1\r\n\r\n"))], Broken),
        (
            "ends before its length",
            vec![Act::send(&format!("{HEAD}Content-Length: 9\r\n\r\nshort")), Act::Close],
            Broken,
        ),
        ("ends before its last chunk", vec![Act::send(&chunked("5\r\nhello\r\n")), Act::Close], Broken),
        ("speaks HTTP/0.9", vec![Act::send("<h1>hello</h1>\r\n\r\n"), Act::Close], Broken),
        ("speaks HTTP/2", vec![Act::send("HTTP/2 200 OK\r\n\r\n"), Act::Close], Broken),
        (
            "has chunks in HTTP/1.0",
            vec![Act::send("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
            Broken,
        ),
        (
            "switches protocols",
            vec![Act::send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")],
            Broken,
        ),
    ]
}

fn chunked(start: &str) -> String {
    format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{start}")
}

/// In blocks, so that the threads of the back end have little to do.
fn flood(text: &str, most: u64) -> Act {
    Act::Flood(text.repeat(8 * 1024 / text.len()).into_bytes(), most)
}

fn client() -> BackEndClient {
    BackEndClient::new().unwrap()
}

async fn send(
    client: &BackEndClient,
    method: Method,
    url: String,
    seconds: u64,
) -> Result<Response<Bytes>, BackEndError> {
    let request = Request::builder().method(method).uri(url).body(Bytes::from_static(b"{}")).unwrap();
    client.send(request, Bounds { timeout: Duration::from_secs(seconds), max_body: 16 * 1024 }).await
}

/// A back end that does the behaviour of the number in the path.
fn hostile() -> Hostile {
    let behaviours = behaviours();
    Hostile::start(move |asked| {
        let number = asked.target().trim_start_matches('/').split(['/', '?']).next().and_then(|text| text.parse().ok());
        number.map_or_else(|| vec![Act::respond("fine")], |number: usize| behaviours[number].1.clone())
    })
}

/// Checklist H-05, H-08.
#[tokio::test]
async fn each_strange_response_has_its_outcome_within_its_time() {
    let server = hostile();
    let behaviour = async |number: usize, (name, _, outcome): (&str, Vec<Act>, BackEndError)| {
        let (client, begun) = (client(), Instant::now());
        let seconds = if outcome == BackEndError::TimedOut { 1 } else { 20 };
        for method in [Method::GET, Method::POST] {
            let answered = send(&client, method.clone(), format!("{}/{number}", server.url()), seconds).await;
            assert_eq!(answered.unwrap_err(), outcome, "{method}: {name}");
        }
        assert!(begun.elapsed() < Duration::from_secs(2) + SLACK, "{name}: {:?}", begun.elapsed());
        // What is left of it does not disturb the next exchange.
        let next = send(&client, Method::POST, format!("{}/next", server.url()), 20).await.unwrap();
        assert_eq!(next.body().as_ref(), b"fine", "{name}");
    };
    let all = behaviours().into_iter().enumerate().map(|(number, one)| behaviour(number, one));
    futures_util::future::join_all(all).await;
    for number in 0..behaviours().len() {
        let sent = server
            .asked()
            .iter()
            .filter(|asked| asked.method() == "POST" && asked.target() == format!("/{number}"))
            .count();
        assert_eq!(sent, 1, "a POST is sent once: {}", behaviours()[number].0);
    }
}

/// Abuse case C9. What a response has beyond its end is nobody's: neither in the same packet nor later is it taken for the next response.
#[tokio::test]
async fn what_is_left_over_of_one_response_never_becomes_the_next() {
    const FORGED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let fine = |asked: &support::Asked| {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", asked.target().len(), asked.target())
    };
    let no_content = "HTTP/1.1 204 No Content\r\n\r\n";
    for (method, first) in [
        (Method::GET, None),
        (Method::POST, None),
        (Method::HEAD, None),
        (Method::GET, Some(no_content)),
        (Method::GET, Some("HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n")),
        (Method::GET, Some("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")),
    ] {
        for at_once in [true, false] {
            let server = Hostile::start(move |asked| match asked.target() {
                "/victim" => vec![Act::send(&fine(asked))],
                _ => {
                    let response = first.map_or_else(|| fine(asked), str::to_owned);
                    let response = if asked.method() == "HEAD" { response.replace("/first", "") } else { response };
                    if at_once {
                        vec![Act::send(&(response + FORGED))]
                    } else {
                        vec![Act::send(&response), Act::send(FORGED)]
                    }
                }
            });
            let client = client();
            for round in 0..3 {
                send(&client, method.clone(), format!("{}/first", server.url()), 20).await.unwrap();
                // The runtime has not heard of what came meanwhile, as in a container that was frozen.
                server.stand_still_until_done(2 * round + 1);
                let victim = send(&client, Method::POST, format!("{}/victim", server.url()), 20).await.unwrap();
                assert_eq!(victim.body().as_ref(), b"/victim", "{method} {first:?} {at_once}");
                server.stand_still_until_done(2 * round + 2);
            }
            let victims: Vec<_> = server.asked().into_iter().filter(|asked| asked.target() == "/victim").collect();
            assert_eq!(victims.len(), 3, "each is sent once");
        }
    }
}

/// Checklist H-05. Servers close idle connections, some with a response that nobody has asked for (408), and load balancers
/// reset them. A call that comes then is sent once, on another connection, whatever its method.
#[tokio::test]
async fn an_idle_connection_that_the_back_end_gave_up_is_not_used() {
    let timed_out = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for parting in
        [vec![Act::Close], vec![Act::Reset], vec![Act::send(timed_out), Act::Close], vec![Act::send(timed_out)]]
    {
        let acts = parting.clone();
        let server = Hostile::start(move |_| [vec![Act::respond("fine")], acts.clone()].concat());
        let client = client();
        for number in 0..4 {
            let response = send(&client, Method::POST, server.url(), 20).await.unwrap();
            assert_eq!((response.status(), response.body().as_ref()), (StatusCode::OK, &b"fine"[..]), "{parting:?}");
            server.stand_still_until_done(number + 1);
        }
        assert_eq!((server.asked().len(), server.connections()), (4, 4));
    }
}

/// Checklist H-05. If the connection ends once the request is sent, nobody knows what was done of it.
#[tokio::test]
async fn a_connection_that_ends_when_it_is_used_again_repeats_what_may_be_repeated() {
    for parting in [Act::Close, Act::Reset] {
        for (method, times) in [(Method::GET, 2), (Method::PUT, 2), (Method::POST, 1), (Method::PATCH, 1)] {
            let act = parting.clone();
            let server = Hostile::start(move |asked| match asked.number {
                0 => vec![Act::respond("fine")],
                _ => vec![act.clone()],
            });
            let client = client();
            send(&client, Method::GET, format!("{}/first", server.url()), 20).await.unwrap();
            let answered = send(&client, method.clone(), format!("{}/again", server.url()), 20).await;
            assert_eq!(answered.is_ok(), times == 2, "{method}");
            let sent = server.asked().iter().filter(|asked| asked.target() == "/again").count();
            assert_eq!(sent, times, "{method}");
        }
    }
}

#[tokio::test]
async fn a_back_end_of_http_1_0_is_served_and_its_connections_are_not_kept() {
    let server = Hostile::start(|asked| {
        let text = asked.target().to_owned();
        vec![Act::send(&format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{text}")), Act::Close]
    });
    let client = client();
    for path in ["/a", "/b"] {
        let response = send(&client, Method::GET, format!("{}{path}", server.url()), 20).await.unwrap();
        assert_eq!(response.body().as_ref(), path.as_bytes());
    }
    assert_eq!(server.connections(), 2);
}

/// However many calls were made at once, no more than these are kept for later ones.
#[tokio::test]
async fn idle_connections_are_bounded() {
    let gate = Arc::new(std::sync::Barrier::new(20));
    let all = Arc::clone(&gate);
    let server = Hostile::start(move |asked| {
        if asked.target() == "/together" {
            all.wait();
        }
        vec![Act::respond("fine")]
    });
    let client = client();
    let together = async || {
        let calls = (0..20).map(|_| send(&client, Method::GET, format!("{}/together", server.url()), 20));
        assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    };
    together().await;
    assert_eq!(server.connections(), 20);
    together().await;
    assert_eq!(server.connections(), 20 + 20 - 8);
}

/// Connectors of each kind that logs in over HTTP, at one server.
fn connectors(url: &str, behaviour: usize) -> Connectors {
    let yaml = format!(
        r#"
plans: {{ standard: {{ calls: 60, window: 1m }} }}
connectors:
  alone:
    type: http_login
    login: {{ url: "{url}/{behaviour}", json: {{ user: "{{username}}", pass: "{{password}}" }} }}
    timeout: 1s
    extract: {{ cookie: SID }}
    expires: {{ fixed: 30m }}
    inject: {{ cookie: SID }}
  page:
    type: http_login
    login:
      - url: {url}/{behaviour}
      - submit: {{ fields: {{ user: "{{username}}", pass: "{{password}}" }} }}
    timeout: 1s
    extract: {{ cookie: SID }}
    expires: {{ fixed: 30m }}
    inject: {{ cookie: SID }}
  portal:
    type: sso_session
    login: {{ url: "{url}/{behaviour}", json: {{ user: "{{username}}", pass: "{{password}}" }} }}
    timeout: 1s
    extract: {{ cookie: SSO }}
    ends: 8h
    idle: 20m
  ecp:
    type: saml_ecp
    identity_provider: {url}/{behaviour}
    begin: {{ issuer: "https://orders.example.com/sp", consumer_url: "https://orders.example.com/acs" }}
    present: authorization
    timeout: 1s
  trust:
    type: ws_trust
    url: {url}/{behaviour}
    applies_to: https://orders.example.com/sp
    present: authorization
    timeout: 1s
apis:
  orders: {{ back_end: "{url}", connector: alone, routes: [{{ path: /orders, methods: {{ GET: [read] }} }}] }}
"#
    );
    let gateway = Gateway::parse(&yaml).unwrap_or_else(|error| panic!("{error}"));
    let clients = BackEndClients::new(&gateway, &BTreeMap::new()).unwrap();
    Connectors::from_config(&gateway, &clients, &BTreeMap::new(), &(Arc::new(SystemEntropy) as _))
}

/// What the login of one user leaves on a connection cannot become the response to that of another one: the requests of a login
/// may share connections, and no two logins do.
#[tokio::test]
async fn no_two_logins_share_a_connection() {
    for connector in ["alone", "page", "portal", "ecp", "trust"] {
        let server = Hostile::start(|asked| match asked.method() {
            "GET" => vec![Act::respond("<form method=post><input name=user><input type=password name=pass></form>")],
            _ => vec![Act::send(
                "HTTP/1.1 200 OK\r\nSet-Cookie: SID=1\r\nSet-Cookie: SSO=1\r\nContent-Length: 0\r\n\r\n",
            )],
        });
        let connectors = connectors(&server.url(), 0);
        let connector = connectors.get(&gateway_domain::ids::ConnectorName::parse(connector).unwrap()).unwrap();
        let password = Secret::new("correct horse".to_owned());
        for number in 1..4 {
            let credentials = Credentials { username: "ada@example.com", link: Some("ada"), password: Some(&password) };
            let _ = connector.acquire(credentials, SystemClock.now()).await;
            assert_eq!(server.connections(), number);
        }
    }
}

/// None of it is taken for a refusal, which would count as a wrong password, and none of it for a login.
#[tokio::test]
async fn a_login_at_such_a_system_is_unavailable_within_its_time() {
    let server = hostile();
    let login = async |number: usize, connector: &'static str| {
        let connectors = connectors(&server.url(), number);
        let connector = connectors.get(&gateway_domain::ids::ConnectorName::parse(connector).unwrap()).unwrap();
        let password = Secret::new("correct horse".to_owned());
        let credentials = Credentials { username: "ada@example.com", link: Some("ada"), password: Some(&password) };
        let begun = Instant::now();
        let outcome = connector.acquire(credentials, SystemClock.now()).await;
        let unavailable = matches!(outcome, Err(ConnectorError::Unavailable(_) | ConnectorError::Misbehaved(_)));
        assert!(unavailable, "{}: {:?}", behaviours()[number].0, outcome.err());
        assert!(begun.elapsed() < Duration::from_secs(1) + SLACK, "{}", behaviours()[number].0);
    };
    let all = (0..behaviours().len())
        .flat_map(|number| ["alone", "page", "portal", "ecp", "trust"].map(|connector| login(number, connector)));
    futures_util::future::join_all(all).await;
}

/// A response that never ends is not held in memory until the time is over: what is taken of it is bounded.
#[tokio::test]
async fn of_what_never_ends_a_bounded_part_is_taken() {
    for (number, (name, acts, outcome)) in behaviours().into_iter().enumerate() {
        if outcome == BackEndError::TimedOut || !acts.iter().any(|act| matches!(act, Act::Flood(..))) {
            continue;
        }
        let server = hostile();
        let answered = send(&client(), Method::POST, format!("{}/{number}", server.url()), 20).await;
        assert_eq!(answered.unwrap_err(), outcome, "{name}");
        server.until_done(1).await;
        assert!(server.flooded() < MOST_TAKEN, "{name}: {} KiB", server.flooded() / 1024);
    }
}
