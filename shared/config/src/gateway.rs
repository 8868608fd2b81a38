//! The configuration as a whole. It is read and checked once and does not change afterwards.

use crate::accounts::Accounts;
use crate::api::Api;
use crate::app_families::AppFamily;
use crate::connector::{ConnectorConfig, PasswordRule, Whose};
use crate::cors::CorsFields;
use crate::devices::Devices;
use crate::directory::{Directory, Hook};
use crate::events::Destination;
use crate::file::{File, Lifetimes};
use crate::hooks::Hooks;
use crate::issuers::{ForeignClient, ForeignIssuer};
use crate::pages::{Pages, WebLink};
use crate::passkeys::Passkeys;
use crate::portal::{ApiOffer, DeveloperPortal, PlanOffer};
use crate::registration::Registration;
use crate::routes::{NoRoute, RouteMatch, Routes};
use crate::text::Audience;
use crate::tls::Tls;
use crate::url::{Issuer, NoIssuer, Origin, is_loopback};
use crate::{ConfigError, check, read};
use gateway_domain::cors::Cors;
use gateway_domain::domain_event::EventType;
use gateway_domain::headers::Place;
use gateway_domain::ids::{ApiName, ClientId, ConnectorName, DestinationName, IssuerName, PlanName};
use gateway_domain::language::Language;
use gateway_domain::path::CheckedPath;
use gateway_domain::rate_limit::{Limits, Plan, TimeZone};
use gateway_domain::scope::Scope;
use gateway_domain::time::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;

/// The largest configuration, in bytes.
pub(crate) const MAX_BYTES: u64 = 256 * 1024;

/// The checked configuration of a gateway.
#[derive(Debug)]
pub struct Gateway {
    file: File,
    routes: Routes,
    cors: Option<Cors>,
    /// Where calls are forwarded to.
    origins: Vec<Origin>,
}

/// Where a password is reset and changed, as pages can lead there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere<'g> {
    /// Where a forgotten one is replaced.
    pub reset: Option<&'g WebLink>,
    /// Where it is changed.
    pub change: Option<&'g WebLink>,
}

/// The issuer and the audience of every access token (RFC 9068 §2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenParties<'g> {
    issuer: Cow<'g, Issuer>,
    audience: Option<&'g str>,
}

impl TokenParties<'_> {
    /// `iss`.
    pub fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// `aud`: the resource that the tokens are for. It is the issuer unless the configuration names another.
    pub fn audience(&self) -> &str {
        self.audience.unwrap_or(self.issuer())
    }
}

