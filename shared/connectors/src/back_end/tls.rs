//! TLS to back ends: trusted certificate authorities and client certificates, read from PEM texts.

use std::sync::Arc;

use gateway_domain::secret::Secret;
use hyper_rustls::ConfigBuilderExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// What is wrong with a PEM text. The messages say what to write instead.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum PemError {
    /// There is no certificate, or one is incomplete.
    #[error("it must hold certificates in PEM, blocks that begin with -----BEGIN CERTIFICATE-----")]
    CertificateAbsent,
    /// A certificate cannot be that of an authority.
    #[error("a certificate in it cannot be trusted as an authority's: {0}")]
    UnfitAuthority(rustls::Error),
    /// There is no private key, or it is incomplete.
    #[error("it must hold a private key in PEM, a block that begins with -----BEGIN PRIVATE KEY-----")]
    KeyAbsent,
    /// The certificate and the key cannot be used together.
    #[error("its certificate and private key cannot be used: {0}")]
    UnfitPair(rustls::Error),
}

/// The field whose secret is wrong, and how.
pub(super) type InField = (&'static str, PemError);

type Builder = ConfigBuilder<ClientConfig, WantsVerifier>;

fn builder() -> Result<Builder, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// TLS that trusts the public authorities and presents no client certificate.
pub(super) fn public() -> Result<ClientConfig, rustls::Error> {
    Ok(builder()?.with_webpki_roots().with_no_client_auth())
}

/// TLS with these secrets. If `ca` is given, only its authorities are trusted.
pub(super) fn config(ca: Option<&Secret>, certificate: Option<&Secret>) -> Result<ClientConfig, InField> {
    let builder = builder().map_err(|error| ("ca", PemError::UnfitAuthority(error)))?;
    let builder = match ca {
        None => builder.with_webpki_roots(),
        Some(ca) => builder.with_root_certificates(authorities(ca).map_err(|error| ("ca", error))?),
    };
    let Some(certificate) = certificate else { return Ok(builder.with_no_client_auth()) };
    let failed = |error| ("client_certificate", error);
    let chain = certificates(certificate).map_err(failed)?;
    let key =
        PrivateKeyDer::from_pem_slice(certificate.expose().as_bytes()).map_err(|_| failed(PemError::KeyAbsent))?;
    builder.with_client_auth_cert(chain, key).map_err(|error| failed(PemError::UnfitPair(error)))
}

fn authorities(text: &Secret) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(text)? {
        roots.add(certificate).map_err(PemError::UnfitAuthority)?;
    }
    Ok(roots)
}

/// The certificates of a PEM text, at least one.
fn certificates(text: &Secret) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.expose().as_bytes()).collect();
    read.ok().filter(|certificates| !certificates.is_empty()).ok_or(PemError::CertificateAbsent)
}
