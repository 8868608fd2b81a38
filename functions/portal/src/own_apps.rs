//! An application as its developers and those who decide see it.

use crate::organizations::{PLAIN_NAME, is_plain_name};
use crate::pages::time;
use gateway_config::Api;
use gateway_domain::ids::{HeaderText, PlanName};
use gateway_domain::redirect_uri::RedirectUri;
use gateway_store::{App, AppKind, AppSettings, Dpop, GrantType, Requested};
use gateway_web::pages::portal::Cell;
use std::collections::BTreeSet;

/// Whether codes are sent to a server, and not to an app on a device.
pub(crate) fn is_web(uri: &RedirectUri) -> bool {
    ["https://", "http://"].iter().any(|scheme| uri.as_str().starts_with(scheme))
}

/// A name that users and those who decide read, and back ends get in a header.
pub(crate) fn name(text: &str) -> Result<HeaderText, &'static str> {
    HeaderText::parse(text).ok().filter(|_| is_plain_name(text)).ok_or(PLAIN_NAME)
}

/// What an application is.
pub(crate) fn facts(app: &App) -> Vec<(String, Cell)> {
    let kind = match app.kind {
        AppKind::Public => "public: it has no secret",
        AppKind::Confidential if app.jwks.is_some() => "confidential: it signs by a key",
        AppKind::Confidential if app.secret_hash.is_none() => {
            "confidential: it can do nothing until somebody makes its secret"
        }
        AppKind::Confidential => "confidential: it has a secret",
    };
    let mut facts = vec![
        ("Client id".to_owned(), Cell::Code(app.client_id.to_string())),
        (
            "State".to_owned(),
            Cell::Badge(if app.enabled { "enabled" } else { "disabled by an administrator" }.to_owned()),
        ),
        ("Kind".to_owned(), Cell::Text(kind.to_owned())),
        ("Plan".to_owned(), Cell::Text(app.plan.to_string())),
    ];
    facts.extend(settings(&AppSettings::from(app), None));
    for (api, one) in &app.subscriptions {
        let plan = one.plan.as_ref().map(|plan| format!(", with the plan {plan}")).unwrap_or_default();
        let closed = if one.enabled { "" } else { ", closed by an administrator" };
        facts.push(("Subscription".to_owned(), Cell::Text(format!("{api}{plan}{closed}"))));
    }
    let bound = match app.dpop {
        Dpop::Optional => None,
        Dpop::RefreshTokens => Some("refresh tokens: each login and each refresh needs a proof (DPoP)"),
        Dpop::Required => Some("all tokens: each login, each refresh and each call needs a proof (DPoP)"),
    };
    facts.extend(bound.map(|text| ("Bound to a key".to_owned(), Cell::Text(text.to_owned()))));
    if let Some(previous) = &app.previous_secret {
        facts.push(("The secret before works until".to_owned(), Cell::Text(format!("{} UTC", time(previous.until)))));
    }
    facts
}

/// What an application waits for: what differs from what it is.
pub(crate) fn wanted(app: &App, requested: &Requested) -> Vec<(String, Cell)> {
    let is = AppSettings::from(app);
    let mut facts: Vec<_> = requested.settings.iter().flat_map(|wanted| settings(wanted, Some(&is))).collect();
    for (api, plan) in &requested.subscriptions {
        let name =
            if app.subscriptions.contains_key(api) { "Another plan of the subscription" } else { "Subscription" };
        let plan = plan
            .as_ref()
            .map_or_else(|| "the plan of the app".to_owned(), |plan: &PlanName| format!("the plan {plan}"));
        facts.push((name.to_owned(), Cell::Text(format!("to {api}, with {plan}"))));
    }
    facts
}

