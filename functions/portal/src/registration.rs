//! Applications that register themselves (RFC 7591), and manage what they have registered (RFC 7592).
//!
//! Such an application may call no API until somebody subscribes it. Its registration access token takes away, and adds nothing:
//! people have given their consent to the application as it was, and whoever finds the token must not make another one of it.

use crate::error::Failure;
use crate::{Asked, Portal, REGISTER};
use gateway_administration::{ActError, AppActs, AppChanges, NewApp, Problem, Registered, WrongField};
use gateway_domain::admin_scope::{self, APPS_REGISTER};
use gateway_domain::device_assertion;
use gateway_domain::event::ApiResponse;
use gateway_domain::id_token::{self, OPENID};
use gateway_domain::ids::{ClientId, HeaderText};
use gateway_domain::json_body;
use gateway_domain::keys::SignatureAlgorithm;
use gateway_domain::notification_uri::NotificationUri;
use gateway_domain::redirect_uri::RedirectUri;
use gateway_domain::scope::{ACCOUNT, Scope};
use gateway_domain::secret::{Secret, hex, sha256_hex};
use gateway_store::{App, AppKind, Dpop, GrantType, Revision};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The name of one that tells none.
const NAMELESS: &str = "An app without a name";

/// What an application tells of itself (RFC 7591 §2). What is not known here is ignored, as the standard wants it.
#[derive(Debug, Deserialize)]
struct Metadata {
    client_id: Option<String>,
    redirect_uris: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    application_type: Option<String>,
    client_name: Option<String>,
    scope: Option<String>,
    jwks: Option<Value>,
    jwks_uri: Option<String>,
    post_logout_redirect_uris: Option<Vec<String>>,
    backchannel_logout_uri: Option<String>,
    id_token_signed_response_alg: Option<String>,
    dpop_bound_access_tokens: Option<bool>,
}

/// What was read of it.
struct Wanted {
    name: HeaderText,
    kind: AppKind,
    settings: AppChanges,
}

impl Portal {
    /// Answers a request to `/oauth2/register…`, of which `path` is what follows.
    pub(crate) async fn registered(&self, asked: &Asked<'_>, path: &str) -> Result<ApiResponse, Failure> {
        let Some(registration) = self.gateway.registration() else { return Err(Failure::NotFound) };
        let issuer = self.gateway.token_parties(&asked.request.stage_variables)?.issuer().to_owned();
        if path.is_empty() {
            if asked.request.method != "POST" {
                return Err(Failure::MethodNotAllowed("POST"));
            }
            let principal = self.principal(asked).await?;
            principal.may(APPS_REGISTER)?;
            let metadata: Metadata = json_body::read(asked.request, json_body::MAX_BYTES)?;
            let Wanted { name, kind, settings } = wanted(metadata, &self.offered(), None)?;
            let client_id = self.new_id()?;
            let token = self.new_token()?;
            let acts = self.acts(principal.who());
            let new = NewApp {
                client_id,
                name,
                kind,
                plan: registration.plan.clone(),
                subscribe: BTreeSet::new(),
                settings,
                registration_hash: Some(sha256_hex(token.expose().as_bytes())),
            };
            let registered = self.app_acts(&acts).create(new).await?;
            return Ok(told(201, &issuer, &registered, Some(&token)));
        }
        let client_id = path.strip_prefix('/').and_then(|id| ClientId::parse(id).ok()).ok_or(Failure::NoToken)?;
        let (app, revision) = self.itself(asked, &client_id).await?;
        let acts = self.acts(format!("app {client_id}"));
        let mut apps = self.app_acts(&acts);
        // What is judged here is what is changed.
        apps.only_at = Some(revision);
        match asked.request.method.as_str() {
            "GET" => {
                let token = own_token(asked);
                Ok(told(200, &issuer, &Registered { app, revision, secret: None }, Some(&token)))
            }
            "PUT" => {
                let metadata: Metadata = json_body::read(asked.request, json_body::MAX_BYTES)?;
                if metadata.client_id.as_deref() != Some(client_id.as_str()) {
                    return Err(Failure::malformed("client_id", "it is the one that was registered (RFC 7592 §2.2)"));
                }
                let wanted = wanted(metadata, &self.offered(), Some(&app))?;
                let (app, revision) = narrow(&apps, &app, wanted).await?;
                Ok(told(200, &issuer, &Registered { app, revision, secret: None }, Some(&own_token(asked))))
            }
            "DELETE" => {
                apps.acts.audited(AppActs::deleting(&app), apps.delete(&app, revision)).await?;
                Ok(ApiResponse::new(204).header("Cache-Control", "no-store"))
            }
            _ => Err(Failure::MethodNotAllowed("GET, PUT, DELETE")),
        }
    }

