//! An issuer of before, whose refresh tokens are traded in: it answers as it should, or as a test wants.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ClientKey;

/// The client that authenticates by a header, which a form does not name.
const SERVER: &str = "shop-server";

/// How it answers.
#[derive(Debug, Clone)]
pub enum Manner {
    /// As it should.
    Right,
    /// With this status and body at its token endpoint.
    Says(u16, String),
    /// Not at all.
    Stalls,
    /// With an ID token that has these claims in place of its own; `null` is none.
    Claims(Value),
    /// With an ID token that has this header.
    Header(Value),
    /// With an ID token that somebody else has signed.
    Forged,
    /// Without an ID token.
    NoIdToken,
    /// Without a new refresh token: the one that it was asked with stays good.
    NoRefreshToken,
    /// Its key set is not to be had.
    NoKeys,
    /// Its introspection tells this.
    Tells(Value),
}

struct Inner {
    address: String,
    key: ClientKey,
    stranger: ClientKey,
    state: Mutex<Told>,
}

struct Told {
    manner: Manner,
    /// Whether a refresh token is good once.
    rotates: bool,
    /// Whose its refresh tokens are.
    good: BTreeMap<String, String>,
    /// What its token endpoint was sent.
    asked: Vec<BTreeMap<String, String>>,
    /// How its clients authenticated in the header.
    basic: Vec<String>,
    /// How often its keys were read.
    keys: usize,
    made: u32,
    now: i64,
}

/// The issuer. Its clones are one.
#[derive(Clone)]
pub struct OldIssuer(Arc<Inner>);

impl OldIssuer {
    /// An issuer that rotates its refresh tokens, whose clock stands at this time (Unix seconds).
    pub async fn start(now: i64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let told = Told {
            manner: Manner::Right,
            rotates: true,
            good: BTreeMap::new(),
            asked: Vec::new(),
            basic: Vec::new(),
            keys: 0,
            made: 0,
            now,
        };
        let (key, stranger) = (ClientKey::new(), ClientKey::new());
        let issuer = Self(Arc::new(Inner { address, key, stranger, state: Mutex::new(told) }));
        let router = axum::Router::new()
            .route("/token", post(token))
            .route("/keys", get(keys))
            .route("/who", post(who))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// Its identifier, and where it listens: `/token`, `/keys` and `/who` are there.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The section of a gateway.yaml in which this application trades its refresh tokens in. Its subjects are ids of users.
    pub fn section(&self, client: &str) -> String {
        let address = self.address();
        format!(
            "issuers:\n  old: {{ issuer: '{address}', token_endpoint: '{address}/token', jwks_uri: '{address}/keys', \
             users: subject, until: 2999-12-31, clients: [{{ client: {client}, foreign_client_id: shop }}] }}\n"
        )
    }

    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.0.state.lock().unwrap()
    }

    /// A refresh token of it, of this subject.
    pub fn issue(&self, subject: &str) -> String {
        let mut told = self.told();
        told.made += 1;
        let token = format!("old-refresh-token-{}", told.made);
        told.good.insert(token.clone(), subject.to_owned());
        token
    }

    /// The same with this text.
    pub fn issue_as(&self, token: &str, subject: &str) {
        self.told().good.insert(token.to_owned(), subject.to_owned());
    }

    /// From now on it answers so.
    pub fn behaves(&self, manner: Manner) {
        self.told().manner = manner;
    }

    /// From now on its refresh tokens stay good.
    pub fn keeps_tokens(&self) {
        self.told().rotates = false;
    }

    /// Sets its clock.
    pub fn is_at(&self, now: i64) {
        self.told().now = now;
    }

