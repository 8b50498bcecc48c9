//! A store that ends with the process: for tests and `snow demo`.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::{CredentialStore, ItemKey, StoreError, StoredItem, keyring};
use crate::base::secret::Secret;
use crate::model::profile::StoreKind;

#[derive(Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<ItemKey, Secret>>,
    /// Items of other programs, by service and account.
    of_others: Mutex<HashMap<(String, String), Secret>>,
}

#[async_trait]
impl CredentialStore for MemoryStore {
    /// It stands in for the keyring, so that a connection looks the same.
    fn kind(&self) -> StoreKind {
        keyring::KIND
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        Ok(self.records().get(&key).cloned())
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.records().insert(key, record.clone());
        Ok(())
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.records().remove(&key);
        Ok(())
    }

    async fn read_of_another(&self, service: &str, account: &str) -> Result<Option<Secret>, StoreError> {
        let items = self.of_others.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(items.get(&(service.to_owned(), account.to_owned())).cloned())
    }

    fn remedy(&self) -> &'static str {
        "Run the command again"
    }

    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        let items = self.records().keys().map(|key| StoredItem { account: key.account(), is_locked: false }).collect();
        Ok(Some(items))
    }
}

impl MemoryStore {
    /// How many records it holds.
    pub fn count(&self) -> usize {
        self.records().len()
    }

    /// Puts an item there as another program would.
    #[cfg(feature = "testing")]
    pub fn put_of_another(&self, service: &str, account: &str, item: Secret) {
        let mut items = self.of_others.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        items.insert((service.to_owned(), account.to_owned()), item);
    }

    fn records(&self) -> std::sync::MutexGuard<'_, HashMap<ItemKey, Secret>> {
        self.records.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
