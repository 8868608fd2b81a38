//! Access tokens that are not ours or no access tokens: signatures, keys and headers.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use serde_json::json;
use support::{ADA, Gateway};

use crate::canned::Canned;
use crate::forge::{Forge, Key};
use crate::wire::seen;

/// How the public key of a P-256 key begins in DER (RFC 5480 §2).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A gateway, a real token and the means to forge others.
pub(crate) struct Site {
    pub(crate) gateway: Gateway,
    pub(crate) forge: Forge,
    /// The real token.
    token: String,
    refresh: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let gateway = Gateway::start().await;
        let tokens = gateway.login(ADA).await;
        let forge = Forge::new(&gateway, &tokens.access);
        Self { forge, gateway, token: tokens.access, refresh: tokens.refresh }
    }

    /// None of these is a credential, the back end hears of none, and afterwards an honest token works as before.
    pub(crate) async fn refuses(&self, tokens: Vec<String>) {
        let before = seen(&self.gateway);
        for token in &tokens {
            let response = self.gateway.call("GET", "/orders", token).await;
            assert_eq!(response.status, 401, "{token}: {}", response.text());
            assert_eq!(response.header("www-authenticate"), r#"Bearer realm="gateway", error="invalid_token""#);
        }
        assert_eq!(seen(&self.gateway), before, "something reached the back end");
        // Forged with the same means, but changed in nothing.
        for good in [&self.forge.sign(&self.forge.header(), &self.forge.claims()), &self.token] {
            assert_eq!(self.gateway.call("GET", "/orders", good).await.status, 200, "{good}");
        }
    }

    fn with_header(&self, members: &serde_json::Value) -> String {
        self.forge.sign(&self.forge.header_with(members), &self.forge.claims())
    }

    pub(crate) fn with_claims(&self, members: &serde_json::Value) -> String {
        self.forge.sign(&self.forge.header(), &self.forge.claims_with(members))
    }
}

/// Abuse case D1; checklist A-09, B-05, B-08, B-11, C-02, C-03, J-04, J-17.
#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let site = Site::start().await;
    let mut tokens = Vec::new();
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let signed = site.with_header(&json!({ "alg": alg }));
        let (message, _) = signed.rsplit_once('.').unwrap();
        tokens.extend([format!("{message}."), message.to_owned(), signed.clone()]);
    }
    tokens.push(site.with_header(&json!({ "alg": null })));
    let (message, _) = site.token.rsplit_once('.').unwrap();
    tokens.extend([format!("{message}."), message.to_owned(), format!("{}.", site.token)]);
    site.refuses(tokens).await;
}

/// Abuse case D2; checklist C-01.
#[tokio::test]
async fn the_public_key_is_no_shared_secret() {
    let site = Site::start().await;
    let point = site.forge.key.point();
    let der = [SPKI.as_slice(), &point].concat();
    let body = STANDARD.encode(&der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let published = gateway_jwks(&site.gateway).await;
    let jwk = site.forge.key.jwk().to_string();
    let secrets: [&[u8]; 9] = [
        pem.as_bytes(),
        pem.trim_end().as_bytes(),
        &der,
        &point,
        &point[1..],
        jwk.as_bytes(),
        published.as_bytes(),
        b"",
        site.forge.key.kid.as_bytes(),
    ];
    let header = site.forge.header_with(&json!({ "alg": "HS256" }));
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(site.forge.claims()));
    let tokens = secrets.iter().map(|secret| {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    });
    site.refuses(tokens.collect()).await;
}

async fn gateway_jwks(gateway: &Gateway) -> String {
    gateway.response(gateway.request("GET", "/.well-known/jwks.json")).await.text()
}

/// Abuse case D3; checklist Z-30.
#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let site = Site::start().await;
    let own = Forge::with(Key::generate(&site.forge.key.kid), &site.token);
    let jwk = own.key.jwk();
    let tokens = [
        json!({ "jwk": jwk }),
        json!({ "jwk": jwk, "kid": null }),
        json!({ "jwk": jwk, "kid": "own" }),
        json!({ "kid": null }),
        json!({}),
    ];
    let mut tokens: Vec<_> = tokens.iter().map(|more| own.sign(&own.header_with(more), &own.claims())).collect();
    // Even beside a good signature a key in the header is nothing of ours.
    tokens.push(site.with_header(&json!({ "jwk": site.forge.key.jwk() })));
    site.refuses(tokens).await;
}

