//! `connector try`: logs in at a legacy system as the gateway would, and shows what was seen, without any secret.

mod advice;
mod shown;

use crate::cli::{Arguments, Format, TryConnector};
use crate::connection::above;
use crate::error::Error;
use crate::output::Printer;
use bytes::Bytes;
use gateway_config::Gateway;
use gateway_config::connector::ConnectorConfig;
use gateway_connectors::back_end::{BackEndClients, Bounds};
use gateway_connectors::http_login::{Walk, Walked};
use gateway_connectors::{
    Acquired, Call, Connector, ConnectorError, Connectors, Credentials, HttpLogin, ResponseStart,
};
use gateway_domain::clock::Clock as _;
use gateway_domain::ids::ConnectorName;
use gateway_domain::path::CheckedPath;
use gateway_domain::secret::Secret;
use gateway_domain::time::Timestamp;
use gateway_runtime::{SystemClock, SystemEntropy};
use http::Method;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The largest response to `--call`, in bytes.
const MAX_BODY: usize = 6 * 1024 * 1024;

pub(crate) async fn run(arguments: &Arguments, wanted: &TryConnector) -> Result<(), Error> {
    let usual = Path::new("infra/config/gateway.yaml");
    let path = arguments.config.clone().or_else(|| above(usual)).unwrap_or_else(|| PathBuf::from(usual));
    let gateway = Gateway::load(&path).map_err(|error| Error::Config { path: path.clone(), error })?;
    let Some(config) = gateway.connector(&wanted.name) else {
        let known = gateway.connectors().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(Error::NoConnector { name: wanted.name.clone(), path, known });
    };
    let secrets = secrets(&gateway, wanted.secrets.as_deref())?;
    let cannot = |reason: &dyn std::fmt::Display| Error::Refused(reason.to_string());
    let clients = BackEndClients::new(&gateway, &secrets).map_err(|error| cannot(&error))?;
    let connectors = Connectors::from_config(&gateway, &clients, &secrets, &(Arc::new(SystemEntropy) as _));
    let connector = connectors.get(&wanted.name).ok_or_else(|| cannot(&"the connector cannot be built"))?;

    let password = if config.password().is_some() { crate::confirm::password()? } else { Secret::new(String::new()) };
    let credentials = Credentials { username: &wanted.user, link: Some(&wanted.user), password: Some(&password) };
    let printer = Printer { json: arguments.output == Format::Json };
    let now = SystemClock.now();
    let Attempt { walk, outcome, begun } = log_in(config, connector, &clients, credentials, now).await;
    drop(password);

    let mut report = shown::Report::new(&wanted.name, walk.as_ref());
    let result = match outcome {
        Ok(acquired) => {
            report.logged_in(&acquired, now);
            if let Some(path) = &wanted.call {
                report.called(path, call((&gateway, &wanted.name), &clients, connector, &acquired, path).await);
            }
            report.logged_out(connector.end(&acquired.state).await);
            Ok(())
        }
        Err(error) => {
            report.failed(&error, &advice::after(walk.as_ref(), &error));
            if let Some(begun) = begun {
                report.logged_out(connector.end(&begun).await);
            }
            Err(Error::Connector { connector: wanted.name.clone(), error })
        }
    };
    report.print(printer);
    result
}

/// How a login ended, and what was seen of it.
struct Attempt {
    walk: Option<Walk>,
    outcome: Result<Acquired, ConnectorError>,
    /// The session that a login which failed has begun before.
    begun: Option<Zeroizing<Vec<u8>>>,
}

/// Logs in. Logins over HTTP are shown step by step.
async fn log_in(
    config: &ConnectorConfig,
    connector: &Arc<dyn Connector>,
    clients: &BackEndClients,
    credentials: Credentials<'_>,
    now: Timestamp,
) -> Attempt {
    let http_login = match config {
        ConnectorConfig::HttpLogin(settings) => {
            HttpLogin::new((**settings).clone(), clients.get(settings.tls.as_ref()).clone())
        }
        ConnectorConfig::SsoSession(settings) => {
            HttpLogin::at_portal(settings, clients.get(settings.tls.as_ref()).clone())
        }
        ConnectorConfig::KerberosS4u(_)
        | ConnectorConfig::KerberosPassword(_)
        | ConnectorConfig::SamlEcp(_)
        | ConnectorConfig::WsTrust(_) => {
            return Attempt { walk: None, outcome: connector.acquire(credentials, now).await, begun: None };
        }
    };
    let Walked { walk, outcome, begun } = http_login.walk(credentials, now).await;
    Attempt { walk: Some(walk), outcome, begun }
}

/// Calls a path with the session, and tells the response apart from that of a dead session.
async fn call(
    (gateway, name): (&Gateway, &ConnectorName),
    clients: &BackEndClients,
    connector: &Arc<dyn Connector>,
    acquired: &Acquired,
    path: &str,
) -> Result<Json, String> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = CheckedPath::parse(path).map_err(|refused| refused.to_string())?;
    let found = gateway.route(&Method::GET, &path).ok();
    let found = found.and_then(|found| Some((gateway.api(found.api)?, found)));
    let (api, found) = found
        .filter(|(api, found)| api.connector.as_ref() == Some(name) && !found.public)
        .ok_or("no route with this connector has the path: see gateway-admin routes check")?;
    let injection = connector.inject(&acquired.state, Call { content_type: None, body: &Bytes::new() });
    let injection = injection.map_err(|error| error.to_string())?;
    let query = gateway_domain::query::with_injected(query, &injection.query);
    let separator = if query.is_empty() { "" } else { "?" };
    let path = found.forwarded.as_ref().unwrap_or(&path);
    let url = format!("{}{path}{separator}{query}", found.back_end.origin());
    let mut request = http::Request::get(url).body(Bytes::new()).map_err(|_| "the path is not one of a URL")?;
    request.headers_mut().extend(injection.headers);
    let bounds = Bounds { timeout: Duration::from_secs(api.timeout.as_u64()), max_body: MAX_BODY };
    let response = clients.get(api.tls.as_ref()).send(request, bounds).await.map_err(|error| error.to_string())?;
    let content_type = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(json!({
        "status": response.status().as_u16(),
        "content_type": content_type.and_then(|value| value.split(';').next()),
        "bytes": response.body().len(),
        "dead_session": connector.is_dead(&ResponseStart::of(&response)),
    }))
}

/// The secrets that the configuration names, as far as the directory has them.
fn secrets(gateway: &Gateway, directory: Option<&Path>) -> Result<BTreeMap<String, Secret>, Error> {
    let Some(directory) = directory else { return Ok(BTreeMap::new()) };
    let mut secrets = BTreeMap::new();
    for (_, name) in gateway.tls_secrets().chain(gateway.connector_secrets()) {
        let file = directory.join(name);
        // A name with a path in it, such as an ARN, is no file of the directory.
        if name.contains(['/', '\\']) || !file.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Error::File { path: file.clone(), reason: error.to_string() })?;
        secrets.insert(name.to_owned(), Secret::new(text));
    }
    Ok(secrets)
}
