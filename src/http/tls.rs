//! TLS: the system's certificate authorities, plus those of a file.
//!
//! There is no way to accept a certificate that does not verify. The system's
//! authorities are loaded on a thread, while the name is resolved and TCP
//! connects.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use chrono::{DateTime, Utc};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, NamedGroup, SignatureScheme};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

use super::certificate::Certificate;
use super::identity::IdentitySlot;
use super::trace;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown};
use crate::base::variables::Variables;

/// What to do if this machine has no certificate authority to trust.
pub const NO_AUTHORITIES: &str = if cfg!(windows) {
    "Check the trusted root certificates of Windows: certlm.msc"
} else if cfg!(target_os = "macos") {
    "Check the system certificates in Keychain Access"
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
        let bytes = Self::bytes(path)?;
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&as_lines(&bytes))
            .collect::<Result<_, _>>()
            .map_err(|_| Self::unreadable(path, "it is not valid PEM"))?;
        if certificates.is_empty() {
            return Err(Self::unreadable(
                path,
                "it contains no certificate in PEM format (-----BEGIN CERTIFICATE-----)",
            ));
        }
        for certificate in &certificates {
            rustls::RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|_| Self::unreadable(path, "it contains something that is not a certificate"))?;
        }
        self.0.extend(certificates);
        Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
        files::read(path, Self::MAX_BYTES)
            .map_err(|error| Self::unreadable(path, &error.to_string()))?
            .ok_or_else(|| Self::unreadable(path, "no such file"))
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
        Failure::new(Code::CaCertInvalid, shown!("invalid CA file {}: {}", path.display(), Shown::outside(reason)))
            .next("Use a PEM file that contains the CA certificate (--ca-cert)")
            .evidence("path", Shown::outside(path.display().to_string()))
    }
}

/// The lines of a PEM file. Windows puts a byte-order mark before the first, and files
/// that were joined without a line end have two in one.
pub fn as_lines(bytes: &[u8]) -> Cow<'_, [u8]> {
    const JOINT: &[u8] = b"----------BEGIN ";
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if !bytes.windows(JOINT.len()).any(|window| window == JOINT) {
        return Cow::Borrowed(bytes);
    }
    let mut lines = Vec::with_capacity(bytes.len() + 64);
    for (index, byte) in bytes.iter().enumerate() {
        if index >= 5 && bytes[index - 5..].starts_with(JOINT) {
            lines.push(b'\n');
        }
        lines.push(*byte);
    }
    Cow::Owned(lines)
}

/// The variables that name the system's authorities where these are files.
#[derive(Debug, Clone, Default)]
pub struct CaVariables {
    file: Option<PathBuf>,
    directories: Option<OsString>,
}

impl CaVariables {
    pub fn of(variables: &Variables) -> Self {
        if cfg!(any(windows, target_os = "macos")) {
            return Self::default();
        }
        let directories = variables.raw(DIRECTORIES).filter(|value| !value.is_empty());
        Self { file: variables.path(FILE), directories: directories.map(OsStr::to_owned) }
    }

    /// What the system's loader would not find in the file; or which variable leads
    /// nowhere, so that nothing could be trusted.
    pub fn add_to(&self, authorities: &mut CaCertificates) -> Result<(), Failure> {
        let Some(path) = &self.file else {
            return match &self.directories {
                Some(value) if !std::env::split_paths(value).any(|path| path.is_dir()) => {
                    Err(named(DIRECTORIES, shown!("{} does not list an existing directory", DIRECTORIES)))
                }
                _ => Ok(()),
            };
        };
        let of_variable = |failure: Failure| named(FILE, shown!("{}: {}", FILE, failure.message()));
        let bytes = CaCertificates::bytes(path).map_err(of_variable)?;
        let found = |bytes: &[u8]| CertificateDer::pem_slice_iter(bytes).filter_map(Result::ok).collect::<Vec<_>>();
        let (certificates, by_loader) = (found(&as_lines(&bytes)), found(&bytes));
        if certificates.is_empty() {
            let reason = "it contains no certificate in PEM format (-----BEGIN CERTIFICATE-----)";
            return Err(of_variable(CaCertificates::unreadable(path, reason)));
        }
        authorities.0.extend(certificates.into_iter().filter(|certificate| !by_loader.contains(certificate)));
        Ok(())
    }
}

const FILE: &str = "SSL_CERT_FILE";
const DIRECTORIES: &str = "SSL_CERT_DIR";

fn named(variable: &'static str, message: Shown) -> Failure {
    Failure::new(Code::CaCertInvalid, message).next(shown!("Correct or unset {}", variable))
}

/// A cache of the verifiers of a run. Clients that trust the same authorities share one:
/// loading the system's takes milliseconds.
#[derive(Debug, Default)]
pub struct Verifiers(Mutex<Vec<(CaCertificates, Arc<LazyVerifier>)>>);

impl Verifiers {
    /// The TLS side of a client that trusts the system's authorities and these, and sends
    /// what is in `identity`.
    pub fn client_config(&self, extra: &CaCertificates, identity: Arc<IdentitySlot>) -> ClientConfig {
        let verifier = self.trusting(extra);
        let mut config = ClientConfig::builder_with_provider(verifier.provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(identity);
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
    /// The certificates that were given.
    extra: Vec<CertificateDer<'static>>,
    building: Mutex<Option<JoinHandle<Result<Verifier, rustls::Error>>>>,
    built: OnceLock<Result<Verifier, rustls::Error>>,
}

impl LazyVerifier {
    fn start(extra: Vec<CertificateDer<'static>>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (for_thread, roots) = (provider.clone(), extra.clone());
        let building = std::thread::Builder::new()
            .name("certificate authorities".to_owned())
            .spawn(move || Verifier::new_with_extra_roots(roots, for_thread));
        Self { provider, extra, building: Mutex::new(building.ok()), built: OnceLock::new() }
    }

    fn verifier(&self) -> Result<&Verifier, rustls::Error> {
        let built = self.built.get_or_init(|| {
            let building = self.building.lock().unwrap_or_else(PoisonError::into_inner).take();
            let failed = || rustls::Error::General("could not load the CA certificates".to_owned());
            match building {
                Some(thread) => thread.join().unwrap_or_else(|_| Err(failed())),
                // Without a thread it takes a moment of the handshake.
                None => Verifier::new_with_extra_roots(self.extra.clone(), self.provider.clone()),
            }
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
        let verified = self.verifier()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verified.or_else(|error| {
            if !self.extra.contains(end_entity) {
                return Err(error);
            }
            verify_given(end_entity, server_name, now).map(|()| ServerCertVerified::assertion())
        })
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

/// Verifies the certificate of a server that the user trusts as it is. It needs no chain:
/// it may be marked as an authority, or its issuer may be unknown.
fn verify_given(given: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    rustls::client::verify_server_name(&ParsedCertificate::try_from(given)?, name)?;
    let dates = Certificate::read(given).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match now {
        now if now < dates.not_before.timestamp() => Err(CertificateError::NotValidYet.into()),
        now if now > dates.not_after.timestamp() => Err(CertificateError::Expired.into()),
        _ => Ok(()),
    }
}

/// rustls asks its session store when it begins a ClientHello: the one moment
/// that tells where TCP ends and TLS begins. Nothing is kept for a resumption,
/// which would show no certificate.
#[derive(Debug)]
struct HelloWatch;

impl ClientSessionStore for HelloWatch {
    fn kx_hint(&self, server: &ServerName<'_>) -> Option<NamedGroup> {
        trace::tls_starts(&server.to_str());
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