/// Abuse case D4; checklist Z-30.
#[tokio::test]
async fn no_key_is_fetched_from_where_a_token_says() {
    let site = Site::start().await;
    let own = Forge::with(Key::generate("own"), &site.token);
    let keys = json!({ "keys": [own.key.jwk()] }).to_string();
    let body = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{keys}", keys.len());
    let elsewhere = Canned::start(Some(body)).await;
    let url = format!("{}/jwks.json", elsewhere.url());
    let certificate = STANDARD.encode([SPKI.as_slice(), &own.key.point()].concat());
    let headers = [
        json!({ "jku": url, "kid": "own" }),
        json!({ "jku": url }),
        json!({ "x5u": url, "kid": "own" }),
        json!({ "x5c": [certificate], "kid": "own" }),
        json!({ "x5c": [certificate], "x5t": "own", "kid": null }),
    ];
    let mut tokens: Vec<_> = headers.iter().map(|more| own.sign(&own.header_with(more), &own.claims())).collect();
    tokens.extend(headers.iter().map(|more| site.with_header(more)));
    site.refuses(tokens).await;
    assert_eq!(elsewhere.connections(), 0);
}

/// Abuse case D5. That unknown ids fetch nothing is shown in `rotation.rs`.
#[tokio::test]
async fn a_key_id_is_a_name_and_nothing_else() {
    let site = Site::start().await;
    let kids = [
        json!("../../../dev/null"),
        json!("' OR '1'='1"),
        json!({ "S": "x" }),
        json!("k".repeat(2_000)),
        json!(""),
        json!("unknown"),
        json!(null),
        json!(0),
        json!([site.forge.key.kid]),
        json!(format!("{}\u{0}", site.forge.key.kid)),
        json!(format!(" {}", site.forge.key.kid)),
        json!(site.forge.key.kid.to_uppercase()),
    ];
    site.refuses(kids.iter().map(|kid| site.with_header(&json!({ "kid": kid }))).collect()).await;

    // What is longer than API Gateway takes does not get that far.
    let long = site.with_header(&json!({ "kid": "k".repeat(10_000) }));
    let before = seen(&site.gateway);
    assert_eq!(site.gateway.call("GET", "/orders", &long).await.status, 431);
    assert_eq!(seen(&site.gateway), before);
}

/// Abuse case D6; checklist J-01.
#[tokio::test]
async fn what_must_be_understood_and_is_not_is_refused() {
    let site = Site::start().await;
    let headers = [
        json!({ "crit": ["x"], "x": true }),
        json!({ "crit": [] }),
        json!({ "crit": ["alg"] }),
        json!({ "crit": "x" }),
        json!({ "crit": ["b64"], "b64": false }),
        json!({ "x": true }),
    ];
    site.refuses(headers.iter().map(|more| site.with_header(more)).collect()).await;
}

/// Abuse case D7; checklist Z-31.
#[tokio::test]
async fn another_kind_of_token_is_no_access_token() {
    let site = Site::start().await;
    let types = [
        json!("JWT"),
        json!(null),
        json!(""),
        json!("id_token"),
        json!("dpop+jwt"),
        json!("client-authentication+jwt"),
        json!("internal+jwt"),
        json!(["at+jwt"]),
        json!("at+jwt "),
    ];
    let mut tokens: Vec<_> = types.iter().map(|typ| site.with_header(&json!({ "typ": typ }))).collect();
    tokens.push(site.refresh.clone());
    tokens.push("LEGACYSESSID".to_owned());
    site.refuses(tokens).await;
    // RFC 9068 §4: the longer name of the same type, and media types have no case.
    for typ in ["application/at+jwt", "AT+JWT"] {
        let token = site.with_header(&json!({ "typ": typ }));
        assert_eq!(site.gateway.call("GET", "/orders", &token).await.status, 200, "{typ}");
    }
}
