//! What `snow store` asks of Vault: which items are there, a deletion that takes only what
//! was seen, and one that leaves nothing.

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::api::Ask;
use super::error::{self, Fault};
use super::{Content, Vault, WRITE_PATIENCE, pauses};
use crate::base::code::Code;
use crate::model::profile::ConnectionId;
use crate::store::{StoreError, StoredItem, Version};

impl Vault {
    /// The connections with items, of whichever machine; `None` if the token may not list.
    pub async fn connections(&self) -> Result<Option<Vec<ConnectionId>>, Fault> {
        let names = self.names(&self.path).await?;
        // The probe is there, and a person may have put anything beside it.
        let id = |name: &String| Uuid::try_parse(name.strip_suffix('/')?).ok();
        Ok(names.map(|names| names.iter().filter_map(id).collect()))
    }

    /// The items of a connection, also those that were deleted.
    pub async fn items_of(&self, connection: ConnectionId) -> Result<Option<Vec<StoredItem>>, Fault> {
        let names = self.names(&format!("{}/{connection}", self.path)).await?;
        let item = |name: &String| StoredItem { account: format!("{connection}/{name}"), is_locked: false };
        Ok(names.map(|names| names.iter().map(item).collect()))
    }

    async fn names(&self, path: &str) -> Result<Option<Vec<String>>, Fault> {
        match self.ask_patiently(Ask::List, &format!("{}/metadata/{path}/", self.mount)).await {
            Ok(answer) if answer.status == 200 => {
                let keys = answer.body["data"]["keys"].as_array().into_iter().flatten();
                Ok(Some(keys.filter_map(|key| Some(key.as_str()?.to_owned())).collect()))
            }
            Ok(answer) if answer.is_nothing() => Ok(Some(Vec::new())),
            Ok(answer) => Err(self.api.fault(&answer).await),
            Err(fault) if fault.code() == Code::VaultDenied => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Deletes this version; false if it has been replaced.
    pub async fn delete_version(&self, item: &str, version: Version) -> Result<bool, StoreError> {
        if version == Version::default() {
            return Ok(true);
        }
        // The write that follows takes the former versions away.
        self.keep_one_version(item).await.map_err(|fault| fault.error)?;
        let (started, mut backoff) = (Instant::now(), pauses());
        loop {
            let fault = match self.try_set(item, version, &Content::Deleted).await {
                Ok(Some(_)) => break,
                Ok(None) => {
                    let found = self.read(item).await.map_err(|fault| fault.error)?;
                    match (found.version > version, found.record) {
                        // By a repetition whose outcome was not known, or by a sign-out.
                        (true, None) => break,
                        (true, Some(_)) => return Ok(false),
                        (false, _) => self.api.place.found(error::unexpected()),
                    }
                }
                Err(fault) if fault.is_final() => return Err(fault.error),
                Err(fault) => fault,
            };
            if started.elapsed() > WRITE_PATIENCE {
                return Err(fault.error);
            }
            sleep(backoff.following()).await;
        }
        self.destroy_kept_before(item, Version(version.0 + 1)).await;
        Ok(true)
    }

    /// Deletes an item and what Vault keeps of it. The numbers of its versions start over,
    /// so it comes after the deletion that a writer elsewhere is told of.
    pub async fn purge(&self, item: &str) -> Result<(), StoreError> {
        self.delete(item).await?;
        match self.ask_patiently(Ask::Delete, &format!("{}/metadata/{item}", self.mount)).await {
            Ok(answer) if [200, 204, 404].contains(&answer.status) => Ok(()),
            Ok(answer) => Err(self.api.fault(&answer).await.error),
            Err(fault) if fault.code() == Code::VaultDenied => Err(self.api.place.found(&error::NOT_PURGED).error),
            Err(fault) => Err(fault.error),
        }
    }
}
