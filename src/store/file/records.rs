//! What the encrypted file holds: a version, and the records by their account.
//! No I/O and no encryption here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::secret::Secret;

const VERSION: u32 = 1;

/// The records of all connections, wiped when dropped.
#[derive(Clone, Default)]
pub struct Records(BTreeMap<String, Zeroizing<String>>);

/// Why content that was decrypted is not this. Never quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it was not written by snow")]
    Foreign,
    #[error("it was written by another version of snow (store version {0}; this one supports {VERSION})")]
    OtherVersion(u32),
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    records: BTreeMap<&'a str, &'a str>,
}

/// A key that is not known is not dropped at the next change: the file is
/// refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    #[serde(rename = "v")]
    _v: u32,
    records: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Records {
    /// The accounts that it holds.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub fn read(content: &[u8]) -> Result<Self, Unreadable> {
        // Parse errors are not repeated: they could quote a record.
        let version: Version = serde_json::from_slice(content).map_err(|_| Unreadable::Foreign)?;
        if version.v != VERSION {
            return Err(Unreadable::OtherVersion(version.v));
        }
        let read: Read = serde_json::from_slice(content).map_err(|_| Unreadable::Foreign)?;
        Ok(Self(read.records.into_iter().map(|(account, record)| (account, Zeroizing::new(record))).collect()))
    }

    pub fn written(&self) -> Zeroizing<Vec<u8>> {
        let records = self.0.iter().map(|(account, record)| (account.as_str(), record.as_str())).collect();
        // Room for all of it, so that no copy is left behind by growing.
        let mut content = Zeroizing::new(Vec::with_capacity(64 + self.0.iter().map(space).sum::<usize>()));
        serde_json::to_writer(&mut *content, &Written { v: VERSION, records }).expect("records are always JSON");
        content
    }

    /// A record that cannot be one is answered as a record that cannot be
    /// read, so that its reader says which connection it belongs to.
    pub fn get(&self, account: &str) -> Option<Secret> {
        let record = self.0.get(account)?;
        Secret::derived(record.to_string()).or_else(|_| Secret::derived("?".to_owned())).ok()
    }

    pub fn put(&mut self, account: String, record: &str) {
        self.0.insert(account, Zeroizing::new(record.to_owned()));
    }

    /// Removes the records of a field, whatever connection they belong to.
    pub fn forget(&mut self, field: &str) {
        self.0.retain(|account, _| account.rsplit('/').next() != Some(field));
    }

    /// Says whether there was one.
    pub fn remove(&mut self, account: &str) -> bool {
        self.0.remove(account).is_some()
    }
}

/// The most that an entry takes: JSON writes a byte as six at worst.
fn space((account, record): (&String, &Zeroizing<String>)) -> usize {
    6 * (account.len() + record.len()) + 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let mut records = Records::default();
        records.put("id/password".to_owned(), "{\"v\":1,\"password\":\"a\\\"ü\\\\\"}");
        let read = Records::read(&records.written()).unwrap();
        assert_eq!(read.get("id/password").unwrap().expose(), "{\"v\":1,\"password\":\"a\\\"ü\\\\\"}");
        assert!(read.get("id/probe").is_none());
    }

    #[test]
    fn what_is_not_this_version_is_refused() {
        let refused = |content: &[u8]| Records::read(content).err();
        for foreign in [&b""[..], b"{", b"[]", b"\xff\0", b"{\"v\":\"1\"}", b"{\"v\":1}", b"{\"v\":1,\"records\":[]}"] {
            assert_eq!(refused(foreign), Some(Unreadable::Foreign), "{foreign:?}");
        }
        assert_eq!(refused(b"{\"v\":1,\"records\":{},\"more\":1}"), Some(Unreadable::Foreign));
        assert_eq!(refused(b"{\"v\":99,\"records\":{}}"), Some(Unreadable::OtherVersion(99)));
        assert_eq!(refused(b"{\"v\":1,\"records\":{}}"), None);
    }

    #[test]
    fn a_record_with_a_line_end_is_answered_as_one_that_cannot_be_read() {
        let read = Records::read(b"{\"v\":1,\"records\":{\"id/password\":\"two\\nlines\"}}").unwrap();
        assert_eq!(read.get("id/password").unwrap().expose(), "?");
    }
}
