//! The pages for users in a real browser, which scripts beside this file drive.

mod samples;

use serde_json::json;
use support::browse;

/// No serious finding of axe, nothing that the page's own policy blocks, no scrolling sideways on a small phone, targets that a
/// thumb meets, and a focus that shows.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn everybody_can_use_every_page() {
    let directory = tempfile::tempdir().expect("a directory");
    samples::write(directory.path()).expect("every page");
    let outcome = browse("pages", [directory.path()]).await;
    assert_eq!(outcome["told"], json!([]), "{outcome:#}");
    let pages = std::fs::read_dir(directory.path().join("en")).expect("the pages").count() / 2;
    assert_eq!(outcome["checked"], 4 * pages);
}

/// The query of the authorization request comes along, and the browser tells that the form is ours, as `same_origin` expects.
#[cfg_attr(not(installed = "browser-driver"), ignore = "nothing drives a browser: run tests/browser/install")]
#[tokio::test]
async fn a_form_goes_to_the_page_that_it_is_on_and_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    samples::write(directory.path()).expect("every page");
    let sent = browse("form", [directory.path()]).await;
    let expected = json!({
        "url": "https://auth.example.com/login?client_id=demo-app&state=x%26y",
        "body": "form_token=ZmFrZQ&username=ada%40example.com&password=correct+horse",
        "origin": "https://auth.example.com",
        "type": "application/x-www-form-urlencoded",
        "told": [],
    });
    assert_eq!(sent, expected);
}
