//! Vault or OpenBao, KV version 2, for secrets that several machines share.
//!
//! An item is `MOUNT/data/PATH/<connection id>/<field>`, and its record is as the other
//! stores have it, below the key `record`. Every write names the version that it
//! replaces, so that of two machines one is told. A deletion is a write, too: a plain
//! one would leave the number of the version, and a refresh under way elsewhere would
//! bring the session back. Former versions are not kept: they are former secrets.
//!
//! Nodes may lag behind: they answer reads and judge versions by what they have. So a
//! mismatch proves nothing, nor does it that nothing is there; see [`api`]. A write
//! whose outcome is not known is repeated as it was, until one of the repetitions is
//! answered: at most one of them ever takes effect.
//!
//! [`settings`] says where it is and what signs in, [`login`] how, and [`error`] what an
//! answer means. [`upkeep`] lists and cleans up.

mod api;
mod error;
mod login;
pub mod open;
mod settings;
mod upkeep;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::{CredentialStore, ItemKey, SetOutcome, StoreError, StoredItem, Version, Versioned};
use crate::base::backoff::Backoff;
use crate::base::code::Code;
use crate::base::secret::Secret;
use crate::base::shown::Shown;
use crate::model::profile::{ConnectionId, StoreKind};
use api::{Api, Ask};
use error::{Answer, Effect, Fault};

/// The store as a connection names it.
pub const KIND: StoreKind = StoreKind::new("vault", "Vault");

/// How long a read is repeated while the cluster elects a leader.
const READ_PATIENCE: Duration = Duration::from_secs(15);
/// The same for a write.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long a standby may lag behind.
const LAG: Duration = Duration::from_secs(1);

/// The key of the record in an item.
const RECORD: &str = "record";

pub struct VaultStore {
    /// An error if its settings are wrong, which is said when it is used.
    vault: Result<Vault, StoreError>,
    /// Where it is and what signs in.
    description: Shown,
}

struct Vault {
    api: Api,
    mount: String,
    path: String,
    /// The mount has versions.
    is_versioned: OnceCell<()>,
    /// Former versions stay readable, as was said.
    keeps_versions: AtomicBool,
}

/// What an item holds.
enum Content<'a> {
    Record(&'a Secret),
    Deleted,
}

impl Content<'_> {
    fn data(&self) -> Value {
        match self {
            Self::Record(record) => json!({ RECORD: record.expose() }),
            Self::Deleted => json!({ "deleted": true }),
        }
    }

    fn is(&self, record: Option<&Secret>) -> bool {
        match (self, record) {
            (Self::Record(own), Some(found)) => own.expose() == found.expose(),
            (Self::Deleted, None) => true,
            _ => false,
        }
    }
}

impl Vault {
    fn new(api: Api, mount: String, path: String) -> Self {
        Self { api, mount, path, is_versioned: OnceCell::new(), keeps_versions: AtomicBool::new(false) }
    }

    fn item(&self, key: &ItemKey) -> String {
        format!("{}/{}", self.path, key.account())
    }

    fn probe(&self) -> String {
        format!("{}/probe", self.path)
    }

