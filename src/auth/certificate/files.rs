//! The files of a client certificate: read, opened, and checked before anything is sent.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use p12_keystore::Pkcs12Archive;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::{CERT, IDENTITY, KEY};
use crate::auth::encrypted_key::{self, NotDecrypted};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::http::certificate::Certificate;
use crate::http::identity::{ClientIdentity, NoIdentity};
use crate::http::tls::as_lines;
use crate::model::profile::Auth;

/// The largest file that is read; one with a long chain is a hundredth of it.
const MAX_BYTES: u64 = 1024 * 1024;

/// Where the certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    Pem { certificate: PathBuf, key: PathBuf },
    Pkcs12(PathBuf),
}

impl Files {
    /// Those of a connection, if it has both parts.
    pub fn of(auth: &Auth) -> Option<Self> {
        let path = |key: &str| auth.settings.get(key).map(PathBuf::from);
        match path(IDENTITY) {
            Some(identity) => Some(Self::Pkcs12(identity)),
            None => Some(Self::Pem { certificate: path(CERT)?, key: path(KEY)? }),
        }
    }

    /// The file that the key is in.
    pub fn with_key(&self) -> &Path {
        match self {
            Self::Pem { key, .. } => key,
            Self::Pkcs12(identity) => identity,
        }
    }

    /// The file that the certificate is in.
    pub fn with_certificate(&self) -> &Path {
        match self {
            Self::Pem { certificate, .. } => certificate,
            Self::Pkcs12(identity) => identity,
        }
    }

    /// Whether the key takes a passphrase. One that cannot be read takes none.
    pub fn is_locked(&self) -> bool {
        let Ok(bytes) = bytes(self.with_key()) else { return false };
        match self {
            Self::Pem { .. } => encrypted_key(&bytes).is_some(),
            Self::Pkcs12(path) => matches!(pkcs12(path, &bytes, None), Err(failure) if is_about_passphrase(&failure)),
        }
    }

    /// The dates of the certificate, if they can be seen without a passphrase.
    pub fn dates(&self) -> Option<Certificate> {
        if let Ok(identity) = self.read(None) {
            return Some(identity.certificate);
        }
        let Self::Pem { certificate, .. } = self else { return None };
        let certificates = certificates(certificate, &bytes(certificate).ok()?).ok()?;
        // Which one is the client's, only the key tells. Those of the chain last longer.
        certificates.iter().filter_map(|der| Certificate::read(der)).min_by_key(|dates| dates.not_after)
    }

    /// Reads the files as far as that takes no passphrase, and gives the dates of the
    /// certificate if they can be seen.
    pub fn examined(&self, now: DateTime<Utc>) -> Result<Option<Certificate>, Failure> {
        let dates = if self.is_locked() {
            check_private(self.with_key())?;
            match self {
                Self::Pem { certificate, .. } => {
                    certificates(certificate, &bytes(certificate)?)?;
                    self.dates()
                }
                Self::Pkcs12(_) => None,
            }
        } else {
            Some(self.read(None)?.certificate)
        };
        dates.map_or(Ok(()), |dates| self.check_dates(dates, now))?;
        Ok(dates)
    }

    /// Reads and opens the files. Nothing is sent if they do not belong together.
    pub fn read(&self, passphrase: Option<&Secret>) -> Result<ClientIdentity, Failure> {
        let with_key = self.with_key();
        let bytes_of_key = bytes(with_key)?;
        check_private(with_key)?;
        let (certificates, key) = match self {
            Self::Pem { certificate, key } => {
                (certificates(certificate, &bytes(certificate)?)?, pem_key(key, &bytes_of_key, passphrase)?)
            }
            Self::Pkcs12(path) => pkcs12(path, &bytes_of_key, passphrase)?,
        };
        ClientIdentity::new(certificates, key).map_err(|error| match error {
            NoIdentity::NotACertificate => {
                invalid(self.with_certificate(), "it contains something that is not a certificate")
                    .next("Use the certificate as the CA issued it, in PEM format")
            }
            NoIdentity::UnusableKey => invalid(with_key, "its private key is of a kind that TLS does not use")
                .next("Use an RSA key of 2048 bits or more, or an ECDSA key (P-256, P-384)"),
            NoIdentity::KeyOfAnother => key_of_another(self.with_certificate(), with_key),
        })
    }

