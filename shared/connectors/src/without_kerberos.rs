//! The Kerberos connector of a build without the feature `kerberos`: every login fails with an error that says so.

use async_trait::async_trait;
use gateway_domain::headers::Reserved;
use gateway_domain::time::Timestamp;
use http::StatusCode;

use crate::{Acquired, Call, Connector, ConnectorError, Credentials, Injection, ResponseStart};

/// A connector that fails every login, renewal and call.
#[derive(Default)]
pub(crate) struct WithoutKerberos {
    reserved: Reserved,
}

fn absent<T>() -> Result<T, ConnectorError> {
    let text = "this build has no Kerberos: build token, proxy and renewal with their feature `kerberos`";
    Err(ConnectorError::Misbehaved(text.to_owned()))
}

#[async_trait]
impl Connector for WithoutKerberos {
    async fn acquire(&self, _login: Credentials<'_>, _now: Timestamp) -> Result<Acquired, ConnectorError> {
        absent()
    }

    /// The error is not `Refused`, so a session from another build is kept: users need not log in again after a wrong build.
    async fn renew(&self, _state: &[u8], _now: Timestamp) -> Result<Acquired, ConnectorError> {
        absent()
    }

    fn inject(&self, _state: &[u8], _call: Call<'_>) -> Result<Injection, ConnectorError> {
        absent()
    }

    fn reserved(&self) -> &Reserved {
        &self.reserved
    }

    fn is_dead(&self, _response: &ResponseStart<'_>) -> bool {
        false
    }

    fn examines_body(&self, _status: StatusCode) -> bool {
        false
    }

    fn examines_bodies(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gateway_domain::secret::Secret;

    use super::*;

    #[tokio::test]
    async fn nobody_logs_in_and_nothing_is_sent_without_kerberos() {
        let connector = WithoutKerberos::default();
        let password = Secret::new("correct horse battery staple".to_owned());
        let login = Credentials { username: "ada", link: Some("ada"), password: Some(&password) };
        let refused = connector.acquire(login, Timestamp::from_secs(0)).await.err();
        assert!(matches!(&refused, Some(ConnectorError::Misbehaved(text)) if text.contains("feature `kerberos`")));
        let body = Bytes::new();
        let call = Call { content_type: None, body: &body };
        assert!(connector.inject(b"state", call).is_err());
        assert!(connector.renew(b"state", Timestamp::from_secs(0)).await.is_err());
    }
}
