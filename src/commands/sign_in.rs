//! Signing in with a new password: shared by `connect` and `login`.

use std::sync::Arc;
use std::time::Instant;

use super::app::App;
use crate::check::ladder::{self, Begun, Plan, SignIn};
use crate::cli::PasswordArgs;
use crate::connection::Connection;
use crate::connection::basic::BasicCredential;
use crate::connection::profile::Profile;
use crate::credentials::record::{self, Origins};
use crate::credentials::{Field, ItemKey};
use crate::error::{Code, Failure};
use crate::http::client::Client;
use crate::secret::Secret;
use crate::servicenow::seen::Subject;

/// How often a refused password may be typed again.
const MORE_TRIES: u32 = 2;
/// So many failures in a row lock an account at the instance.
const LOCKOUT: u32 = 5;

/// A password, and the test that was begun with it: how the instance judged
/// the password is in there.
pub struct Attempt {
    pub password: Secret,
    pub begun: Begun,
    /// Where the password may go from now on.
    pub origins: Origins,
    /// When this password was sent.
    pub sent: Instant,
}

/// Takes the password that was handed in, or asks for one.
pub fn new_password(app: &mut App, profile: &Profile, arguments: &PasswordArgs) -> Result<Secret, Failure> {
    if let Some(password) = app.handed_in(arguments)? {
        return Ok(password);
    }
    let question = format!("Password of {}", profile.username);
    match app.person() {
        Some(person) => person.secret(&question),
        None => Err(Failure::new(Code::NoTerminal, format!("the password of {} is missing", profile.username))
            .why("There is no terminal to ask at, or asking was forbidden.")
            .next("Hand it in with --password-stdin or --password-file FILE")),
    }
}

/// Sends the password to the instance. What was typed may be typed again; what
/// was handed in may not.
pub async fn sign_in(
    app: &mut App,
    profile: &Profile,
    password: Secret,
    may_retype: bool,
    subject: Subject,
) -> Result<Attempt, Failure> {
    let mut password = password;
    let failed_before = app.state()?.refusals(&profile.instance, &profile.username);
    let before_lockout = (LOCKOUT - 1).saturating_sub(failed_before + 1);
    let mut tries_left = if may_retype { MORE_TRIES.min(before_lockout) } else { 0 };
    loop {
        let sent = Instant::now();
        let (client, origins) = app.client_for(profile)?;
        let begun = {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            let plan = Plan {
                tables: profile.tables.clone(),
                subject: subject.clone(),
                deadline: app.deadline()?,
                clock: app.clock(),
            };
            first_request(profile, client, &password, plan).await
        };
        let state = app.state()?;
        match begun.sign_in() {
            SignIn::Good => {
                let cleared = state.clear_refusals(&profile.instance, &profile.username);
                app.mention_unwritable_state(cleared);
                return Ok(Attempt { password, begun, origins, sent });
            }
            SignIn::Unjudged(_) => return Ok(Attempt { password, begun, origins, sent }),
            SignIn::Refused(failure) => {
                let is_wrong_password = failure.code() == Code::BasicRefused;
                count_refusal(app, profile, failure)?;
                let Some(person) = app.person().filter(|_| tries_left > 0 && is_wrong_password) else {
                    return Ok(Attempt { password, begun, origins, sent });
                };
                tries_left -= 1;
                let question = format!("Refused. Password of {} again", profile.username);
                password = person.secret(&question)?;
            }
        }
    }
}

/// Counts a password that may be wrong. Where that cannot be kept, the user
/// must know: nothing will stop the next one.
pub fn count_refusal(app: &mut App, profile: &Profile, failure: &Failure) -> Result<(), Failure> {
    if failure.code() != Code::BasicRefused {
        return Ok(());
    }
    if let Err(error) = app.state()?.record_refusal(&profile.instance, &profile.username) {
        app.console.say(&format!("note: refusals cannot be counted, and {LOCKOUT} lock an account: {error}"));
    }
    Ok(())
}

/// One first request with a password.
pub async fn first_request(profile: &Profile, client: Client, password: &Secret, plan: Plan) -> Begun {
    let credential = BasicCredential::new(profile.username.clone(), password.duplicate());
    let connection = Connection::basic(profile.instance.clone(), profile.api_version, client, &credential);
    ladder::begin(Arc::new(connection), plan).await
}

/// Saves the password of a connection whose entry is saved. Where another
/// snow removed the entry meanwhile, the secret goes again: the store never
/// holds one that no entry names.
pub fn save_password(app: &mut App, profile: &Profile, origins: &Origins, password: &Secret) -> Result<(), Failure> {
    let store = app.store(profile.store)?;
    record::write_password(store.as_ref(), profile, origins, password)?;
    let config = app.config_file()?.load()?;
    // By its id: it may have been renamed.
    if config.connections.values().any(|saved| saved.id == profile.id) {
        let cleared = app.state()?.clear_refusals(&profile.instance, &profile.username);
        app.mention_unwritable_state(cleared);
        return Ok(());
    }
    store.delete(ItemKey { connection: profile.id, field: Field::Password })?;
    Err(Failure::new(Code::UnknownConnection, format!("another snow has just removed {}", profile.name))
        .why("The password was not kept.")
        .next("Run the command again to connect anew"))
}

/// Where a connection already has a user, another one signing in must be
/// meant: a person is asked, a script gives `--force`.
pub async fn confirm_identity(app: &mut App, profile: &Profile, begun: &mut Begun, force: bool) -> Result<(), Failure> {
    let Some(identity) = begun.identity().await else {
        return Ok(());
    };
    if force || profile.username.matches(&identity.user_name) {
        return Ok(());
    }
    let message = format!(
        "the instance says this is {}, and {} belongs to {}",
        identity.user_name, profile.name, profile.username
    );
    if let Some(person) = app.person()
        && person.confirm(&format!("{message}. Save it all the same?"))?
    {
        return Ok(());
    }
    Err(Failure::new(Code::UserMismatch, message)
        .why("Nothing was saved.")
        .next("Use the password of the connection's user, or --force"))
}
