//! Saving: the entry first, then the secret, so that the store never holds a
//! secret that no entry names. A secret that cannot be saved takes the entry
//! back.

use super::Request;
use crate::auth::certificate::files::Files;
use crate::auth::gateway::GatewayAccess;
use crate::auth::method;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::cli::commands::app::App;
use crate::cli::commands::select;
use crate::cli::commands::sign_in::{self, NewCredential};
use crate::config::Change;
use crate::model::profile::{Auth, ConnectionName, Profile};
use crate::store::record::Origins;
use crate::store::{CredentialStore, Field, ItemKey};

/// What became of the saved connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    New,
    /// With a new secret.
    Updated,
    /// Its fields alone.
    Changed,
    Unchanged,
}

impl Saved {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated | Self::Changed => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What the file had before, to put it back.
struct Former {
    profile: Option<Profile>,
    default: Option<ConnectionName>,
}

/// Saves what the flags change of a known connection; its credential stays.
pub async fn update(
    app: &mut App,
    request: &Request,
    saved: &Profile,
    auth: &Auth,
) -> Result<(Profile, Saved), Failure> {
    let access = new_access(app, request, saved, auth).await?;
    let (profile, current) = request.file.change(|change| {
        // Another snow may have changed it since it was read: both changes stay.
        let current = select::find(change.config(), &saved.name)?.clone();
        let profile = change.put(request.updated(app, &current, auth.clone())?, app.now());
        if request.arguments.default {
            change.set_default(Some(&profile.name));
        }
        Ok::<_, Failure>((profile, current))
    })?;
    let credential = NewCredential { secrets: access.secrets().collect(), session: None };
    if credential.secrets.is_empty() {
        let is_same = profile.revision == current.revision;
        if !is_same {
            app.changes.are(shown!("The change of {} is saved, and was not tested.", profile.name));
        }
        return Ok((profile, if is_same { Saved::Unchanged } else { Saved::Changed }));
    }
    let (_, origins) = app.network.client_for(&profile)?;
    if let Err(failure) = sign_in::save(app, &profile, &origins, &credential).await {
        // Without its values the connection would not work.
        request.file.change(|change| {
            if change.config().connections.get(&profile.name) == Some(&profile) {
                change.restore(current);
            }
            Ok::<_, Failure>(())
        })?;
        return Err(failure);
    }
    Ok((profile, Saved::Changed))
}

/// What a gateway wants that was not there before.
async fn new_access(app: &mut App, request: &Request, saved: &Profile, auth: &Auth) -> Result<GatewayAccess, Failure> {
    let arguments = &request.arguments;
    let access = sign_in::gateway::given(app, &arguments.headers)?;
    let is_known = Files::of(auth) == Files::of(&saved.auth) && arguments.secrets.given().next().is_none();
    if is_known {
        return Ok(access);
    }
    let profile = request.updated(app, saved, auth.clone())?;
    sign_in::gateway::with_certificate(app, &profile, &arguments.secrets, access).await
}

/// Saves a connection with its new credential.
pub async fn save(
    app: &mut App,
    request: &Request,
    signed_in: Profile,
    origins: &Origins,
    credential: &NewCredential,
) -> Result<(Profile, Saved), Failure> {
    let (profile, former) = request.file.change(|change| save_entry(app, request, change, signed_in))?;
    let store = app.store(&profile.store)?;
    app.changes.are(shown!(
        "{} is saved without its new secret. Sign in again: snow login {}",
        profile.name,
        profile.name
    ));
    let kept = FormerSecrets::read(store.as_ref(), &former, &profile, credential).await;
    if let Err(failure) = sign_in::save(app, &profile, origins, credential).await {
        if failure.code() == Code::UnknownConnection {
            // Removed meanwhile, and so it shall stay.
            return Err(failure);
        }
        kept.put_back(store.as_ref()).await;
        app.changes.taken_back();
        let name = profile.name.clone();
        return Err(match request.file.change(|change| take_back(change, profile, former)) {
            Ok(()) => failure,
            Err(_) => {
                failure.next(shown!("{} is saved without its secret; sign in again with snow login {}", name, name))
            }
        });
    }
    app.changes.are(shown!("{} is saved, and was not tested.", profile.name));
    if let Some(former) = &former.profile {
        forget_former_secrets(app, former, &profile, credential).await?;
    }
    // A new secret is a change, whatever the fields say.
    Ok((profile, if former.profile.is_none() { Saved::New } else { Saved::Updated }))
}

/// Deletes what another way to sign in, or another store, left behind: it is
/// of no use any more. The connection works, whether that succeeds or not.
async fn forget_former_secrets(
    app: &mut App,
    former: &Profile,
    profile: &Profile,
    credential: &NewCredential,
) -> Result<(), Failure> {
    match delete_former_secrets(app, former, profile, credential).await {
        // A keyring that is gone may be why there is another store.
        Err(failure) if failure.code() != Code::Interrupted => {
            let place = former.store.place();
            let note = format!("note: the former secret may still be in {place}: {}", failure.message());
            app.console.say(&note);
            Ok(())
        }
        ended => ended,
    }
}

async fn delete_former_secrets(
    app: &mut App,
    former: &Profile,
    profile: &Profile,
    credential: &NewCredential,
) -> Result<(), Failure> {
    // A renewal under way must not bring the session back.
    let _lock = sign_in::lock(app, former).await?;
    let is_moved = former.store != profile.store;
    let left_behind = |field: &Field| is_moved || !credential.fields().contains(field);
    for field in every_item(former, profile).into_iter().filter(left_behind) {
        app.store(&former.store)?.delete(ItemKey::of(profile, field)).await?;
    }
    Ok(())
}

/// Every item that either may have stored.
fn every_item(former: &Profile, profile: &Profile) -> Vec<Field> {
    let own = [former, profile].into_iter().flat_map(method::items_of);
    let mut items = method::items();
    items.extend(own.collect::<Vec<_>>());
    items
}

/// The user of a session, which the instance told after it was saved: a part
/// of the same change, unless the entry was changed since.
pub fn complete(request: &Request, profile: Profile, user_name: &str) -> Result<Profile, Failure> {
    if profile.username().is_some() {
        return Ok(profile);
    }
    let completed = method::belonging_to(profile.clone(), user_name.parse().ok());
    request.file.change(|change| {
        if change.config().connections.get(&profile.name) == Some(&profile) {
            change.restore(completed.clone());
            Ok(completed)
        } else {
            Ok(profile)
        }
    })
}

/// The records that a save replaces, as they are: to put them back.
struct FormerSecrets(Vec<(ItemKey, Option<Secret>)>);

impl FormerSecrets {
    async fn read(store: &dyn CredentialStore, former: &Former, profile: &Profile, credential: &NewCredential) -> Self {
        let key = |field| ItemKey::of(profile, field);
        if former.profile.as_ref().is_none_or(|former| former.store != profile.store) {
            return Self(credential.fields().into_iter().map(|field| (key(field), None)).collect());
        }
        let mut records = Vec::new();
        for key in credential.fields().into_iter().map(key) {
            // What cannot be read cannot be put back either.
            if let Ok(record) = store.read(key.clone()).await {
                records.push((key, record));
            }
        }
        Self(records)
    }

