//! A store in memory that fails where a test wants it to.

use std::sync::{Mutex, MutexGuard};

use snow_connect::base::secret::Secret;
use snow_connect::model::profile::StoreKind;
use snow_connect::store::memory::MemoryStore;
use snow_connect::store::{CredentialStore, Field, ItemKey, StoreError};

#[derive(Default)]
pub struct FaultyStore {
    kept: MemoryStore,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    /// Sessions that are still written before one fails.
    good: usize,
    /// How many fail then.
    bad: usize,
    calls: usize,
}

impl FaultyStore {
    /// After `good` more sessions, the next `bad` are not written.
    pub fn fail_session_writes(&self, good: usize, bad: usize) {
        let mut plan = self.plan();
        (plan.good, plan.bad) = (good, bad);
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> usize {
        self.plan().calls
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }
}

impl CredentialStore for FaultyStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keyring
    }

    fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.plan().calls += 1;
        self.kept.read(key)
    }

    fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        let mut plan = self.plan();
        plan.calls += 1;
        if key.field == Field::Session {
            match (plan.good, plan.bad) {
                (0, 0) => {}
                (0, _) => {
                    plan.bad -= 1;
                    return Err(StoreError::Locked);
                }
                _ => plan.good -= 1,
            }
        }
        drop(plan);
        self.kept.write(key, record)
    }

    fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.plan().calls += 1;
        self.kept.delete(key)
    }
}

/// A store in memory that does not take some records.
pub struct PickyStore {
    kept: MemoryStore,
    refuses: fn(ItemKey, &Secret) -> Option<StoreError>,
}

impl PickyStore {
    pub fn refusing(refuses: fn(ItemKey, &Secret) -> Option<StoreError>) -> Self {
        Self { kept: MemoryStore::default(), refuses }
    }
}

impl CredentialStore for PickyStore {
    fn kind(&self) -> StoreKind {
        self.kept.kind()
    }

    fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.kept.read(key)
    }

    fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        (self.refuses)(key, record).map_or_else(|| self.kept.write(key, record), Err)
    }

    fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.kept.delete(key)
    }
}
