//! Saving what was found: the entries first, then their secrets, all or none.

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Step, shown};
use crate::cli::commands::app::App;
use crate::cli::commands::sign_in::{self, NewCredential};
use crate::config::sources::Found;
use crate::config::{Config, ConfigFile};
use crate::model::profile::Profile;
use crate::store::ItemKey;

/// An import that died between an entry and its secrets is gone on with: what it saved has
/// the settings of the source, and nothing in the store.
pub async fn go_on(app: &mut App, config: &Config, found: &mut [Found]) -> Result<(), Failure> {
    for found in found.iter_mut().filter(|found| has_secret(found)) {
        let Some(saved) = config.connections.get(&found.profile.name) else { continue };
        let (id, revision, times) = (saved.id, saved.revision, saved.times);
        let same = Profile { id, revision, times, ..found.profile.clone() };
        if same == *saved && stores_nothing(app, found, saved).await? {
            found.profile = same;
        }
    }
    Ok(())
}

async fn stores_nothing(app: &mut App, found: &Found, saved: &Profile) -> Result<bool, Failure> {
    let store = app.store(&saved.store)?;
    for field in super::fields(found) {
        if store.read(ItemKey::of(saved, field)).await?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether another connection has the name, or the same one as it is not in the source.
pub fn is_taken(config: &Config, found: &Found) -> bool {
    config.connections.get(&found.profile.name).is_some_and(|saved| *saved != found.profile)
}

/// Saves all of it. After a failure nothing of it is left.
pub async fn all(app: &mut App, file: &ConfigFile, found: &[Found]) -> Result<(), Failure> {
    // An authority that cannot be read is known before anything is saved.
    for found in found {
        app.network.client_for(&found.profile)?;
    }
    if let Some(first) = found.iter().find(|found| has_secret(found)) {
        app.prove_store(&first.profile.store, first.profile.id).await?;
    }
    let now = app.now();
    file.change(|change| {
        let has_id = |found: &Found| {
            let mut others = change.config().connections.values().filter(|saved| saved.name != found.profile.name);
            others.any(|saved| saved.id == found.profile.id)
        };
        if let Some(found) = found.iter().find(|found| is_taken(change.config(), found) || has_id(found)) {
            let name = &found.profile.name;
            let message = shown!("another snow process just saved a connection called {}", name);
            return Err(Failure::new(Code::ConnectionExists, message).next("Run the command again"));
        }
        found.iter().for_each(|found| drop(change.put(found.profile.clone(), now)));
        Ok(())
    })?;
    app.changes.are("The connections are saved, some of them without their secrets.");
    for (index, one) in found.iter().enumerate().filter(|(_, found)| has_secret(found)) {
        if let Err(failure) = save_secrets(app, one).await {
            return Err(take_back(app, file, &found[..=index], found).await.map_or_else(|why| why, |()| failure));
        }
    }
    app.changes.are("The connections are imported.");
    Ok(())
}

fn has_secret(found: &Found) -> bool {
    found.session.is_some() || !found.secrets.is_empty()
}

async fn save_secrets(app: &mut App, found: &Found) -> Result<(), Failure> {
    let (_, origins) = app.network.client_for(&found.profile)?;
    let credential = NewCredential { secrets: found.secrets.clone(), session: found.session.clone() };
    sign_in::save(app, &found.profile, &origins, &credential).await
}

/// Deletes the secrets that may have been written, then the entries.
async fn take_back(app: &mut App, file: &ConfigFile, written: &[Found], all: &[Found]) -> Result<(), Failure> {
    let mut left: Option<&Profile> = None;
    for found in written {
        for field in super::fields(found) {
            let key = ItemKey::of(&found.profile, field);
            let deleted = match app.store(&found.profile.store) {
                Ok(store) => store.delete(key).await.is_ok(),
                Err(_) => false,
            };
            left = left.or_else(|| (!deleted).then_some(&found.profile));
        }
    }
    // An entry whose secret could not be deleted stays, so that something names it.
    let changed = file.change(|change| {
        for found in all.iter().filter(|found| left.is_none_or(|left| left.id != found.profile.id)) {
            if change.config().connections.get(&found.profile.name).is_some_and(|saved| saved.id == found.profile.id) {
                change.remove(&found.profile.name);
            }
        }
        Ok::<_, Failure>(())
    });
    changed.map_err(|failure| failure.why("The connections are saved, some of them without their secrets."))?;
    let Some(profile) = left else {
        app.changes.taken_back();
        return Ok(());
    };
    let store = &profile.store;
    Err(Failure::new(
        Code::StoreUnreliable,
        shown!("{} is imported in part, and could not be taken back", profile.name),
    )
    .why(shown!("Writing to {} failed, and so did deleting what was written.", store.place()))
    .next(Step::say("Remove it once the store works: ").and_run(shown!("snow remove {}", profile.name))))
}
