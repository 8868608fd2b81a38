//! The rules of connectors.

use super::{Findings, http_login};
use crate::connector::ConnectorConfig;

pub(super) fn check(field: &str, connector: &ConnectorConfig, findings: &mut Findings) {
    match connector {
        ConnectorConfig::HttpLogin(settings) => http_login::check(field, settings, findings),
        ConnectorConfig::SsoSession(settings) => http_login::check_sso(field, settings, findings),
    }
}
