//! `snow store status`: what is where. No question is asked, and no secret is read where
//! the store lists what it has.

use clap::Args;

use super::is_known;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::cli::commands::app::App;
use crate::cli::commands::stores::fields_of;
use crate::doctor::OpenStore;
use crate::doctor::stores::required;
use crate::model::profile::{ConnectionId, Profile, StorePlace};
use crate::report::json::store::{Presence, StoreSeen, StoreState, StoredConnection, StoredSecret, Stores};
use crate::report::text::columns;
use crate::store::{CredentialStore, Field, ItemKey, StoreError, StoredItem, Trouble};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow store status
  snow store status --json | jq '.stores[] | select(.unnamed_items > 0)'")]
pub struct StatusArgs {}

/// A store, and what it lists.
struct Seen {
    open: OpenStore,
    listed: Result<Listed, StoreError>,
}

enum Listed {
    /// Every item.
    Items(Vec<StoredItem>),
    /// Of a shared store, the connections that are not in the file.
    Others(usize),
    /// It does not list.
    Nothing,
}

pub async fn run(app: &mut App, _: &StatusArgs) -> Result<u8, Failure> {
    let config = app.config_file()?.load()?;
    let profiles: Vec<&Profile> = config.connections.values().collect();
    let mut seen = Vec::new();
    for open in app.stores_unasked(profiles.iter().copied())? {
        let listed = list(&open, &profiles).await;
        seen.push(Seen { open, listed });
    }
    let mut connections = Vec::new();
    for profile in &profiles {
        let store = seen.iter().find(|seen| seen.open.place == profile.store);
        let items = match store {
            Some(seen) => items(profile, seen).await,
            // Its file is not there, and so is none of its items.
            None => missing(profile),
        };
        let (name, store) = (profile.name.as_str(), profile.store.as_str());
        connections.push(StoredConnection { name, id: profile.id, store, items });
    }
    let stores = seen.iter().map(|seen| state(app, seen, &profiles, &connections)).collect();
    let document = Stores { schema: schemas::Store, connections, stores };
    if app.console.json {
        app.console.document(&document);
    } else {
        let text = text(app, &document);
        app.console.data(&text);
        if document.stores.iter().any(|store| store.unnamed_items.is_some_and(|count| count > 0)) {
            app.console.note("Some items belong to no connection. Look at them: snow store purge --dry-run");
        }
    }
    Ok(0)
}

async fn list(open: &OpenStore, profiles: &[&Profile]) -> Result<Listed, StoreError> {
    let store = open.store.as_ref();
    if !store.is_shared() {
        return Ok(store.inventory().await?.map_or(Listed::Nothing, Listed::Items));
    }
    let is_other = |id: &ConnectionId| !is_known(*id, &open.place, profiles.iter().copied());
    let others = |ids: Vec<ConnectionId>| Listed::Others(ids.iter().filter(|id| is_other(id)).count());
    Ok(store.connections().await?.map_or(Listed::Nothing, others))
}

/// What a store has of a connection, in the order in which the connection has it.
async fn items(profile: &Profile, seen: &Seen) -> Vec<StoredSecret> {
    let store = seen.open.store.as_ref();
    let listed = match &seen.listed {
        Err(_) => return unknown(profile),
        Ok(Listed::Items(items)) => Ok(Some(items.clone())),
        Ok(_) => store.items_of(profile.id).await,
    };
    let Ok(listed) = listed else { return unknown(profile) };
    let required = required(profile);
    let mut items = Vec::new();
    let fields = fields_of(profile, listed.as_deref().unwrap_or_default());
    for field in fields.into_iter().filter(|field| *field != Field::PROBE) {
        let key = ItemKey::of(profile, field);
        let found = listed.as_ref().map(|items| items.iter().find(|item| item.account == key.account()));
        let locked = matches!(found, Some(Some(item)) if item.is_locked);
        let state = match found {
            Some(None) => Presence::Missing,
            // A shared store also lists what was deleted.
            Some(Some(_)) if !store.is_shared() => Presence::Present,
            Some(Some(_)) | None => look(store, &key).await,
        };
        if state != Presence::Missing || required.contains(&key.field) {
            items.push(StoredSecret { field: key.field.as_str().to_owned(), state, locked });
        }
    }
    items
}

async fn look(store: &dyn CredentialStore, key: &ItemKey) -> Presence {
    match store.read(key.clone()).await {
        Ok(Some(_)) => Presence::Present,
        Ok(None) => Presence::Missing,
        Err(_) => Presence::Unknown,
    }
}

