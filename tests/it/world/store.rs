//! A store in memory that fails where a test wants it to.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use snow_connect::base::secret::Secret;
use snow_connect::model::profile::StoreKind;
use snow_connect::store::keyring::KIND;
use snow_connect::store::keyring::error::KeyringError;
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

impl Plan {
    fn of_a_write(&mut self, key: ItemKey) -> Result<(), StoreError> {
        self.calls += 1;
        if key.field == Field::SESSION {
            match (self.good, self.bad) {
                (0, 0) => {}
                (0, _) => {
                    self.bad -= 1;
                    return Err(KeyringError::Locked.into());
                }
                _ => self.good -= 1,
            }
        }
        Ok(())
    }
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

#[async_trait]
impl CredentialStore for FaultyStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.plan().calls += 1;
        self.kept.read(key).await
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.plan().of_a_write(key.clone())?;
        self.kept.write(key, record).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.plan().calls += 1;
        self.kept.delete(key).await
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

    pub fn kept(&self) -> &MemoryStore {
        &self.kept
    }
}

#[async_trait]
impl CredentialStore for PickyStore {
    fn kind(&self) -> StoreKind {
        self.kept.kind()
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.kept.read(key).await
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        match (self.refuses)(key.clone(), record) {
            Some(error) => Err(error),
            None => self.kept.write(key, record).await,
        }
    }

    async fn read_of_another(&self, service: &str, account: &str) -> Result<Option<Secret>, StoreError> {
        self.kept.read_of_another(service, account).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.kept.delete(key).await
    }
}
