//! The age format around the secrets: opened and made with a passphrase or
//! with an identity, so that the `age` command can do both too.
//!
//! Owns the strength of a passphrase's work, and tells the errors of the crate
//! apart. It reads and writes no file.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::path::PathBuf;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, Identity, Recipient, scrypt, x25519};
use zeroize::Zeroizing;

use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};

/// The work of trying a passphrase once, as a power of two: 101 ms and 32 MiB,
/// as `snow test` shows beside `file` (2 cores, Debian 12). Every opening costs
/// it, and every change costs it again: age takes a new salt for each file, and
/// must, since a key that wrapped two files would give both away.
const WORK: u8 = 15;
/// The most work that is done for a file. It is what the `age` command asks
/// for, about a second and 256 MiB; a file that wants more could stop the
/// machine.
const MOST_WORK: u8 = 18;
/// The bytes of the longest header that is read.
const LONGEST_HEADER: u64 = 16 * 1024;

/// How a passphrase is given without a terminal.
pub const BY_PASSPHRASE: &str =
    "Set SNOW_STORE_PASSPHRASE_FILE to a file with the passphrase, or SNOW_STORE_PASSPHRASE to the passphrase";

/// What opens the file.
pub enum Key {
    Passphrase { passphrase: Secret, given_by: GivenBy },
    Identities { identities: Vec<x25519::Identity>, file: PathBuf },
}

/// Where a passphrase came from, to say what to correct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenBy {
    Prompt,
    /// The variable of this name.
    Variable(&'static str),
}

/// What a file is locked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockedWith {
    Passphrase,
    Identity,
}

/// Why a key does not open a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    #[error("{}", match .0 {
        LockedWith::Passphrase => "Its passphrase is missing, and there is no terminal to ask on, or --no-input, SNOW_NO_INPUT or CI is set.",
        LockedWith::Identity => "It is encrypted to an age identity, but none was given.",
    })]
    Missing(LockedWith),
    #[error("{} is wrong, or the file is damaged.", match .0 {
        GivenBy::Prompt => "The passphrase that you typed".to_owned(),
        GivenBy::Variable(name) => format!("The passphrase in {name}"),
    })]
    WrongPassphrase(GivenBy),
    #[error("It is not encrypted to the identity in {0}, which SNOW_STORE_IDENTITY points to.")]
    WrongIdentity(String),
    #[error("It is encrypted with a passphrase, but SNOW_STORE_IDENTITY points to an identity.")]
    WantsPassphrase,
    #[error("It is encrypted to an age identity, but a passphrase was given.")]
    WantsIdentity,
}

impl UnlockError {
    /// What the file does, to end a sentence with.
    pub fn what(&self) -> &'static str {
        match self {
            Self::Missing(_) => "is locked",
            Self::WrongPassphrase(_) => "cannot be decrypted with this passphrase",
            Self::WrongIdentity(_) | Self::WantsPassphrase => "cannot be decrypted with this identity",
            Self::WantsIdentity => "cannot be decrypted with a passphrase",
        }
    }

    /// What to do about it, best first.
    pub fn next(&self, path: &str) -> Vec<Step> {
        match self {
            Self::Missing(LockedWith::Passphrase) => vec![BY_PASSPHRASE.into()],
            Self::Missing(LockedWith::Identity) | Self::WantsIdentity => {
                vec!["Set SNOW_STORE_IDENTITY to the identity file".into()]
            }
            Self::WrongPassphrase(given_by) => vec![
                match given_by {
                    GivenBy::Prompt => "Run the command again with the right passphrase".into(),
                    GivenBy::Variable(name) => shown!("Correct {}", *name).into(),
                },
                Step::say(shown!(
                    "A forgotten passphrase cannot be recovered: move {} away and sign in again with ",
                    Shown::outside(path)
                ))
                .and_run("snow login NAME"),
            ],
            Self::WrongIdentity(_) => vec!["Set SNOW_STORE_IDENTITY to the right identity file".into()],
            Self::WantsPassphrase => {
                vec!["Unset SNOW_STORE_IDENTITY, and set SNOW_STORE_PASSPHRASE_FILE if there is no terminal".into()]
            }
        }
    }
}

/// Why a file was not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unopened {
    Locked(UnlockError),
    /// No key would help.
    Damaged(String),
}

