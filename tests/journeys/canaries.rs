//! Two hundred users at once, each with a mark of its own in all that it sends and gets: no mark is ever found with another user.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gateway_local::stack::Options;
use support::{Act, Asked, Client, DEMO_APP, Gateway, Hostile, Response, Tokens};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const USERS: usize = 200;
/// Requests that are under way at the same time: the local stack has a few processes of each function.
const AT_ONCE: usize = 48;
/// What every mark begins with.
const MARK: &str = "c4n4ry";

fn mark(user: usize) -> String {
    format!("{MARK}{user:03}")
}

/// The marks in a text.
fn marks(text: &str) -> BTreeSet<String> {
    let found =
        text.match_indices(MARK).map(|(at, _)| text.get(at..at + MARK.len() + 3).unwrap_or_default().to_owned());
    found.collect()
}

/// What the back end knows: which mark each user of the gateway has, and what went wrong.
#[derive(Default)]
struct Seen {
    sessions: AtomicUsize,
    /// How many calls carried a cookie that the gateway keeps, and how many one of the app's.
    kept: AtomicUsize,
    passed: AtomicUsize,
    users: Mutex<BTreeMap<String, String>>,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    /// A back end whose sessions have the mark of their user in them. Some of its responses come in pieces, some move the session,
    /// and some are followed by another whole response, which belongs to nobody.
    fn answer(&self, asked: &Asked) -> Vec<Act> {
        let all = marks(&asked.text);
        let [mark] = all.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
            self.wrong.lock().unwrap().push(format!("the marks {all:?} in one request: {}", asked.target()));
            return vec![Act::Close];
        };
        let number = self.sessions.fetch_add(1, Ordering::SeqCst);
        let session = format!("LEGACYSESSID=session-{number}-of-{mark}; Max-Age=1800; Path=/");
        if asked.target() == "/login" {
            return vec![Act::send(&format!("HTTP/1.1 200 OK\r\nSet-Cookie: {session}\r\nContent-Length: 0\r\n\r\n"))];
        }
        if asked.target() == "/logout" {
            return vec![Act::send("HTTP/1.1 204 No Content\r\n\r\n")];
        }
        let user = asked.field("x-authenticated-userid").to_owned();
        let known = self.users.lock().unwrap().entry(user.clone()).or_insert_with(|| mark.to_owned()).clone();
        if known != mark || user.is_empty() || !asked.field("cookie").contains("LEGACYSESSID=session-") {
            self.wrong.lock().unwrap().push(format!("{user} was {known} and is {mark}: {}", asked.field("cookie")));
        }
        let cookies = asked.field("cookie");
        self.kept.fetch_add(usize::from(cookies.contains("seen-by=")), Ordering::SeqCst);
        self.passed.fetch_add(usize::from(cookies.contains("own=")), Ordering::SeqCst);
        let (set, body) = (format!("Set-Cookie: seen-by={mark}\r\nX-Seen: {mark}"), format!("{mark} {}", asked.body()));
        match asked.target().rsplit('=').next() {
            Some("pieces") => {
                let mut acts =
                    vec![Act::send(&format!("HTTP/1.1 200 OK\r\n{set}\r\nTransfer-Encoding: chunked\r\n\r\n"))];
                acts.extend((0..8).map(|at| Act::send(&format!("{:x}\r\n{mark} {at}\r\n", mark.len() + 2))));
                acts.push(Act::send("0\r\n\r\n"));
                acts
            }
            Some("moves") => vec![Act::send(&format!(
                "HTTP/1.1 200 OK\r\n{set}\r\nSet-Cookie: {session}\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))],
            Some("leaves") => {
                let forged = format!("HTTP/1.1 200 OK\r\n{set}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                vec![Act::send(&format!("{forged}{forged}"))]
            }
            _ => vec![Act::send(&format!("HTTP/1.1 200 OK\r\n{set}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))],
        }
    }
}

/// One user, with a connection and an address of its own.
struct Person {
    mark: String,
    client: Client,
    turns: Arc<Semaphore>,
}

impl Person {
    /// The response, in which there is no mark of anybody else.
    async fn get(&self, request: reqwest::RequestBuilder) -> Response {
        let _turn = self.turns.acquire().await.expect("a turn");
        let response = self.client.response(request).await;
        let found = marks(&format!("{:?} {}", response.headers, response.text()));
        assert!(found.iter().all(|found| *found == self.mark), "{} got {found:?}", self.mark);
        response
    }

    async fn token(&self, form: &[(&str, &str)]) -> Response {
        self.get(self.client.request("POST", "/oauth2/token").form(&[form, &[("client_id", DEMO_APP)]].concat())).await
    }

    async fn log_in(&self) -> Tokens {
        let (name, password) = (format!("{}@example.com", self.mark), format!("password of {}", self.mark));
        self.token(&[("grant_type", "password"), ("username", &name), ("password", &password)]).await.tokens()
    }

    async fn call(&self, method: &str, how: &str, tokens: &Tokens) -> Response {
        self.call_at("echo", method, how, tokens).await
    }

    async fn call_at(&self, api: &str, method: &str, how: &str, tokens: &Tokens) -> Response {
        let request = self.client.request(method, &format!("/{api}?by={}&how={how}", self.mark));
        let request = request.header("X-Mine", &self.mark).header("Cookie", format!("own={}", self.mark));
        let request = if method == "POST" { request.body(format!("body of {}", self.mark)) } else { request };
        self.get(request.bearer_auth(&tokens.access)).await
    }

    async fn calls(&self, method: &str, how: &str, tokens: &Tokens) {
        self.calls_at("echo", method, how, tokens).await;
    }

    async fn calls_at(&self, api: &str, method: &str, how: &str, tokens: &Tokens) {
        let response = self.call_at(api, method, how, tokens).await;
        assert_eq!(response.status, 200, "{how}: {}", response.text());
        assert!(response.text().starts_with(&self.mark) && response.header("x-seen") == self.mark, "{response:?}");
    }

    async fn revoke(&self, tokens: &Tokens) {
        let form = [("client_id", DEMO_APP), ("token", tokens.refresh.as_str())];
        assert_eq!(self.get(self.client.request("POST", "/oauth2/revoke").form(&form)).await.status, 200);
    }

    /// Logins, calls, refreshes and logouts, in an order of its own.
    async fn lives(self, number: usize) {
        let mut tokens = self.log_in().await;
        self.calls("POST", "leaves", &tokens).await;
        self.calls("GET", "pieces", &tokens).await;
        if number.is_multiple_of(8) {
            self.calls("POST", "moves", &tokens).await;
            // One after the other at the back end, since each moves the session.
            let call = || self.calls_at("orders", "POST", "moves", &tokens);
            tokio::join!(call(), call());
        }
        if number.is_multiple_of(4) {
            let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
            tokens = self.token(&form).await.tokens();
        }
        if number.is_multiple_of(10) {
            // Two sessions of one user, side by side.
            let other = self.log_in().await;
            tokio::join!(self.calls("GET", "whole", &other), self.calls("POST", "leaves", &tokens));
            self.revoke(&other).await;
            assert_eq!(self.call("GET", "whole", &other).await.status, 401);
        }
        self.calls("GET", "whole", &tokens).await;
        if number.is_multiple_of(2) {
            self.revoke(&tokens).await;
            assert_eq!(self.call("POST", "whole", &tokens).await.status, 401);
        }
    }
}

/// The demo before this back end alone, with these users and without limits that they would meet. Of its APIs, one keeps the cookies of
/// its users, and the other lets one pass and takes the calls of a session in turn.
async fn gateway(url: &str) -> Gateway {
    let demo = std::fs::read_to_string(Options::default().config).expect("the demo's configuration");
    let config = demo.replace("http://127.0.0.1:3001", url).replace("calls: 60", "calls: 1000");
    let (before, login) = config.split_once("  orders-login:\n").expect("the connector");
    let (login, after) = login.split_once("\napis:\n").expect("the APIs");
    let dead = "    dead_session: { status: 401 }\n";
    let [freely, in_turn] =
        ["freely", "in_turn"].map(|moves| login.replace(dead, &format!("{dead}    moves: {moves}\n")));
    let after =
        after.replacen("    connector: orders-login\n", "    connector: turn-login\n    pass_cookies: [own]\n", 1);
    let after =
        after.replacen("    connector: orders-login\n", "    connector: orders-login\n    cookie_jar: true\n", 1);
    let config = format!("{before}  orders-login:\n{freely}  turn-login:\n{in_turn}\napis:\n{after}");
    let seed = std::fs::read_to_string(Options::default().seed).expect("the demo's seed");
    let mut seed = seed.split_once("\nusers:\n").expect("users").0.to_owned() + "\nusers:\n";
    for user in 0..USERS {
        let mark = mark(user);
        writeln!(seed, "  - {{ email: {mark}@example.com, password: password of {mark} }}").expect("text");
    }
    Gateway::start_from(&config, &seed, |options| options.record = false).await
}

/// Abuse cases C9, I3; checklist Y-05. A few processes of each function serve everybody, over connections that they keep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_users_at_once_none_meets_another() {
    let seen = Arc::<Seen>::default();
    let answering = Arc::clone(&seen);
    let back_end = Hostile::start(move |asked| answering.answer(asked));
    let gateway = gateway(&back_end.url()).await;
    let (turns, mut people) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for number in 0..USERS {
        let source = [127, 1, 0, u8::try_from(number + 1).expect("a small number")];
        let client = Client::at(gateway.stack.base_url(), source.into());
        people.spawn(Person { mark: mark(number), client, turns: Arc::clone(&turns) }.lives(number));
    }
    people.join_all().await;

    assert_eq!(*seen.wrong.lock().unwrap(), Vec::<String>::new());
    let users: BTreeSet<_> = seen.users.lock().unwrap().values().cloned().collect();
    assert_eq!((users.len(), seen.users.lock().unwrap().len()), (USERS, USERS), "each user is one and has one mark");
    let (asked, connections) = (back_end.asked(), back_end.connections());
    let calls = asked.iter().filter(|asked| asked.target().starts_with("/echo")).count();
    let shared = asked.iter().filter(|asked| asked.target().starts_with("/echo") && asked.number > 0).count();
    println!("{calls} calls, of which {shared} on a connection that had served another one; {connections} connections");
    assert!(shared > calls / 4, "{shared} of {calls} calls shared a connection");
    let [kept, passed] = [&seen.kept, &seen.passed].map(|count| count.load(Ordering::SeqCst));
    println!("{kept} calls with cookies that are kept, {passed} with some of the app");
    assert!(kept > USERS && passed > USERS / 8, "{kept} with kept cookies, {passed} with some of the app");
    let lines = gateway.logged().await;
    assert!(
        !lines
            .iter()
            .any(|line| line.contains("session-") || line.contains("password of") || line.contains("panicked"))
    );
}