    /// An error if the certificate is not valid now: the server would reject it.
    pub fn check_dates(&self, certificate: Certificate, now: DateTime<Utc>) -> Result<(), Failure> {
        if certificate.is_valid(now) {
            return Ok(());
        }
        let date = |at: DateTime<Utc>| Shown::outside(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        let path = self.with_certificate().display();
        let failure = if now < certificate.not_before {
            Failure::new(Code::ClientCertificateExpired, shown!("the client certificate {} is not valid yet", path))
                .why(shown!("It is valid from {}. Nothing was sent.", date(certificate.not_before)))
                .next("Check the clock of this machine, or wait until then")
        } else {
            Failure::new(Code::ClientCertificateExpired, shown!("the client certificate {} has expired", path))
                .why(shown!("It was valid until {}. Nothing was sent.", date(certificate.not_after)))
                .next("Get a new certificate from the CA, and have it registered for the user")
                .next("Put it in place of the file, or give its path with --client-cert and --client-key")
        };
        Err(failure
            .evidence("path", Shown::outside(path.to_string()))
            .evidence("not_before", date(certificate.not_before))
            .evidence("not_after", date(certificate.not_after)))
    }
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |reason: &str| invalid(path, reason).next("Check the path, and that this user may read the file");
    let bytes = files::read(path, MAX_BYTES).map_err(|error| unreadable(&error.to_string()))?;
    let bytes = bytes.ok_or_else(|| unreadable("no such file"))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(unreadable("it is empty"));
    }
    Ok(Zeroizing::new(bytes))
}

/// A key that others can read is not theirs alone any more.
fn check_private(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Ok(metadata) if files::is_public(&metadata) => {
            Err(invalid(path, "other users of this machine can read the key")
                .next(Step::say("Make it private: ").and_run(shown!("chmod 600 {}", path.display()))))
        }
        _ => Ok(()),
    }
}

fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    if is_pkcs12(bytes) {
        return Err(invalid(path, "it looks like a PKCS#12 file").next("Give it with --client-identity FILE"));
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&as_lines(bytes)).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(invalid(path, "it contains no certificate in PEM format (-----BEGIN CERTIFICATE-----)")
            .next("Use the certificate as the CA issued it, in PEM format")),
        Err(_) => Err(invalid(path, "it is not valid PEM").next("Copy the file again, completely")),
    }
}

fn pem_key(path: &Path, bytes: &[u8], passphrase: Option<&Secret>) -> Result<PrivateKeyDer<'static>, Failure> {
    if let Some(encrypted) = encrypted_key(bytes) {
        let passphrase = passphrase.ok_or_else(|| locked(path))?;
        return decrypted(path, &encrypted, passphrase);
    }
    let lines = as_lines(bytes);
    if contains(&lines, b"Proc-Type: 4,ENCRYPTED") {
        return Err(invalid(path, "its key is encrypted in the old format of OpenSSL (Proc-Type: 4,ENCRYPTED)")
            .next(Step::say("Convert it: ").and_run(shown!("openssl pkcs8 -topk8 -in {} -out NEW", path.display()))));
    }
    PrivateKeyDer::from_pem_slice(&lines).map_err(|_| {
        invalid(path, "it contains no private key in PEM format (-----BEGIN PRIVATE KEY-----)")
            .next("Use the key that the certificate was requested with, in PEM format")
    })
}

/// The content of an encrypted key (RFC 5958), if the file has one and no other.
fn encrypted_key(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ENCRYPTED PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END ENCRYPTED PRIVATE KEY-----")?;
    let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok().map(Zeroizing::new)
}