    /// The application that has this registration access token. Whether the id or the token is wrong is not told.
    async fn itself(&self, asked: &Asked<'_>, client_id: &ClientId) -> Result<(App, Revision), Failure> {
        let sent = Secret::new(sha256_hex(own_token(asked).expose().as_bytes()));
        let app = self.developers.apps.get_to_change(client_id).await?.filter(|(app, _)| app.enabled);
        let own = app.filter(|(app, _)| {
            app.registration_hash.as_ref().is_some_and(|hash| sent.constant_time_eq(hash.as_bytes()))
        });
        own.ok_or(Failure::NoToken)
    }

    /// The scopes that an application may register itself with.
    fn offered(&self) -> BTreeSet<&str> {
        let all = self.gateway.scopes().into_iter().chain(id_token::SCOPES);
        all.filter(|scope| *scope != ACCOUNT && !admin_scope::is_one(scope)).collect()
    }

    pub(crate) fn new_id(&self) -> Result<ClientId, Failure> {
        let bytes: [u8; 16] = self.entropy.bytes()?;
        let id = format!("app_{}", hex(&bytes));
        ClientId::parse(&id).map_err(|_| Failure::NotFound)
    }

    fn new_token(&self) -> Result<Secret, Failure> {
        let bytes: [u8; 32] = self.entropy.bytes()?;
        Ok(Secret::new(format!("mgt_{}", hex(&bytes))))
    }
}

/// Reads what an application tells, and refuses what would not work or is not for everybody. `own` is the application as it is
/// registered, which may tell again what an operator has given it.
fn wanted(sent: Metadata, offered: &BTreeSet<&str>, own: Option<&App>) -> Result<Wanted, Failure> {
    let mut wrong = Wrong(Vec::new());
    let method = sent.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
    let kind = if method == "none" { AppKind::Public } else { AppKind::Confidential };
    let known = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
    wrong.unless(known.contains(&method), "token_endpoint_auth_method", "it is none of those in the metadata");
    let signs = method == "private_key_jwt";
    wrong.unless(sent.jwks.is_some() || !signs, "jwks", "private_key_jwt needs keys");
    wrong.unless(sent.jwks.as_ref().is_none_or(Value::is_object), "jwks", "it is no JWK Set (RFC 7517 §5)");
    wrong.unless(sent.jwks_uri.is_none(), "jwks_uri", "keys are not fetched: send them as jwks");
    let grants: BTreeSet<_> = match &sent.grant_types {
        None => BTreeSet::from([GrantType::AuthorizationCode]),
        Some(types) => types.iter().filter_map(|grant| wrong.grant(grant, own)).collect(),
    };
    let responses = sent.response_types.as_deref().map_or(&[][..], |types| types);
    let by_code = grants.contains(&GrantType::AuthorizationCode);
    wrong.unless(responses.iter().all(|one| one == "code"), "response_types", "there is `code` alone");
    wrong.unless(
        responses.is_empty() || by_code,
        "response_types",
        "`code` and the grant authorization_code go together",
    );
    let native = match sent.application_type.as_deref() {
        None | Some("web") => false,
        Some("native") => true,
        Some(_) => {
            wrong.add("application_type", "it is `web` or `native`");
            true
        }
    };
    let redirect_uris = wrong.uris("redirect_uris", sent.redirect_uris.as_deref());
    let post_logout = wrong.uris("post_logout_redirect_uris", sent.post_logout_redirect_uris.as_deref());
    for uri in redirect_uris.iter().filter(|_| !native) {
        let web = uri.as_str().starts_with("https://") || uri.as_str().starts_with("http://");
        wrong.unless(web, "redirect_uris", "a scheme of its own has an app whose application_type is `native` alone");
    }
    let back_channel = sent.backchannel_logout_uri.as_deref().and_then(|uri| match NotificationUri::parse(uri) {
        Ok(uri) => Some(uri),
        Err(error) => {
            wrong.add("backchannel_logout_uri", &error.to_string());
            None
        }
    });
    let algorithm = match sent.id_token_signed_response_alg.as_deref() {
        None | Some("RS256") => SignatureAlgorithm::Rs256,
        Some("ES256") => SignatureAlgorithm::Es256,
        Some(_) => {
            wrong.add("id_token_signed_response_alg", "it is `RS256` or `ES256`");
            SignatureAlgorithm::Rs256
        }
    };
    let name = sent.client_name.as_deref().unwrap_or(NAMELESS);
    let name = HeaderText::parse(name).or_else(|error| {
        wrong.add("client_name", &error.to_string());
        HeaderText::parse(NAMELESS)
    });
    let scope = Scope::parse(sent.scope.as_deref().filter(|scope| !scope.is_empty()).unwrap_or(OPENID)).unwrap_or_else(
        |error| {
            wrong.add("scope", &error.to_string());
            Scope::default()
        },
    );
    // What is not for it is left out, and the response tells what is registered (RFC 7591 §3.2.1).
    let kept = scope.iter().filter(|token| offered.contains(token) || own.is_some_and(|own| own.scope.contains(token)));
    let kept = Scope::parse(&kept.collect::<Vec<_>>().join(" ")).unwrap_or_default();
    wrong.unless(scope.is_empty() || !kept.is_empty(), "scope", "it has no scope that an app may register itself with");
    let (true, Ok(name)) = (wrong.0.is_empty(), name) else { return Err(Failure::Act(ActError::Fields(wrong.0))) };
    let settings = AppChanges {
        grants: Some(grants),
        scopes: Some(kept),
        redirect_uris: Some(redirect_uris),
        post_logout_redirect_uris: Some(post_logout),
        backchannel_logout_uri: Some(back_channel),
        id_token_alg: Some(algorithm),
        // What an operator has set beside that has no name here, and stays.
        dpop: (sent.dpop_bound_access_tokens == Some(true)).then_some(Dpop::Required),
        // Whoever authenticates otherwise has no use for keys.
        jwks: sent.jwks.filter(|_| signs).map(|keys| keys.to_string()),
        ..AppChanges::default()
    };
    Ok(Wanted { name, kind, settings })
}

