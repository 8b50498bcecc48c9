//! Certificates of every kind, and TLS in front of the embedded instance.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{
    ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion, WantsVerifier, crypto,
};

/// A certificate authority of a test.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    Good,
    Expired,
    NotYetValid,
    OtherName,
    /// Good for so long from now.
    EndsIn(std::time::Duration),
    /// Good, for this name instead of localhost.
    Named(&'static str),
    /// For clients, not for servers.
    WrongPurpose,
    /// Signed by its own key; as an authority or not.
    SelfSigned {
        is_authority: bool,
    },
}

/// A TLS front; it serves until the test ends.
pub struct Front {
    pub address: SocketAddr,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Test Authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// Writes the certificate of the authority to a file.
    pub fn save(&self, path: &Path) {
        std::fs::write(path, &self.pem).unwrap();
    }

    /// The TLS side of a server with this certificate.
    pub fn server_config(&self, leaf: Leaf) -> ServerConfig {
        let (chain, key) = self.certificate(leaf);
        server_builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
    }

    /// As [`Self::server_config`], for clients that show a certificate of this
    /// authority.
    pub fn strict_server_config(&self, version: &'static SupportedProtocolVersion) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
        let (chain, key) = self.certificate(Leaf::Good);
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .unwrap()
    }

    /// Writes a certificate and its key to files, for servers that are no part
    /// of this program.
    pub fn save_leaf(&self, leaf: Leaf, directory: &Path) -> (PathBuf, PathBuf) {
        let (chain, key) = self.certificate(leaf);
        let pem = |label: &str, der: &[u8]| {
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..(at + 64).min(text.len())]).collect();
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
        };
        let (certificate_file, key_file) = (directory.join("leaf.pem"), directory.join("leaf.key"));
        std::fs::write(&certificate_file, pem("CERTIFICATE", &chain[0])).unwrap();
        std::fs::write(&key_file, pem("PRIVATE KEY", key.secret_der())).unwrap();
        (certificate_file, key_file)
    }

    fn certificate(&self, leaf: Leaf) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let name = match leaf {
            Leaf::OtherName => "other.example",
            Leaf::Named(name) => name,
            _ => "localhost",
        };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        match leaf {
            Leaf::Expired => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2021, 1, 1);
            }
            Leaf::EndsIn(left) => params.not_after = (std::time::SystemTime::now() + left).into(),
            Leaf::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            Leaf::WrongPurpose => params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            Leaf::SelfSigned { is_authority: true } => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            Leaf::SelfSigned { is_authority: false } => params.is_ca = IsCa::ExplicitNoCa,
            Leaf::Good | Leaf::OtherName | Leaf::Named(_) => {}
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match leaf {
            Leaf::SelfSigned { .. } => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let chain = vec![CertificateDer::from(certificate.unwrap().der().to_vec())];
        (chain, PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())))
    }

    /// Puts TLS before `origin` (`http://127.0.0.1:PORT`).
    pub fn front(&self, leaf: Leaf, origin: &str) -> Front {
        Front::new(self.server_config(leaf), origin)
    }
}

/// The TLS side of a server with what [`Authority::save_leaf`] wrote.
pub fn saved_server_config(certificate: &Path, key: &Path) -> ServerConfig {
    let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    server_builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
}

fn server_builder() -> ConfigBuilder<ServerConfig, WantsVerifier> {
    let provider = Arc::new(crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap()
}

impl Front {
    /// Puts TLS of this kind before `origin` (`http://127.0.0.1:PORT`).
    pub fn new(config: ServerConfig, origin: &str) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let target: SocketAddr = origin.trim_start_matches("http://").parse().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        let _ = stream.set_nodelay(true);
                        let Ok(mut secure) = acceptor.accept(stream).await else { return };
                        let Ok(mut plain) = TcpStream::connect(target).await else { return };
                        let _ = plain.set_nodelay(true);
                        let _ = copy_bidirectional(&mut secure, &mut plain).await;
                    });
                }
            });
        });
        Self { address }
    }

    /// `https://localhost:PORT`
    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}
