//! Private keys with a passphrase: PKCS#8 (RFC 5958) as OpenSSL writes it.

use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument, pkcs5};

use crate::base::secret::Secret;

/// Why a key was not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDecrypted {
    WrongPassphrase,
    /// Another cipher, or another structure.
    Unsupported,
}

/// The key, as PKCS#8.
pub fn decrypted(der: &[u8], passphrase: &Secret) -> Result<SecretDocument, NotDecrypted> {
    let encrypted = EncryptedPrivateKeyInfo::try_from(der).map_err(|_| NotDecrypted::Unsupported)?;
    encrypted.decrypt(passphrase.expose()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::UnsupportedAlgorithm { .. }) => NotDecrypted::Unsupported,
        // A wrong key decrypts to something else, if at all.
        _ => NotDecrypted::WrongPassphrase,
    })
}
