//! Tests the client of mail servers against one that says what each test needs.

use gateway_mail::{Mailer as _, NotSent, Smtp};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{mail, sender};

/// A mail server for one mail, which answers each recipient with this line. Returns its URL, and then what it received.
async fn server(recipient: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let received = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let (mut lines, mut received, mut in_data) = (BufReader::new(reader).lines(), String::new(), false);
        writer.write_all(b"220 test ESMTP\r\n").await.unwrap();
        while let Ok(Some(line)) = lines.next_line().await {
            received.push_str(&line);
            received.push('\n');
            let answer = match line.split([' ', ':']).next().unwrap_or_default() {
                "." if in_data => {
                    in_data = false;
                    "250 queued"
                }
                _ if in_data => continue,
                "EHLO" => "250-test\r\n250 8BITMIME",
                "RCPT" => recipient,
                "DATA" => {
                    in_data = true;
                    "354 go on"
                }
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            writer.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
        }
        received
    });
    (url, received)
}

#[tokio::test]
async fn a_mail_arrives_through_a_mail_server_with_text_and_html() {
    let (url, received) = server("250 ok").await;
    Smtp::new(&url, sender()).unwrap().send(&mail("ada@example.com"), "m1").await.unwrap();
    let received = received.await.unwrap();
    for expected in [
        "MAIL FROM:<no-reply@example.com>",
        "RCPT TO:<ada@example.com>",
        "Message-ID: <m1@example.com>",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative",
        "Content-Type: text/plain",
        "Content-Type: text/html",
        "1234 5678",
    ] {
        assert!(received.contains(expected), "{expected}: {received}");
    }
    assert!(received.contains("From: =?utf-8?b?") && !received.contains("From: Bank"), "{received}");
}

#[tokio::test]
async fn a_recipient_that_is_refused_for_good_is_told_from_one_that_is_refused_for_now() {
    for (answer, expected) in [
        ("550 no such user", NotSent::Refused("status 550".to_owned())),
        ("451 come back later", NotSent::Unavailable("status 451".to_owned())),
    ] {
        let (url, _received) = server(answer).await;
        let sent = Smtp::new(&url, sender()).unwrap().send(&mail("ada@example.com"), "m1").await;
        assert_eq!(sent, Err(expected));
    }
}

#[test]
fn a_url_of_no_mail_server_is_refused_without_its_password() {
    for url in ["", "example.com", "https://example.com", "smtp://"] {
        let error = Smtp::new(url, sender()).map(drop).unwrap_err();
        assert!(error.to_string().contains("smtps://NAME:PASSWORD@HOST"), "{url}");
    }
    let error = Smtp::new("ftp://ada:hunter2@example.com", sender()).map(drop).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}
