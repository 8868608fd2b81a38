//! Tests SES against its imitation in the local stack.

use gateway_local::ses::Outbox;
use gateway_mail::{Mailer as _, NotSent, Ses};
use gateway_runtime::{Aws, Environment};
use tokio::net::TcpListener;

use crate::{mail, sender};

fn ses(endpoint: &str) -> Ses {
    let pairs = [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let aws = Aws::new(&Environment::from_pairs(pairs)).unwrap();
    Ses::new(aws.shared(), Some(endpoint), sender(), Some("mails"))
}

async fn imitation() -> (String, Outbox) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let outbox = Outbox::default();
    tokio::spawn(gateway_local::ses::serve_everybody(listener, outbox.clone()));
    (url, outbox)
}

#[tokio::test]
async fn a_mail_arrives_through_ses_with_text_and_html() {
    let (url, outbox) = imitation().await;
    let mail = mail("ada@example.com");
    ses(&url).send(&mail, "m1").await.unwrap();
    let sent = outbox.mails().remove(0);
    assert_eq!(
        (sent.to.as_str(), &sent.subject, &sent.text, &sent.html),
        ("ada@example.com", &mail.subject, &mail.text, &mail.html)
    );
    assert!(sent.from.starts_with("=?UTF-8?B?") && sent.from.ends_with(" <no-reply@example.com>"), "{}", sent.from);
    assert_eq!(sent.headers, [("Auto-Submitted".to_owned(), "auto-generated".to_owned())]);
}

#[tokio::test]
async fn what_ses_refuses_is_not_sent_again_and_what_it_does_not_answer_is() {
    let (url, _) = imitation().await;
    let refused = ses(&url).send(&mail("ädä@example.com"), "m1").await;
    assert_eq!(refused, Err(NotSent::Refused("BadRequestException".to_owned())));
    let closed = ses("http://127.0.0.1:1").send(&mail("ada@example.com"), "m1").await;
    assert!(matches!(closed, Err(NotSent::Unavailable(_))), "{closed:?}");
}
