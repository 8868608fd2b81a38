//! A web single sign-on: the gateway logs in at the portal, and the back ends behind it accept the portal's session.
//!
//! It is a login over HTTP with the defaults of such systems: the session has a fixed end and an idle timeout, only calls
//! keep it alive, and after its end a back end redirects to the portal.

use gateway_config::connector::SsoSession;

use crate::HttpLogin;
use crate::back_end::BackEndClient;

impl HttpLogin {
    /// A connector of type `sso_session`. This client calls the portal only; calls go to the back ends of the APIs.
    pub fn at_portal(settings: &SsoSession, client: BackEndClient) -> Self {
        Self::new(settings.to_http_login(), client)
    }
}
