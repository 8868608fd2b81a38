//! The demo back end follows the rules of its own login and sessions.

use super::*;

struct Site {
    base: String,
    legacy: Legacy,
    client: reqwest::Client,
}

async fn start() -> Site {
    let users = [("ada", "one"), ("bob", "two")].map(|(user, password)| (user.to_owned(), password.to_owned()));
    let legacy = Legacy::new(users, true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(legacy.clone().serve(listener));
    Site { base, legacy, client: reqwest::Client::new() }
}

impl Site {
    async fn log_in(&self, user: &str, password: &str) -> Option<String> {
        let login = self.client.post(format!("{}/login", self.base)).json(&json!({ "user": user, "pass": password }));
        let response = login.send().await.unwrap();
        let cookie = response.headers().get("set-cookie")?.to_str().unwrap().to_owned();
        assert!(cookie.contains("Max-Age=1800") && cookie.contains("HttpOnly"), "{cookie}");
        Some(cookie.split(';').next().unwrap().to_owned())
    }

    async fn get(&self, path: &str, cookie: &str) -> reqwest::Response {
        self.client.get(format!("{}{path}", self.base)).header("cookie", cookie).send().await.unwrap()
    }
}

#[tokio::test]
async fn only_its_own_cookie_opens_it() {
    let site = start().await;
    for cookie in ["", "LEGACYSESSID=guess", "OTHER=1"] {
        assert_eq!(site.get("/orders", cookie).await.status(), 401, "{cookie}");
    }
    assert_eq!(site.log_in("ada", "two").await, None);
    let cookie = site.log_in("ada", "one").await.unwrap();
    assert_eq!(site.get("/orders", &format!("a=b; {cookie}")).await.status(), 200);
    site.legacy.forget_sessions();
    assert_eq!(site.get("/orders", &cookie).await.status(), 401);
    assert_eq!(site.get("/public/ping", "").await.status(), 200);
}

#[tokio::test]
async fn each_user_sees_only_their_own_orders() {
    let site = start().await;
    let (ada, bob) = (site.log_in("ada", "one").await.unwrap(), site.log_in("bob", "two").await.unwrap());
    let order = site.client.post(format!("{}/orders", site.base)).header("cookie", &ada);
    let order = order.json(&json!({ "item": "tea" })).send().await.unwrap();
    assert_eq!(order.status(), 201);
    let path = order.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(site.get(&path, &ada).await.status(), 200);
    assert_eq!(site.get(&path, &bob).await.status(), 404);
    let orders: Json = site.get("/orders", &ada).await.json().await.unwrap();
    assert_eq!((&orders["user"], orders["orders"].as_array().unwrap().len()), (&json!("ada"), 2));
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let site = start().await;
    let cookie = site.log_in("ada", "one").await.unwrap();
    for status in [204, 401] {
        let logout = site.client.post(format!("{}/logout", site.base)).header("cookie", &cookie);
        assert_eq!(logout.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn what_it_receives_is_echoed_and_kept() {
    let site = start().await;
    let cookie = site.log_in("ada", "one").await.unwrap();
    let request = site.client.put(format!("{}/echo?a=%2F&a=2", site.base)).header("cookie", &cookie);
    let echo: Json =
        request.header("X-Twice", "1").header("X-Twice", "2").body("hi").send().await.unwrap().json().await.unwrap();
    assert_eq!((&echo["method"], &echo["path"], &echo["query"]), (&json!("PUT"), &json!("/echo"), &json!("a=%2F&a=2")));
    assert_eq!(echo["body_base64"], "aGk=");
    let last = site.legacy.recorded().pop().unwrap();
    assert_eq!(
        (last.target.as_str(), last.header("x-twice")),
        ("/echo?a=%2F&a=2", vec!["1".to_owned(), "2".to_owned()])
    );
    let bytes = String::from_utf8(site.legacy.received_bytes()).unwrap();
    assert!(bytes.contains("PUT /echo?a=%2F&a=2 HTTP/1.1\r\n"), "{bytes}");
}
