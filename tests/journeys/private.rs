//! The local stack is its user's own: no web page and no other user of the machine gets at its data.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gateway_local::stack::Running;
use support::{ADA, Gateway, send};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[tokio::test]
async fn everything_that_is_kept_is_for_its_owner_alone() {
    let parent = tempfile::tempdir().expect("a directory");
    let data = parent.path().join("data");
    // As an earlier version left it.
    std::fs::create_dir(&data).expect("a directory");
    for name in ["lock", "dynamodb.sqlite", "functions.log", "gateway.yaml", "stack.json"] {
        std::fs::write(data.join(name), "").expect("a file");
        std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o666)).expect("a mode");
    }
    let gateway = Gateway::start_with(|options| options.data = Some(data.clone())).await;
    let tokens = gateway.login(ADA).await;
    assert_eq!(gateway.call("GET", "/orders", &tokens.access).await.status, 200);
    assert_eq!(mode(&data), 0o700);
    let names: Vec<_> =
        std::fs::read_dir(&data).expect("a directory").map(|file| file.expect("a file").path()).collect();
    assert!(names.len() >= 7, "{names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

/// The status of a request to a service, as a page or a stranger sends it.
async fn asked(url: &str, target: &str, fields: &str) -> u16 {
    let host = url.strip_prefix("http://").expect("a URL");
    let fields = if fields.contains("Host:") { fields.to_owned() } else { format!("Host: {host}\r\n{fields}") };
    let head = format!("POST / HTTP/1.1\r\n{fields}X-Amz-Target: {target}\r\nConnection: close\r\n");
    let request = format!("{head}Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{{}}");
    send(url, request.as_bytes()).await.status().expect("a response")
}

#[tokio::test]
async fn neither_pages_nor_strangers_are_answered_by_the_services() {
    let gateway = Gateway::start().await;
    let stack: &Running = &gateway.stack;
    // What was enough before this start had credentials of its own.
    let signed = |id: &str| {
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={id}/20261126/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-target, Signature=0\r\nX-Amz-Date: 20261126T000000Z\r\n"
        )
    };
    let services = [
        (stack.dynamodb_url(), "DynamoDB_20120810.ListTables"),
        (stack.secrets_url(), "secretsmanager.GetSecretValue"),
        (stack.lambda_url(), "-"),
    ];
    for (url, target) in services {
        for fields in [
            String::new(),
            signed("local"),
            signed("TokenFunction"),
            signed(stack.owner().access_key_id()),
            "Host: evil.example\r\n".to_owned(),
            format!("Host: evil.example\r\n{}", signed("local")),
            "Origin: https://evil.example\r\n".to_owned(),
            "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        ] {
            let status = asked(url, target, &fields).await;
            // At Lambda `/` is nothing; whoever may not ask is not told so much.
            assert!(status == 403 || target == "-" && status == 404, "{url} {fields}: {status}");
        }
    }
    // A page's own name that leads to the demo back end gets nothing there either; the API is for every name.
    let get = |url: &str, path: &str| {
        (url.to_owned(), format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
    };
    let (url, request) = get(stack.legacy_url(), "/public/ping");
    assert_eq!(send(&url, request.as_bytes()).await.status(), Some(403));
    let (url, request) = get(stack.base_url(), "/public/ping");
    assert_eq!(send(&url, request.as_bytes()).await.status(), Some(200));
}
