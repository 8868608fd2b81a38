//! Tests what the imitation of SES accepts, and how the outbox shows a mail that means harm.

use serde_json::Value as Json;

use super::*;

async fn fixture() -> (String, String, Outbox) {
    let outbox = Outbox::default();
    let (api, page) = (listener().await, listener().await);
    let urls = (url(&api), url(&page));
    tokio::spawn(serve_everybody(api, outbox.clone()));
    tokio::spawn(outbox.clone().serve(page));
    (urls.0, urls.1, outbox)
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

fn mail(subject: &str, text: &str, html: &str) -> Json {
    let content = |text: &str| json!({ "Data": text, "Charset": "UTF-8" });
    json!({
        "FromEmailAddress": "=?UTF-8?B?QmFuaw==?= <no-reply@example.com>",
        "Destination": { "ToAddresses": ["ada@example.com"] },
        "Content": { "Simple": {
            "Subject": content(subject),
            "Body": { "Text": content(text), "Html": content(html) },
            "Headers": [{ "Name": "Auto-Submitted", "Value": "auto-generated" }],
        } },
    })
}

async fn send(api: &str, mail: &Json) -> (u16, String) {
    let request = reqwest::Client::new().post(format!("{api}/v2/email/outbound-emails"));
    let response = request.json(mail).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_mail_that_was_sent_is_in_the_outbox() {
    let (api, page, outbox) = fixture().await;
    let (status, body) = send(&api, &mail("Hello", "one\ntwo", "<p>one</p>")).await;
    assert_eq!(status, 200, "{body}");
    let sent = outbox.sent_to("ada@example.com", 1).await;
    assert!(body.contains(&sent[0].id));
    assert_eq!((sent[0].subject.as_str(), sent[0].text.as_str()), ("Hello", "one\ntwo"));
    assert_eq!(sent[0].headers, [("Auto-Submitted".to_owned(), "auto-generated".to_owned())]);
    let listed: Json = reqwest::get(format!("{page}/outbox.json")).await.unwrap().json().await.unwrap();
    assert_eq!(listed[0]["to"], "ada@example.com");
}

#[tokio::test]
async fn what_ses_would_refuse_or_the_imitation_does_not_know_is_refused() {
    let (api, _, outbox) = fixture().await;
    let changed = |pointer: &str, value: Json| {
        let mut mail = mail("Hello", "text", "html");
        *mail.pointer_mut(pointer).unwrap() = value;
        mail
    };
    let mut unknown = mail("Hello", "text", "html");
    unknown["ReplyToAddresses"] = json!(["eve@example.com"]);
    for mail in [
        changed("/Destination/ToAddresses", json!([])),
        changed("/Destination/ToAddresses", json!(["a@example.com", "b@example.com"])),
        changed("/Destination/ToAddresses", json!(["ädä@example.com"])),
        changed("/Content/Simple/Subject/Data", json!("Hello\r\nBcc: eve@example.com")),
        changed("/Content/Simple/Subject/Charset", json!("latin1")),
        unknown,
    ] {
        let (status, body) = send(&api, &mail).await;
        assert_eq!(status, 400, "{mail}: {body}");
    }
    assert!(outbox.mails().is_empty());
}

#[tokio::test]
async fn a_mail_that_means_harm_is_shown_as_text_and_in_a_sandbox() {
    let (api, page, outbox) = fixture().await;
    let harm = "\"><script>alert(1)</script>";
    let text = format!("{harm}\nhttps://example.com/?a=1&b=\"2\njavascript:alert(1)");
    assert_eq!(send(&api, &mail(harm, &text, &format!("<html><head></head>{harm}"))).await.0, 200);
    let shown = reqwest::get(format!("{page}/outbox")).await.unwrap();
    let policy = shown.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
    let shown = shown.text().await.unwrap();
    assert!(!shown.contains("<script") && shown.contains("&quot;&gt;&lt;script&gt;"), "{shown}");
    assert!(shown.contains("<a href=\"https://example.com/?a=1&amp;b=&quot;2\""), "{shown}");
    assert!(!shown.contains("href=\"javascript:"), "{shown}");
    let mail = reqwest::get(format!("{page}/outbox/{}", outbox.mails()[0].id)).await.unwrap();
    let policy = mail.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox ") && !policy.contains("allow-scripts"), "{policy}");
    assert!(!policy.contains("allow-same-origin"), "{policy}");
    assert_eq!(reqwest::get(format!("{page}/outbox/other")).await.unwrap().status(), 404);
}

#[tokio::test]
async fn another_name_does_not_reach_the_outbox() {
    let (_, page, _) = fixture().await;
    let request = reqwest::Client::new().get(format!("{page}/outbox.json")).header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
}

/// A mail to the simulator, with or without a configuration set, and what SES then told.
async fn simulated(to: &str, configured: bool) -> Option<String> {
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let api = listener().await;
    let address = url(&api);
    tokio::spawn(serve(api, Outbox::default(), Access::of_everybody(), move |event| sender.send(event).unwrap()));
    let mut mail = mail("Hello", "text", "html");
    mail["Destination"]["ToAddresses"] = json!([to]);
    if configured {
        mail["ConfigurationSetName"] = json!("mails");
    }
    assert_eq!(send(&address, &mail).await.0, 200);
    let event = told.try_recv().ok()?;
    let event: Json = serde_json::from_slice(&event).unwrap();
    Some(event["Records"][0]["Sns"]["Message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn mails_to_the_simulator_bounce_or_are_complained_about() {
    let bounce = simulated("bounce+one@simulator.amazonses.com", true).await.unwrap();
    assert!(bounce.contains("\"bounceType\":\"Permanent\"") && bounce.contains("bounce+one@"), "{bounce}");
    let complaint = simulated("complaint@simulator.amazonses.com", true).await.unwrap();
    assert!(complaint.contains("\"eventType\":\"Complaint\""), "{complaint}");
    assert_eq!(simulated("success@simulator.amazonses.com", true).await, None);
    assert_eq!(simulated("bounce@example.com", true).await, None);
    assert_eq!(simulated("bounce@simulator.amazonses.com", false).await, None, "without a configuration set");
}
