//! The fields of an application as they are sent. Each is read on its own, so that all that is wrong is told at once, at its field.

use crate::error::Failure;
use gateway_administration::{ActError, AppChanges, Problem, WrongField};
use gateway_domain::ids::{ApiName, HeaderText, PlanName};
use gateway_domain::json_body::{nullable, present};
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use gateway_store::{AppKind, AppWebhook, Dpop, GrantType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Display;

/// The longest list, which is far more than an application needs.
const MOST: usize = 32;
/// The longest window in which a lost response of a refresh is forgiven, as in the configuration.
const MAX_RETRY_WINDOW: u64 = 86_400;

/// What can be sent of an application. What is absent stays as it is.
#[expect(clippy::option_option, reason = "absent, null and a value say three things")]
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppFields {
    /// Of a new one alone; elsewhere the path says it.
    #[serde(default, deserialize_with = "present")]
    pub(crate) client_id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "present")]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    trusted: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    grants: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    plan: Option<String>,
    #[serde(default, deserialize_with = "present")]
    subscribe: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    redirect_uris: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    post_logout_redirect_uris: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    backchannel_logout_uri: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    webhook_uri: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    refresh_retry_window: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    pkce_optional: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    jwks: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    id_token_alg: Option<String>,
    #[serde(default, deserialize_with = "present")]
    dpop: Option<String>,
    /// `false` ends the token of an app that has registered itself.
    #[serde(default, deserialize_with = "present")]
    self_registered: Option<bool>,
}

/// What was read of them.
pub(crate) struct Read {
    pub(crate) name: Option<HeaderText>,
    pub(crate) kind: Option<AppKind>,
    pub(crate) plan: Option<PlanName>,
    pub(crate) subscribe: Option<BTreeSet<ApiName>>,
    /// All else; name and plan are not in it.
    pub(crate) settings: AppChanges,
}

/// Reads fields, and keeps what is wrong with each.
#[derive(Default)]
pub(crate) struct Fields(Vec<WrongField>);

impl Fields {
    pub(crate) fn wrong(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(WrongField { field: field.into(), problem: Problem::Malformed(reason.into()) });
    }

    /// A field that must be there.
    pub(crate) fn required<T>(&mut self, field: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && !self.0.iter().any(|wrong| wrong.field == field) {
            self.wrong(field, "it is required");
        }
        value
    }

    pub(crate) fn one<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&str>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(field, error.to_string());
                None
            }
        }
    }

    pub(crate) fn list<T: Ord, E: Display>(
        &mut self,
        field: &str,
        texts: Option<&[String]>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<BTreeSet<T>> {
        let texts = texts?;
        if texts.len() > MOST {
            self.wrong(field, format!("it has more than {MOST} values"));
            return None;
        }
        let mut values = BTreeSet::new();
        for (index, text) in texts.iter().enumerate() {
            values.extend(self.one(&format!("{field}[{index}]"), Some(text), &parse));
        }
        Some(values)
    }

    /// Notes what is missing of a whole application.
    pub(crate) fn whole(&mut self, read: &Read) {
        self.required("name", read.name.as_ref());
        self.required("kind", read.kind.as_ref());
        self.required("plan", read.plan.as_ref());
        self.required("grants", read.settings.grants.as_ref());
        self.required("scopes", read.settings.scopes.as_ref());
    }

    /// Notes what cannot be changed of an application that is there.
    pub(crate) fn unchangeable(&mut self, read: &Read) {
        if read.subscribe.is_some() {
            self.wrong("subscribe", "each subscription has a path of its own, below `subscriptions`");
        }
    }

    /// Fails if a field was wrong.
    pub(crate) fn done(self) -> Result<(), Failure> {
        if self.0.is_empty() { Ok(()) } else { Err(Failure::Act(ActError::Fields(self.0))) }
    }
}

/// One of a closed set, by its name.
pub(crate) fn named<T: DeserializeOwned>(expected: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| serde_json::from_value(Value::from(text)).map_err(|_| format!("it is none of {expected}"))
}

