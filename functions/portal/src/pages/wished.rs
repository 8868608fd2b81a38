//! The fields of what developers say of an application, and how they are read.

use crate::app_fields::Fields;
use crate::{Portal, own_apps};
use gateway_administration::{AppActs, Wish};
use gateway_domain::form::Form;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::Scope;
use gateway_store::{App, AppKind, AppSettings, AppWebhook, GrantType};
use gateway_web::pages::portal::{Field, Input};

impl Portal {
    /// The fields of what developers say of an application.
    pub(super) fn wish_fields(&self, apps: &AppActs<'_>, wish: &Wished) -> Vec<Field> {
        let kinds = KINDS.map(|(kind, label)| (kind.to_owned(), label.to_owned()));
        let mut fields = vec![
            Field::new("name", "Name", Input::Line(wish.name.clone())).hint("Users see it when they log in"),
            Field::new("kind", "Kind", Input::Choice(kinds.into(), wish.kind.clone()))
                .hint("With another kind the secret before ends, and a new one has to be made"),
            Field::new("redirect_uris", "Redirect URIs", Input::Lines(wish.redirect_uris.clone()))
                .hint("Where users come back to after the login, one per line: com.example.app:/signed-in or https://app.example.com/signed-in"),
            Field::new("post_logout_redirect_uris", "Redirect URIs after a logout", Input::Lines(wish.post_logout.clone()))
                .hint("One per line; none is needed"),
            Field::new("backchannel_logout_uri", "Back-channel logout URI", Input::Line(wish.back_channel.clone()))
                .hint("Where the app is told that a session has ended; none is needed"),
        ];
        if self.gateway.has_app_webhooks() {
            let field = Field::new("webhook_uri", "Webhook", Input::Line(wish.webhook.clone()));
            fields.push(
                field.hint(
                    "Where the app's server is told of what happens to the app, by a signed token; none is needed",
                ),
            );
        }
        let mut offered = apps.offered_scopes();
        offered.extend(wish.scopes.iter().map(str::to_owned));
        for scope in offered {
            let text = self.gateway.scope_text(&scope, gateway_domain::language::Language::English);
            let label = text.map_or_else(|| format!("Scope {scope}"), |text| format!("Scope {scope}: {text}"));
            fields.push(Field::new(&format!("scope.{scope}"), &label, Input::Tick(wish.scopes.contains(&scope))));
        }
        let field = Field::new("acts_for_itself", "It calls without a user, too", Input::Tick(wish.acts_for_itself));
        fields.push(field.hint("Confidential apps only: the grant client_credentials"));
        // Who has them keeps them while they are switched off.
        if self.gateway.devices().is_some() || wish.has_devices {
            let field =
                Field::new("has_devices", "Its devices call without a user, too", Input::Tick(wish.has_devices));
            fields.push(
                field.hint("Apps on people's devices only: each device has a key of its own, the grant jwt_bearer"),
            );
        }
        let trusted = Field::new("trusted", "It asks users for their password itself", Input::Tick(wish.trusted));
        fields.push(trusted.hint("The app will see their passwords. For native apps of the company: the grant challenge, and no consent of users. It waits for an approval, and so does every subscription of such an app"));
        fields
    }
}

/// What kinds of applications there are.
const KINDS: [(&str, &str); 3] = [
    ("native", "Native: on phones and computers, without a secret"),
    ("spa", "Single page: in browsers, without a secret"),
    (CONFIDENTIAL, "Confidential: on a server, with a secret"),
];
const CONFIDENTIAL: &str = "confidential";

/// What stands in the fields.
pub(super) struct Wished {
    name: String,
    kind: String,
    redirect_uris: String,
    post_logout: String,
    back_channel: String,
    webhook: String,
    scopes: Scope,
    acts_for_itself: bool,
    has_devices: bool,
    trusted: bool,
}

impl Wished {
    pub(super) fn of(sent: Option<&Form>) -> Self {
        let typed = |name: &str| sent.and_then(|sent| sent.get(name)).unwrap_or_default().to_owned();
        Self {
            name: typed("name"),
            kind: typed("kind"),
            redirect_uris: typed("redirect_uris"),
            post_logout: typed("post_logout_redirect_uris"),
            back_channel: typed("backchannel_logout_uri"),
            webhook: typed("webhook_uri"),
            scopes: sent.and_then(|sent| Scope::parse(&ticked(sent)).ok()).unwrap_or_default(),
            acts_for_itself: !typed("acts_for_itself").is_empty(),
            has_devices: !typed("has_devices").is_empty(),
            trusted: !typed("trusted").is_empty(),
        }
    }
}