/// The registration access token that was sent; empty if there is none, which is nobody's.
fn own_token(asked: &Asked<'_>) -> Secret {
    let header = asked.request.header("authorization").ok().flatten().unwrap_or_default();
    let sent = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Secret::new(sent.map(|(_, token)| token).unwrap_or_default().to_owned())
}

/// Takes away of what an application has registered. All else has to be as it is.
async fn narrow(apps: &AppActs<'_>, app: &App, wanted: Wanted) -> Result<(App, Revision), Failure> {
    let Wanted { name, kind, settings } = wanted;
    let within = |one: &Option<BTreeSet<RedirectUri>>, other: &BTreeSet<RedirectUri>| {
        one.as_ref().is_none_or(|uris| uris.is_subset(other))
    };
    let logout = &app.logout;
    let same_uri = settings
        .backchannel_logout_uri
        .as_ref()
        .is_none_or(|uri| uri.is_none() || *uri == logout.backchannel_logout_uri);
    let rules = [
        ("client_name", name.as_str() == app.name),
        ("token_endpoint_auth_method", kind == app.kind && settings.jwks.is_some() == app.jwks.is_some()),
        ("jwks", settings.jwks.is_none() || settings.jwks == app.jwks),
        ("redirect_uris", within(&settings.redirect_uris, &app.redirect_uris)),
        ("scope", settings.scopes.as_ref().is_none_or(|scope| scope.is_subset(&app.scope))),
        ("grant_types", settings.grants.as_ref().is_none_or(|grants| grants.is_subset(&app.grants))),
        ("post_logout_redirect_uris", within(&settings.post_logout_redirect_uris, &logout.post_logout_redirect_uris)),
        ("backchannel_logout_uri", same_uri),
        ("id_token_signed_response_alg", settings.id_token_alg == Some(app.id_token_algorithm())),
        ("dpop_bound_access_tokens", app.dpop != Dpop::Required || settings.dpop == Some(Dpop::Required)),
    ];
    let rule = "people rely on the app as it is registered: send less of it, or the same; an operator adds to it";
    let broken = rules.into_iter().filter(|(_, kept)| !kept);
    let wrong: Vec<_> = broken
        .map(|(field, _)| WrongField { field: field.to_owned(), problem: Problem::Rule(rule.to_owned()) })
        .collect();
    if !wrong.is_empty() {
        return Err(Failure::Act(ActError::Fields(wrong)));
    }
    // It was not told of these, which have no name here, and so cannot say them.
    let has = |grant| app.grants.contains(&grant).then_some(grant);
    let (kept, shares_logins) = (has(GrantType::Challenge), has(GrantType::NativeSso));
    let grants = settings.grants.map(|mut grants| {
        grants.extend(kept.filter(|_| grants.contains(&GrantType::AuthorizationCode)));
        grants.extend(shares_logins);
        grants
    });
    Ok(apps.change(&app.client_id, "apps change", AppChanges { jwks: None, grants, ..settings }).await?)
}

/// What is wrong with the metadata.
struct Wrong(Vec<WrongField>);

impl Wrong {
    fn add(&mut self, field: &str, text: &str) {
        self.0.push(WrongField { field: field.to_owned(), problem: Problem::Malformed(text.to_owned()) });
    }

    fn unless(&mut self, right: bool, field: &str, text: &str) {
        if !right {
            self.add(field, text);
        }
    }