fn unknown(profile: &Profile) -> Vec<StoredSecret> {
    of_required(profile, Presence::Unknown)
}

fn missing(profile: &Profile) -> Vec<StoredSecret> {
    of_required(profile, Presence::Missing)
}

fn of_required(profile: &Profile, state: Presence) -> Vec<StoredSecret> {
    let item = |field: Field| StoredSecret { field: field.as_str().to_owned(), state, locked: false };
    required(profile).into_iter().map(item).collect()
}

fn state<'a>(
    app: &App,
    seen: &'a Seen,
    profiles: &[&'a Profile],
    connections: &[StoredConnection<'_>],
) -> StoreSeen<'a> {
    let OpenStore { place, store } = &seen.open;
    let used: Vec<&Profile> = profiles.iter().copied().filter(|profile| profile.store == *place).collect();
    let is_used = |connection: &&StoredConnection<'_>| used.iter().any(|profile| profile.id == connection.id);
    let present = |item: &&StoredSecret| item.state == Presence::Present;
    let own = connections.iter().filter(is_used).flat_map(|connection| &connection.items).filter(present).count();
    let unnamed = |items: &[StoredItem]| {
        let is_named = |key: &ItemKey| is_known(key.connection, place, profiles.iter().copied());
        items.iter().filter(|item| !ItemKey::of_account(&item.account).is_some_and(|key| is_named(&key))).count()
    };
    let (items, unnamed_items, other_connections) = match &seen.listed {
        Ok(Listed::Items(items)) => (Some(items.len()), Some(unnamed(items)), None),
        Ok(Listed::Others(others)) => (Some(own), None, Some(*others)),
        Ok(Listed::Nothing) | Err(_) => (None, None, None),
    };
    let error = seen.listed.as_ref().err();
    StoreSeen {
        store: place.as_str(),
        place: where_it_is(app, place, store.as_ref()),
        shared: store.is_shared(),
        state: match error.map(|error| error.trouble) {
            None => StoreState::Open,
            Some(Trouble::Locked | Trouble::NoKey) => StoreState::Locked,
            Some(Trouble::Failed) => StoreState::Failed,
        },
        connections: used.iter().map(|profile| profile.name.as_str()).collect(),
        items,
        unnamed_items,
        other_connections,
        error: error.map(|error| error.failure().into()),
    }
}

fn where_it_is(app: &App, place: &StorePlace, store: &dyn CredentialStore) -> String {
    let kept_in = app.kept_in(place);
    let path = kept_in.split_once('\n').map(|(_, path)| path.trim().to_owned());
    store.description().map(Into::into).or(path).unwrap_or_else(|| place.place().to_owned())
}

fn text(app: &App, document: &Stores<'_>) -> String {
    let paint = app.console.out;
    let connections: Vec<[String; 3]> = document.connections.iter().map(connection_row).collect();
    let rows = connections.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let connections = if document.connections.is_empty() {
        paint.dim("No connection is saved.")
    } else {
        columns::table(&["CONNECTION", "STORE", "ITEMS"], rows, paint)
    };
    let stores: Vec<[String; 5]> = document.stores.iter().map(store_row).collect();
    let rows = stores.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let stores = columns::table(&["STORE", "STATE", "ITEMS", "NOT NAMED", "PLACE"], rows, paint);
    format!("{connections}\n\n{stores}")
}

fn connection_row(connection: &StoredConnection<'_>) -> [String; 3] {
    let item = |item: &StoredSecret| match (item.state, item.locked) {
        (Presence::Present, false) => item.field.clone(),
        (Presence::Present, true) => format!("{} (locked)", item.field),
        (Presence::Missing, _) => format!("{} (missing)", item.field),
        (Presence::Unknown, _) => format!("{} (unknown)", item.field),
    };
    let items: Vec<String> = connection.items.iter().map(item).collect();
    let items = if items.is_empty() { "none needed".to_owned() } else { items.join(", ") };
    [connection.name.to_owned(), connection.store.to_owned(), items]
}

fn store_row(store: &StoreSeen<'_>) -> [String; 5] {
    let count = |count: Option<usize>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    let state = match store.state {
        StoreState::Open => "open",
        StoreState::Locked => "locked",
        StoreState::Failed => "failed",
    };
    let unnamed = match (store.other_connections, store.shared) {
        (Some(others), _) => format!("{others} others"),
        (None, true) => "?".to_owned(),
        (None, false) => count(store.unnamed_items),
    };
    [store.store.to_owned(), state.to_owned(), count(store.items), unnamed, store.place.clone()]
}