impl Key {
    /// The identities of a file as `age-keygen` writes it. The reason why it is
    /// none never quotes it.
    pub fn from_identity_file(content: &str, file: PathBuf) -> Result<Self, String> {
        let mut identities = Vec::new();
        for (number, line) in content.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match line.parse::<x25519::Identity>() {
                Ok(identity) => identities.push(identity),
                Err(_) if line.starts_with("age1") => {
                    return Err(format!("line {number} is a public key; use the file with the secret key"));
                }
                Err(_) if line.starts_with("age-encryption.org/") || line.starts_with("-----BEGIN") => {
                    return Err("it is an encrypted identity file, which snow does not support".to_owned());
                }
                Err(_) => return Err(format!("line {number} is not an identity written by age-keygen")),
            }
        }
        if identities.is_empty() {
            Err("it contains no identity".to_owned())
        } else {
            Ok(Self::Identities { identities, file })
        }
    }
}

/// What a file is locked with, from its header alone.
pub fn locked_with(bytes: &[u8]) -> Result<LockedWith, Unopened> {
    let decryptor = header(bytes)?;
    Ok(if decryptor.is_scrypt() { LockedWith::Passphrase } else { LockedWith::Identity })
}

fn header(bytes: &[u8]) -> Result<Decryptor<ArmoredReader<BufReader<&[u8]>>>, Unopened> {
    // The crate takes anything without a line end for the start of a header.
    let is_age = bytes.starts_with(b"age-encryption.org/") || bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ");
    if !is_age {
        return Err(Unopened::Damaged("it is not an age file".to_owned()));
    }
    if has_long_header(bytes) {
        return Err(Unopened::Damaged("its header is too long".to_owned()));
    }
    Decryptor::new_buffered(ArmoredReader::new(bytes)).map_err(damaged)
}

/// Whether the header is longer than one for some dozens of recipients. The crate reads
/// it anew for each of its lines, which takes minutes for a long one.
fn has_long_header(bytes: &[u8]) -> bool {
    let mut start = Vec::new();
    // An armour that breaks off is for the crate to tell.
    let _ = ArmoredReader::new(bytes).take(LONGEST_HEADER).read_to_end(&mut start);
    start.len() as u64 == LONGEST_HEADER && !start.windows(5).any(|window| window == b"\n--- ")
}

/// Decrypts a file, binary or in ASCII armour.
pub fn open(key: &Key, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let decryptor = header(bytes)?;
    let reader = match (key, decryptor.is_scrypt()) {
        (Key::Passphrase { passphrase, given_by }, true) => {
            let mut identity = scrypt::Identity::new(SecretString::from(passphrase.expose()));
            identity.set_max_work_factor(MOST_WORK);
            decryptor.decrypt(std::iter::once(&identity as &dyn Identity)).map_err(|error| match error {
                DecryptError::DecryptionFailed => Unopened::Locked(UnlockError::WrongPassphrase(*given_by)),
                error => damaged(error),
            })
        }
        (Key::Identities { identities, file }, false) => {
            let identities = identities.iter().map(|identity| identity as &dyn Identity);
            decryptor.decrypt(identities).map_err(|error| match error {
                DecryptError::NoMatchingKeys => {
                    Unopened::Locked(UnlockError::WrongIdentity(file.display().to_string()))
                }
                error => damaged(error),
            })
        }
        (Key::Identities { .. }, true) => Err(Unopened::Locked(UnlockError::WantsPassphrase)),
        (Key::Passphrase { .. }, false) => Err(Unopened::Locked(UnlockError::WantsIdentity)),
    };
    // What is inside is never longer than the file, so the room is enough.
    let mut content = Zeroizing::new(Vec::with_capacity(bytes.len()));
    reader?.read_to_end(&mut content).map_err(|error| damaged(error.into()))?;
    Ok(content)
}

/// Prepares to encrypt one file, with a salt for it alone. This is what a passphrase takes
/// time for.
pub fn prepare(key: &Key) -> Encryptor {
    let encryptor = match key {
        Key::Passphrase { passphrase, .. } => {
            let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.expose()));
            recipient.set_work_factor(WORK);
            Encryptor::with_recipients(std::iter::once(&recipient as &dyn Recipient))
        }
        Key::Identities { identities, .. } => {
            let recipients: Vec<_> = identities.iter().map(x25519::Identity::to_public).collect();
            Encryptor::with_recipients(recipients.iter().map(|recipient| recipient as &dyn Recipient))
        }
    };
    encryptor.expect("there is a recipient, and all are of one kind")
}

