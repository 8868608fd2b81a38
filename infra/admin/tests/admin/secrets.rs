//! Client secrets: printed once, rotated with an overlap, judged by the token endpoint itself.

use serde_json::Value as Json;
use support::{Gateway, PARTNER_APP};

use crate::operator::Operator;

async fn status(gateway: &Gateway, secret: &str) -> u16 {
    let request = gateway.request("POST", "/oauth2/token").basic_auth(PARTNER_APP, Some(secret));
    gateway.response(request.form(&[("grant_type", "client_credentials")])).await.status
}

fn secret(printed: &Json) -> String {
    printed["client_secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_secrets_work_during_an_overlap_and_one_after_it() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let first = gateway.partner_secret().to_owned();
    let rotated = olga.json(&["apps", "rotate-secret", PARTNER_APP]).await;
    let second = secret(&rotated);
    assert!(rotated["previous_secret_until"].as_str().unwrap().ends_with('Z'), "{rotated}");
    assert_eq!((status(&gateway, &first).await, status(&gateway, &second).await), (200, 200));

    let refused = olga.does(&["apps", "rotate-secret", PARTNER_APP]).await;
    assert!(refused.problem().contains("end-overlap"), "a third secret would end the first: {refused:?}");
    olga.does(&["apps", "end-overlap", PARTNER_APP]).await.text();
    assert_eq!((status(&gateway, &first).await, status(&gateway, &second).await), (401, 200));

    let third = secret(&olga.json(&["apps", "rotate-secret", PARTNER_APP, "--now"]).await);
    assert_eq!((status(&gateway, &second).await, status(&gateway, &third).await), (401, 200));
    let fourth = secret(&olga.json(&["apps", "rotate-secret", PARTNER_APP, "--overlap", "1h"]).await);
    assert_eq!((status(&gateway, &third).await, status(&gateway, &fourth).await), (200, 200));
    let fifth = secret(&olga.json(&["apps", "rotate-secret", PARTNER_APP, "--now"]).await);
    for (secret, expected) in [(&third, 401), (&fourth, 401), (&fifth, 200)] {
        assert_eq!(status(&gateway, secret).await, expected);
    }
    assert!(olga.does(&["apps", "rotate-secret", PARTNER_APP, "--overlap", "91d"]).await.problem().contains("90d"));
}

/// Checklist Z-42, Z-45, I1: 256 random bits, printed once, and nowhere else ever again.
#[tokio::test]
async fn a_secret_is_printed_once_and_kept_nowhere() {
    let gateway = Gateway::start().await;
    let olga = Operator::of(&gateway);
    let create = [
        "apps",
        "create",
        "server",
        "--name",
        "Server",
        "--kind",
        "confidential",
        "--grants",
        "client_credentials",
        "--scopes",
        "orders:read",
        "--plan",
        "standard",
    ];
    let created = olga.json(&create).await;
    let first = secret(&created);
    assert!(first.starts_with("mgs_") && first.len() == 68, "{first}");
    let second = secret(&olga.json(&["apps", "rotate-secret", "server"]).await);
    assert_ne!(first, second);
    for arguments in [&["apps", "show", "server"][..], &["apps", "list"], &["audit", "list"]] {
        let printed = olga.json(arguments).await.to_string();
        let hash = gateway_domain::secret::sha256_hex(second.as_bytes());
        assert!(!printed.contains(&first) && !printed.contains(&second) && !printed.contains(&hash), "{printed}");
    }
    assert!(olga.does(&create).await.problem().contains("app server is taken"));
}