impl Gateway {
    /// Reads a configuration. Every problem has its line, column and field.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if length > MAX_BYTES {
            return Err(ConfigError::TooLarge { length, limit: MAX_BYTES });
        }
        let file: File = read::read(text).map_err(|problem| ConfigError::Invalid(vec![problem]))?;
        let invalid = |found| ConfigError::Invalid(read::locate(text, found));
        let literals = check::literals::check(text, &file);
        if !literals.is_empty() {
            return Err(invalid(literals));
        }
        let routes = check::check(&file).map_err(invalid)?;
        let cors = file.cors.as_ref().map(CorsFields::to_rule);
        let all = file.apis.values().flat_map(|api| {
            std::iter::once(&api.back_end).chain(api.routes.iter().filter_map(|route| route.back_end.as_ref()))
        });
        let mut origins: Vec<Origin> = Vec::new();
        for back_end in all {
            if !origins.contains(back_end.origin()) {
                origins.push(back_end.origin().clone());
            }
        }
        Ok(Self { file, routes, cors, origins })
    }

    /// Reads the configuration in a file. The functions read their file in this way, so a file that is accepted here is
    /// accepted by them.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        // The bytes that are read decide, because the reported length may have changed since, and it is 0 for a pipe.
        let length = file.metadata().map_err(unreadable)?.len();
        file.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        Self::read(&bytes).map_err(|error| match error {
            ConfigError::TooLarge { length: read, limit } => ConfigError::TooLarge { length: length.max(read), limit },
            ConfigError::Unreadable { .. } | ConfigError::Invalid(_) => error,
        })
    }

    /// Reads the configuration in these bytes, which must be at most 256 KiB of UTF-8.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > MAX_BYTES {
            return Err(ConfigError::TooLarge { length, limit: MAX_BYTES });
        }
        Self::parse(read::text(bytes).map_err(|problem| ConfigError::Invalid(vec![problem]))?)
    }

    /// The issuer and the audience of the tokens. The issuer is that of the configuration, or otherwise that of the stage
    /// variable `issuer`. Tokens, their verification and the metadata all take both from here, so they always agree.
    pub fn token_parties(&self, stage_variables: &BTreeMap<String, String>) -> Result<TokenParties<'_>, NoIssuer> {
        let audience = self.file.audience.as_ref().map(Audience::as_str);
        if let Some(issuer) = &self.file.issuer {
            return Ok(TokenParties { issuer: Cow::Borrowed(issuer), audience });
        }
        let text = stage_variables.get("issuer").filter(|text| !text.is_empty()).ok_or(NoIssuer::Absent)?;
        let issuer = Cow::Owned(Issuer::try_from(text.clone()).map_err(NoIssuer::NotAllowed)?);
        Ok(TokenParties { issuer, audience })
    }

    /// How long tokens and sessions live.
    pub fn lifetimes(&self) -> &Lifetimes {
        &self.file.lifetimes
    }

    /// How many sessions one user may have at once in one application with this plan.
    pub fn sessions_per_user_and_app(&self, plan: &PlanName) -> u32 {
        let of_plan = self.file.plans.get(plan).and_then(|entry| entry.sessions);
        of_plan.unwrap_or(self.file.sessions_per_user_and_app)
    }

    /// The route of a call. A literal segment wins over a name in braces, and that over one that stands for the rest of the path.
    /// If a back end could take the path for that of another, narrower route, the call is [`NoRoute::Ambiguous`].
    pub fn route(&self, method: &http::Method, path: &CheckedPath) -> Result<RouteMatch<'_>, NoRoute<'_>> {
        self.routes.find(&self.file.apis, method, path)
    }

    /// Whether a route has this path, or a function of the gateway's own.
    pub fn has_path(&self, path: &str) -> bool {
        self.routes.has(path)
    }

    /// The place of an address that a back end names: a host, a port unless it is the usual one, and a path there without its
    /// query.
    ///
    /// Old systems know neither the port nor the scheme that others reach them by. So the usual ports stand for the one that is
    /// configured, and every other port of a back end's host is an inner address too, but for this machine, where each port is a
    /// system of its own.
    pub fn place_of(&self, back_end: &Origin, (host, port): (&str, Option<u16>), path: &str) -> Place {
        // A final dot makes no other host (RFC 1034 §3.1).
        let host = host.trim_end_matches('.');
        let named = |origin: &&Origin| origin.authority().host().trim_end_matches('.').eq_ignore_ascii_case(host);
        let mut origins = std::iter::once(back_end).filter(named).chain(self.origins.iter().filter(named)).peekable();
        let Some(first) = origins.peek().copied() else { return Place::Elsewhere };
        let is_usual = matches!(port, None | Some(80 | 443));
        let found = match origins.find(|origin| port == Some(origin.port())) {
            Some(exact) => exact,
            None if is_usual => first,
            None if is_loopback(host) => return Place::Elsewhere,
            None => return Place::Nowhere,
        };
        self.routes.outside_of(found, path).map_or(Place::Nowhere, Place::Here)
    }

    /// Which web pages may call. `None` means that no page of another origin may.
    pub fn cors(&self) -> Option<&Cors> {
        self.cors.as_ref()
    }

    /// Which accounts people can make for themselves.
    pub fn accounts(&self) -> &Accounts {
        &self.file.accounts
    }

    /// What devices of applications may do. `None` means that there are none.
    pub fn devices(&self) -> Option<&Devices> {
        self.file.devices.as_ref()
    }

    /// By which passkeys people log in. `None` means that there are none.
    pub fn passkeys(&self) -> Option<&Passkeys> {
        self.file.passkeys.as_ref()
    }

    /// The family of an application, whose other apps it shares logins with on one device.
    pub fn app_family(&self, client: &ClientId) -> Option<&AppFamily> {
        self.file.app_families.values().find(|family| family.apps.contains(client))
    }

    /// Whether there are applications that share logins.
    pub fn has_app_families(&self) -> bool {
        !self.file.app_families.is_empty()
    }

    /// What applications that register themselves get. `None` means that none does.
    pub fn registration(&self) -> Option<&Registration> {
        self.file.registration.as_ref()
    }

    /// How developers register applications by themselves. `None` means that they do not.
    pub fn developer_portal(&self) -> Option<&DeveloperPortal> {
        self.file.portal.as_ref()
    }

    /// Whether applications are told of what happens to them.
    pub fn has_app_webhooks(&self) -> bool {
        self.file.portal.as_ref().is_some_and(|portal| portal.webhooks)
    }

    /// Whether anybody is told of events.
    pub fn tells_events(&self) -> bool {
        !self.destinations().is_empty() || self.hooks().registered.is_some() || self.has_app_webhooks()
    }

    /// The APIs that are offered to developers, by name.
    pub fn offered_apis(&self) -> impl Iterator<Item = (&ApiName, &Api, &ApiOffer)> {
        self.apis().filter_map(|(name, api)| Some((name, api, api.offer.as_ref()?)))
    }

    /// The plans that are offered to developers, by name.
    pub fn offered_plans(&self) -> impl Iterator<Item = (&PlanName, &Plan, &PlanOffer)> {
        self.file.plans.iter().filter_map(|(name, entry)| Some((name, &entry.plan, entry.offer.as_ref()?)))
    }

    /// How the pages for users look, and where they lead for help.
    pub fn pages(&self) -> &Pages {
        &self.file.pages
    }

    /// What a scope allows, in words for users. `None` if the configuration has none for it.
    pub fn scope_text(&self, scope: &str, language: Language) -> Option<&str> {
        let mut texts = self.file.scopes.iter().flatten();
        texts.find(|(token, _)| token.as_str() == scope).map(|(_, text)| text.get(language))
    }

    /// The limits of a call to this API, which uses so much of each: those of the application's plan, and of the plan of its
    /// subscription, if that has one.
    ///
    /// # Errors
    /// The name of a plan that the configuration does not have.
    pub fn limits<'g, 'n>(
        &'g self,
        plan: &'n PlanName,
        subscription: Option<&'n PlanName>,
        call: &RouteMatch<'g>,
    ) -> Result<Limits<'g>, &'n PlanName> {
        let of = |name: &'n PlanName| self.plan(name).ok_or(name);
        let subscription = subscription.map(of).transpose()?;
        Ok(Limits::of_call(of(plan)?, subscription, call.api, call.weight, &self.file.time_zone))
    }

    /// The time zone of days and months.
    pub fn time_zone(&self) -> &TimeZone {
        &self.file.time_zone
    }

    /// All plans, by name.
    pub fn plans(&self) -> impl Iterator<Item = (&PlanName, &Plan)> {
        self.file.plans.iter().map(|(name, entry)| (name, &entry.plan))
    }

    /// A plan by its name.
    pub fn plan(&self, name: &PlanName) -> Option<&Plan> {
        self.file.plans.get(name).map(|entry| &entry.plan)
    }

    /// An API by its name.
    pub fn api(&self, name: &ApiName) -> Option<&Api> {
        self.file.apis.get(name)
    }

    /// All APIs, by name.
    pub fn apis(&self) -> impl Iterator<Item = (&ApiName, &Api)> {
        self.file.apis.iter()
    }

    /// A connector by its name.
    pub fn connector(&self, name: &ConnectorName) -> Option<&ConnectorConfig> {
        self.file.connectors.get(name)
    }

    /// The name of a connector's legacy system for users: its label, or otherwise the connector's own name.
    pub fn system_name<'g>(&'g self, connector: &'g ConnectorName, language: Language) -> &'g str {
        let label = self.connector(connector).and_then(ConnectorConfig::label);
        label.map_or(connector.as_str(), |label| label.get(language))
    }

    /// All connectors, by name.
    pub fn connectors(&self) -> impl Iterator<Item = (&ConnectorName, &ConnectorConfig)> {
        self.file.connectors.iter()
    }

    /// Where the password that people log in with is reset and changed, if that is not here.
    pub fn password_elsewhere(&self) -> Option<Elsewhere<'_>> {
        let asked = self.directory().filter(|directory| directory.validate_user_pass.is_some());
        let of_hook = asked.map(|one| Elsewhere { reset: one.reset_url.as_ref(), change: one.change_url.as_ref() });
        of_hook.or_else(|| {
            let mut rules = self.connectors().filter_map(|(_, one)| one.password());
            let rule = rules.find(|rule| rule.whose == Whose::Theirs)?;
            Some(Elsewhere { reset: rule.reset_url.as_ref(), change: rule.change_url.as_ref() })
        })
    }

    /// Who checks the passwords of people who have none here.
    pub fn directory(&self) -> Option<&Directory> {
        self.file.accounts.directory.as_ref()
    }

    /// The domain of names that are typed without one, for people of the directory.
    pub fn directory_domain(&self) -> Option<String> {
        self.directory()?.domain.as_ref().map(|domain| domain.as_str().to_owned())
    }

    /// The name of the directory for users. A hook without a label has none.
    pub fn directory_name(&self, language: Language) -> Option<&str> {
        let directory = self.directory()?;
        match &directory.connector {
            Some(connector) => Some(self.system_name(connector, language)),
            None => directory.label.as_ref().map(|label| label.get(language)),
        }
    }

    /// Every connector with a password of its own, which the gateway does not know.
    pub fn separate_passwords(&self) -> impl Iterator<Item = (&ConnectorName, &PasswordRule)> {
        let rules = self.connectors().filter_map(|(name, one)| Some((name, one.password()?)));
        rules.filter(|(_, rule)| rule.whose == Whose::Separate)
    }

    /// Every TLS setting, each with its field.
    pub fn tls(&self) -> impl Iterator<Item = (String, &Tls)> {
        let apis = self.apis().filter_map(|(name, api)| Some((format!("apis.{name}.tls"), api.tls.as_ref()?)));
        let connectors = self.connectors();
        let connectors = connectors.filter_map(|(name, one)| Some((format!("connectors.{name}.tls"), one.tls()?)));
        let hooks = self.all_hooks().filter_map(|(field, hook)| Some((format!("{field}.tls"), hook.tls.as_ref()?)));
        let issuers = self.issuers().filter_map(|(name, one)| Some((format!("issuers.{name}.tls"), one.tls.as_ref()?)));
        apis.chain(connectors).chain(hooks).chain(issuers)
    }

    /// Every secret that TLS needs, each with its field. The same secret may occur more than once.
    pub fn tls_secrets(&self) -> impl Iterator<Item = (String, &str)> {
        self.tls().flat_map(|(field, tls)| {
            tls.secrets().map(move |(part, secret)| (format!("{field}.{part}"), secret.as_str())).collect::<Vec<_>>()
        })
    }

    /// Every secret that connectors log in with, each with its field. The same secret may occur more than once.
    pub fn connector_secrets(&self) -> impl Iterator<Item = (String, &str)> {
        self.connectors().flat_map(|(name, one)| {
            one.secrets().map(move |(part, secret)| (format!("connectors.{name}.{part}"), secret.as_str()))
        })
    }

    /// Every secret that hooks sign with, each with its field.
    pub fn hook_secrets(&self) -> impl Iterator<Item = (String, &str)> {
        self.all_hooks().filter_map(|(field, hook)| Some((format!("{field}.secret"), hook.secret.as_ref()?.as_str())))
    }

    /// Every secret that messages of events are signed with, each with its field.
    pub fn event_secrets(&self) -> impl Iterator<Item = (String, &str)> {
        let destinations = self.destinations().iter();
        destinations.filter_map(|(name, one)| Some((format!("events.{name}.secret"), one.secret.as_ref()?.as_str())))
    }

    /// Every secret that the gateway authenticates with at another issuer, each with its field.
    pub fn issuer_secrets(&self) -> impl Iterator<Item = (String, &str)> {
        self.issuers().flat_map(|(name, issuer)| {
            let clients = issuer.clients.iter().enumerate();
            clients.filter_map(move |(at, client)| {
                Some((format!("issuers.{name}.clients[{at}].secret"), client.secret.as_ref()?.as_str()))
            })
        })
    }

    /// The issuers whose refresh tokens are traded in, by name, whether or not their time is over.
    pub fn issuers(&self) -> impl Iterator<Item = (&IssuerName, &ForeignIssuer)> {
        self.file.issuers.iter()
    }

    /// Whose refresh tokens this application trades in, and as which client of that issuer. `None` for one that trades in none, or whose
    /// time for it is over, with the day in which what was traded in is served again.
    pub fn trade_in(&self, client: &ClientId, now: Timestamp) -> Option<(&IssuerName, &ForeignIssuer, &ForeignClient)> {
        self.issuers().filter(|(_, issuer)| now < issuer.until.served()).find_map(|(name, issuer)| {
            let mapped = issuer.clients.iter().find(|mapped| mapped.client == *client)?;
            Some((name, issuer, mapped))
        })
    }

    /// Who is told of events.
    pub fn destinations(&self) -> &BTreeMap<DestinationName, Destination> {
        &self.file.events
    }

    /// The names of those that get events of this type. The hook `registered` is one of them.
    pub fn told_of(&self, kind: EventType) -> impl Iterator<Item = DestinationName> {
        let wanting = self.destinations().iter().filter(move |(_, one)| one.wants(kind)).map(|(name, _)| name.clone());
        let asked = kind == EventType::UserCreated && self.hooks().registered.is_some();
        wanting.chain(asked.then(DestinationName::of_registered))
    }

    /// The hooks that have a say in tokens.
    pub fn hooks(&self) -> &Hooks {
        &self.file.hooks
    }

    /// Every hook with its field.
    fn all_hooks(&self) -> impl Iterator<Item = (String, &Hook)> {
        let login = self.directory().and_then(|directory| directory.validate_user_pass.as_ref());
        let login = login.map(|hook| ("accounts.directory.validate_user_pass".to_owned(), hook));
        let tokens = self.file.hooks.each().map(|(name, hook)| (format!("hooks.{name}"), hook));
        login.into_iter().chain(tokens)
    }

    /// The APIs of which a token with this scope may call at least one route. Public routes do not count.
    pub fn apis_for_scope(&self, scope: &Scope) -> impl Iterator<Item = (&ApiName, &Api)> {
        self.file.apis.iter().filter(|(_, api)| api.needed().any(|needed| needed.is_subset(scope)))
    }

    /// Every API behind this connector.
    pub fn apis_of_connector(&self, connector: &ConnectorName) -> impl Iterator<Item = (&ApiName, &Api)> {
        self.file.apis.iter().filter(move |(_, api)| api.connector.as_ref() == Some(connector))
    }

    /// The services to which access tokens with this scope are passed on, of those APIs that `subscribed` holds for.
    pub fn services(&self, scope: &Scope, subscribed: impl Fn(&ApiName) -> bool) -> BTreeSet<&ClientId> {
        let apis = self.apis_for_scope(scope).filter(|(name, _)| subscribed(name));
        apis.filter_map(|(_, api)| Some(&api.pass_access_token.as_ref()?.audience)).collect()
    }

    /// Whether access tokens are passed on to this service.
    pub fn is_service(&self, client: &ClientId) -> bool {
        self.file.apis.values().any(|api| api.pass_access_token.as_ref().is_some_and(|to| to.audience == *client))
    }

    /// Every scope that is declared or that a route needs, in order: the `scopes_supported` of RFC 8414 §2. No route needs
    /// `account`, which opens the owner's account.
    pub fn scopes(&self) -> BTreeSet<&str> {
        self.file.known_scopes()
    }
}