impl From<&App> for Wished {
    /// What is wanted of an application, or else what it is.
    fn from(app: &App) -> Self {
        let is = AppSettings::from(app);
        let wanted = app.requested.as_ref().and_then(|requested| requested.settings.as_ref()).unwrap_or(&is);
        let lines = |uris: &std::collections::BTreeSet<RedirectUri>| {
            uris.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        Self {
            name: wanted.name.clone(),
            kind: match wanted.kind.unwrap_or(app.kind) {
                AppKind::Confidential => CONFIDENTIAL,
                // No page may ask for passwords itself.
                AppKind::Public if wanted.grants.contains(&GrantType::Challenge) => "native",
                AppKind::Public if wanted.redirect_uris.iter().all(own_apps::is_web) => "spa",
                AppKind::Public => "native",
            }
            .to_owned(),
            redirect_uris: lines(&wanted.redirect_uris),
            post_logout: lines(&wanted.logout.post_logout_redirect_uris),
            back_channel: wanted.logout.backchannel_logout_uri.as_ref().map(ToString::to_string).unwrap_or_default(),
            webhook: wanted.webhook.as_ref().map(|webhook| webhook.uri.to_string()).unwrap_or_default(),
            scopes: wanted.scope.clone(),
            acts_for_itself: wanted.grants.contains(&GrantType::ClientCredentials),
            has_devices: wanted.grants.contains(&GrantType::JwtBearer),
            trusted: wanted.trusted,
        }
    }
}

/// The scopes that are ticked.
fn ticked(sent: &Form) -> String {
    sent.iter().filter_map(|(name, _)| name.strip_prefix("scope.")).collect::<Vec<_>>().join(" ")
}

/// The kind that was chosen, or that which the application has; and whether it runs in browsers.
fn kind(text: Option<&str>, has: Option<AppKind>) -> Result<(AppKind, bool), &'static str> {
    match (text, has) {
        (None, Some(kind)) => Ok((kind, false)),
        (Some(CONFIDENTIAL), _) => Ok((AppKind::Confidential, false)),
        (Some("native"), _) => Ok((AppKind::Public, false)),
        (Some("spa"), _) => Ok((AppKind::Public, true)),
        (Some(_) | None, _) => Err("choose one of the list"),
    }
}

/// Reads what developers say of an application, which is this one if it is there, at this issuer. What is wrong is kept in `fields`.
pub(super) fn wish(sent: &Form, issuer: &str, is: Option<&App>, fields: &mut Fields) -> Option<Wish> {
    let lines = |name: &str| -> Vec<String> {
        sent.get(name).unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let name = fields.one("name", Some(sent.get("name").unwrap_or_default().trim()), own_apps::name);
    let chosen = fields.one("kind", Some(sent.get("kind").unwrap_or_default()), |text| {
        kind(Some(text).filter(|text| !text.is_empty()), is.map(|app| app.kind))
    });
    let scopes = fields.one("scopes", Some(&ticked(sent)), Scope::parse);
    let in_browsers = chosen.is_some_and(|(_, in_browsers)| in_browsers);
    let redirect_uris = fields.list("redirect_uris", Some(&lines("redirect_uris")), |text| {
        let uri = RedirectUri::parse(text).map_err(|error| error.to_string())?;
        if in_browsers && !own_apps::is_web(&uri) {
            return Err("an app in browsers has https: a scheme of its own has a native app".to_owned());
        }
        Ok(uri)
    });
    let post_logout =
        fields.list("post_logout_redirect_uris", Some(&lines("post_logout_redirect_uris")), RedirectUri::parse);
    let mut told_at = |name: &str| {
        let typed = sent.get(name).map(str::trim).filter(|uri| !uri.is_empty());
        fields.one(name, typed, NotificationUri::parse)
    };
    let (backchannel_logout_uri, webhook) = (told_at("backchannel_logout_uri"), told_at("webhook_uri"));
    let ticked_yes = |name: &str| sent.get(name).is_some_and(|value| !value.is_empty());
    let trusted = ticked_yes("trusted");
    // What an operator has trusted for another reason stays so.
    if trusted && in_browsers && is.is_none_or(|app| !app.trusted || app.grants.contains(&GrantType::Challenge)) {
        fields.wrong("trusted", "an app in browsers sends its users to the login page: leave this out");
    }
    Some(Wish {
        name: name?,
        kind: chosen?.0,
        redirect_uris: redirect_uris?,
        post_logout_redirect_uris: post_logout?,
        backchannel_logout_uri,
        webhook: webhook.map(|uri| AppWebhook { uri, issuer: issuer.to_owned() }),
        scopes: scopes?,
        acts_for_itself: ticked_yes("acts_for_itself"),
        has_devices: ticked_yes("has_devices"),
        trusted,
    })
}
