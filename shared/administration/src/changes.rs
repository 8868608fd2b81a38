//! What can be changed of an application, and which applications can be.

use crate::{ActError, Catalogue, Problem, WrongField, jwks};
use gateway_domain::admin_scope;
use gateway_domain::id_token::{DEVICE_SSO, OPENID};
use gateway_domain::ids::{HeaderText, PlanName};
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::Scope;
use gateway_domain::time::Seconds;
use gateway_store::{App, AppKind, AppWebhook, Dpop, GrantType};
use std::collections::BTreeSet;

/// What is to change of an application; what is `None` stays.
#[derive(Debug, Default)]
pub struct AppChanges {
    /// [`App::name`]
    pub name: Option<HeaderText>,
    /// [`App::kind`]. With another one, secret and keys end.
    pub kind: Option<AppKind>,
    /// [`App::enabled`]
    pub enabled: Option<bool>,
    /// [`App::grants`]
    pub grants: Option<BTreeSet<GrantType>>,
    /// [`App::scope`]
    pub scopes: Option<Scope>,
    /// [`App::plan`]
    pub plan: Option<PlanName>,
    /// [`App::trusted`]
    pub trusted: Option<bool>,
    /// [`App::refresh_retry_window`]; `Some(None)` is the gateway's.
    pub refresh_retry_window: Option<Option<Seconds>>,
    /// A JWK Set, in place of the keys or the secret.
    pub jwks: Option<String>,
    /// [`App::id_token_alg`]
    pub id_token_alg: Option<SignatureAlgorithm>,
    /// [`App::dpop`]
    pub dpop: Option<Dpop>,
    /// [`App::redirect_uris`]
    pub redirect_uris: Option<BTreeSet<RedirectUri>>,
    /// [`App::pkce_optional`]
    pub pkce_optional: Option<bool>,
    /// [`gateway_store::AppLogout::post_logout_redirect_uris`]
    pub post_logout_redirect_uris: Option<BTreeSet<RedirectUri>>,
    /// [`gateway_store::AppLogout::backchannel_logout_uri`]; `Some(None)` is none.
    pub backchannel_logout_uri: Option<Option<NotificationUri>>,
    /// [`App::webhook`]; `Some(None)` is none.
    pub webhook: Option<Option<AppWebhook>>,
    /// Whether its registration access token ends.
    pub ends_registration: bool,
}

/// What is to change of a subscription; what is `None` stays.
#[derive(Debug, Default)]
pub struct SubscriptionChanges {
    /// [`gateway_store::Subscription::id`]
    pub id: Option<HeaderText>,
    /// [`gateway_store::Subscription::enabled`]
    pub enabled: Option<bool>,
    /// [`gateway_store::Subscription::plan`]; `Some(None)` is that of the application.
    pub plan: Option<Option<PlanName>>,
}

