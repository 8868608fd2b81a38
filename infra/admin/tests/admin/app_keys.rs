//! Keys of applications that sign instead of showing a secret, how their ID tokens are signed, and which of their tokens are bound to a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use support::{DEMO_APP, Gateway, PARTNER_APP};

use crate::operator::Operator;

/// An RSA key that nobody has the other half of.
fn rsa(kid: &str) -> Json {
    let n = URL_SAFE_NO_PAD.encode([0xff; 256]);
    json!({ "kty": "RSA", "kid": kid, "alg": "PS256", "use": "sig", "n": n, "e": "AQAB" })
}

fn create<'a>(file: &'a str, kind: &'a str) -> Vec<&'a str> {
    let app = ["apps", "create", "signer", "--name", "Signer", "--kind", kind, "--grants", "refresh_token"];
    let rest = ["--scopes", "openid email orders:read", "--plan=standard", "--jwks", file];
    [&app[..], &rest].concat()
}

#[tokio::test]
async fn an_app_has_keys_or_a_secret_and_never_both() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("jwks.json");
    let path = file.to_str().unwrap();
    std::fs::write(&file, json!({ "keys": [rsa("one"), rsa("two")] }).to_string()).unwrap();

    let created = olga.json(&create(path, "confidential")).await;
    assert_eq!((&created["keys"], &created["has_secret"]), (&json!(["one", "two"]), &json!(false)));
    assert_eq!((&created["id_token_alg"], &created["client_secret"]), (&json!("RS256"), &Json::Null));
    let refused = olga.does(&["apps", "rotate-secret", "signer"]).await;
    assert!(refused.problem().contains("by its keys and has no secret"), "{refused:?}");

    // An app that gets keys loses its secret, also the one before it.
    olga.json(&["apps", "rotate-secret", PARTNER_APP]).await;
    std::fs::write(&file, json!({ "keys": [rsa("three")] }).to_string()).unwrap();
    let changed = olga.json(&["apps", "change", PARTNER_APP, "--jwks", path, "--id-token-alg", "ES256"]).await;
    assert_eq!((&changed["keys"], &changed["has_secret"]), (&json!(["three"]), &json!(false)));
    assert_eq!((&changed["previous_secret_until"], &changed["id_token_alg"]), (&Json::Null, &json!("ES256")));
    let rows = olga.json(&["audit", "list", "--act", "apps change"]).await;
    assert!(rows.to_string().contains("three") && !rows.to_string().contains("AQAB"), "{rows}");
    let form = gateway.request("POST", "/oauth2/token").form(&[("grant_type", "client_credentials")]);
    let response = gateway.response(form.basic_auth(PARTNER_APP, Some(gateway.partner_secret()))).await;
    assert_eq!(response.status, 401);

    // And the way back: its keys end with the first secret.
    let secret = olga.json(&["apps", "rotate-secret", PARTNER_APP, "--in-place-of-keys"]).await;
    let form = gateway.request("POST", "/oauth2/token").form(&[("grant_type", "client_credentials")]);
    let response = gateway.response(form.basic_auth(PARTNER_APP, secret["client_secret"].as_str())).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let shown = olga.json(&["apps", "show", PARTNER_APP]).await;
    assert_eq!((&shown["keys"], &shown["has_secret"]), (&json!([]), &json!(true)));
    let refused = olga.does(&["apps", "rotate-secret", PARTNER_APP, "--in-place-of-keys"]).await;
    assert!(refused.problem().contains("has no keys"), "{refused:?}");
}

#[tokio::test]
async fn keys_that_could_not_be_used_are_refused_with_the_reason() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("jwks.json");
    let path = file.to_str().unwrap();
    let mut private = rsa("one");
    private["d"] = json!("AQAB");
    let off = URL_SAFE_NO_PAD.encode([1; 32]);
    let off = json!({ "kty": "EC", "crv": "P-256", "kid": "1", "x": off, "y": off });
    for (text, reason) in [
        (String::new(), "a JWK Set"),
        (json!({ "keys": [] }).to_string(), "1 to 16 keys"),
        (json!({ "keys": [private] }).to_string(), "it holds a private key"),
        (json!({ "keys": [off] }).to_string(), "on the curve"),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = olga.does(&create(path, "confidential")).await;
        assert!(refused.problem().contains(reason) && refused.err.contains("--jwks"), "{reason}: {refused:?}");
    }
    let missing = olga.does(&create("/nowhere/jwks.json", "confidential")).await;
    assert!(missing.problem().contains("/nowhere/jwks.json cannot be read"), "{missing:?}");
    std::fs::write(&file, json!({ "keys": [rsa("one")] }).to_string()).unwrap();
    for arguments in [create(path, "public"), vec!["apps", "change", DEMO_APP, "--jwks", path]] {
        let refused = olga.does(&arguments).await;
        assert!(refused.problem().contains("is public"), "{refused:?}");
    }
    let unknown = olga.does(&["apps", "change", DEMO_APP, "--id-token-alg", "none"]).await;
    assert!(!unknown.good && unknown.err.contains("RS256"), "{unknown:?}");
}

#[tokio::test]
async fn which_tokens_have_to_be_bound_is_said_of_each_app() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let create = ["apps", "create", "bank", "--name", "Bank", "--kind", "public", "--grants", "refresh_token"];
    let rest = ["--scopes", "orders:read", "--plan", "standard", "--dpop", "refresh_tokens"];
    assert_eq!(olga.json(&[&create[..], &rest].concat()).await["dpop"], "refresh_tokens");
    for which in ["required", "optional", "refresh_tokens"] {
        assert_eq!(olga.json(&["apps", "change", "bank", "--dpop", which]).await["dpop"], which);
        assert_eq!(olga.json(&["apps", "show", "bank"]).await["dpop"], which);
    }
    // A confidential app has refresh tokens that nobody else can use anyway.
    let changed = olga.json(&["apps", "change", "bank", "--kind", "confidential"]).await;
    assert_eq!(changed["dpop"], "optional");
    assert_eq!(olga.json(&["apps", "show", PARTNER_APP]).await["dpop"], "optional", "as it is without a word");
    let refused = olga.does(&["apps", "change", PARTNER_APP, "--dpop", "refresh_tokens"]).await;
    assert!(refused.problem().contains("confidential") && refused.err.contains("--dpop"), "{refused:?}");
    assert_eq!(olga.json(&["apps", "change", PARTNER_APP, "--dpop", "required"]).await["dpop"], "required");
}
