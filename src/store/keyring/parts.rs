//! Records that are longer than an item of the keyring may be.
//!
//! The Credential Manager of Windows holds 2,560 bytes an item, and a session with
//! signed tokens is longer. Such a record is written in parts, each an item of its
//! account with `.a.1`, `.a.2` or `.b.1` added, and the item of the account itself
//! names them. A write uses the letter that is not in use, then replaces that item,
//! then deletes the parts from before: at every moment the item names parts that are
//! whole.

use keyring::Error;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The items of a keyring, by account.
pub trait Items {
    fn get(&self, account: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error>;
    fn set(&self, account: &str, content: &[u8]) -> Result<(), Error>;
    /// That there is none is no error.
    fn delete(&self, account: &str) -> Result<(), Error>;
}

/// The version of a record that is in parts. To a program that knows none, it is a
/// record of another version.
const VERSION: u32 = 2;

/// How often a record is read that another process replaces at the same time.
const ATTEMPTS: usize = 10;

/// What the item of an account says of a record that is in parts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    v: u32,
    parts: usize,
    side: Side,
    sha256: String,
}

/// The letter of the parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    A,
    B,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    fn part(self, account: &str, number: usize) -> String {
        let letter = match self {
            Self::A => 'a',
            Self::B => 'b',
        };
        format!("{account}.{letter}.{number}")
    }
}

/// The record of an account. If its parts do not fit together, what comes back is no
/// record.
pub fn read(items: &dyn Items, account: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    for _ in 0..ATTEMPTS {
        let Some(content) = items.get(account)? else { return Ok(None) };
        let Some(index) = index(&content) else { return Ok(Some(content)) };
        if let Some(record) = joined(items, account, &index)? {
            return Ok(Some(record));
        }
    }
    Ok(Some(Zeroizing::new(b"?".to_vec())))
}

/// Writes a record into items of at most `limit` bytes.
pub fn write(items: &dyn Items, account: &str, record: &[u8], limit: usize) -> Result<(), Error> {
    let used = items.get(account)?.and_then(|content| index(&content)).map(|index| index.side);
    if record.len() <= limit {
        items.set(account, record)?;
        return clear_both(items, account);
    }
    let side = used.map_or(Side::A, Side::other);
    let parts = record.chunks(limit);
    let count = parts.len();
    for (number, part) in (1..).zip(parts) {
        items.set(&side.part(account, number), part)?;
    }
    let index = Index { v: VERSION, parts: count, side, sha256: digest(record) };
    items.set(account, &serde_json::to_vec(&index).expect("an index is always JSON"))?;
    clear(items, account, side, count)?;
    clear(items, account, side.other(), 0)
}

/// Deletes the record of an account, also where it was half written or half deleted.
pub fn delete(items: &dyn Items, account: &str) -> Result<(), Error> {
    clear_both(items, account)?;
    items.delete(account)
}

fn index(content: &[u8]) -> Option<Index> {
    serde_json::from_slice(content).ok().filter(|index: &Index| index.v == VERSION)
}

/// The record that an index describes; `None` if its parts are not all there.
fn joined(items: &dyn Items, account: &str, index: &Index) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let mut record = Zeroizing::new(Vec::new());
    for number in 1..=index.parts {
        let Some(part) = items.get(&index.side.part(account, number))? else { return Ok(None) };
        record.extend_from_slice(&part);
    }
    Ok((digest(&record) == index.sha256).then_some(record))
}

fn clear_both(items: &dyn Items, account: &str) -> Result<(), Error> {
    clear(items, account, Side::A, 0)?;
    clear(items, account, Side::B, 0)
}

/// Deletes the parts after the first `kept`. The last goes first, so that what is left
/// after an interruption is found again.
fn clear(items: &dyn Items, account: &str, side: Side, kept: usize) -> Result<(), Error> {
    let mut last = kept;
    while items.get(&side.part(account, last + 1))?.is_some() {
        last += 1;
    }
    (kept + 1..=last).rev().try_for_each(|number| items.delete(&side.part(account, number)))
}