    /// What it was sent so far.
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.told().asked.clone()
    }

    /// How its clients authenticated in the header.
    pub fn basic(&self) -> Vec<String> {
        self.told().basic.clone()
    }

    /// How often its keys were read.
    pub fn keys_read(&self) -> usize {
        self.told().keys
    }

    fn id_token(&self, subject: &str, client: &str) -> String {
        let Inner { address, key, stranger, .. } = &*self.0;
        let (manner, now) = {
            let told = self.told();
            (told.manner.clone(), told.now)
        };
        let mut claims = json!({
            "iss": address, "sub": subject, "aud": client, "iat": now, "exp": now + 300,
            "email": "alice@example.com", "email_verified": true, "auth_time": now - 1,
        });
        let mut header = json!({ "alg": "ES256", "kid": "one", "typ": "JWT" });
        let mut signs = key;
        match manner {
            Manner::Claims(others) => {
                for (name, value) in others.as_object().unwrap() {
                    claims[name] = value.clone();
                }
            }
            Manner::Header(other) => header = other,
            Manner::Forged => signs = stranger,
            Manner::Right
            | Manner::Says(..)
            | Manner::Stalls
            | Manner::NoIdToken
            | Manner::NoRefreshToken
            | Manner::NoKeys
            | Manner::Tells(_) => {}
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        signs.jwt(&header, &claims)
    }
}

type Answer = Response<String>;

fn answer(status: u16, body: impl Into<String>) -> Answer {
    Response::builder().status(status).header("content-type", "application/json").body(body.into()).unwrap()
}

async fn token(
    State(issuer): State<OldIssuer>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Answer {
    let manner = {
        let mut told = issuer.told();
        told.asked.push(form.clone());
        told.basic.extend(headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()));
        told.manner.clone()
    };
    match &manner {
        Manner::Says(status, body) => return answer(*status, body.clone()),
        Manner::Stalls => tokio::time::sleep(Duration::from_secs(600)).await,
        Manner::Right
        | Manner::Claims(_)
        | Manner::Header(_)
        | Manner::Forged
        | Manner::NoIdToken
        | Manner::NoRefreshToken
        | Manner::NoKeys
        | Manner::Tells(_) => {}
    }
    let stays = matches!(manner, Manner::NoRefreshToken);
    let (subject, newest) = {
        let mut told = issuer.told();
        let presented = form.get("refresh_token").cloned().unwrap_or_default();
        let Some(subject) = told.good.get(&presented).cloned() else {
            return answer(400, json!({ "error": "invalid_grant" }).to_string());
        };
        if told.rotates && !stays {
            told.good.remove(&presented);
        }
        told.made += 1;
        let newest = format!("old-refresh-token-{}", told.made);
        told.good.insert(newest.clone(), subject.clone());
        (subject, newest)
    };
    let client = form.get("client_id").map_or(SERVER, String::as_str);
    let mut body = json!({
        "access_token": format!("old-access-token-of-{subject}"), "token_type": "Bearer", "expires_in": 300,
        "refresh_token": newest, "id_token": issuer.id_token(&subject, client),
    });
    if matches!(manner, Manner::NoIdToken) {
        body.as_object_mut().unwrap().remove("id_token");
    }
    if stays {
        body.as_object_mut().unwrap().remove("refresh_token");
    }
    answer(200, body.to_string())
}

async fn keys(State(issuer): State<OldIssuer>) -> Answer {
    issuer.told().keys += 1;
    if matches!(issuer.told().manner, Manner::NoKeys) {
        return answer(503, "");
    }
    let mut key = issuer.0.key.jwk();
    key["kid"] = json!("one");
    key["use"] = json!("sig");
    answer(200, json!({ "keys": [key] }).to_string())
}

async fn who(State(issuer): State<OldIssuer>, Form(form): Form<BTreeMap<String, String>>) -> Answer {
    if let Manner::Tells(told) = issuer.told().manner.clone() {
        return answer(200, told.to_string());
    }
    let subject = form["token"].strip_prefix("old-access-token-of-").unwrap_or_default();
    let told = json!({ "active": true, "client_id": SERVER, "sub": subject, "username": "alice@example.com" });
    answer(200, told.to_string())
}
