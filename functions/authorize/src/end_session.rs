//! The parameters of a logout (OpenID Connect RP-Initiated Logout 1.0 §2), checked before anything is done. `logout_hint` is not
//! needed, since one user at most is logged in in a browser, and `ui_locales` is that of every page.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::{Form, InvalidForm};
use gateway_domain::id_token_hint::{Hint, UnverifiedHint};
use gateway_domain::ids::ClientId;
use gateway_store::{App, BrowserLogin};
use gateway_web::see_other;

/// The parameters that are read.
const PARAMETERS: [&str; 6] =
    ["id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];
/// The longest query, in bytes, as at the authorization endpoint.
const MAX_QUERY: usize = 6 * 1024;
/// The longest `state`, in bytes.
const MAX_STATE: usize = 2048;

/// A checked request.
#[derive(Default)]
pub(crate) struct EndSession {
    /// What the ID token says that came along, if it is one of this server.
    pub(crate) hint: Option<Hint>,
    /// Where the browser goes from here: an address that its application has registered.
    pub(crate) target: Option<Target>,
}

/// A registered address with the `state` for it.
pub(crate) struct Target {
    pub(crate) uri: String,
    state: Option<String>,
}

impl Target {
    /// The address with `state`, if there is one.
    pub(crate) fn location(&self) -> String {
        let Some(state) = &self.state else { return self.uri.clone() };
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
        format!("{}{}{query}", self.uri, if self.uri.contains('?') { '&' } else { '?' })
    }
}

/// The request again as a GET, with these parameters: a form of another site comes without the cookies that say who is logged
/// in (§2 permits POST).
pub(crate) fn again(request: &Request<'_>, parameters: &Form) -> Result<ApiResponse, Failure> {
    let known = parameters.iter().filter(|(name, _)| PARAMETERS.contains(name));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(known).finish();
    if query.len() > MAX_QUERY {
        return Err(InvalidForm::TooLarge.into());
    }
    let path = request.site.path("/oauth2/logout");
    Ok(see_other(&if query.is_empty() { path } else { format!("{path}?{query}") }))
}

impl AuthorizationEndpoint {
    /// Checks the parameters, for the login that a hint alone would end.
    ///
    /// A hint that is no ID token of this server is as none, and the browser then goes nowhere: its key may have been rotated
    /// away since, and a person who wants to log out is still asked. One that would change nothing is as none, too.
    pub(crate) async fn asked_to_end(
        &self,
        request: &Request<'_>,
        login: Option<&BrowserLogin>,
    ) -> Result<EndSession, Failure> {
        let parameter = |name| request.query.get(name);
        let hint = match parameter("id_token_hint") {
            None => None,
            Some(text) => match UnverifiedHint::parse(text, request.issuer) {
                Err(_) => return Ok(EndSession::default()),
                Ok(unverified) => Some((text, unverified)),
            },
        };
        let claims = hint.as_ref().map(|(_, unverified)| unverified.claims());
        let named = parameter("client_id").map(ClientId::parse).transpose();
        let named = named.map_err(|_| Failure::Client("client_id is malformed"))?;
        if named.as_ref().is_some_and(|named| claims.is_some_and(|claims| claims.client_id != *named)) {
            return Err(Failure::Client("client_id is another than that of the ID token"));
        }
        let target = match parameter("post_logout_redirect_uri") {
            None => None,
            Some(uri) => {
                let client = named.as_ref().or(claims.map(|claims| &claims.client_id));
                let without = Failure::Return("post_logout_redirect_uri needs an id_token_hint or a client_id");
                let app = self.apps.asking(client.ok_or(without)?).await?.filter(|app| app.enabled);
                Some(target(&app.ok_or(Failure::Client("unknown client"))?, uri, parameter("state"))?)
            }
        };
        let Some((text, unverified)) = hint else { return Ok(EndSession { hint: None, target }) };
        let ends = login.is_some_and(|login| is_of(login, unverified.claims()));
        if target.is_none() && !ends {
            return Ok(EndSession::default());
        }
        let hint = self.read_hint(text, request.issuer).await?;
        Ok(if hint.is_some() { EndSession { hint, target } } else { EndSession::default() })
    }
}

/// Whether an ID token names a session that began from this login. A use of the browser is not needed for that: the cookie
/// is there, and the application's session outlives the login's idle time.
pub(crate) fn is_of(login: &BrowserLogin, hint: &Hint) -> bool {
    let begun = login.sessions.get(&hint.sid).filter(|begun| begun.client_id == hint.client_id);
    hint.user_id == login.user_id && begun.is_some()
}

/// Where the browser may go: to an address that is registered as this very text (§3.1), and nowhere else.
fn target(app: &App, uri: &str, state: Option<&str>) -> Result<Target, Failure> {
    if !app.logout.post_logout_redirect_uris.iter().any(|registered| registered.as_str() == uri) {
        return Err(Failure::Return(
            "post_logout_redirect_uri is not registered for this client: it must be the same text",
        ));
    }
    if state.is_some_and(|state| state.len() > MAX_STATE || state.chars().any(char::is_control)) {
        return Err(Failure::Return("state must not exceed 2048 bytes or hold control characters"));
    }
    Ok(Target { uri: uri.to_owned(), state: state.map(str::to_owned) })
}
