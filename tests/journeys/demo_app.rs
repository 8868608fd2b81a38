//! The demo app of the local stack, driven as a browser drives it: through the gateway's pages to the legacy back end.

use support::{ADA, Client, Visitor};

use super::Gateway;

/// The path and query of a URL at this origin.
fn path<'u>(url: &'u str, origin: &str) -> &'u str {
    url.strip_prefix(origin).unwrap_or_else(|| panic!("{url} is not at {origin}"))
}

#[tokio::test]
async fn the_demo_app_logs_in_on_the_pages_and_calls_the_back_end() {
    let gateway = Gateway::start().await;
    let demo = Client::new(gateway.stack.demo_url());
    for app in ["demo-app", "untrusted-app", "profile-app"] {
        let home = demo.response(demo.request("GET", "/")).await.text();
        assert!(home.contains(&format!("/log-in?app={app}")), "{home}");
        let begun = demo.response(demo.request("GET", &format!("/log-in?app={app}"))).await;
        let form = path(begun.header("Location"), gateway.stack.base_url()).to_owned();
        let mut visitor = Visitor::of(&gateway);
        let mut response = visitor.fill(&form, &[("username", ADA.name), ("password", ADA.password)]).await;
        if app != "demo-app" {
            let consent = response.header("Location").to_owned();
            response = visitor.fill(&consent, &[("decision", "allow")]).await;
        }
        let back = path(response.header("Location"), gateway.stack.demo_url()).to_owned();
        let cookie = begun.header("Set-Cookie").split(';').next().unwrap_or_default();
        let returns = |cookie: &str| demo.response(demo.request("GET", &back).header("Cookie", cookie));
        let signed_in = returns(cookie).await;
        let text = signed_in.text();
        assert_eq!(signed_in.status, 200, "{text}");
        assert!(text.contains("refresh_token") && text.contains("a first order"), "{text}");
        assert_eq!(text.contains("id_token"), app == "profile-app", "{text}");
        assert_eq!(
            text.contains(&format!("&quot;email&quot;: &quot;{}&quot;", ADA.name)),
            app == "profile-app",
            "{text}"
        );
        assert_eq!(returns(cookie).await.status, 400, "its state is used");
    }
}
