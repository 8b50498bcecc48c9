//! Saving: the entry first, then the secret, so that the store never holds a
//! secret that no entry names. A secret that cannot be saved takes the entry
//! back.

use super::Request;
use crate::commands::app::App;
use crate::commands::select;
use crate::commands::sign_in;
use crate::config::Change;
use crate::connection::profile::{ConnectionName, Profile};
use crate::credentials::record::Origins;
use crate::credentials::{Field, ItemKey};
use crate::error::{Code, Failure};
use crate::secret::Secret;

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

/// Saves what the flags change of a known connection; its secret stays.
pub fn update(app: &App, request: &Request, saved: &Profile) -> Result<(Profile, Saved), Failure> {
    request.file.change(|change| {
        // Another snow may have changed it since it was read: both changes stay.
        let current = select::find(change.config(), &saved.name)?.clone();
        let profile = change.put(request.updated(app, &current)?);
        if request.arguments.default {
            change.set_default(Some(&profile.name));
        }
        let is_same = profile.revision == current.revision;
        Ok((profile, if is_same { Saved::Unchanged } else { Saved::Changed }))
    })
}

/// Saves a connection with the password that was just entered.
pub fn save(
    app: &mut App,
    request: &Request,
    signed_in: Profile,
    origins: &Origins,
    password: &Secret,
) -> Result<(Profile, Saved), Failure> {
    let (profile, former) = request.file.change(|change| save_entry(app, request, change, signed_in))?;
    if let Err(failure) = sign_in::save_password(app, &profile, origins, password) {
        if failure.code() == Code::UnknownConnection {
            // Removed meanwhile, and so it shall stay.
            return Err(failure);
        }
        if former.profile.as_ref().is_none_or(|former| former.store != profile.store) {
            // A write may be reported as failed and have been done. What is
            // not there to be deleted, or cannot be, changes nothing here.
            let _ = forget_password(app, &profile);
        }
        let name = profile.name.clone();
        return Err(match request.file.change(|change| take_back(change, profile, former)) {
            Ok(()) => failure,
            Err(_) => {
                failure.next(format!("The entry {name} was left without its secret; snow login {name} repairs it"))
            }
        });
    }
    if let Some(former) = former.profile.as_ref().filter(|former| former.store != profile.store)
        && let Err(failure) = forget_password(app, former)
    {
        // The connection stands, and a keyring that is gone may be why.
        let place = former.store.place();
        app.console.say(&format!("note: the password from before is still in {place}: {}", failure.message()));
    }
    // A new secret is a change, whatever the fields say.
    Ok((profile, if former.profile.is_none() { Saved::New } else { Saved::Updated }))
}

/// Deletes the password from the store that the entry names.
fn forget_password(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let key = ItemKey { connection: profile.id, field: Field::Password };
    Ok(app.store(profile.store)?.delete(key)?)
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
        let message = format!("another snow has just saved a connection called {}", signed_in.name);
        return Err(Failure::new(Code::ConnectionExists, message).next("Run the command again with another --name"));
    }
    // What another snow changed since it was read stays, unless the password
    // was taken for something else than the entry says by now.
    let profile = match &current {
        None => signed_in,
        Some(current) => {
            let updated = request.updated(app, current).ok();
            let updated = updated.map(|profile| Profile { username: signed_in.username.clone(), ..profile });
            updated.filter(|profile| !profile.needs_another_secret_than(&signed_in)).ok_or_else(|| {
                Failure::new(Code::ConnectionExists, format!("another snow has just changed {}", signed_in.name))
                    .why("The password was not saved.")
                    .next("Run the command again")
            })?
        }
    };
    let former = Former { profile: current, default: change.config().default.clone() };
    let is_first = change.config().connections.is_empty();
    let profile = change.put(profile);
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
