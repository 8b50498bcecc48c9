//! TLS: the system's certificate authorities, plus those of a file.
//!
//! There is no way to accept a certificate that does not verify. The system's
//! authorities are loaded on a thread, while the name is resolved and TCP
//! connects.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

use super::certificate::Certificate;
use super::trace;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown};

/// What to do if this machine has no certificate authority to trust.
pub const NO_AUTHORITIES: &str = if cfg!(windows) {
    "See the trusted root certificates of Windows: certlm.msc"
} else if cfg!(target_os = "macos") {
    "See the certificates of the system in Keychain Access"
} else {
    "Install the package ca-certificates, or set SSL_CERT_FILE"
};

/// Certificate authorities to trust besides the system's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaCertificates(Vec<CertificateDer<'static>>);

impl CaCertificates {
    /// The largest CA file that is read; system bundles are a tenth of it.
    const MAX_BYTES: u64 = 4 * 1024 * 1024;

    /// Adds the certificates of a PEM file, one or more; gives the SHA-256 of
    /// the file as it was read.
    pub fn add(&mut self, path: &Path) -> Result<String, Failure> {
        let bytes = files::read(path, Self::MAX_BYTES)
            .map_err(|error| Self::unreadable(path, &error.to_string()))?
            .ok_or_else(|| Self::unreadable(path, "there is no such file"))?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|_| Self::unreadable(path, "it is not valid PEM"))?;
        if certificates.is_empty() {
            return Err(Self::unreadable(path, "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"));
        }
        for certificate in &certificates {
            rustls::RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|_| Self::unreadable(path, "it holds something that is not a certificate"))?;
        }
        self.0.extend(certificates);
        Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When the first of them ends, where they say it.
    pub fn first_end(&self) -> Option<DateTime<Utc>> {
        self.0.iter().filter_map(|der| Certificate::read(der)).map(|certificate| certificate.not_after).min()
    }

    fn unreadable(path: &Path, reason: &str) -> Failure {
        Failure::new(
            Code::CaCertInvalid,
            shown!("the CA file {} cannot be used: {}", path.display(), Shown::outside(reason)),
        )
        .next("Give a PEM file with the certificate of the authority (--ca-cert)")
        .evidence("path", Shown::outside(path.display().to_string()))
    }
}

/// A cache of the verifiers of a run. Clients that trust the same authorities share one:
/// loading the system's takes milliseconds.
#[derive(Debug, Default)]
pub struct Verifiers(Mutex<Vec<(CaCertificates, Arc<LazyVerifier>)>>);

impl Verifiers {
    /// The TLS side of a client that trusts the system's authorities and these.
    pub fn client_config(&self, extra: &CaCertificates) -> ClientConfig {
        let verifier = self.trusting(extra);
        let mut config = ClientConfig::builder_with_provider(verifier.provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = Resumption::store(Arc::new(HelloWatch));
        config
    }

    fn trusting(&self, extra: &CaCertificates) -> Arc<LazyVerifier> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, verifier)) = known.iter().find(|(authorities, _)| authorities == extra) {
            return verifier.clone();
        }
        let verifier = Arc::new(LazyVerifier::start(extra.0.clone()));
        known.push((extra.clone(), verifier.clone()));
        verifier
    }
}

/// Whether the system has any authority to trust, with the reason where it has
/// none.
pub fn system_authorities() -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Verifier::new_with_extra_roots([], provider).map(drop).map_err(|error| error.to_string())
}

/// The platform's verifier, built on a thread and awaited at the handshake.
#[derive(Debug)]
struct LazyVerifier {
    provider: Arc<CryptoProvider>,
    building: Mutex<Option<JoinHandle<Result<Verifier, rustls::Error>>>>,
    built: OnceLock<Result<Verifier, rustls::Error>>,
}

impl LazyVerifier {
    fn start(extra: Vec<CertificateDer<'static>>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let for_thread = provider.clone();
        let building = std::thread::spawn(move || Verifier::new_with_extra_roots(extra, for_thread));
        Self { provider, building: Mutex::new(Some(building)), built: OnceLock::new() }
    }

    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        let built = self.built.get_or_init(|| {
            let building = self.building.lock().unwrap_or_else(PoisonError::into_inner).take();
            let failed = || rustls::Error::General("the certificate authorities could not be loaded".to_owned());
            building.map_or_else(|| Err(failed()), |thread| thread.join().unwrap_or_else(|_| Err(failed())))
        });
        built.as_ref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        trace::certificate_comes(end_entity);
        self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// rustls asks its session store when it begins a ClientHello: the one moment
/// that tells where TCP ends and TLS begins. Nothing is kept for a resumption,
/// which would show no certificate.
#[derive(Debug)]
struct HelloWatch;

impl ClientSessionStore for HelloWatch {
    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        trace::tls_starts();
        None
    }

    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
