//! The private key of assertions, and the certificate that it must fit: PEM as OpenSSL
//! and others write it. No I/O.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey};
use p256::elliptic_curve::pkcs8::DecodePrivateKey;
use pkcs8::der::asn1::ObjectIdentifier;
use pkcs8::der::{Decode, Encode};
use pkcs8::{EncodePrivateKey, EncodePublicKey, PrivateKeyInfo};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::auth::encrypted_key::{self, NotDecrypted};
use crate::base::secret::Secret;
use crate::base::shown::shown_as_displayed;

shown_as_displayed!(InvalidKey);

const CERTIFICATE: &str = "CERTIFICATE";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// RFC 7518 §3.3 allows nothing shorter.
const MIN_RSA_BITS: usize = 2048;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Keys that no algorithm here uses, and what they are called.
const OTHERS: [(ObjectIdentifier, &str); 6] = [
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "Ed25519"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "Ed448"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "RSA-PSS"),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), "DSA"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "P-521"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.10"), "secp256k1"),
];

/// Why a text is no key that can sign, or not the one of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error("it contains no private key in PEM")]
    NotPem,
    #[error("it is encrypted, and no passphrase was given")]
    Encrypted,
    #[error("it is encrypted in the old format of OpenSSL")]
    OldEncryption,
    #[error("it is encrypted in a way that is not supported")]
    OtherEncryption,
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    #[error("it is damaged")]
    Damaged,
    #[error("its type is {0}; RSA, P-256 and P-384 are supported")]
    OtherType(String),
    #[error("it has {0} bits; RSA keys need at least 2048")]
    TooShort(usize),
    #[error("{algorithm} needs another type of key than {kind}")]
    OtherAlgorithm { algorithm: &'static str, kind: &'static str },
    #[error("it contains no certificate in PEM")]
    NoCertificate,
    #[error("it is the certificate of another key")]
    OtherCertificate,
}

/// The types of keys that sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

impl Kind {
    fn label(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }
}

/// The algorithms of RFC 7518 §3.1 that are offered, the usual one of each type of key
/// first.
const ALGORITHMS: [(&str, Algorithm, Kind); 5] = [
    ("RS256", Algorithm::RS256, Kind::Rsa),
    ("RS384", Algorithm::RS384, Kind::Rsa),
    ("RS512", Algorithm::RS512, Kind::Rsa),
    ("ES256", Algorithm::ES256, Kind::P256),
    ("ES384", Algorithm::ES384, Kind::P384),
];

/// The names of the algorithms.
pub fn algorithms() -> [&'static str; 5] {
    ALGORITHMS.map(|(name, ..)| name)
}

/// A key that can sign.
pub struct PrivateKey {
    kind: Kind,
    signs: EncodingKey,
    /// Its public key as a certificate has it.
    public: Vec<u8>,
}

/// Whether the first private key of a PEM text takes a passphrase.
pub fn is_encrypted(pem: &str) -> bool {
    private_block(pem).is_some_and(|(label, _)| label == ENCRYPTED)
}

impl PrivateKey {
    /// The first private key of a PEM text: PKCS#8, encrypted or not, PKCS#1 or SEC 1.
    pub fn read(pem: &str, passphrase: Option<&Secret>) -> Result<Self, InvalidKey> {
        let (label, body) = private_block(pem).ok_or(InvalidKey::NotPem)?;
        if body.contains("Proc-Type") {
            return Err(InvalidKey::OldEncryption);
        }
        let der = decoded(body)?;
        match label {
            ENCRYPTED => {
                let passphrase = passphrase.ok_or(InvalidKey::Encrypted)?;
                let decrypted = encrypted_key::decrypted(&der, passphrase).map_err(|error| match error {
                    NotDecrypted::Unsupported => InvalidKey::OtherEncryption,
                    NotDecrypted::WrongPassphrase => InvalidKey::WrongPassphrase,
                })?;
                Self::pkcs8(decrypted.as_bytes())
            }
            "PRIVATE KEY" => Self::pkcs8(&der),
            "RSA PRIVATE KEY" => Self::rsa(&der),
            "EC PRIVATE KEY" => Self::sec1(&der),
            other => Err(InvalidKey::OtherType(other.trim_end_matches(" PRIVATE KEY").to_owned())),
        }
    }