    /// A write may be reported as failed and have been done, so what was
    /// attempted is undone as far as the store lets it.
    async fn put_back(self, store: &dyn CredentialStore) {
        for (key, record) in self.0 {
            let _ = match record {
                Some(record) => store.write(key, &record).await,
                None => store.delete(key).await,
            };
        }
    }
}

fn save_entry(
    app: &App,
    request: &Request,
    change: &mut Change,
    signed_in: Profile,
) -> Result<(Profile, Former), Failure> {
    let arguments = &request.arguments;
    let current = change.config().connections.get(&signed_in.name).cloned();
    if request.target.saved.is_none() && current.is_some() && !arguments.force {
        let message = shown!("another snow process just saved a connection called {}", signed_in.name);
        return Err(Failure::new(Code::ConnectionExists, message).next("Run the command again with another --name"));
    }
    // What another snow changed since it was read stays, unless the password
    // was taken for something else than the entry says by now.
    let profile = match &current {
        None => signed_in,
        Some(current) => {
            let updated = request.updated(app, current, signed_in.auth.clone()).ok();
            updated.filter(|profile| !method::needs_another_secret(profile, &signed_in)).ok_or_else(|| {
                Failure::new(Code::ConnectionExists, shown!("another snow process just changed {}", signed_in.name))
                    .why("The new sign-in was not saved.")
                    .next("Run the command again")
            })?
        }
    };
    let former = Former { profile: current, default: change.config().default.clone() };
    let is_first = change.config().connections.is_empty();
    let profile = change.put(profile, app.now());
    if arguments.default || is_first {
        change.set_default(Some(&profile.name));
    }
    Ok((profile, former))
}

fn take_back(change: &mut Change, profile: Profile, former: Former) -> Result<(), Failure> {
    match former.profile {
        Some(former) => change.restore(former),
        None => change.remove(&profile.name),
    }
    if change.config().default.as_ref().is_none_or(|default| *default == profile.name) {
        let still_there = former.default.filter(|name| change.config().connections.contains_key(name));
        change.set_default(still_there.as_ref());
    }
    Ok(())
}
