//! `snow store purge`: deletes the items that no connection names.
//!
//! What is in a store that machines share is theirs, too: it is left alone without
//! `--shared`. Each item is looked at again under the lock of its connection, since
//! another snow may be connecting or moving secrets.

use std::sync::Arc;

use clap::Args;

use super::is_known;
use crate::auth::oauth::lock::{self, KernelLock};
use crate::base::code::Code;
use crate::base::error::{Failure, exit_code_of};
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::commands::app::App;
use crate::config::Config;
use crate::doctor::OpenStore;
use crate::model::profile::StorePlace;
use crate::report;
use crate::report::json::store::{Purged, PurgedItem, SkippedStore};
use crate::report::text::columns;
use crate::store::{CredentialStore, ItemKey, StoreError, Trouble};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow store purge --dry-run
  snow store purge --yes

Connections of another file (--config, SNOW_CONFIG_DIR) count as none.")]
pub struct PurgeArgs {
    /// Only show what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    /// Also in stores that other machines may use, as Vault
    #[arg(long)]
    pub shared: bool,
}

/// An item that no connection names.
struct Unnamed {
    place: StorePlace,
    store: Arc<dyn CredentialStore>,
    key: ItemKey,
}

/// What there is to delete, and which stores were left alone.
#[derive(Default)]
struct Found {
    items: Vec<Unnamed>,
    skipped: Vec<(StorePlace, Shown)>,
}

pub async fn run(app: &mut App, arguments: &PurgeArgs) -> Result<u8, Failure> {
    let config = app.config_file()?.load()?;
    let mut found = Found::default();
    for open in app.stores_unasked(config.connections.values())? {
        look(app, &config, open, arguments.shared, &mut found).await;
    }
    for (place, reason) in &found.skipped {
        app.console.note(&format!("note: {}: {reason}", place.as_str()));
    }
    let Found { items, skipped } = found;
    let outcomes = if arguments.dry_run || items.is_empty() {
        items.iter().map(|_| None).collect()
    } else {
        confirm(app, &items)?;
        delete(app, &items).await?
    };
    Ok(report(app, arguments.dry_run, &items, outcomes, &skipped))
}

/// Looks for the items of a store that no connection names.
async fn look(app: &mut App, config: &Config, open: OpenStore, shared: bool, found: &mut Found) {
    let OpenStore { place, mut store } = open;
    if store.is_shared() && !shared {
        let reason = others(config, &place, store.as_ref()).await;
        found.skipped.extend(reason.map(|reason| (place, reason)));
        return;
    }
    let mut accounts = accounts(config, &place, store.as_ref()).await;
    // A person can give the key that no variable has.
    if matches!(&accounts, Err(error) if error.trouble == Trouble::NoKey) && app.is_interactive() {
        match app.store(&place) {
            Ok(opened) => store = opened,
            Err(failure) => return found.skipped.push((place, failure.message().clone())),
        }
        accounts = self::accounts(config, &place, store.as_ref()).await;
    }
    match accounts {
        Err(error) => found.skipped.push((place, error.failure().message().clone())),
        Ok(None) => found.skipped.push((place, "it does not list its items".into())),
        Ok(Some(accounts)) => {
            let keys: Vec<_> = accounts.iter().filter_map(|account| ItemKey::of_account(account)).collect();
            if keys.len() < accounts.len() {
                found.skipped.push((place.clone(), "it has items of service snow that are not of snow".into()));
            }
            let unnamed = keys.into_iter().filter(|key| !is_known(key.connection, &place, config.connections.values()));
            found.items.extend(unnamed.map(|key| Unnamed { place: place.clone(), store: store.clone(), key }));
        }
    }
}

/// What a store has, of a shared one only of the connections that are not in the file.
async fn accounts(
    config: &Config,
    place: &StorePlace,
    store: &dyn CredentialStore,
) -> Result<Option<Vec<String>>, StoreError> {
    if !store.is_shared() {
        let items = store.inventory().await?;
        return Ok(items.map(|items| items.into_iter().map(|item| item.account).collect()));
    }
    let Some(ids) = store.connections().await? else { return Ok(None) };
    let mut accounts = Vec::new();
    for id in ids {
        if !is_known(id, place, config.connections.values()) {
            let items = store.items_of(id).await?.unwrap_or_default();
            accounts.extend(items.into_iter().map(|item| item.account));
        }
    }
    Ok(Some(accounts))
}

