//! The certificate of a client (mutual TLS), and whether the server asked for one.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};

use super::certificate::{Certificate, Names};
use super::trace;

/// A certificate with its chain, and the key that it belongs to.
#[derive(Debug, Clone)]
pub struct ClientIdentity {
    key: Arc<CertifiedKey>,
    pub certificate: Certificate,
}

/// Why certificates and a key are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoIdentity {
    /// One of the certificates cannot be read.
    NotACertificate,
    /// The key cannot be read, or is of a kind that TLS does not use.
    UnusableKey,
    /// None of the certificates belongs to the key.
    KeyOfAnother,
}

/// What the server of a client got from it in the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presented {
    /// It did not ask for a certificate.
    #[default]
    NotAsked,
    /// It asked, and got none.
    Nothing,
    /// It asked, and got ours.
    Certificate,
}

impl ClientIdentity {
    /// The certificates may come in any order: the one of the key is sent first, and
    /// each is followed by its issuer.
    pub fn new(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, NoIdentity> {
        let key = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|_| NoIdentity::UnusableKey)?;
        let certified = |first: &CertificateDer<'static>| CertifiedKey::new(vec![first.clone()], key.clone());
        let mut own = None;
        for certificate in &certificates {
            match certified(certificate).keys_match() {
                Ok(()) => own = own.or(Some(certificate.clone())),
                Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {}
                Err(rustls::Error::InconsistentKeys(_)) => return Err(NoIdentity::UnusableKey),
                Err(_) => return Err(NoIdentity::NotACertificate),
            }
        }
        let own = own.ok_or(NoIdentity::KeyOfAnother)?;
        let certificate = Certificate::read(&own).ok_or(NoIdentity::NotACertificate)?;
        let chain = chain(own, certificates);
        Ok(Self { key: Arc::new(CertifiedKey::new(chain, key)), certificate })
    }
}

/// The certificate with its issuers, as far as they are there. TLS 1.2 wants this order.
fn chain(own: CertificateDer<'static>, mut others: Vec<CertificateDer<'static>>) -> Vec<CertificateDer<'static>> {
    let mut chain = vec![own];
    others.retain(|other| *other != chain[0]);
    while let Some(issuer) = chain.last().and_then(|last| Names::read(last)).map(|names| names.issuer) {
        let is_issuer = |other: &CertificateDer<'_>| Names::read(other).is_some_and(|names| names.subject == issuer);
        let Some(at) = others.iter().position(is_issuer) else { break };
        chain.push(others.swap_remove(at));
    }
    chain
}

/// Where a client finds the certificate that it sends. A client is made before the
/// passphrase of its key is read.
#[derive(Debug, Default)]
pub struct IdentitySlot {
    /// With the host that it is for: a proxy that speaks TLS does not get it.
    identity: OnceLock<(ClientIdentity, String)>,
    presented: AtomicU8,
}

impl IdentitySlot {
    /// Sends this identity to `host` from now on. The first one stays.
    pub fn fill(&self, identity: ClientIdentity, host: &str) {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let _ = self.identity.set((identity, host));
    }

    /// The dates of the certificate that it sends.
    pub fn certificate(&self) -> Option<Certificate> {
        self.identity.get().map(|(identity, _)| identity.certificate)
    }

    pub fn presented(&self) -> Presented {
        match self.presented.load(Ordering::Relaxed) {
            0 => Presented::NotAsked,
            1 => Presented::Nothing,
            _ => Presented::Certificate,
        }
    }
}

impl ResolvesClientCert for IdentitySlot {
    /// Called if the server asks for a certificate. Which issuers it names decides
    /// nothing: such lists are often incomplete.
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let found = self.identity.get().filter(|(_, host)| trace::is_handshake_with(host));
        let found = found.filter(|(identity, _)| identity.key.key.choose_scheme(schemes).is_some());
        self.presented.store(if found.is_some() { 2 } else { 1 }, Ordering::Relaxed);
        found.map(|(identity, _)| identity.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::*;

    /// Three certificates, each issued by the next, and the key of the first.
    fn issued() -> ([CertificateDer<'static>; 3], PrivateKeyDer<'static>) {
        let named = |name: &str, is_ca: bool| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            if is_ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            (params, KeyPair::generate().unwrap())
        };
        let ((root, root_key), (middle, middle_key), (leaf, leaf_key)) =
            (named("root", true), named("middle", true), named("leaf", false));
        let der = |certificate: rcgen::Certificate| CertificateDer::from(certificate.der().to_vec());
        let of_root = der(root.self_signed(&root_key).unwrap());
        let of_middle = der(middle.signed_by(&middle_key, &Issuer::new(root, root_key)).unwrap());
        let of_leaf = der(leaf.signed_by(&leaf_key, &Issuer::new(middle, middle_key)).unwrap());
        ([of_leaf, of_middle, of_root], PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into())
    }

    #[test]
    fn a_chain_in_any_order_is_sent_from_the_own_certificate_to_the_root() {
        let (chain, key) = issued();
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let shuffled = order.map(|at| chain[at].clone()).to_vec();
            let identity = ClientIdentity::new(shuffled, key.clone_key()).unwrap();
            assert_eq!(identity.key.cert, chain, "{order:?}");
        }
    }

    #[test]
    fn a_key_that_fits_none_of_the_certificates_is_told() {
        let (chain, _) = issued();
        let (_, other) = issued();
        assert_eq!(ClientIdentity::new(chain.to_vec(), other).err(), Some(NoIdentity::KeyOfAnother));
    }

    #[test]
    fn a_server_that_asks_gets_nothing_before_there_is_an_identity_or_for_another_host() {
        let slot = IdentitySlot::default();
        assert_eq!(slot.presented(), Presented::NotAsked);
        assert!(slot.resolve(&[], &[SignatureScheme::ECDSA_NISTP256_SHA256]).is_none());
        assert_eq!(slot.presented(), Presented::Nothing);
        let (chain, key) = issued();
        slot.fill(ClientIdentity::new(chain.to_vec(), key).unwrap(), "acme.service-now.com");
        // Outside of a handshake with that host.
        assert!(slot.resolve(&[], &[SignatureScheme::ECDSA_NISTP256_SHA256]).is_none());
    }
}
