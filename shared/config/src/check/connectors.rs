//! The rules of connectors.

use super::{Findings, http_login, kerberos, saml};
use crate::connector::ConnectorConfig;

pub(super) fn check(field: &str, connector: &ConnectorConfig, findings: &mut Findings) {
    match connector {
        ConnectorConfig::HttpLogin(settings) => http_login::check(field, settings, findings),
        ConnectorConfig::SsoSession(settings) => http_login::check_sso(field, settings, findings),
        ConnectorConfig::KerberosS4u(one) => {
            kerberos::check(field, &one.kdcs, &one.service, one.lifetime, one.timeout, findings);
        }
        ConnectorConfig::KerberosPassword(one) => {
            kerberos::check(field, &one.kdcs, &one.service, one.lifetime, one.timeout, findings);
        }
        ConnectorConfig::SamlEcp(saml_ecp) => saml::check_ecp(field, saml_ecp, findings),
        ConnectorConfig::WsTrust(ws_trust) => saml::check_ws_trust(field, ws_trust, findings),
    }
}