/// Encrypts content, binary.
pub fn seal(encryptor: Encryptor, content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(content.len() + 512);
    let mut writer = encryptor.wrap_output(&mut sealed).expect("memory takes what is written");
    writer.write_all(content).expect("memory takes what is written");
    writer.finish().expect("memory takes what is written");
    sealed
}

/// In our own words: those of the crate are for people who run `age`.
fn damaged(error: DecryptError) -> Unopened {
    Unopened::Damaged(match error {
        DecryptError::UnknownFormat => "it uses a version of the age format that snow does not support".to_owned(),
        DecryptError::InvalidHeader | DecryptError::InvalidMac => "its header is damaged".to_owned(),
        DecryptError::ExcessiveWork { required, .. } => {
            format!("its scrypt work factor is 2^{required}, and snow allows at most 2^{MOST_WORK}")
        }
        DecryptError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => "it is truncated".to_owned(),
        _ => "its contents are damaged".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret;

    fn passphrase(text: &str) -> Key {
        Key::Passphrase { passphrase: Secret::new(text.to_owned()).unwrap(), given_by: GivenBy::Prompt }
    }

    fn identity(text: &str) -> Result<Key, String> {
        Key::from_identity_file(text, PathBuf::from("key.txt"))
    }

    fn generated() -> String {
        x25519::Identity::generate().to_string().expose_secret().to_owned()
    }

    #[test]
    fn what_is_sealed_opens_with_its_own_key_alone() {
        let one = generated();
        let keys = [passphrase("one"), passphrase("two"), identity(&one).unwrap(), identity(&generated()).unwrap()];
        for (index, key) in keys.iter().enumerate() {
            let sealed = seal(prepare(key), b"content");
            for (other, key) in keys.iter().enumerate() {
                assert_eq!(open(key, &sealed).is_ok_and(|content| *content == b"content"), index == other);
            }
        }
    }

    #[test]
    fn the_work_of_a_passphrase_is_pinned_and_bounded() {
        let sealed = seal(prepare(&passphrase("one")), b"content");
        assert!(String::from_utf8_lossy(&sealed).lines().nth(1).unwrap().ends_with(" 15"));
        let at = sealed.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let end = at + sealed[at..].iter().position(|&byte| byte == b'\n').unwrap();
        let dear = [&sealed[..end - 2], b"40", &sealed[end..]].concat();
        let started = std::time::Instant::now();
        let Err(Unopened::Damaged(reason)) = open(&passphrase("one"), &dear) else { panic!("it was opened") };
        assert!(reason.contains("2^40") && reason.contains("2^18"), "{reason}");
        assert!(started.elapsed() < std::time::Duration::from_secs(2));
    }

    #[test]
    fn an_identity_file_is_read_as_age_keygen_writes_it() {
        let (one, two) = (generated(), generated());
        let file = format!("# created: 2026-11-21\n# public key: age1…\n{one}\n\n{two}\r\n");
        let Ok(Key::Identities { identities, .. }) = identity(&file) else { panic!("it holds identities") };
        assert_eq!(identities.len(), 2);
        for (content, reason) in [
            ("", "no identity"),
            ("# only a comment\n", "no identity"),
            ("age1qqqq", "public key"),
            ("age-encryption.org/v1\n-> scrypt x 18\n", "encrypted identity file"),
            ("\nAGE-SECRET-KEY-1CANARY", "line 2"),
        ] {
            let Err(error) = identity(content) else { panic!("{content}") };
            assert!(error.contains(reason) && !error.contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn a_long_header_is_refused_at_once() {
        let start = "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 15\n";
        let line = "A".repeat(64) + "\n";
        let stanzas = "-> X25519 abc\nAAAA\n".repeat(40_000);
        let mut armoured = Vec::new();
        let mut writer = age::armor::ArmoredWriter::wrap_output(&mut armoured, age::armor::Format::AsciiArmor).unwrap();
        writer.write_all(format!("{start}{}", line.repeat(5_000)).as_bytes()).unwrap();
        writer.finish().unwrap();
        for bytes in
            [format!("{start}{}", line.repeat(5_000)).into_bytes(), format!("{start}{stanzas}").into(), armoured]
        {
            let before = std::time::Instant::now();
            let Err(Unopened::Damaged(reason)) = locked_with(&bytes) else { panic!("it is not refused") };
            assert_eq!(reason, "its header is too long");
            assert!(before.elapsed() < std::time::Duration::from_secs(2));
        }
    }
}
