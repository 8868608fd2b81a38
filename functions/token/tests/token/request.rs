//! Requests as API Gateway hands them over, and answers as it takes them back.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// Where requests come from unless they say otherwise.
pub(crate) const HOME: &str = "198.51.100.7";

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    source: String,
}

/// `POST` of a form.
pub(crate) fn post(path: &str, fields: &[(&str, &str)]) -> Request {
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    request("POST", path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(pairs.collect::<Vec<_>>().join("&"))
}

/// A request without a body.
pub(crate) fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: Vec::new(),
        source: HOME.to_owned(),
    }
}

/// Form-encodes everything but letters and digits.
pub(crate) fn encode(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl Request {
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with one more field of its form.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.body.extend(format!("&{}={}", encode(name), encode(value)).into_bytes());
        self
    }

    /// The same by `GET`.
    pub(crate) fn by_get(mut self) -> Self {
        self.method = "GET".to_owned();
        self
    }

    /// Sets a header, in place of one of that name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header, beside one of that name.
    pub(crate) fn another_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// HTTP Basic, both parts form-encoded inside.
    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        let credentials = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
        self.header("Authorization", &format!("Basic {credentials}"))
    }

    /// The same at another path.
    pub(crate) fn at(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn from(mut self, source: &str) -> Self {
        self.source = source.to_owned();
        self
    }

    /// The event of a REST API.
    pub(crate) fn rest(&self) -> Value {
        json!({
            "resource": self.path, "path": self.path, "httpMethod": self.method,
            "multiValueHeaders": grouped(&self.headers), "multiValueQueryStringParameters": grouped(&self.query),
            "requestContext": { "stage": "live", "requestId": "1", "identity": { "sourceIp": self.source } },
            "body": STANDARD.encode(&self.body), "isBase64Encoded": true,
        })
    }

    /// The event of an HTTP API.
    pub(crate) fn http(&self) -> Value {
        let query: Vec<_> = self.query.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
        let headers: Map<_, _> = self.headers.iter().map(|(n, v)| (n.to_lowercase(), v.clone().into())).collect();
        json!({
            "version": "2.0", "rawPath": self.path, "rawQueryString": query.join("&"), "headers": headers,
            "requestContext": { "stage": "$default", "http": { "method": self.method, "sourceIp": self.source } },
            "body": STANDARD.encode(&self.body), "isBase64Encoded": true,
        })
    }
}

fn grouped(pairs: &[(String, String)]) -> Value {
    let mut groups = Map::new();
    for (name, value) in pairs {
        let values = groups.entry(name.clone()).or_insert_with(|| json!([]));
        values.as_array_mut().unwrap().push(value.clone().into());
    }
    if groups.is_empty() { Value::Null } else { groups.into() }
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Response {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Value,
    pub(crate) text: String,
}

/// What a login or refresh gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Response {
    /// Reads what a function returned.
    pub(crate) fn of(value: &Value) -> Self {
        let text = value["body"].as_str().unwrap().to_owned();
        let headers = [&value["multiValueHeaders"], &value["headers"]].into_iter().find(|map| map.is_object());
        Self {
            status: value["statusCode"].as_u64().unwrap(),
            headers: headers.unwrap().clone(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |(other, value)| {
            let (other, value): (&String, &Value) = (other, value);
            other.eq_ignore_ascii_case(name).then_some(value)
        };
        let value = self.headers.as_object().unwrap().iter().find_map(named)?;
        match value.as_array() {
            Some(values) => {
                assert_eq!(values.len(), 1, "{name} comes once");
                values[0].as_str()
            }
            None => value.as_str(),
        }
    }

    /// Status and error code.
    pub(crate) fn refusal(&self) -> (u64, &str) {
        (self.status, self.body["error"].as_str().unwrap_or_default())
    }

    /// The tokens of a success.
    pub(crate) fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.text);
        let text = |name: &str| self.body[name].as_str().unwrap_or_default().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }
}

/// The header and the claims of a JWT, unverified.
pub(crate) fn decoded(token: &str) -> (Value, Value) {
    let part = |index: usize| {
        let part = token.split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}
