//! Trust at back ends: private authorities and client certificates, against a real TLS server.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_connectors::back_end::{BackEndClients, BackEndError, Bounds};
use gateway_domain::secret::Secret;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use support::Gateway;

/// A certificate authority of a test.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, each in PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Identity {
    /// Both in one text, as a secret holds them.
    fn pem(&self) -> String {
        format!("{}{}", self.certificate, self.key)
    }
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn certify(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM")).expect("an authority");
        Arc::new(roots)
    }
}

/// Serves `fine` to everybody, or to those with a certificate of `clients` only. The port, on `localhost`.
fn serve(identity: &Identity, clients: Option<&Authority>) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(clients.roots(), provider).build().expect("a verifier"),
        ),
    };
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("PEM");
    let config = Arc::new(builder.with_single_cert(vec![certificate], key).expect("a pair"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| response(stream, &config)));
    port
}

fn response(stream: TcpStream, config: &Arc<ServerConfig>) {
    let connection = ServerConnection::new(config.clone()).expect("a connection");
    let mut stream = StreamOwned::new(connection, stream);
    // A client that refuses us, or is refused, is what most of these tests are about.
    if stream.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine");
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
}

/// The text of the response of `https://localhost:port`, with this `tls` and these secrets.
async fn get(port: u16, tls: &str, secrets: &[(&str, String)]) -> Result<String, BackEndError> {
    let yaml = format!(
        "
plans: {{ standard: {{ calls: 60, window: 1m }} }}
apis:
  orders:
    back_end: https://localhost:{port}
    tls: {tls}
    routes: [{{ path: /public/orders, methods: {{ GET: [] }}, public: true }}]
"
    );
    let gateway = gateway_config::Gateway::parse(&yaml).expect("a configuration");
    let secrets: BTreeMap<_, _> =
        secrets.iter().map(|(name, text)| ((*name).to_owned(), Secret::new(text.clone()))).collect();
    let clients = BackEndClients::new(&gateway, &secrets).expect("clients");
    let (_, api) = gateway.apis().next().expect("an API");
    let mut bare = axum::http::Request::new(Bytes::new());
    *bare.uri_mut() = format!("https://localhost:{port}/").parse().expect("a URI");
    let bounds = Bounds { timeout: Duration::from_secs(20), max_body: 1_000 };
    let response = clients.get(api.tls.as_ref()).send(bare, bounds).await?;
    Ok(String::from_utf8_lossy(response.body()).into_owned())
}

const CA: &str = "{ ca: orders-ca }";
const BOTH: &str = "{ ca: orders-ca, client_certificate: orders-client }";

/// Checklist S-10.
#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_configured_and_no_other_is() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let port = serve(&ours.certify("localhost", |_| {}), None);
    let fine = Ok("fine".to_owned());
    assert_eq!(get(port, CA, &[("orders-ca", ours.pem.clone())]).await, fine);
    let bundle = format!("{}{}", theirs.pem, ours.pem);
    assert_eq!(get(port, CA, &[("orders-ca", bundle)]).await, fine);
    assert_eq!(get(port, CA, &[("orders-ca", theirs.pem.clone())]).await, Err(BackEndError::Unreachable));
    // With a client certificate alone, the public authorities are trusted, of which ours is none.
    let client = [("orders-client", ours.certify("gateway", |_| {}).pem())];
    assert_eq!(get(port, "{ client_certificate: orders-client }", &client).await, Err(BackEndError::Unreachable));
}

#[tokio::test]
async fn a_certificate_for_another_host_or_another_time_is_refused() {
    let ours = Authority::new();
    let secrets = [("orders-ca", ours.pem.clone())];
    let elsewhere = serve(&ours.certify("orders.example.com", |_| {}), None);
    assert_eq!(get(elsewhere, CA, &secrets).await, Err(BackEndError::Unreachable));
    let expired = ours.certify("localhost", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    });
    assert_eq!(get(serve(&expired, None), CA, &secrets).await, Err(BackEndError::Unreachable));
    let valid = ours.certify("localhost", |params| params.not_before = date_time_ymd(2019, 1, 1));
    assert_eq!(get(serve(&valid, None), CA, &secrets).await, Ok("fine".to_owned()));
}