/// Why a shared store is left alone, if it has anything that could be deleted.
async fn others(config: &Config, place: &StorePlace, store: &dyn CredentialStore) -> Option<Shown> {
    let ids = match store.connections().await {
        Err(error) => return Some(error.failure().message().clone()),
        Ok(None) => return Some("it does not list its items".into()),
        Ok(Some(ids)) => ids,
    };
    match ids.iter().filter(|id| !is_known(**id, place, config.connections.values())).count() {
        0 => None,
        count => Some(shown!(
            "it has items of {} connections that are not in this file. Other machines may use them; --shared deletes them",
            Shown::outside(count.to_string())
        )),
    }
}

fn confirm(app: &mut App, items: &[Unnamed]) -> Result<(), Failure> {
    let count = match items.len() {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    if app.is_interactive() && !app.global.yes {
        let list = table(app, items);
        app.console.say(&list);
    }
    let shared = items.iter().filter(|item| item.store.is_shared()).count();
    let others = match shared {
        0 => String::new(),
        count => format!(" Other machines may use {count} of them."),
    };
    let act = shown!("deleting {} that no connection names", Shown::outside(&count));
    app.confirm(act, &format!("Delete {count} that no connection names?{others}"))
}

/// How the deletion of each item went: an error, or whether it was deleted.
async fn delete(app: &mut App, items: &[Unnamed]) -> Result<Vec<Option<Result<bool, Failure>>>, Failure> {
    let mut outcomes = Vec::new();
    let mut gone = 0;
    for item in items {
        let deleted = delete_one(app, item).await;
        if let Err(failure) = &deleted
            && failure.code() == Code::Interrupted
        {
            return Err(failure.clone());
        }
        gone += usize::from(matches!(deleted, Ok(true)));
        app.changes.are(shown!("Deleted {} items.", Shown::outside(gone.to_string())));
        outcomes.push(Some(deleted));
    }
    Ok(outcomes)
}

/// False if a connection names it by now.
async fn delete_one(app: &App, item: &Unnamed) -> Result<bool, Failure> {
    let id = item.key.connection;
    let lock = KernelLock(app.state()?.session_lock(id));
    let _lock = lock::acquire(&lock, Shown::outside(id.to_string())).await?;
    if is_known(id, &item.place, app.config_file()?.load()?.connections.values()) {
        return Ok(false);
    }
    item.store.purge(item.key.clone()).await?;
    Ok(true)
}

fn report(
    app: &App,
    dry_run: bool,
    items: &[Unnamed],
    outcomes: Vec<Option<Result<bool, Failure>>>,
    skipped: &[(StorePlace, Shown)],
) -> u8 {
    let errors = || outcomes.iter().flatten().filter_map(|outcome| outcome.as_ref().err());
    let exit_code = exit_code_of(errors());
    let deleted = |outcome: &Option<Result<bool, Failure>>| matches!(outcome, Some(Ok(true)));
    if app.console.json {
        let accounts: Vec<String> = items.iter().map(|item| item.key.account()).collect();
        let purged = items.iter().zip(&accounts).zip(&outcomes).map(|((item, account), outcome)| PurgedItem {
            store: item.place.as_str(),
            account,
            deleted: deleted(outcome),
            error: outcome.as_ref().and_then(|outcome| outcome.as_ref().err()).map(Into::into),
        });
        let skipped =
            skipped.iter().map(|(place, reason)| SkippedStore { store: place.as_str(), reason: reason.as_str() });
        app.console.document(&Purged {
            schema: schemas::StorePurge,
            dry_run,
            items: purged.collect(),
            skipped: skipped.collect(),
            exit_code,
        });
        return exit_code;
    }
    if items.is_empty() {
        app.console.text(&format!("{} Nothing to delete", app.console.out.tick()));
    } else if dry_run {
        app.console.data(&table(app, items));
    } else {
        let text = match outcomes.iter().filter(|outcome| deleted(outcome)).count() {
            1 => "1 item deleted".to_owned(),
            count => format!("{count} items deleted"),
        };
        app.console.text(&format!("{} {text}", app.console.out.tick()));
    }
    for error in errors() {
        let text = report::text::error(error, app.console.err);
        app.console.say(&text);
    }
    exit_code
}

fn table(app: &App, items: &[Unnamed]) -> String {
    let rows: Vec<[String; 3]> = items
        .iter()
        .map(|item| {
            let (field, id) = (item.key.field.as_str().to_owned(), item.key.connection.to_string());
            [item.place.as_str().to_owned(), field, id]
        })
        .collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    columns::table(&["STORE", "ITEM", "CONNECTION ID"], rows, app.console.out)
}
