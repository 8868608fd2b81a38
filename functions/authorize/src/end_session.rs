//! The parameters of a logout (OpenID Connect RP-Initiated Logout 1.0 §2), checked before anything is done. `logout_hint` is not
//! needed, since one user at most is logged in in a browser, and `ui_locales` is that of every page.

use crate::error::Failure;
use crate::{AuthorizationEndpoint, Request};
use gateway_domain::event::ApiResponse;
use gateway_domain::form::{Form, InvalidForm};
use gateway_domain::id_token_hint::Hint;
use gateway_domain::ids::ClientId;
use gateway_store::App;
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
    /// Checks the parameters.
    ///
    /// A hint that is no ID token of this server is as none, and the browser then goes nowhere: its key may have been rotated
    /// away since, and a person who wants to log out is still asked.
    pub(crate) async fn asked_to_end(&self, request: &Request<'_>) -> Result<EndSession, Failure> {
        let parameter = |name| request.query.get(name);
        let hint = match parameter("id_token_hint") {
            None => None,
            Some(text) => match self.read_hint(request, text).await? {
                None => return Ok(EndSession::default()),
                hint => hint,
            },
        };
        let named = parameter("client_id").map(ClientId::parse).transpose();
        let named = named.map_err(|_| Failure::Client("client_id is malformed"))?;
        if named.as_ref().is_some_and(|named| hint.as_ref().is_some_and(|hint| hint.client_id != *named)) {
            return Err(Failure::Client("client_id is another than that of the ID token"));
        }
        let Some(uri) = parameter("post_logout_redirect_uri") else { return Ok(EndSession { hint, target: None }) };
        let client = named.as_ref().or(hint.as_ref().map(|hint| &hint.client_id));
        let client = client.ok_or(Failure::Return("post_logout_redirect_uri needs an id_token_hint or a client_id"))?;
        let app = self.apps.asking(client).await?.filter(|app| app.enabled).ok_or(Failure::Client("unknown client"))?;
        let target = Some(target(&app, uri, parameter("state"))?);
        Ok(EndSession { hint, target })
    }
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