/// Settings; but those that another one has as well.
fn settings(one: &AppSettings, other: Option<&AppSettings>) -> Vec<(String, Cell)> {
    let differs = |same: fn(&AppSettings, &AppSettings) -> bool| other.is_none_or(|other| !same(one, other));
    // Of a list that changes, what comes and what goes is told.
    let list = |of: fn(&AppSettings) -> BTreeSet<String>| {
        let (is, was) = (of(one), other.map(of));
        let text = match was {
            None => is.into_iter().collect::<Vec<_>>().join(" "),
            Some(was) => {
                let come = is.difference(&was).map(|value| format!("+ {value}"));
                let go = was.difference(&is).map(|value| format!("- {value}"));
                come.chain(go).collect::<Vec<_>>().join("  ")
            }
        };
        Cell::Code(if text.is_empty() { "none".to_owned() } else { text })
    };
    let mut facts = Vec::new();
    let mut add = |is_shown: bool, name: &str, cell: Cell| {
        if is_shown {
            facts.push((name.to_owned(), cell));
        }
    };
    add(other.is_some() && differs(|a, b| a.name == b.name), "Name", Cell::Text(one.name.clone()));
    let kind = match one.kind {
        Some(AppKind::Confidential) => "confidential, with a secret that is to be made then",
        Some(AppKind::Public) | None => "public, whose secret ends",
    };
    let another = one.kind.is_some() && other.is_some_and(|other| other.kind != one.kind);
    add(another, "Kind", Cell::Text(kind.to_owned()));
    let sees = |one: &AppSettings| sees_passwords(one.trusted, &one.grants);
    add(other.is_none_or(|other| sees(one) != sees(other)), SEES_PASSWORDS, Cell::Text(sees(one).to_owned()));
    add(differs(|a, b| a.grants == b.grants), "Grants", list(|one| one.grants.iter().copied().map(grant).collect()));
    add(differs(|a, b| a.scope == b.scope), "Scopes", list(|one| one.scope.iter().map(str::to_owned).collect()));
    let uris = list(|one| one.redirect_uris.iter().map(ToString::to_string).collect());
    add(differs(|a, b| a.redirect_uris == b.redirect_uris), "Redirect URIs", uris);
    let logout = &one.logout;
    let has_logout = !logout.post_logout_redirect_uris.is_empty() || logout.backchannel_logout_uri.is_some();
    if differs(|a, b| a.logout == b.logout) && (has_logout || other.is_some()) {
        let uris = list(|one| one.logout.post_logout_redirect_uris.iter().map(ToString::to_string).collect());
        add(true, "Redirect URIs after a logout", uris);
        let uri = logout.backchannel_logout_uri.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        add(true, "Back-channel logout URI", Cell::Code(uri));
    }
    let told_at = |one: &AppSettings| one.webhook.as_ref().map(|webhook| webhook.uri.to_string());
    let webhook = told_at(one);
    if webhook != other.and_then(told_at) {
        add(true, "Webhook", Cell::Code(webhook.unwrap_or_else(|| "none".to_owned())));
    }
    facts
}

/// The name of the fact that [`sees_passwords`] tells.
pub(crate) const SEES_PASSWORDS: &str = "Sees passwords";

/// Whether an application sees the passwords of its users, and what its trust means besides.
pub(crate) fn sees_passwords(trusted: bool, grants: &BTreeSet<GrantType>) -> &'static str {
    match (trusted, grants.contains(&GrantType::Challenge), grants.contains(&GrantType::Password)) {
        (true, true, false) => "yes: users type them on its own screens, and are asked for no consent",
        (true, true, true) => {
            "yes: users type them on its own screens, and are asked for no consent; it has the password grant as well"
        }
        (true, false, true) => "yes: it sends them by the password grant, and users are asked for no consent",
        (true, false, false) => "no, but users are asked for no consent",
        (false, _, _) => "no",
    }
}

/// The name of a grant.
fn grant(grant: GrantType) -> String {
    serde_json::to_value(grant).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Commands that get a token and call an API with it, to be copied into a shell.
pub(crate) fn curl(app: &App, issuer: &str, api: Option<&Api>) -> String {
    let id = &app.client_id;
    let route = api.and_then(|api| api.routes.iter().find(|route| !route.public));
    let path = route.map_or("/…", |route| route.written());
    let method = route
        .and_then(|route| route.methods.iter().next())
        .map_or("GET".to_owned(), |(method, _)| http::Method::from(*method).to_string());
    let call = format!("curl -i -X {method} -H \"Authorization: Bearer $TOKEN\" '{issuer}{path}'");
    let token = "| sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')";
    // A session at a legacy system is somebody's: an app has none for itself.
    let for_itself = api.is_none_or(|api| api.connector.is_none()) || app.redirect_uris.is_empty();
    if for_itself && app.grants.contains(&GrantType::ClientCredentials) {
        return format!(
            "TOKEN=$(curl -s -u {id}:$SECRET -d grant_type=client_credentials {issuer}/oauth2/token {token}\n{call}"
        );
    }
    let Some(uri) = app.redirect_uris.first() else { return call };
    let scope = app.scope.iter().map(|one| form_urlencoded::byte_serialize(one.as_bytes()).collect::<String>());
    let scope = scope.collect::<Vec<_>>().join("+");
    let secret = if app.kind == AppKind::Confidential { format!("-u {id}:$SECRET ") } else { String::new() };
    let verifier = "VERIFIER=$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')";
    let challenge =
        "CHALLENGE=$(printf %s $VERIFIER | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=')";
    let encoded: String = form_urlencoded::byte_serialize(uri.as_str().as_bytes()).collect();
    format!(
        "{verifier}\n{challenge}\n# Open this in a browser, log in, and copy the code from where it leads:\n\
         echo \"{issuer}/oauth2/authorize?response_type=code&client_id={id}&redirect_uri={encoded}&scope={scope}&code_challenge=$CHALLENGE&code_challenge_method=S256\"\n\
         read -r CODE\n\
         TOKEN=$(curl -s {secret}-d grant_type=authorization_code -d client_id={id} -d code=$CODE -d redirect_uri={encoded} -d code_verifier=$VERIFIER {issuer}/oauth2/token {token}\n{call}"
    )
}
