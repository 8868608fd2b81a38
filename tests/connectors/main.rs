//! Connectors against the real servers they are for: each test skips, and says so, where its server is not installed.

mod http_login;
mod kerberos;
mod saml;
mod secrecy;
mod sso_session;
