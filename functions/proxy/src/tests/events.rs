//! What API Gateway sends to the proxy, of both kinds, and what it makes of the replies.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use gateway_domain::call_context::{Admitted, CallContext, Outcome};
use gateway_runtime::function::{Cut, Reply as Answer, Streamed};
use serde_json::{Value, json};

use crate::*;

/// A request, from which the events of both kinds of API are made.
#[derive(Clone)]
pub(super) struct Event {
    pub(super) version: ApiVersion,
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Names and values without reserved characters.
    pub(super) query: Vec<(&'static str, &'static str)>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: &'static [u8],
}

pub(super) const BOTH: [ApiVersion; 2] = [ApiVersion::Rest, ApiVersion::Http];

impl Event {
    pub(super) fn new(version: ApiVersion, method: &'static str, path: &str) -> Self {
        Self { version, method, path: path.to_owned(), query: vec![], headers: vec![], body: b"" }
    }

    pub(super) fn headers(mut self, headers: &[(&'static str, &'static str)]) -> Self {
        self.headers = headers.to_vec();
        self
    }

    pub(super) fn body(mut self, body: &'static [u8]) -> Self {
        self.body = body;
        self
    }

    /// The event with the authorizer's decision to admit this identity.
    pub(super) fn by(&self, admitted: Admitted) -> Value {
        self.decided(Outcome::Admitted(Box::new(admitted)))
    }

    pub(super) fn decided(&self, outcome: Outcome) -> Value {
        let event = self.anonymous();
        let request = ApiRequest::from_value(event.clone()).unwrap();
        self.with_context(json!(CallContext::new(&request, outcome).to_map().unwrap()))
    }

    pub(super) fn with_context(&self, context: Value) -> Value {
        let mut event = self.anonymous();
        event["requestContext"]["authorizer"] = match self.version {
            ApiVersion::Rest => context,
            ApiVersion::Http => json!({ "lambda": context }),
        };
        event
    }

    /// The event without a decision of the authorizer.
    pub(super) fn anonymous(&self) -> Value {
        let body = (!self.body.is_empty()).then(|| STANDARD.encode(self.body));
        match self.version {
            ApiVersion::Rest => json!({
                "httpMethod": self.method, "path": self.path, "body": body, "isBase64Encoded": true,
                "headers": self.headers.iter().copied().collect::<BTreeMap<_, _>>(),
                "multiValueHeaders": grouped(&self.headers),
                "multiValueQueryStringParameters": grouped(&self.query),
                "requestContext": {
                    "requestId": "req-1", "domainName": "api.example.com", "stage": "v1",
                    "identity": { "sourceIp": "192.0.2.7" },
                },
            }),
            ApiVersion::Http => json!({
                "version": "2.0", "rawPath": decoded(&self.path), "body": body, "isBase64Encoded": true,
                "rawQueryString": self.query.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&"),
                "headers": grouped(&self.headers).into_iter().map(|(n, v)| (n, v.join(","))).collect::<BTreeMap<_, _>>(),
                "requestContext": {
                    "requestId": "req-1", "domainName": "api.example.com", "stage": "$default",
                    "http": { "method": self.method, "path": decoded(&self.path), "sourceIp": "192.0.2.7" },
                },
            }),
        }
    }
}

fn grouped(pairs: &[(&'static str, &'static str)]) -> BTreeMap<&'static str, Vec<&'static str>> {
    pairs.iter().fold(BTreeMap::new(), |mut groups: BTreeMap<_, Vec<_>>, (name, value)| {
        groups.entry(*name).or_default().push(*value);
        groups
    })
}

pub(super) fn invocation(event: Value, time: Duration, streams: bool) -> Invocation {
    Invocation { event, deadline: Instant::now() + time, streams }
}

/// What API Gateway makes of a reply, in the form of a whole response, and why it was cut.
pub(super) async fn received(reply: Answer) -> (Response, Option<Cut>) {
    let Streamed { mut prelude, mut body } = match reply {
        Answer::Whole(value) => return (Response(value), None),
        Answer::Streamed(streamed) => streamed,
    };
    let (mut bytes, mut cut) = (Vec::new(), None);
    while let Some(piece) = body.next().await {
        assert_eq!(cut, None, "nothing follows a cut");
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => cut = Some(error),
        }
    }
    prelude["body"] = json!(STANDARD.encode(bytes));
    prelude["isBase64Encoded"] = json!(true);
    (Response(prelude), cut)
}

/// The proxy's response, as Lambda passes it to API Gateway.
#[derive(Debug)]
pub(super) struct Response(pub(super) Value);

impl Response {
    pub(super) fn status(&self) -> u64 {
        self.0["statusCode"].as_u64().unwrap()
    }

    /// Every value of a header, in the response of either kind of API.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let maps = [&self.0["multiValueHeaders"], &self.0["headers"]];
        let fields = maps.into_iter().filter_map(Value::as_object).flatten();
        let mut values: Vec<&str> = fields
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.as_array().map_or_else(|| vec![value], |values| values.iter().collect()))
            .filter_map(Value::as_str)
            .collect();
        if name.eq_ignore_ascii_case("set-cookie") {
            values.extend(self.0["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str));
        }
        values
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let text = self.0["body"].as_str().unwrap();
        if self.0["isBase64Encoded"] == true { STANDARD.decode(text).unwrap() } else { text.as_bytes().to_vec() }
    }

    pub(super) fn problem(&self) -> Value {
        assert_eq!(self.values("content-type"), ["application/problem+json"]);
        assert_eq!(self.values("cache-control"), ["no-store"]);
        serde_json::from_slice(&self.body()).unwrap()
    }
}

/// The path as an HTTP API hands it on: decoded, but for the percent sign.
fn decoded(path: &str) -> String {
    let decode = |part: &str| {
        let mut pieces = part.split('%');
        let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
        for piece in pieces {
            match piece.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    bytes.extend_from_slice(&piece.as_bytes()[2..]);
                }
                None => bytes.extend_from_slice(format!("%{piece}").as_bytes()),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    path.split("%25").map(decode).collect::<Vec<_>>().join("%25")
}