fn digest(record: &[u8]) -> String {
    Sha256::digest(record).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;

    use super::*;

    const LIMIT: usize = 200;

    type Act = Box<dyn FnOnce(&Fake)>;

    /// A keyring that refuses long items, and all writes once it has taken so many.
    struct Fake {
        items: RefCell<BTreeMap<String, Vec<u8>>>,
        writes_left: Cell<usize>,
        /// Done once before the next look at a part.
        meanwhile: RefCell<Option<Act>>,
    }

    impl Fake {
        fn new() -> Self {
            let items = RefCell::default();
            Self { items, writes_left: Cell::new(usize::MAX), meanwhile: RefCell::default() }
        }

        fn one_write_less(&self) -> Result<(), Error> {
            let left = self.writes_left.get().checked_sub(1).ok_or(Error::NoDefaultStore)?;
            self.writes_left.set(left);
            Ok(())
        }

        fn record(&self) -> Option<Vec<u8>> {
            read(self, "x").unwrap().map(|record| record.to_vec())
        }
    }

    impl Items for Fake {
        fn get(&self, account: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
            if let Some(meanwhile) = account.contains(".").then(|| self.meanwhile.take()).flatten() {
                meanwhile(self);
            }
            Ok(self.items.borrow().get(account).cloned().map(Zeroizing::new))
        }

        fn set(&self, account: &str, content: &[u8]) -> Result<(), Error> {
            self.one_write_less()?;
            if content.len() > LIMIT {
                return Err(Error::TooLong("secret".to_owned(), LIMIT as u32));
            }
            self.items.borrow_mut().insert(account.to_owned(), content.to_vec());
            Ok(())
        }

        fn delete(&self, account: &str) -> Result<(), Error> {
            self.one_write_less()?;
            self.items.borrow_mut().remove(account);
            Ok(())
        }
    }

    /// Records of every kind of length.
    fn records() -> Vec<Vec<u8>> {
        [1, LIMIT, LIMIT + 1, 2 * LIMIT, 5 * LIMIT + 7].into_iter().map(|length| vec![b'r'; length]).collect()
    }

    #[test]
    fn a_record_of_any_length_takes_the_place_of_any_other_and_leaves_nothing() {
        for before in records() {
            for mut after in records() {
                after[0] = b'n';
                let fake = Fake::new();
                write(&fake, "x", &before, LIMIT).unwrap();
                assert_eq!(fake.record(), Some(before.clone()));
                write(&fake, "x", &after, LIMIT).unwrap();
                assert_eq!(fake.record(), Some(after.clone()));
                let parts = if after.len() > LIMIT { after.len().div_ceil(LIMIT) } else { 0 };
                assert_eq!(fake.items.borrow().len(), 1 + parts, "{} after {}", after.len(), before.len());
                delete(&fake, "x").unwrap();
                assert!(fake.items.borrow().is_empty());
            }
        }
    }

    #[test]
    fn a_write_that_breaks_off_anywhere_leaves_the_old_or_the_new_and_the_next_cleans_up() {
        for before in records() {
            for mut after in records() {
                after[0] = b'n';
                for writes in 0.. {
                    let fake = Fake::new();
                    write(&fake, "x", &before, LIMIT).unwrap();
                    fake.writes_left.set(writes);
                    let is_whole = write(&fake, "x", &after, LIMIT).is_ok();
                    let record = fake.record().unwrap();
                    assert!(record == before || record == after, "after {writes} writes");
                    fake.writes_left.set(usize::MAX);
                    write(&fake, "x", &before, LIMIT).unwrap();
                    assert_eq!(fake.record(), Some(before.clone()));
                    delete(&fake, "x").unwrap();
                    assert!(fake.items.borrow().is_empty(), "after {writes} writes");
                    if is_whole {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn a_deletion_that_breaks_off_can_be_repeated() {
        for record in records() {
            for writes in 0..8 {
                let fake = Fake::new();
                write(&fake, "x", &record, LIMIT).unwrap();
                fake.writes_left.set(writes);
                let _ = delete(&fake, "x");
                fake.writes_left.set(usize::MAX);
                delete(&fake, "x").unwrap();
                assert!(fake.items.borrow().is_empty());
            }
        }
    }

    #[test]
    fn a_reader_beside_a_writer_gets_a_whole_record() {
        let fake = Fake::new();
        let [before, after] = [b'b', b'a'].map(|byte| vec![byte; 3 * LIMIT]);
        write(&fake, "x", &before, LIMIT).unwrap();
        let written = after.clone();
        *fake.meanwhile.borrow_mut() = Some(Box::new(move |fake| write(fake, "x", &written, LIMIT).unwrap()));
        assert_eq!(fake.record(), Some(after));
    }

    #[test]
    fn parts_that_do_not_fit_are_no_record() {
        let fake = Fake::new();
        write(&fake, "x", &vec![b'r'; 3 * LIMIT], LIMIT).unwrap();
        fake.items.borrow_mut().remove("x.a.2");
        assert_eq!(fake.record(), Some(b"?".to_vec()));
        fake.items.borrow_mut().insert("x.a.2".to_owned(), vec![b'x'; LIMIT]);
        assert_eq!(fake.record(), Some(b"?".to_vec()));
    }
}
