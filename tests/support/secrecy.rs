//! Secrets that must not be found anywhere, and the places where they are searched for.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use gateway_domain::ids::{ConnectorName, SessionId};
use gateway_domain::sealing::SealingKeys;
use gateway_domain::session::InternalToken;

use crate::{Daemon, Gateway, Response, Tokens};

/// Passwords, tokens and keys, each under a name for messages.
#[derive(Default)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// Adds a secret. It must be long enough not to be found by chance.
    pub fn keep(&mut self, name: &str, value: &str) {
        assert!(value.len() > 8, "{name}: {value}");
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// The names of the secrets that are in a text, as they are or in a common encoding.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        let hits = self.0.iter().filter(|(_, secret)| {
            text.contains(secret.as_str())
                || text.contains(&secret.replace(' ', "+"))
                || text.contains(&secret.replace(' ', "%20"))
                || text.contains(STANDARD.encode(secret.as_bytes()).trim_end_matches('='))
        });
        hits.map(|(name, _)| name.clone()).collect()
    }

    /// Checks that no table, log line, trace or response has any of the secrets, and that there are some of each to search.
    pub async fn are_nowhere(&self, gateway: &Gateway, daemon: &Daemon, responses: &[Response]) {
        let traces = daemon.told();
        let (tables, log) = (gateway.dump().await, gateway.logged().await);
        assert!(tables.contains("credential_epoch") && log.len() > 10 && !traces.is_empty() && !responses.is_empty());
        assert_eq!(self.found_in(&tables), Vec::<String>::new(), "in a table");
        for line in &log {
            assert_eq!(self.found_in(line), Vec::<String>::new(), "in the log: {line}");
        }
        for trace in &traces {
            assert_eq!(self.found_in(&trace.to_string()), Vec::<String>::new(), "in a trace: {trace}");
        }
        for response in responses {
            let text = format!("{:?} {}", response.headers, response.text());
            assert_eq!(self.found_in(&text), Vec::<String>::new(), "in a response: {text}");
        }
    }
}

impl Gateway {
    /// The internal tokens, unsealed, of the session that a refresh token belongs to.
    pub async fn internal_tokens(&self, tokens: &Tokens) -> BTreeMap<String, Vec<u8>> {
        let sid = tokens.refresh.trim_start_matches("mgr_").split('.').next().expect("a refresh token");
        let sid = SessionId::parse(sid).expect("a session");
        let keys = SealingKeys::parse(&self.stack.secrets().value("SealingKeys").expect("keys")).expect("keys");
        let stored = self.store().sessions.internal_tokens(&sid).await.expect("a read").expect("a session");
        let open = |(name, token): (ConnectorName, InternalToken)| {
            let state = keys.open(&sid, &name, token.version, &token.sealed).expect("a token of this session");
            (name.to_string(), state.to_vec())
        };
        stored.into_iter().map(open).collect()
    }

    /// Every name and value in every item of every table, each on a line.
    pub async fn dump(&self) -> String {
        let client = self.dynamodb();
        let mut text = String::new();
        for table in &self.stack.template().tables {
            let found = client.scan().table_name(&table.name).send().await.expect("a scan");
            for (name, value) in found.items().iter().flatten() {
                text.push_str(&format!("{name}\n"));
                write(&mut text, value);
            }
        }
        text
    }
}

fn write(text: &mut String, value: &AttributeValue) {
    match value {
        AttributeValue::M(map) => {
            for (name, value) in map {
                text.push_str(&format!("{name}\n"));
                write(text, value);
            }
        }
        AttributeValue::L(list) => list.iter().for_each(|value| write(text, value)),
        AttributeValue::B(bytes) => {
            text.push_str(&format!("{}\n{}\n", String::from_utf8_lossy(bytes.as_ref()), STANDARD.encode(bytes)));
        }
        AttributeValue::S(value) | AttributeValue::N(value) => text.push_str(&format!("{value}\n")),
        other => text.push_str(&format!("{other:?}\n")),
    }
}