#[tokio::test]
async fn a_back_end_that_asks_for_a_certificate_gets_ours() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let port = serve(&ours.certify("localhost", |_| {}), Some(&ours));
    let ca = || ("orders-ca", ours.pem.clone());
    let with = |identity: Identity| [ca(), ("orders-client", identity.pem())];
    assert_eq!(get(port, BOTH, &with(ours.certify("gateway", |_| {}))).await, Ok("fine".to_owned()));
    for refused in [get(port, CA, &[ca()]).await, get(port, BOTH, &with(theirs.certify("gateway", |_| {}))).await] {
        // In TLS 1.3 the refusal comes after the handshake.
        assert!(matches!(refused, Err(BackEndError::Unreachable | BackEndError::Broken)), "{refused:?}");
    }
}

/// Never a connection whose trust is not what was configured.
#[tokio::test]
async fn a_secret_that_holds_something_else_closes_the_back_end() {
    let ours = Authority::new();
    let port = serve(&ours.certify("localhost", |_| {}), None);
    let (one, other) = (ours.certify("gateway", |_| {}), ours.certify("gateway", |_| {}));
    let mixed = format!("{}{}", one.certificate, other.key);
    for client in [mixed, one.certificate.clone(), one.key.clone(), "no PEM".to_owned()] {
        let secrets = [("orders-ca", ours.pem.clone()), ("orders-client", client)];
        assert_eq!(get(port, BOTH, &secrets).await, Err(BackEndError::Unreachable));
    }
    let cut_off: String = ours.pem.chars().take(ours.pem.len() / 2).collect();
    for ca in [cut_off, one.key, String::new()] {
        assert_eq!(get(port, CA, &[("orders-ca", ca)]).await, Err(BackEndError::Unreachable));
    }
    assert_eq!(get(port, CA, &[]).await, Err(BackEndError::Unreachable));
}

/// The app learns that the back end is not there; why is for the log, with the field to look at.
#[tokio::test]
async fn whom_the_gateway_does_not_trust_is_a_502_and_the_log_says_why() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let port = serve(&ours.certify("localhost", |_| {}), None);
    let secrets = tempfile::tempdir().expect("a directory");
    for (name, text) in [("our-ca", &ours.pem), ("their-ca", &theirs.pem), ("no-ca", &"no PEM".to_owned())] {
        std::fs::write(secrets.path().join(name), text).expect("a file");
    }
    let apis: String = ["our-ca", "their-ca", "no-ca", "missing-ca"]
        .map(|ca| {
            format!(
                "
  {ca}:
    back_end: https://localhost:{port}
    tls: {{ ca: {ca} }}
    routes: [{{ path: /public/{ca}, methods: {{ GET: [] }}, public: true }}]
"
            )
        })
        .concat();
    let files = tempfile::tempdir().expect("a directory");
    let config = files.path().join("gateway.yaml");
    let gateway = Gateway::start_with(|options| {
        let demo = std::fs::read_to_string(&options.config).expect("the demo's configuration");
        std::fs::write(&config, format!("{demo}{apis}")).expect("a file");
        options.config.clone_from(&config);
        options.secrets = Some(secrets.path().to_owned());
    })
    .await;
    let get = async |path: &str| gateway.response(gateway.request("GET", path)).await;
    let trusted = get("/public/our-ca").await;
    assert_eq!((trusted.status, trusted.text()), (200, "fine".to_owned()));
    for path in ["/public/their-ca", "/public/no-ca", "/public/missing-ca"] {
        let refused = get(path).await;
        let told = refused.text();
        assert_eq!(refused.status, 502, "{told}");
        assert!(!told.contains("ertificate") && !told.contains("PEM") && !told.contains("-ca"), "{told}");
    }
    let log = gateway.logged().await.join("\n");
    for said in ["invalid peer certificate", "apis.no-ca.tls.ca: secret no-ca is not usable", "apis.missing-ca.tls.ca"]
    {
        assert!(log.contains(said), "{said} is not in {log}");
    }
}