    fn grant(&mut self, name: &str, own: Option<&App>) -> Option<GrantType> {
        let offered = [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];
        let by_operators = [GrantType::Password, GrantType::TokenExchange, GrantType::JwtBearer];
        let known = offered.into_iter().chain(by_operators);
        let grant = known.into_iter().find(|grant| grant_name(*grant) == Some(name));
        let grant = grant.filter(|grant| offered.contains(grant) || own.is_some_and(|own| own.grants.contains(grant)));
        if grant.is_none() {
            self.add("grant_types", "there are `authorization_code`, `refresh_token` and `client_credentials`");
        }
        grant
    }

    fn uris(&mut self, field: &str, texts: Option<&[String]>) -> BTreeSet<RedirectUri> {
        let texts = texts.unwrap_or_default();
        self.unless(texts.len() <= 32, field, "it has more than 32 values");
        let mut uris = BTreeSet::new();
        for text in texts.iter().take(32) {
            match RedirectUri::parse(text) {
                Ok(uri) => drop(uris.insert(uri)),
                Err(error) => self.add(field, &error.to_string()),
            }
        }
        uris
    }
}

/// What is registered (RFC 7591 §3.2.1, RFC 7592 §3). The secret and the token are told once.
fn told(status: u16, issuer: &str, registered: &Registered, token: Option<&Secret>) -> ApiResponse {
    let Registered { app, secret, .. } = registered;
    let method = match (app.kind, &app.jwks) {
        (AppKind::Public, _) => "none",
        (AppKind::Confidential, Some(_)) => "private_key_jwt",
        (AppKind::Confidential, None) => "client_secret_basic",
    };
    let native = app.redirect_uris.iter().any(|uri| !uri.as_str().starts_with("https://"));
    let codes = app.grants.contains(&GrantType::AuthorizationCode);
    let mut body = json!({
        "client_id": app.client_id,
        "client_name": app.name,
        "redirect_uris": app.redirect_uris,
        "token_endpoint_auth_method": method,
        "grant_types": app.grants.iter().filter_map(|grant| grant_name(*grant)).collect::<Vec<_>>(),
        "response_types": if codes { vec!["code"] } else { Vec::new() },
        "application_type": if native { "native" } else { "web" },
        "scope": app.scope.to_string(),
        "post_logout_redirect_uris": app.logout.post_logout_redirect_uris,
        "id_token_signed_response_alg": app.id_token_algorithm(),
        "dpop_bound_access_tokens": app.dpop == Dpop::Required,
        "registration_client_uri": format!("{issuer}{REGISTER}/{}", app.client_id),
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let (Some(value), Some(members)) = (value, body.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
    };
    add("backchannel_logout_uri", app.logout.backchannel_logout_uri.as_ref().map(|uri| json!(uri)));
    add("jwks", app.jwks.as_deref().and_then(|text| serde_json::from_str(text).ok()));
    add("client_secret", secret.as_ref().map(|secret| json!(secret.expose())));
    add("client_secret_expires_at", secret.as_ref().map(|_| json!(0)));
    add("registration_access_token", token.map(|token| json!(token.expose())));
    ApiResponse::json(status, "application/json", &body)
}

/// The response to a failure: that of RFC 7591 §3.2.2 for what is wrong with the metadata.
pub(crate) fn refused(failure: &Failure) -> ApiResponse {
    let fields = failure.fields();
    let (error, text) = match (fields.first(), failure) {
        (Some(first), _) if first.field.starts_with("redirect_uris") => ("invalid_redirect_uri", words(fields)),
        (Some(_), _) => ("invalid_client_metadata", words(fields)),
        (None, Failure::Body(error)) => ("invalid_client_metadata", error.to_string()),
        (None, _) => return failure.response(),
    };
    let text: String = text.chars().filter(|c| (' '..='~').contains(c) && *c != '"' && *c != '\\').collect();
    ApiResponse::json(400, "application/json", &json!({ "error": error, "error_description": text }))
}

/// A grant as `grant_type` names it, if it does.
fn grant_name(grant: GrantType) -> Option<&'static str> {
    match grant {
        GrantType::AuthorizationCode => Some("authorization_code"),
        GrantType::Password => Some("password"),
        GrantType::RefreshToken => Some("refresh_token"),
        GrantType::ClientCredentials => Some("client_credentials"),
        GrantType::TokenExchange => Some("urn:ietf:params:oauth:grant-type:token-exchange"),
        // As the grant of services, which comes first: of the two `grant_type` says the same.
        GrantType::Challenge | GrantType::NativeSso => None,
        GrantType::JwtBearer => Some(device_assertion::GRANT_TYPE),
    }
}

fn words(fields: &[WrongField]) -> String {
    fields.iter().map(|WrongField { field, problem }| format!("{field}: {problem}")).collect::<Vec<_>>().join("; ")
}
