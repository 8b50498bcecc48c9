//! TLS on the side of the programs, with a certificate authority made for one run. Its key
//! is forgotten once it has signed, and that of the certificate is in memory alone.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::base::error::{Failure, internal};
use crate::base::shown::{Shown, shown};

/// Some systems take no certificate that is good for longer.
const GOOD_FOR: Duration = Duration::from_secs(397 * 24 * 3600);
/// Clocks may differ a little.
const BEFORE: Duration = Duration::from_secs(3600);

/// What a gateway serves TLS with.
pub struct Tls {
    pub acceptor: TlsAcceptor,
    /// The certificate of the authority, in PEM.
    pub authority: String,
}

impl Tls {
    pub fn new() -> Result<Self, Failure> {
        Self::made().map_err(|error| {
            internal(shown!("could not make the certificate of the gateway: {}", Shown::outside(error.to_string())))
        })
    }

    fn made() -> Result<Self, Box<dyn Error>> {
        let now = SystemTime::now();
        let params = |names: &[&str], name: &str| {
            let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_before = (now - BEFORE).into();
            params.not_after = (now + GOOD_FOR).into();
            Ok::<_, rcgen::Error>(params)
        };
        let mut authority = params(&[], "snow proxy, for this run")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // It is of no use for another host, even with its key.
        authority.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![
                GeneralSubtree::DnsName("localhost".to_owned()),
                GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 1], [255; 4])),
            ],
            excluded_subtrees: Vec::new(),
        });
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let mut leaf = params(&["localhost", "127.0.0.1"], "localhost")?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let chain = vec![leaf.signed_by(&key, &issuer)?.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), authority: authority_pem })
    }
}