fn decrypted(path: &Path, der: &[u8], passphrase: &Secret) -> Result<PrivateKeyDer<'static>, Failure> {
    let unsupported = || {
        invalid(path, "its key is encrypted with an algorithm that is not supported")
            .next(Step::say("Convert it: ").and_run(shown!("openssl pkcs8 -topk8 -in {} -out NEW", path.display())))
    };
    match encrypted_key::decrypted(der, passphrase) {
        Ok(key) => Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into()),
        Err(NotDecrypted::WrongPassphrase) => Err(wrong_passphrase(path)),
        Err(NotDecrypted::Unsupported) => Err(unsupported()),
    }
}

type Parts = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn pkcs12(path: &Path, bytes: &[u8], passphrase: Option<&Secret>) -> Result<Parts, Failure> {
    if !is_pkcs12(bytes) {
        let failure = invalid(path, "it is not a PKCS#12 file");
        return Err(if contains(bytes, b"-----BEGIN") {
            failure.next("Give PEM files with --client-cert FILE and --client-key FILE")
        } else {
            failure.next("Use a file in PKCS#12 format (.p12, .pfx)")
        });
    }
    let word = passphrase.map_or("", Secret::expose);
    let archive = Pkcs12Archive::from_pkcs12(bytes, word).map_err(|error| {
        use p12_keystore::error::Error;
        match error {
            // Without an integrity check, a wrong passphrase shows when something is decrypted.
            Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) if passphrase.is_none() => locked(path),
            Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => wrong_passphrase(path),
            Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm => {
                invalid(path, "it is encrypted with an algorithm that is not supported").next(
                    Step::say("Convert it: ").and_run(shown!(
                        "openssl pkcs12 -legacy -in {} -nodes | openssl pkcs12 -export -out NEW.p12",
                        path.display()
                    )),
                )
            }
            _ => invalid(path, "it is damaged, or not a PKCS#12 file").next("Export it again"),
        }
    })?;
    let key = archive.keys.first().ok_or_else(|| {
        invalid(path, "it contains no private key").next("Export the certificate together with its private key")
    })?;
    let certificates: Vec<_> =
        archive.certs.iter().map(|bag| CertificateDer::from(bag.cert.as_der().to_vec())).collect();
    if certificates.is_empty() {
        return Err(invalid(path, "it contains no certificate").next("Export the certificate together with its key"));
    }
    Ok((certificates, PrivatePkcs8KeyDer::from(key.key.as_der().to_vec()).into()))
}

/// Whether it is DER of a sequence, as PKCS#12 is.
fn is_pkcs12(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, second, ..] if *second >= 0x80)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn is_about_passphrase(failure: &Failure) -> bool {
    matches!(failure.code(), Code::InvalidSecret | Code::NoCredential)
}

fn locked(path: &Path) -> Failure {
    Failure::new(Code::NoCredential, shown!("the key in {} has a passphrase", path.display()))
        .why("No passphrase was given.")
        .next("Give it with --client-identity-passphrase-stdin or --client-identity-passphrase-file FILE")
}

fn wrong_passphrase(path: &Path) -> Failure {
    Failure::new(Code::InvalidSecret, shown!("the passphrase does not open {}", path.display()))
        .why("Nothing was sent.")
        .next("Enter the passphrase again, with snow login for a saved connection")
}

fn key_of_another(certificate: &Path, key: &Path) -> Failure {
    let failure = if certificate == key {
        invalid(key, "its private key does not belong to any certificate in it")
    } else {
        Failure::new(
            Code::ClientCertificateInvalid,
            shown!("the key {} does not belong to the certificate {}", key.display(), certificate.display()),
        )
        .why("Nothing was sent.")
        .evidence("path", Shown::outside(key.display().to_string()))
    };
    failure.next("Use the key that the certificate was requested with")
}

fn invalid(path: &Path, reason: &str) -> Failure {
    let message = shown!("invalid client certificate file {}: {}", path.display(), Shown::outside(reason));
    Failure::new(Code::ClientCertificateInvalid, message)
        .why("Nothing was sent.")
        .evidence("path", Shown::outside(path.display().to_string()))
}