/// The JSON Schema (draft 2020-12) of gateway.yaml, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_domain::rate_limit::Period;
    use gateway_domain::time::Seconds;

    const TEXT: &str = "
plans: { standard: { calls: 60, window: 1m }, family: { calls: 60, window: 1m, sessions: 2 } }
apis:
  orders:
    back_end: https://orders.example.com
    routes: [{ path: /orders, methods: { GET: [orders:read], POST: [orders:read, orders:write] } }]
  stock:
    back_end: https://stock.example.com
    routes: [{ path: /stock, methods: { GET: [stock:read, admin] } }]
  open:
    back_end: https://open.example.com
    routes: [{ path: /public/ping, methods: { GET: [] }, public: true }]
";

    #[test]
    fn what_is_not_written_has_the_documented_value() {
        let gateway = Gateway::parse(TEXT).unwrap();
        assert_eq!(gateway.token_parties(&BTreeMap::new()), Err(NoIssuer::Absent));
        assert_eq!(gateway.lifetimes(), &Lifetimes::default());
        let sessions = |plan| gateway.sessions_per_user_and_app(&PlanName::parse(plan).unwrap());
        assert_eq!((sessions("standard"), sessions("family"), sessions("unknown")), (8, 2, 8));
        let api = gateway.api(&ApiName::parse("orders").unwrap()).unwrap();
        assert_eq!((api.timeout, api.max_header_bytes, api.optional), (Seconds::new(10), 8190, false));
        assert!(!api.trusted_pages);
        assert_eq!(api.idle_timeout, Seconds::new(60));
        assert_eq!((api.max_response_bytes, &api.tls), (200 * 1024 * 1024, &None));
        assert_eq!(api.headers, gateway_domain::headers::IdentityHeaders::default());
        let plan = gateway.plan(&PlanName::parse("standard").unwrap()).unwrap();
        let [(name, limit)] = &plan.limits[..] else { panic!("{plan:?}") };
        assert_eq!((name.as_str(), limit.calls, limit.period), ("default", 60, Period::Window(Seconds::new(60))));
        assert!(gateway.plan(&PlanName::parse("other").unwrap()).is_none());
    }

    #[test]
    fn scopes_have_texts_in_the_languages_that_are_written() {
        let scopes = "scopes: { a: All, orders:read: { en: See, de: Sehen }, orders:write: { en: Place }, stock:read: S, admin: A }";
        let gateway = Gateway::parse(&format!("{scopes}\n{TEXT}")).unwrap();
        let text = |scope, language| gateway.scope_text(scope, language);
        assert_eq!(text("a", Language::English), Some("All"));
        assert_eq!(text("a", Language::German), Some("All"));
        assert_eq!(text("orders:read", Language::English), Some("See"));
        assert_eq!(text("orders:read", Language::German), Some("Sehen"));
        assert_eq!(text("orders:write", Language::German), Some("Place"));
        assert_eq!(text("other", Language::English), None);
        assert_eq!(Gateway::parse(TEXT).unwrap().scope_text("orders:read", Language::English), None);
    }

    #[test]
    fn a_legacy_system_has_the_name_that_users_know() {
        let ticket = "type: kerberos_password, realm: A.EXAMPLE, kdcs: [kdc.a.example], service: HTTP/a.example";
        let connectors = format!(
            "connectors:\n  named: {{ {ticket}, label: {{ en: Order System, de: Bestellungen }} }}\n  plain: {{ {ticket} }}"
        );
        let gateway = Gateway::parse(&format!("{connectors}\n{TEXT}")).unwrap();
        let [named, plain] = ["named", "plain"].map(|name| ConnectorName::parse(name).unwrap());
        assert_eq!(gateway.system_name(&named, Language::English), "Order System");
        assert_eq!(gateway.system_name(&named, Language::German), "Bestellungen");
        assert_eq!(gateway.system_name(&plain, Language::German), "plain");
    }

    /// Checklist S-06.
    #[test]
    fn a_scope_opens_the_apis_of_which_it_opens_a_route() {
        let gateway = Gateway::parse(TEXT).unwrap();
        let opened = |scope: &str| {
            let scope = Scope::parse(scope).unwrap();
            gateway.apis_for_scope(&scope).map(|(name, _)| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(opened("orders:read"), ["orders"]);
        assert_eq!(opened("orders:write"), [""; 0]);
        assert_eq!(opened("orders:read stock:read"), ["orders"]);
        assert_eq!(opened("admin orders:read stock:read"), ["orders", "stock"]);
        assert_eq!(opened(""), [""; 0]);
        assert_eq!(gateway.scopes(), ["admin", "orders:read", "orders:write", "stock:read"].into());
    }

    #[test]
    fn a_declared_scope_is_one_though_no_route_needs_it() {
        let scopes = "scopes: { account: A, orders:read: S, orders:write: P, stock:read: S, admin: A }";
        let gateway = Gateway::parse(&format!("{scopes}\n{TEXT}")).unwrap();
        assert_eq!(gateway.scopes(), ["account", "admin", "orders:read", "orders:write", "stock:read"].into());
    }
}