    fn pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        let info = PrivateKeyInfo::try_from(der).map_err(|_| InvalidKey::Damaged)?;
        let algorithm = info.algorithm;
        let curve = algorithm.parameters_oid().ok();
        match (algorithm.oid, curve) {
            (RSA, _) => Self::rsa(info.private_key),
            (EC, Some(P256)) => Self::p256(&p256::SecretKey::from_pkcs8_der(der).map_err(|_| InvalidKey::Damaged)?),
            (EC, Some(P384)) => Self::p384(&p384::SecretKey::from_pkcs8_der(der).map_err(|_| InvalidKey::Damaged)?),
            (EC, Some(other)) | (other, _) => {
                let known = OTHERS.iter().find(|(oid, _)| *oid == other).map(|(_, name)| (*name).to_owned());
                Err(InvalidKey::OtherType(known.unwrap_or_else(|| other.to_string())))
            }
        }
    }

    fn rsa(der: &[u8]) -> Result<Self, InvalidKey> {
        let key = RsaPrivateKey::from_pkcs1_der(der).map_err(|_| InvalidKey::Damaged)?;
        let bits = key.n().bits();
        if bits < MIN_RSA_BITS {
            return Err(InvalidKey::TooShort(bits));
        }
        let public = key.to_public_key().to_public_key_der().map_err(|_| InvalidKey::Damaged)?;
        Ok(Self { kind: Kind::Rsa, signs: EncodingKey::from_rsa_der(der), public: public.into_vec() })
    }

    fn p256(key: &p256::SecretKey) -> Result<Self, InvalidKey> {
        let der = key.to_pkcs8_der().map_err(|_| InvalidKey::Damaged)?;
        let public = key.public_key().to_public_key_der().map_err(|_| InvalidKey::Damaged)?;
        Ok(Self { kind: Kind::P256, signs: EncodingKey::from_ec_der(der.as_bytes()), public: public.into_vec() })
    }

    fn p384(key: &p384::SecretKey) -> Result<Self, InvalidKey> {
        let der = key.to_pkcs8_der().map_err(|_| InvalidKey::Damaged)?;
        let public = key.public_key().to_public_key_der().map_err(|_| InvalidKey::Damaged)?;
        Ok(Self { kind: Kind::P384, signs: EncodingKey::from_ec_der(der.as_bytes()), public: public.into_vec() })
    }

    /// The length of a SEC 1 key says its curve; the curve itself may be left out.
    fn sec1(der: &[u8]) -> Result<Self, InvalidKey> {
        match (p256::SecretKey::from_sec1_der(der), p384::SecretKey::from_sec1_der(der)) {
            (Ok(key), _) => Self::p256(&key),
            (_, Ok(key)) => Self::p384(&key),
            (Err(_), Err(_)) => Err(InvalidKey::OtherType("another elliptic curve".to_owned())),
        }
    }

    /// The algorithm of this name, or the usual one, with what signs.
    pub fn signing(&self, name: Option<&str>) -> Result<(Algorithm, &EncodingKey), InvalidKey> {
        let wanted = ALGORITHMS.iter().find(|(known, _, kind)| name.map_or(*kind == self.kind, |name| name == *known));
        let (name, algorithm, kind) = wanted.expect("an algorithm is checked where it comes in");
        if *kind == self.kind {
            Ok((*algorithm, &self.signs))
        } else {
            Err(InvalidKey::OtherAlgorithm { algorithm: name, kind: self.kind.label() })
        }
    }

    /// Whether the first certificate of a PEM text is of this key.
    pub fn check_certificate(&self, pem: &str) -> Result<(), InvalidKey> {
        let der = decoded(certificate_block(pem).ok_or(InvalidKey::NoCertificate)?)?;
        let certificate = Certificate::from_der(&der).map_err(|_| InvalidKey::Damaged)?;
        let public = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|_| InvalidKey::Damaged)?;
        if public == self.public { Ok(()) } else { Err(InvalidKey::OtherCertificate) }
    }
}

fn certificate_block(pem: &str) -> Option<&str> {
    blocks(pem).find(|(label, _)| *label == CERTIFICATE).map(|(_, body)| body)
}

/// The first certificate of a PEM text and nothing else of it: a file may have the key, too.
pub fn first_certificate(pem: &str) -> Option<String> {
    let body = certificate_block(pem)?;
    Some(format!("-----BEGIN {CERTIFICATE}-----{body}-----END {CERTIFICATE}-----\n"))
}

fn private_block(pem: &str) -> Option<(&str, &str)> {
    blocks(pem).find(|(label, _)| label.ends_with("PRIVATE KEY"))
}

/// The label and the body of each block (RFC 7468). Lines may have been joined.
fn blocks(mut text: &str) -> impl Iterator<Item = (&str, &str)> {
    std::iter::from_fn(move || {
        let (label, rest) = text.split_once("-----BEGIN ")?.1.split_once("-----")?;
        let (body, rest) = rest.split_once("-----END ")?;
        text = rest;
        Some((label, body))
    })
}

fn decoded(body: &str) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
    let text: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| InvalidKey::Damaged)
}
