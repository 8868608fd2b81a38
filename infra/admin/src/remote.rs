//! `--url`: the same commands by the admin API of a gateway, without AWS rights.

mod commands;
mod devices;

use crate::error::Error;
use bytes::Bytes;
use gateway_connectors::back_end::{BackEndClient, Bounds};
use gateway_domain::secret::Secret;
use gateway_runtime::Environment;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value as Json, json};
use std::time::Duration;

pub(crate) use commands::run;

/// Who asks: the variables of the app's id and secret. The secret is no argument, since other users can see arguments.
const CLIENT_ID: &str = "GATEWAY_CLIENT_ID";
const CLIENT_SECRET: &str = "GATEWAY_CLIENT_SECRET";
/// Longer than the gateway takes.
const TIMEOUT: Duration = Duration::from_secs(35);
const MAX_BODY: usize = 8 * 1024 * 1024;

/// A gateway that is reached by its admin API.
pub(crate) struct Remote {
    client: BackEndClient,
    url: String,
    token: Secret,
}

impl Remote {
    /// Gets an access token for the app that the environment names.
    pub(crate) async fn connect(url: &str, environment: &Environment) -> Result<Self, Error> {
        let url = url.trim_end_matches('/').to_owned();
        let plain = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
        if !url.starts_with("https://") && !plain.iter().any(|loopback| url.starts_with(loopback)) {
            return Err(Error::Invalid("--url is an https URL: what is sent there is a secret".to_owned()));
        }
        let variable = |name: &'static str| {
            let missing = || {
                Error::Invalid(format!(
                    "--url needs {CLIENT_ID} and {CLIENT_SECRET} in the environment: an app with scopes of the admin API"
                ))
            };
            environment.get(name).filter(|text| !text.is_empty()).ok_or_else(missing)
        };
        let (id, secret) = (variable(CLIENT_ID)?, variable(CLIENT_SECRET)?);
        let client = BackEndClient::new().map_err(|error| Error::Refused(error.to_string()))?;
        let mut remote = Self { client, url, token: Secret::new(String::new()) };
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .finish();
        let request = Request::post(format!("{}/oauth2/token", remote.url))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form));
        let response = remote.send(request).await?;
        let body: Json = serde_json::from_slice(response.body()).unwrap_or_default();
        match body.get("access_token").and_then(Json::as_str) {
            Some(token) if response.status() == StatusCode::OK => remote.token = Secret::new(token.to_owned()),
            _ => {
                let told = body.get("error_description").and_then(Json::as_str).unwrap_or("it gave no access token");
                return Err(Error::Remote { status: response.status().as_u16(), told: told.to_owned() });
            }
        }
        Ok(remote)
    }

    async fn send(&self, request: Result<Request<Bytes>, http::Error>) -> Result<Response<Bytes>, Error> {
        let request = request.map_err(|error| Error::Invalid(format!("--url: {error}")))?;
        let bounds = Bounds { timeout: TIMEOUT, max_body: MAX_BODY };
        let unreachable =
            |error: &dyn std::fmt::Display| Error::Unreachable { url: self.url.clone(), reason: error.to_string() };
        self.client.send(request, bounds).await.map_err(|error| unreachable(&error))
    }

    /// Asks the admin API. `None` for a response without a body.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
        condition: Option<(&str, &str)>,
    ) -> Result<Json, Error> {
        let mut request = Request::builder().method(method).uri(format!("{}/gateway/api/v1{path}", self.url));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()));
        if let Some((name, value)) = condition {
            request = request.header(name, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let response = self.send(request.body(body)).await?;
        let told: Json = serde_json::from_slice(response.body()).unwrap_or_default();
        if response.status().is_success() {
            return Ok(told);
        }
        Err(Error::Remote { status: response.status().as_u16(), told: in_words(&told) })
    }

    /// A list, at most so many items, and what the next one goes on after.
    pub(crate) async fn list(
        &self,
        path: &str,
        (most, after): (usize, Option<String>),
    ) -> Result<(Vec<Json>, Option<String>), Error> {
        let (mut items, mut next) = (Vec::new(), after);
        loop {
            let left = most.saturating_sub(items.len()).min(100);
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &left.to_string());
            if let Some(after) = &next {
                query.append_pair("after", after);
            }
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self.ask(Method::GET, &format!("{path}{separator}{}", query.finish()), None, None).await?;
            items.extend(page.get("items").and_then(Json::as_array).cloned().unwrap_or_default());
            next = page.get("next").and_then(Json::as_str).map(str::to_owned);
            if next.is_none() || items.len() >= most {
                return Ok((items, next));
            }
        }
    }
}

/// A segment of a path.
pub(crate) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What a refusal says: its detail, and each field that is wrong.
fn in_words(problem: &Json) -> String {
    let text = |value: &Json, name: &str| value.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let detail = text(problem, "detail");
    let errors = problem.get("errors").and_then(Json::as_array).into_iter().flatten();
    let fields: Vec<_> = errors.map(|error| format!("{}: {}", text(error, "field"), text(error, "reason"))).collect();
    match (detail.is_empty(), fields.is_empty()) {
        (true, _) => "it refuses and does not say why".to_owned(),
        (false, true) => detail,
        (false, false) => fields.join("; "),
    }
}

/// Without members that nobody gave.
pub(crate) fn given(pairs: impl IntoIterator<Item = (&'static str, Option<Json>)>) -> Json {
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    json!(pairs.collect::<serde_json::Map<_, _>>())
}