    /// Reads an item. What passes by itself is waited for.
    async fn read(&self, item: &str) -> Result<Versioned, Fault> {
        let (started, mut backoff) = (Instant::now(), pauses());
        loop {
            match self.read_once(item).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) if self.is_certain(started).await => {
                    return Ok(Versioned { version: Version::default(), age: None, record: None });
                }
                Err(fault) if !fault.is_passing || started.elapsed() > READ_PATIENCE => return Err(fault),
                Ok(None) | Err(_) => sleep(backoff.following()).await,
            }
        }
    }

    /// Whether it is known by now that nothing is there. A node that lags behind would
    /// say so of an item that was just written.
    async fn is_certain(&self, started: Instant) -> bool {
        self.api.has_seen_an_index() || started.elapsed() > LAG || !self.api.has_standbys().await
    }

    /// `None` if the node has no such item.
    async fn read_once(&self, item: &str) -> Result<Option<Versioned>, Fault> {
        let answer = self.api.ask(Ask::Get, &format!("{}/data/{item}", self.mount)).await?;
        if answer.is_nothing() {
            return Ok(None);
        }
        if answer.is_wrapped() {
            return Err(self.api.place.found(&error::WRAPPED));
        }
        // A deleted item is a 404 that names its version.
        let version = answer.body["data"]["metadata"]["version"].as_u64();
        match (answer.status, version) {
            (200 | 404, Some(version)) => {
                let record = record_in(&answer.body["data"]["data"]);
                Ok(Some(Versioned { version: Version(version), age: answer.age, record }))
            }
            (200, None) if answer.body["data"].is_object() => Err(self.api.place.found(&error::NOT_KV2)),
            _ => Err(self.api.fault(&answer).await),
        }
    }

    /// Replaces a version, once.
    async fn set(&self, item: &str, replaced: Version, content: &Content<'_>) -> SetOutcome {
        match self.try_set(item, replaced, content).await {
            Ok(Some(version)) => SetOutcome::Written(version),
            Ok(None) => SetOutcome::Mismatch,
            Err(fault) => fault.into_outcome(),
        }
    }

    /// `None` for a mismatch.
    async fn try_set(&self, item: &str, replaced: Version, content: &Content<'_>) -> Result<Option<Version>, Fault> {
        self.require_versions().await.map_err(|fault| Fault { effect: Effect::None, ..fault })?;
        if replaced == Version::default() {
            let kept = self.keep_one_version(item).await;
            kept.map_err(|fault| Fault { effect: Effect::None, ..fault })?;
        }
        let body = json!({ "options": { "cas": replaced.0 }, "data": content.data() });
        let answer = self.api.ask(Ask::Post(&body), &format!("{}/data/{item}", self.mount)).await?;
        if answer.is_mismatch() {
            return Ok(None);
        }
        self.written(&answer, replaced).await.map(Some)
    }

    /// A write counts only if the answer names the next version.
    async fn written(&self, answer: &Answer, replaced: Version) -> Result<Version, Fault> {
        let version = answer.body["data"]["version"].as_u64();
        match (answer.status, version) {
            (200, Some(version)) if version == replaced.0 + 1 => Ok(Version(version)),
            (200, None) if answer.is_wrapped() => Err(self.api.place.found(&error::WRAPPED)),
            // It was written without a look at the version.
            (200 | 204, _) => Err(Fault { effect: Effect::Unknown, ..self.api.place.found(&error::NOT_KV2) }),
            _ => Err(self.api.fault(answer).await),
        }
    }

    /// Writes whatever is there, as long as that may help.
    async fn replace(&self, item: &str, content: &Content<'_>) -> Result<(), StoreError> {
        let (started, mut backoff, mut is_sent) = (Instant::now(), pauses(), false);
        loop {
            let found = self.read(item).await.map_err(|fault| fault.error)?;
            let is_done = content.is(found.record.as_ref()) && (is_sent || matches!(content, Content::Deleted));
            if is_done {
                return Ok(());
            }
            let fault = match self.try_set(item, found.version, content).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => self.api.place.found(error::unexpected()),
                Err(fault) if fault.is_final() => return Err(fault.error),
                Err(fault) => {
                    is_sent |= fault.effect == Effect::Unknown;
                    fault
                }
            };
            if started.elapsed() > WRITE_PATIENCE {
                return Err(fault.error);
            }
            sleep(backoff.following()).await;
        }
    }

    /// Makes sure that the mount has versions, before the first secret goes there: one
    /// without would take it, and overwrite what another machine has saved.
    async fn require_versions(&self) -> Result<(), Fault> {
        self.is_versioned.get_or_try_init(|| self.find_versions()).await.map(drop)
    }

    async fn find_versions(&self) -> Result<(), Fault> {
        let path = format!("sys/internal/ui/mounts/{}", self.mount);
        match self.ask_patiently(Ask::Get, &path).await {
            Ok(answer) if answer.status == 200 => {
                let data = &answer.body["data"];
                let is_kv2 = data["type"] == "kv" && data["options"]["version"] == "2";
                let is_the_mount = data["path"].as_str().is_none_or(|path| path.trim_matches('/') == self.mount);
                match (is_kv2, is_the_mount) {
                    (true, true) => Ok(()),
                    (true, false) => Err(self.api.place.found(&error::NOT_THE_MOUNT)),
                    (false, _) => Err(self.api.place.found(&error::NOT_KV2)),
                }
            }
            // The token may not see that, or it is older: a write shows it, of nothing secret.
            Ok(answer) if [400, 403, 404].contains(&answer.status) => self.write_probe().await.map(drop),
            Err(fault) if fault.code() == Code::VaultDenied => self.write_probe().await.map(drop),
            Ok(answer) => Err(self.api.fault(&answer).await),
            Err(fault) => Err(fault),
        }
    }

    /// Asks, and waits for what passes by itself. The request may be made twice.
    async fn ask_patiently(&self, ask: Ask<'_>, path: &str) -> Result<Answer, Fault> {
        let (started, mut backoff) = (Instant::now(), pauses());
        loop {
            let fault = match self.api.ask(ask, path).await {
                Ok(answer) if answer.status < 400 && answer.status != 307 => return Ok(answer),
                Ok(answer) => match self.api.fault(&answer).await {
                    fault if fault.is_passing => fault,
                    _ => return Ok(answer),
                },
                Err(fault) => fault,
            };
            if !fault.is_passing || started.elapsed() > READ_PATIENCE {
                return Err(fault);
            }
            sleep(backoff.following()).await;
        }
    }

    /// Writes what is no secret, and gives its version. One item is there for all.
    async fn write_probe(&self) -> Result<Version, Fault> {
        let (item, started, mut backoff) = (self.probe(), Instant::now(), pauses());
        loop {
            let found = self.read(&item).await?;
            let body = json!({ "options": { "cas": found.version.0 }, "data": { "probe": true } });
            let answer = self.api.ask(Ask::Post(&body), &format!("{}/data/{item}", self.mount)).await?;
            let fault = if answer.is_mismatch() {
                self.api.place.found(error::unexpected())
            } else {
                match self.written(&answer, found.version).await {
                    Ok(version) => return Ok(version),
                    Err(fault) if fault.is_final() => return Err(fault),
                    Err(fault) => fault,
                }
            };
            if started.elapsed() > READ_PATIENCE {
                return Err(fault);
            }
            sleep(backoff.following()).await;
        }
    }

    /// Asks for versions to be required and for none but the last to be kept. A token
    /// that may not do that still can write.
    async fn keep_one_version(&self, item: &str) -> Result<(), Fault> {
        if self.keeps_versions.load(Ordering::Relaxed) {
            return Ok(());
        }
        let body = json!({ "cas_required": true, "max_versions": 1 });
        let path = format!("{}/metadata/{item}", self.mount);
        match self.ask_patiently(Ask::Post(&body), &path).await {
            Ok(answer) if [200, 204].contains(&answer.status) => Ok(()),
            Ok(answer) => Err(self.api.fault(&answer).await),
            Err(fault) if fault.code() == Code::VaultDenied => {
                self.keeps_versions.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Destroys the versions before this one, where they are kept. Best effort: the
    /// token may not do that either.
    async fn destroy_kept_before(&self, item: &str, version: Version) {
        if !self.keeps_versions.load(Ordering::Relaxed) {
            return;
        }
        let versions: Vec<u64> = (version.0.saturating_sub(100).max(1)..version.0).collect();
        if !versions.is_empty() {
            let body = json!({ "versions": versions });
            let destroyed = self.api.ask(Ask::Post(&body), &format!("{}/destroy/{item}", self.mount)).await;
            if !destroyed.is_ok_and(|answer| answer.status == 204) {
                tracing::warn!("former versions of {}/{item} may stay readable in Vault", self.mount);
            }
        }
    }

    async fn delete(&self, item: &str) -> Result<(), StoreError> {
        let found = self.read(item).await.map_err(|fault| fault.error)?;
        if found.version == Version::default() {
            return Ok(());
        }
        // The write that follows takes the former versions away.
        self.keep_one_version(item).await.map_err(|fault| fault.error)?;
        self.replace(item, &Content::Deleted).await?;
        self.destroy_kept_before(item, Version(found.version.0 + 1)).await;
        Ok(())
    }

    async fn prove(&self) -> Result<(), Fault> {
        self.require_versions().await?;
        self.keep_one_version(&self.probe()).await?;
        let version = self.write_probe().await?;
        let (started, mut backoff) = (Instant::now(), pauses());
        while self.read(&self.probe()).await?.version < version {
            if started.elapsed() > READ_PATIENCE {
                return Err(self.api.place.found(error::unexpected()));
            }
            sleep(backoff.following()).await;
        }
        Ok(())
    }
}

/// The record in the data of an item. What a person put there is no record of ours, and
/// is said to be none when it is read.
fn record_in(data: &Value) -> Option<Secret> {
    if !data.is_object() || data["deleted"] == true {
        return None;
    }
    let text = data[RECORD].as_str().map_or_else(|| data.to_string(), str::to_owned);
    Secret::derived(text).or_else(|_| Secret::derived("?".to_owned())).ok()
}

fn pauses() -> Backoff {
    Backoff::between(Duration::from_millis(50), Duration::from_secs(2))
}

impl VaultStore {
    fn vault(&self) -> Result<&Vault, StoreError> {
        self.vault.as_ref().map_err(StoreError::clone)
    }
}

#[async_trait]
impl CredentialStore for VaultStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    fn remark(&self) -> Option<Shown> {
        let keeps = self.vault.as_ref().is_ok_and(|vault| vault.keeps_versions.load(Ordering::Relaxed));
        keeps.then(|| {
            "Vault keeps the former versions of these secrets, 10 by default: the token may not write their metadata."
                .into()
        })
    }

    fn description(&self) -> Option<Shown> {
        Some(self.description.clone())
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        Ok(self.read_version(key).await?.record)
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        let vault = self.vault()?;
        vault.replace(&vault.item(&key), &Content::Record(record)).await
    }

    /// Signs in, and sees to it that the next write keeps no former version.
    async fn prepare(&self, _: ItemKey) -> Result<(), StoreError> {
        self.vault()?.require_versions().await.map_err(|fault| fault.error)
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        let vault = self.vault()?;
        vault.delete(&vault.item(&key)).await
    }

    async fn read_version(&self, key: ItemKey) -> Result<Versioned, StoreError> {
        let vault = self.vault()?;
        vault.read(&vault.item(&key)).await.map_err(|fault| fault.error)
    }

    async fn compare_and_set(&self, key: ItemKey, replaced: Version, record: &Secret) -> SetOutcome {
        match self.vault() {
            Ok(vault) => vault.set(&vault.item(&key), replaced, &Content::Record(record)).await,
            Err(error) => SetOutcome::NotApplied(error),
        }
    }

    async fn items_of(&self, connection: ConnectionId) -> Result<Option<Vec<StoredItem>>, StoreError> {
        self.vault()?.items_of(connection).await.map_err(|fault| fault.error)
    }

    async fn connections(&self) -> Result<Option<Vec<ConnectionId>>, StoreError> {
        self.vault()?.connections().await.map_err(|fault| fault.error)
    }

    async fn delete_version(&self, key: ItemKey, version: Version) -> Result<bool, StoreError> {
        let vault = self.vault()?;
        vault.delete_version(&vault.item(&key), version).await
    }

    async fn purge(&self, key: ItemKey) -> Result<(), StoreError> {
        let vault = self.vault()?;
        vault.purge(&vault.item(&key)).await
    }

    fn remedy(&self) -> &'static str {
        "Check the mount and the cluster of Vault"
    }

    async fn secrets(&self) -> Vec<Secret> {
        match &self.vault {
            Ok(vault) => vault.api.secrets().await,
            Err(_) => Vec::new(),
        }
    }

    /// The same item for all connections: it stays, and one is enough.
    async fn prove(&self, _: ConnectionId) -> Result<(), StoreError> {
        self.vault()?.prove().await.map_err(|fault| fault.error)
    }
}
