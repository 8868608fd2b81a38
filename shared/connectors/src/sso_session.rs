//! A web single sign-on: the gateway logs in at the portal, and the portal's session opens the back ends behind it.
//!
//! It is a login over HTTP with the habits of such systems: the session ends for certain and without use, only calls keep
//! it alive, and a back end answers to one that has ended by a redirect to the portal.

use gateway_config::connector::SsoSession;

use crate::HttpLogin;
use crate::back_end::BackEndClient;

impl HttpLogin {
    /// A connector of type `sso_session`. The client is for the portal; calls go to the back ends of the APIs.
    pub fn at_portal(settings: &SsoSession, client: BackEndClient) -> Self {
        Self::new(settings.to_http_login(), client)
    }
}
