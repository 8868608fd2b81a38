//! Access tokens that are not for us, not for now or about nobody: claims under a good signature.

use gateway_domain::clock::Clock as _;
use gateway_runtime::SystemClock;
use serde_json::json;

use crate::tokens::Site;

/// Abuse case D8; checklist J-12, J-13, J-16.
#[tokio::test]
async fn a_token_works_in_its_time_only() {
    let site = Site::start().await;
    let now = SystemClock.now().as_secs();
    let claims = [
        json!({ "exp": null }),
        json!({ "exp": (now + 600).to_string() }),
        json!({ "exp": -1 }),
        json!({ "exp": 1e308 }),
        json!({ "exp": now - 10 }),
        json!({ "exp": now }),
        json!({ "exp": [now + 600] }),
        json!({ "exp": true }),
        json!({ "exp": {} }),
        json!({ "exp": now + 3_700 }),
        json!({ "nbf": now + 300 }),
        json!({ "nbf": "0" }),
        json!({ "nbf": -1 }),
        json!({ "iat": now + 300 }),
        json!({ "iat": null }),
        json!({ "iat": now.to_string() }),
    ];
    let mut tokens: Vec<_> = claims.iter().map(|claims| site.with_claims(claims)).collect();
    // Numbers that are no JSON, or JSON that is hard to read.
    for exp in ["1e999", "NaN", "Infinity", "-0.0e-400", "00", "99999999999999999999999999"] {
        let claims = site.forge.claims_with(&json!({ "exp": 7_777_777 })).replace("7777777", exp);
        tokens.push(site.forge.sign(&site.forge.header(), &claims));
    }
    site.refuses(tokens).await;
    let good = site.with_claims(&json!({ "exp": now + 60, "nbf": now - 1, "iat": now - 1 }));
    assert_eq!(site.gateway.call("GET", "/orders", &good).await.status, 200);
}

/// Abuse case D9; checklist J-14, J-15, Z-31, Z-32.
#[tokio::test]
async fn a_token_is_by_us_for_us_and_about_somebody() {
    let site = Site::start().await;
    let (issuer, audience) = (site.forge.claim("iss").clone(), site.forge.claim("aud").clone());
    let claims = [
        json!({ "aud": null }),
        json!({ "aud": 5 }),
        json!({ "aud": [] }),
        json!({ "aud": {} }),
        json!({ "aud": "https://other.test" }),
        json!({ "aud": ["https://other.test"] }),
        json!({ "aud": [audience[0], 5] }),
        json!({ "iss": null }),
        json!({ "iss": 1 }),
        json!({ "iss": [issuer] }),
        json!({ "iss": "https://other.test" }),
        json!({ "iss": format!("{}/", issuer.as_str().unwrap()) }),
        json!({ "sub": null }),
        json!({ "sub": {} }),
        json!({ "sub": "" }),
        json!({ "sub": "somebody-else" }),
        json!({ "client_id": null }),
        json!({ "client_id": "partner-app" }),
        json!({ "sid": null }),
        json!({ "sid": "AAAAAAAAAAAAAAAAAAAAAA" }),
        json!({ "scope": null }),
        json!({ "scope": ["orders:read"] }),
    ];
    let mut tokens: Vec<_> = claims.iter().map(|claims| site.with_claims(claims)).collect();
    let null_audience = site.forge.claims_with(&json!({ "aud": "NULL" })).replace("\"NULL\"", "null");
    tokens.push(site.forge.sign(&site.forge.header(), &null_audience));
    site.refuses(tokens).await;
    let good = site.with_claims(&json!({ "aud": ["https://other.test", audience[0]] }));
    assert_eq!(site.gateway.call("GET", "/orders", &good).await.status, 200);
}

/// Abuse case D10; checklist J-03, J-11.
#[tokio::test]
async fn a_repeated_name_is_refused() {
    let site = Site::start().await;
    let repeated = |object: &str, member: &str| object.replacen('{', &format!("{{{member},"), 1);
    let mut tokens = Vec::new();
    for member in [
        r#""sub":"somebody-else""#,
        r#""exp":9999999999"#,
        r#""scope":"admin""#,
        r#""aud":"https://other.test""#,
        r#""s\u0075b":"somebody-else""#,
        r#""own":1,"own":2"#,
    ] {
        tokens.push(site.forge.sign(&site.forge.header(), &repeated(&site.forge.claims(), member)));
    }
    for member in [r#""alg":"none""#, r#""kid":"other""#, r#""typ":"JWT""#, r#""alg":"ES256""#] {
        tokens.push(site.forge.sign(&repeated(&site.forge.header(), member), &site.forge.claims()));
    }
    site.refuses(tokens).await;
    let good = site.forge.sign(&site.forge.header(), &repeated(&site.forge.claims(), r#""own":1"#));
    assert_eq!(site.gateway.call("GET", "/orders", &good).await.status, 200);
}
