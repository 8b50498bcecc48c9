//! The protocol of Docker's credential helpers: `docker-credential-NAME` with `get`,
//! `store`, `erase` or `list`, and JSON on its standard input and output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{CommandStore, failed, unusable};
use crate::base::program::Trouble;
use crate::base::secret::{InvalidSecret, Secret, secret_field};
use crate::store::{ItemKey, StoreError, StoredItem};

/// What an item is stored under. Helpers take it apart as a URL.
const SERVER: &str = "https://snow.invalid/";
const USER: &str = "snow";
/// How every helper says that nothing is there.
const NOTHING: &str = "credentials not found";

pub struct Helper {
    program: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    #[serde(rename = "ServerURL")]
    server_url: String,
    username: &'static str,
    #[serde(with = "secret_field")]
    secret: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    secret: String,
}

impl Helper {
    /// `name` is what follows `docker-credential-`, or an absolute path.
    pub fn new(name: &str) -> Self {
        let program = if name.contains(['/', '\\']) { name.to_owned() } else { format!("docker-credential-{name}") };
        Self { program }
    }

    pub fn program(&self) -> &str {
        &self.program
    }

    pub async fn get(&self, store: &CommandStore, key: &ItemKey) -> Result<Option<Secret>, StoreError> {
        let Some(printed) = self.ask(store, "get", Some(key), server(key).as_bytes()).await? else { return Ok(None) };
        let found: Found = serde_json::from_slice(&printed).map_err(|_| self.speaks_otherwise())?;
        match Secret::derived(found.secret) {
            Ok(secret) => Ok(Some(secret)),
            // Some say so of an item that is not there.
            Err(InvalidSecret::Empty) => Ok(None),
            Err(_) => Err(self.speaks_otherwise()),
        }
    }

    pub async fn store(&self, store: &CommandStore, key: &ItemKey, record: &Secret) -> Result<(), StoreError> {
        let credentials = Credentials { server_url: server(key), username: USER, secret: record.clone() };
        let input = Zeroizing::new(serde_json::to_vec(&credentials).expect("texts are always JSON"));
        self.ask(store, "store", Some(key), &input).await.map(drop)
    }

    pub async fn erase(&self, store: &CommandStore, key: &ItemKey) -> Result<(), StoreError> {
        self.ask(store, "erase", Some(key), server(key).as_bytes()).await.map(drop)
    }

    pub async fn list(&self, store: &CommandStore) -> Result<Vec<StoredItem>, StoreError> {
        let printed = self.ask(store, "list", None, b"").await?.unwrap_or_default();
        let listed: BTreeMap<String, String> = serde_json::from_slice(&printed).map_err(|_| self.speaks_otherwise())?;
        let accounts = listed.keys().filter_map(|url| url.strip_prefix(SERVER));
        Ok(accounts.map(|account| StoredItem { account: account.to_owned(), is_locked: false }).collect())
    }

    fn speaks_otherwise(&self) -> StoreError {
        unusable(&self.program, "It is not the JSON of a credential helper".into())
    }

    /// What it printed; `None` if it has no such item.
    async fn ask(
        &self,
        store: &CommandStore,
        verb: &str,
        key: Option<&ItemKey>,
        input: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let arguments = [self.program.clone(), verb.to_owned()];
        let (printed, ended) = store.start(&arguments, [], Some(input)).await;
        match ended {
            Ok(()) => Ok(Some(printed.output)),
            Err(Trouble::Failed(_)) if String::from_utf8_lossy(&printed.output).contains(NOTHING) => Ok(None),
            // What is wrong is on its standard output.
            Err(trouble) => Err(failed(&self.program, &trouble, &said(printed), key)),
        }
    }
}

/// Helpers say what is wrong on their standard output.
fn said(printed: super::Printed) -> super::Printed {
    if printed.said.is_empty() {
        super::Printed { said: printed.output, output: Zeroizing::default() }
    } else {
        printed
    }
}

fn server(key: &ItemKey) -> String {
    format!("{SERVER}{}", key.account())
}
