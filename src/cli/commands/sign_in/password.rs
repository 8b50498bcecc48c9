//! Signing in with a new password.

use std::sync::Arc;
use std::time::Instant;

use super::args::PasswordArgs;
use crate::auth::basic::BasicCredential;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::shown;
use crate::check::context::Plan;
use crate::check::runner::{self, SignIn, StartedTest};
use crate::cli::commands::app::App;
use crate::engine::Connection;
use crate::history::state::State;
use crate::http::client::Client;
use crate::model::profile::Profile;
use crate::model::profile::Subject;
use crate::model::user_name::UserName;
use crate::store::record::Origins;

/// How often a refused password may be typed again.
const MORE_TRIES: u32 = 2;
/// So many failures in a row lock an account at the instance.
const LOCKOUT: u32 = 5;

/// A password, and the test that was begun with it: how the instance judged
/// the password is in there.
pub struct Attempt {
    pub password: Secret,
    pub started_test: StartedTest,
    /// Where the password may go from now on.
    pub origins: Origins,
    /// When this password was sent.
    pub sent: Instant,
}

/// Takes the password that was handed in, or asks for one.
pub fn new_password(app: &mut App, username: &UserName, arguments: &PasswordArgs) -> Result<Secret, Failure> {
    if let Some(password) = app.handed_in(arguments)? {
        return Ok(password);
    }
    let question = format!("Password of {username}");
    match app.person() {
        Some(person) => person.secret(&question),
        None => Err(Failure::new(Code::NoTerminal, shown!("the password of {} is missing", username))
            .why("There is no terminal to ask at, or asking was forbidden.")
            .next("Hand it in with --password-stdin or --password-file FILE")),
    }
}

/// Sends the password to the instance. What was typed may be typed again; what
/// was handed in may not.
pub async fn sign_in(
    app: &mut App,
    profile: &Profile,
    username: &UserName,
    password: Secret,
    may_retype: bool,
    subject: Subject,
) -> Result<Attempt, Failure> {
    let mut password = password;
    let failed_before = app.state()?.refusals(&profile.instance, username);
    let before_lockout = (LOCKOUT - 1).saturating_sub(failed_before + 1);
    let mut tries_left = if may_retype { MORE_TRIES.min(before_lockout) } else { 0 };
    loop {
        let sent = Instant::now();
        let (client, origins) = app.network.client_for(profile)?;
        let started_test = {
            let _progress = app.console.progress(&format!("Signing in to {}", profile.instance));
            let plan = Plan::new(profile.tables.clone(), subject.clone(), app.deadline()?, app.clock());
            runner::begin(connection(profile, username, client, &password), plan).await
        };
        let state = app.state()?;
        match started_test.sign_in() {
            SignIn::Good => {
                let cleared = state.clear_refusals(&profile.instance, username);
                app.mention_unwritable_state(cleared);
                return Ok(Attempt { password, started_test, origins, sent });
            }
            SignIn::Unjudged(_) => return Ok(Attempt { password, started_test, origins, sent }),
            SignIn::Refused(failure) => {
                let is_wrong_password = failure.code() == Code::BasicRefused;
                count_refusal(app, &state, profile, username, failure);
                let Some(person) = app.person().filter(|_| tries_left > 0 && is_wrong_password) else {
                    return Ok(Attempt { password, started_test, origins, sent });
                };
                tries_left -= 1;
                let question = format!("Refused. Password of {username} again");
                password = person.secret(&question)?;
            }
        }
    }
}

/// Counts a password that may be wrong. Where that cannot be kept, the user
/// must know: nothing will stop the next one.
pub fn count_refusal(app: &App, state: &State, profile: &Profile, username: &UserName, failure: &Failure) {
    if !failure.code().is_counted() {
        return;
    }
    if let Err(error) = state.record_refusal(&profile.instance, username) {
        app.console.say(&format!("note: refusals cannot be counted, and {LOCKOUT} lock an account: {error}"));
    }
}

/// A connection that signs in with this password.
pub fn connection(profile: &Profile, username: &UserName, client: Client, password: &Secret) -> Arc<Connection> {
    let credential = BasicCredential::new(username.clone(), password.clone());
    Arc::new(Connection::basic(profile.instance.clone(), profile.api_version, client, &credential))
}