impl AppChanges {
    /// Makes the changes.
    ///
    /// # Errors
    /// [`ActError::Fields`], with everything that is wrong.
    pub(crate) fn apply(self, app: &mut App, names: Catalogue<'_>) -> Result<(), ActError> {
        let unknown = [
            self.plan.as_ref().and_then(|plan| names.plan("plan", plan)),
            self.scopes.as_ref().and_then(|scopes| names.scope("scopes", scopes)),
            self.webhook.as_ref().and_then(|webhook| names.webhook(webhook.as_ref(), app.webhook.as_ref())),
        ];
        let mut wrong: Vec<_> = unknown.into_iter().flatten().collect();
        app.make(self.kind.unwrap_or(app.kind));
        set(&mut app.name, self.name.map(|name| name.to_string()));
        set(&mut app.enabled, self.enabled);
        set(&mut app.grants, self.grants);
        set(&mut app.scope, self.scopes);
        set(&mut app.plan, self.plan);
        set(&mut app.trusted, self.trusted);
        set(&mut app.redirect_uris, self.redirect_uris);
        set(&mut app.logout.post_logout_redirect_uris, self.post_logout_redirect_uris);
        set(&mut app.logout.backchannel_logout_uri, self.backchannel_logout_uri);
        set(&mut app.webhook, self.webhook);
        set(&mut app.pkce_optional, self.pkce_optional);
        set(&mut app.refresh_retry_window, self.refresh_retry_window);
        // What is the same anyway is not stored, so that the same sent again is the same.
        set(
            &mut app.id_token_alg,
            self.id_token_alg.map(|one| Some(one).filter(|one| *one != SignatureAlgorithm::Rs256)),
        );
        set(&mut app.dpop, self.dpop);
        if self.ends_registration {
            app.registration_hash = None;
        }
        if let Some(keys) = &self.jwks
            && let Err(error) = jwks::register(app, keys)
        {
            let ActError::Fields(fields) = error else { return Err(error) };
            wrong.extend(fields);
        }
        wrong.extend(unsound(app));
        if wrong.is_empty() { Ok(()) } else { Err(ActError::Fields(wrong)) }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What the token function would refuse of an application at every request.
pub(crate) fn unsound(app: &App) -> Vec<WrongField> {
    let mut wrong = Vec::new();
    let mut rule = |is_broken: bool, field: &str, text: &str| {
        if is_broken {
            wrong.push(WrongField { field: field.to_owned(), problem: Problem::Rule(text.to_owned()) });
        }
    };
    let may = |grant| app.grants.contains(&grant);
    let is_public = app.kind == AppKind::Public;
    rule(
        may(GrantType::Password) && !app.trusted,
        "trusted",
        "the password grant is for apps that may see passwords, which are trusted",
    );
    rule(
        may(GrantType::Challenge) && !app.trusted,
        "trusted",
        "an app that logs people in on its own screens sees passwords, and is for apps of the company, which are trusted",
    );
    rule(
        may(GrantType::Challenge) && !may(GrantType::AuthorizationCode),
        "grants",
        "what the challenge endpoint gives is a code, which the grant authorization_code redeems: give it both",
    );
    rule(
        may(GrantType::JwtBearer) && !is_public,
        "grants",
        "devices are of apps that run on them, which are public: an app on a server has a secret or keys of its own",
    );
    rule(
        may(GrantType::NativeSso) && !(app.trusted && is_public),
        "grants",
        "logins are shared by apps of the company on one device, which are trusted and public: leave out native_sso",
    );
    rule(
        app.scope.contains(DEVICE_SSO) && !(may(GrantType::NativeSso) && app.scope.contains(OPENID)),
        "scopes",
        "an app that lets others in by its login has the grant native_sso and ID tokens: device_sso needs both, and openid",
    );
    rule(
        app.redirect_uris.iter().any(RedirectUri::has_wildcard),
        "redirect_uris",
        "a redirect URI is one address, and * in its host matches nothing: register each address",
    );
    rule(
        may(GrantType::AuthorizationCode) == app.redirect_uris.is_empty(),
        "redirect_uris",
        "the grant authorization_code and redirect URIs go together: codes are sent to a registered address only",
    );
    rule(
        app.pkce_optional && is_public,
        "pkce_optional",
        "a public app has no other proof than PKCE, which is not optional for it (RFC 8252 §8.1)",
    );
    rule(
        app.dpop == Dpop::RefreshTokens && !is_public,
        "dpop",
        "the refresh tokens of a confidential app are bound to its secret or its keys: it is `optional` or `required`",
    );
    rule(
        app.logout.backchannel_logout_uri.is_some() && !app.scope.contains(OPENID),
        "backchannel_logout_uri",
        "logout tokens are told to apps that got ID tokens: the scopes need openid",
    );
    rule(
        may(GrantType::ClientCredentials) && is_public,
        "grants",
        "a public app has no secret, so client_credentials would let anybody be it (RFC 6749 §4.4)",
    );
    rule(
        may(GrantType::TokenExchange) && is_public,
        "grants",
        "a public app has no secret, so anybody could exchange the tokens that it gets: leave out token_exchange",
    );
    rule(
        app.scope.iter().any(admin_scope::is_one)
            && (is_public || app.grants != BTreeSet::from([GrantType::ClientCredentials])),
        "scopes",
        "the scopes of the admin API are for confidential apps whose one grant is client_credentials: in the hands of another app \
         they would be in those of its users",
    );
    wrong
}
