//! Each service answers its owner, and refuses web pages and unknown callers.

use aws_credential_types::Credentials;
use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use http::HeaderMap;

use super::*;
use crate::access::Access;
use crate::functions::Functions;
use crate::lambda::Lambda;
use crate::runtime_api::RuntimeApi;
use crate::secrets_manager::SecretsManager;
use crate::signature::tests::signed_for;
use crate::{credentials, dynamodb};

/// A service, with a request that its owner may send.
struct Service {
    base: String,
    path: &'static str,
    target: &'static str,
    body: &'static str,
    owner: Credentials,
}

impl Service {
    /// The status for the request, signed by these credentials for this host, with `more` header fields.
    async fn ask(&self, by: Option<&Credentials>, host: &str, more: &[(&'static str, &str)]) -> u16 {
        let client = reqwest::Client::new();
        let mut request = client.post(format!("{}{}", self.base, self.path)).body(self.body);
        let mut headers = HeaderMap::new();
        if let Some(by) = by {
            let url = format!("http://{host}{}", self.path);
            let now = SystemClock.now_millis() / 1000;
            headers = signed_for(by, &url, self.target, self.body.as_bytes(), now).headers;
        } else {
            headers.insert("x-amz-target", self.target.parse().unwrap());
            headers.insert("host", host.parse().unwrap());
        }
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        request = request.headers(headers);
        request.send().await.unwrap().status().as_u16()
    }

    fn host(&self) -> &str {
        self.base.strip_prefix("http://").unwrap()
    }
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

/// All services, each with an owner of its own.
async fn services() -> [Service; 3] {
    let owners = [(); 3].map(|()| credentials::of_owner().unwrap());
    let [database, secrets, lambda] = owners.clone().map(Access::of_owner);
    let (first, second, third) = (listener().await, listener().await, listener().await);
    let (tables, keys) = (dynamodb::open(None).unwrap(), dynamodb::PartitionKeys::new());
    tokio::spawn(dynamodb::serve_guarded(first.0, tables, database, keys));
    let manager = SecretsManager::new(&[("Pepper".to_owned(), "hot".to_owned())].into(), None, &[]);
    tokio::spawn(manager.serve(second.0, secrets));
    let mut functions = Functions::default();
    functions.add_task("F", std::time::Duration::from_secs(20), &crate::log::Log::default(), |endpoint| {
        tokio::spawn(async move {
            let base = format!("http://{endpoint}/2018-06-01/runtime/invocation");
            let client = reqwest::Client::new();
            while let Ok(next) = client.get(format!("{base}/next")).send().await {
                let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned();
                client.post(format!("{base}/{id}/response")).body("{}").send().await.unwrap();
            }
        })
    });
    tokio::spawn(Lambda::new(functions, lambda, [].into(), crate::log::Log::default()).serve(third.0));
    let [one, two, three] = owners;
    [
        Service { base: first.1, path: "/", target: "DynamoDB_20120810.ListTables", body: "{}", owner: one },
        Service {
            base: second.1,
            path: "/",
            target: "secretsmanager.GetSecretValue",
            body: r#"{"SecretId":"Pepper"}"#,
            owner: two,
        },
        Service { base: third.1, path: "/2015-03-31/functions/F/invocations", target: "-", body: "{}", owner: three },
    ]
}

#[tokio::test]
async fn only_credentials_of_this_start_are_answered() {
    for service in services().await {
        let (host, owner) = (service.host(), &service.owner);
        assert_eq!(service.ask(Some(owner), host, &[]).await, 200, "{}", service.target);
        assert_eq!(service.ask(None, host, &[]).await, 403, "{}", service.target);
        let unknown = credentials::of_owner().unwrap();
        assert_eq!(service.ask(Some(&unknown), host, &[]).await, 403);
        // The right id with another key; then fixed credentials, which no stack accepts.
        let forged = Credentials::new(owner.access_key_id(), unknown.secret_access_key(), None, None, "");
        assert_eq!(service.ask(Some(&forged), host, &[]).await, 403);
        assert_eq!(service.ask(Some(&Credentials::new("local", "local", None, None, "")), host, &[]).await, 403);
        assert_eq!(
            service.ask(Some(&Credentials::new("TokenFunction", "local", None, None, "")), host, &[]).await,
            403
        );
    }
}

/// DNS rebinding: the page's own host name resolves to this machine, so its browser treats these requests as same-origin.
#[tokio::test]
async fn another_host_is_refused_even_with_the_owners_signature() {
    for service in services().await {
        let port = service.host().rsplit_once(':').unwrap().1;
        for (host, status) in
            [("evil.example", 403), ("127.0.0.1.evil.example", 403), ("localhost", 200), ("[::1]", 200)]
        {
            let host = format!("{host}:{port}");
            assert_eq!(service.ask(Some(&service.owner), &host, &[]).await, status, "{host}");
        }
    }
}

#[tokio::test]
async fn what_a_page_sends_is_refused_even_with_the_owners_signature() {
    for service in services().await {
        for header in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", &service.base),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-mode", "no-cors"),
        ] {
            assert_eq!(service.ask(Some(&service.owner), service.host(), &[header]).await, 403, "{header:?}");
        }
        // The response to a preflight permits nothing.
        let preflight =
            reqwest::Client::new().request(http::Method::OPTIONS, format!("{}{}", service.base, service.path));
        let preflight =
            preflight.header("origin", "https://evil.example").header("access-control-request-method", "POST");
        let response = preflight.send().await.unwrap();
        assert_eq!(response.status(), 403);
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control-")));
    }
}

#[tokio::test]
async fn the_runtime_api_answers_one_path_that_nobody_guesses() {
    let api = RuntimeApi::start("F").await.unwrap();
    let (address, secret) = api.endpoint.split_once('/').unwrap();
    assert_eq!(secret.len(), 22);
    let client = reqwest::Client::new();
    let post = |path: &str| client.post(format!("http://{address}{path}")).body("{}");
    let ours = format!("/{secret}/2018-06-01/runtime/init/error");
    for path in
        ["/2018-06-01/runtime/init/error", "/x/2018-06-01/runtime/init/error", "//2018-06-01/runtime/init/error"]
    {
        assert_eq!(post(path).send().await.unwrap().status(), 404, "{path}");
    }
    for header in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example")] {
        assert_eq!(post(&ours).header(header.0, header.1).send().await.unwrap().status(), 403, "{header:?}");
    }
    assert_eq!(*api.phase.borrow(), crate::runtime_api::Phase::Starting);
    assert_eq!(post(&ours).send().await.unwrap().status(), 202);
}
