//! Signing in anew: shared by `connect` and `login`.
//!
//! [`flow`] is what both do. [`secret`] sends a secret with the first request of a test;
//! [`session`] gets tokens, with a browser or for a client itself. Here is what all have
//! in common: saving the new credential, and being sure of the user.

pub mod args;
pub mod browser;
pub mod flow;
pub mod gateway;
mod paste;
pub mod refusals;
pub mod secret;
pub mod session;

use std::time::Duration;

use super::app::App;
use super::questions::sentence;
use super::waiting::{Wait, Waiting};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::lock::{self, Held, KernelLock};
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::check::preflight::{self, Preflight};
use crate::check::report::{Check, CheckId, CheckResults, Report, skipped};
use crate::check::runner::StartedTest;
use crate::config::Config;
use crate::history::state::SessionNote;
use crate::http::client::Client;
use crate::model::instance::Instance;
use crate::model::oauth_client::ServiceDefaults;
use crate::model::profile::{Profile, StorePlace, Subject};
use crate::model::tokens::SavedSession;
use crate::model::user_name::UserName;
use crate::report::text::took;
use crate::service::Service;
use crate::store::record::{self, Origins, ReadBack, SecretItem};
use crate::store::{CredentialStore, Field, ItemKey};

/// How often a person may enter again what the instance refused.
const MORE_TRIES: u32 = 2;
/// How long a person is offered to wait: a personal instance needs three to
/// five minutes to wake up.
const OFFERED_WAIT: Duration = Duration::from_secs(600);

/// What a sign-in gave.
#[derive(Default)]
pub struct NewCredential {
    /// What was entered.
    pub secrets: Vec<(SecretItem, Secret)>,
    /// What the token endpoint gave.
    pub session: Option<SavedSession>,
}

impl NewCredential {
    /// The items of the store that it takes.
    pub fn fields(&self) -> Vec<Field> {
        let secrets = self.secrets.iter().map(|(item, _)| item.field.clone());
        secrets.chain(self.session.as_ref().map(|_| Field::SESSION)).collect()
    }
}

/// Saves the new credential of a connection whose entry is saved. Where another
/// snow removed the entry meanwhile, the secrets go again: the store never
/// holds one that no entry names.
pub async fn save(
    app: &mut App,
    profile: &Profile,
    origins: &Origins,
    credential: &NewCredential,
) -> Result<(), Failure> {
    // A renewal under way must not write its result over this.
    let _lock = lock(app, profile).await?;
    let store = app.store(&place_now(app, profile)?)?;
    write(store.as_ref(), profile, origins, credential).await?;
    // By its id: it may have been renamed. A file that cannot be read takes nothing away.
    let is_gone = |config: Config| config.connections.values().all(|saved| saved.id != profile.id);
    if !app.config_file()?.load().is_ok_and(is_gone) {
        let state = app.state()?;
        let spec = MethodSpec::of(profile.auth.method);
        // Values of headers alone are no sign-in.
        if credential.session.is_some()
            || (spec.needs)(&profile.auth).is_none_or(|field| credential.fields().contains(&field))
        {
            let noted = state.record_stored(profile).and_then(|()| match (&credential.session, profile.username()) {
                (Some(session), _) => state.record_session(profile, SessionNote::of(session, spec.method)),
                (None, Some(username)) if spec.locks_accounts => state.clear_refusals(&profile.instance, username),
                (None, _) => Ok(()),
            });
            app.mention_unwritable_state(noted);
        }
        return Ok(());
    }
    for field in credential.fields() {
        store.delete(ItemKey::of(profile, field)).await?;
    }
    Err(Failure::new(Code::UnknownConnection, shown!("another snow process just removed {}", profile.name))
        .why("The new sign-in was not kept.")
        .next("Run the command again to connect again"))
}

async fn write(
    store: &dyn CredentialStore,
    profile: &Profile,
    origins: &Origins,
    credential: &NewCredential,
) -> Result<(), Failure> {
    for (item, secret) in &credential.secrets {
        record::write_secret(store, profile, item, origins, secret).await?;
    }
    match &credential.session {
        // One is made anew in each run.
        Some(_) if store.is_read_only() => Ok(()),
        Some(session) => record::write_session(store, profile, origins, session, ReadBack::Yes).await,
        None => Ok(()),
    }
}

/// The lock under which the secrets of a connection are replaced, moved or deleted.
pub async fn lock(app: &App, profile: &Profile) -> Result<Held, Failure> {
    let lock = KernelLock(app.state()?.session_lock(profile.id));
    lock::acquire(&lock, &profile.name).await
}