impl AppFields {
    /// Reads them all, as they came to this issuer. What is wrong is kept in `fields`.
    pub(crate) fn read(self, issuer: &str, fields: &mut Fields) -> Read {
        let kind = named::<AppKind>("`public` and `confidential`");
        let grant = named::<GrantType>(
            "`authorization_code`, `challenge`, `password`, `refresh_token`, `client_credentials`, `token_exchange`, `jwt_bearer` and `native_sso`",
        );
        let scope = |text: &str| match Scope::parse(text) {
            Ok(scope) if scope.iter().count() == 1 => Ok(scope),
            Ok(_) | Err(_) => Err("it is no scope: write one in each place of the list (RFC 6749 §3.3)"),
        };
        let algorithm = named::<SignatureAlgorithm>("`RS256` and `ES256`");
        let dpop = named::<Dpop>("`optional`, `refresh_tokens` and `required`");
        let scopes = fields.list_of_scopes(self.scopes.as_deref(), scope);
        let logout_uri = self
            .backchannel_logout_uri
            .map(|uri| fields.one("backchannel_logout_uri", uri.as_deref(), NotificationUri::parse));
        let webhook = self.webhook_uri.map(|uri| {
            let uri = fields.one("webhook_uri", uri.as_deref(), NotificationUri::parse)?;
            Some(AppWebhook { uri, issuer: issuer.to_owned() })
        });
        let window = self.refresh_retry_window.map(|window| {
            let window = window.map(Seconds::new);
            if window.is_some_and(|window| window.as_u64() > MAX_RETRY_WINDOW) {
                fields.wrong("refresh_retry_window", format!("it is at most {MAX_RETRY_WINDOW} seconds"));
            }
            window
        });
        if self.self_registered == Some(true) {
            fields.wrong("self_registered", "only an app itself can make it so");
        }
        if self.client_id.is_some() {
            fields.wrong("client_id", "the path says it: leave it out");
        }
        if self.jwks.as_ref().is_some_and(|keys| !keys.is_object()) {
            fields.wrong("jwks", "it is no JWK Set (RFC 7517 §5)");
        }
        Read {
            name: fields.one("name", self.name.as_deref(), HeaderText::parse),
            kind: fields.one("kind", self.kind.as_deref(), kind),
            plan: fields.one("plan", self.plan.as_deref(), PlanName::parse),
            subscribe: fields.list("subscribe", self.subscribe.as_deref(), ApiName::parse),
            settings: AppChanges {
                name: None,
                kind: None,
                enabled: self.enabled,
                grants: fields.list("grants", self.grants.as_deref(), grant),
                scopes,
                plan: None,
                trusted: self.trusted,
                refresh_retry_window: window,
                jwks: self.jwks.map(|keys| keys.to_string()),
                id_token_alg: fields.one("id_token_alg", self.id_token_alg.as_deref(), algorithm),
                dpop: fields.one("dpop", self.dpop.as_deref(), dpop),
                redirect_uris: fields.list("redirect_uris", self.redirect_uris.as_deref(), RedirectUri::parse),
                pkce_optional: self.pkce_optional,
                post_logout_redirect_uris: fields.list(
                    "post_logout_redirect_uris",
                    self.post_logout_redirect_uris.as_deref(),
                    RedirectUri::parse,
                ),
                backchannel_logout_uri: logout_uri,
                webhook,
                ends_registration: self.self_registered == Some(false),
            },
        }
    }
}

impl Fields {
    fn list_of_scopes(
        &mut self,
        texts: Option<&[String]>,
        parse: impl Fn(&str) -> Result<Scope, &'static str>,
    ) -> Option<Scope> {
        let texts = texts?;
        let mut all = Scope::default();
        if texts.len() > MOST {
            self.wrong("scopes", format!("it has more than {MOST} values"));
        }
        for (index, text) in texts.iter().take(MOST).enumerate() {
            if let Some(one) = self.one(&format!("scopes[{index}]"), Some(text), &parse) {
                all = all.union(&one);
            }
        }
        Some(all)
    }
}

impl Read {
    /// As changes of an application that is there.
    pub(crate) fn changes(self) -> AppChanges {
        AppChanges { name: self.name, kind: self.kind, plan: self.plan, ..self.settings }
    }

    /// As the whole of an application: what was not sent is as in a new one. Its keys and secret stay, unless
    /// its kind is another.
    pub(crate) fn whole(self) -> AppChanges {
        let sent = self.settings;
        AppChanges {
            name: self.name,
            kind: self.kind,
            enabled: sent.enabled.or(Some(true)),
            grants: sent.grants,
            scopes: sent.scopes,
            plan: self.plan,
            trusted: sent.trusted.or(Some(false)),
            refresh_retry_window: sent.refresh_retry_window.or(Some(None)),
            jwks: sent.jwks,
            id_token_alg: sent.id_token_alg.or(Some(SignatureAlgorithm::Rs256)),
            dpop: sent.dpop.or(Some(Dpop::Optional)),
            redirect_uris: sent.redirect_uris.or_else(|| Some(BTreeSet::new())),
            pkce_optional: sent.pkce_optional.or(Some(false)),
            post_logout_redirect_uris: sent.post_logout_redirect_uris.or_else(|| Some(BTreeSet::new())),
            backchannel_logout_uri: sent.backchannel_logout_uri.or(Some(None)),
            webhook: sent.webhook.or(Some(None)),
            ends_registration: sent.ends_registration,
        }
    }
}