/// Where the secrets of a connection are by now, which is certain under the lock: they may
/// have been moved since it was read.
pub fn place_now(app: &App, profile: &Profile) -> Result<StorePlace, Failure> {
    let config = app.config_file()?.load()?;
    let current = config.connections.into_values().find(|saved| saved.id == profile.id);
    Ok(current.map_or_else(|| profile.store.clone(), |current| current.store))
}

/// Lets a person correct a required setting of a new connection, such as the user name;
/// Enter keeps it.
fn correct(app: &mut App, profile: &mut Profile, key: &str) -> Result<(), Failure> {
    let setting = MethodSpec::of(profile.auth.method).setting(key).filter(|setting| setting.is_required);
    let Some((setting, question)) = setting.and_then(|setting| Some((setting, setting.question.as_ref()?))) else {
        return Ok(());
    };
    let known = (setting.get)(&profile.auth);
    app.answer_suggesting(question, known.as_deref(), |answer| (setting.set)(&mut profile.auth, answer))
}

/// If a connection already has a user, a sign-in by another one must be meant: a person
/// is asked, a script gives `--force`. Gives the user that replaces the former one.
pub async fn confirm_identity(
    app: &mut App,
    profile: &Profile,
    started_test: &mut StartedTest,
    force: bool,
) -> Result<Option<UserName>, Failure> {
    let Some(username) = profile.username() else {
        return Ok(None);
    };
    let Some(identity) = started_test.identity().await else {
        return Ok(None);
    };
    if username.matches(&identity.user_name) {
        return Ok(None);
    }
    let message = format!("you signed in as {}, but {} is for {username}", identity.user_name, profile.name);
    let meant = match app.person() {
        _ if force => true,
        Some(person) => person.confirm(&format!("{}. Save anyway?", sentence(&message)))?,
        None => false,
    };
    if meant {
        Ok(identity.user_name.parse().ok())
    } else {
        Err(Failure::new(Code::UserMismatch, Shown::outside(message))
            .why("Nothing was saved.")
            .next("Sign in as that user, or accept the other one with --force"))
    }
}

/// Sees whether the instance answers, without a credential, before a secret is
/// typed or a browser opened. Only positive evidence stops here: asleep,
/// restarting, not to be reached; and with `--wait`, or where a person wants
/// it, that is waited for.
pub async fn preflight(
    app: &mut App,
    service: &dyn Service,
    instance: &Instance,
    client: &Client,
    wait: Option<Duration>,
) -> Result<Preflight, Failure> {
    let mut waiting = wait.map(Wait::of).map(Waiting::new);
    let host = instance.host_and_port();
    let progress = app.console.progress(&format!("Contacting {instance}"));
    let preflight = loop {
        let preflight = preflight::preflight(service, instance, client, &Subject::New, app.deadline()?).await;
        let Some(failure) = preflight.stops().cloned() else {
            break preflight;
        };
        if waiting.is_none() && is_worth_an_offer(failure.code()) {
            waiting = progress.above(|| offer_to_wait(app, &failure))?;
        }
        let Some(waiting) = waiting.as_mut().filter(|_| failure.code().is_transient()) else {
            return Err(failure);
        };
        if !waiting.pause(app, &progress, &host, &failure).await {
            return Err(waiting.in_vain(failure));
        }
    };
    drop(progress);
    let paint = app.console.err;
    app.console.note(&format!(
        "  {}   {}  {}",
        paint.dim("Instance"),
        paint.bold(instance.origin()),
        paint.dim(&format!("(awake, {})", took(preflight.took())))
    ));
    Ok(preflight)
}

/// A host that cannot be found is rather misspelt than about to appear.
fn is_worth_an_offer(code: Code) -> bool {
    code.is_transient() && code.class() == Class::Instance
}

fn offer_to_wait(app: &mut App, failure: &Failure) -> Result<Option<Waiting>, Failure> {
    let question = format!("{}. Wait up to 10 minutes for it?", sentence(failure.message()));
    let is_wanted = match app.person() {
        Some(person) => person.confirm(&question)?,
        None => false,
    };
    Ok(is_wanted.then(|| Waiting::new(Wait::of(OFFERED_WAIT))))
}

/// The report of a test with a secret that was just entered: connection and
/// store stand.
pub fn report(app: &App, profile: &Profile, results: CheckResults, duration: Duration) -> Report {
    let before = vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)];
    results.after(before).report(profile.into(), app.now(), duration)
}

/// The checks of a sign-in that gave no token.
pub fn no_token(service: &'static ServiceDefaults, failure: &Failure) -> CheckResults {
    let mut checks = skipped(service).to_vec();
    let at = checks.iter().position(|check| check.id == CheckId::AuthRequest).unwrap_or(checks.len());
    checks.insert(at, Check::fail(CheckId::AuthToken, failure.clone()));
    checks.into()
}
