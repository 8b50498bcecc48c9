//! Signing in anew: shared by `connect` and `login`.
//!
//! [`password`] sends a password with the first request of a test; [`session`]
//! gets tokens, with a browser or for a client itself. Here is what both have
//! in common: saving what was earned, and being sure of the user.

pub mod password;
pub mod session;

use super::app::App;
use crate::check::ladder::Begun;
use crate::connection::basic::UserName;
use crate::connection::instance::Instance;
use crate::connection::oauth::tokens::SavedSession;
use crate::connection::profile::{Auth, Profile};
use crate::credentials::record::{self, Origins, ReadBack};
use crate::credentials::{CredentialStore, Field, ItemKey};
use crate::error::{Code, Failure};
use crate::files::Lock;
use crate::http::client::Client;
use crate::output::text::took;
use crate::secret::Secret;
use crate::server_text::Redactor;
use crate::servicenow::seen::{Asked, Body, Seen, Sent, Subject};
use crate::servicenow::symptoms::diagnose;
use crate::state::SessionNote;

/// What a sign-in earned.
pub enum Earned {
    Password(Secret),
    Session {
        session: SavedSession,
        /// Of a confidential client.
        client_secret: Option<Secret>,
    },
}

impl Earned {
    /// The items of the store that it takes.
    pub fn fields(&self) -> &'static [Field] {
        match self {
            Self::Password(_) => &[Field::Password],
            Self::Session { client_secret: None, .. } => &[Field::Session],
            Self::Session { client_secret: Some(_), .. } => &[Field::ClientSecret, Field::Session],
        }
    }
}

/// Saves what was earned for a connection whose entry is saved. Where another
/// snow removed the entry meanwhile, the secrets go again: the store never
/// holds one that no entry names.
pub async fn save(app: &mut App, profile: &Profile, origins: &Origins, earned: &Earned) -> Result<(), Failure> {
    // A renewal under way must not write its result over this.
    let _lock = lock(app, profile).await?;
    let store = app.store(profile.store)?;
    write(store.as_ref(), profile, origins, earned)?;
    let config = app.config_file()?.load()?;
    // By its id: it may have been renamed.
    if config.connections.values().any(|saved| saved.id == profile.id) {
        let state = app.state()?;
        let noted = match (earned, profile.username()) {
            (Earned::Password(_), Some(username)) => state.clear_refusals(&profile.instance, username),
            (Earned::Password(_), None) => Ok(()),
            (Earned::Session { session, .. }, _) => {
                state.record_session(profile.id, SessionNote::of(session, profile.auth.method()))
            }
        };
        app.mention_unwritable_state(noted);
        return Ok(());
    }
    for &field in earned.fields() {
        store.delete(ItemKey { connection: profile.id, field })?;
    }
    Err(Failure::new(Code::UnknownConnection, format!("another snow has just removed {}", profile.name))
        .why("What was earned was not kept.")
        .next("Run the command again to connect anew"))
}

fn write(store: &dyn CredentialStore, profile: &Profile, origins: &Origins, earned: &Earned) -> Result<(), Failure> {
    match earned {
        Earned::Password(password) => {
            let username = profile.username().expect("a connection with a password has a user");
            record::write_password(store, profile, username, origins, password)
        }
        Earned::Session { session, client_secret } => {
            let client = profile.auth.client().expect("a connection with a session has a client");
            if let Some(secret) = client_secret {
                record::write_client_secret(store, profile, client, origins, secret)?;
            }
            record::write_session(store, profile, origins, session, ReadBack::Yes)
        }
    }
}

/// The lock under which a session is replaced or deleted. A password is never
/// renewed by itself, and needs none.
pub async fn lock(app: &App, profile: &Profile) -> Result<Option<Lock>, Failure> {
    match profile.auth {
        Auth::Basic { .. } => Ok(None),
        Auth::OAuth { .. } => app.state()?.lock_session(profile).await.map(Some),
    }
}

/// Where a connection already has a user, another one signing in must be
/// meant: a person is asked, a script gives `--force`. Gives the user that
/// takes the place of the former one.
pub async fn confirm_identity(
    app: &mut App,
    profile: &Profile,
    begun: &mut Begun,
    force: bool,
) -> Result<Option<UserName>, Failure> {
    let Some(username) = profile.username() else {
        return Ok(None);
    };
    let Some(identity) = begun.identity().await else {
        return Ok(None);
    };
    if username.matches(&identity.user_name) {
        return Ok(None);
    }
    let message =
        format!("the instance says this is {}, and {} belongs to {username}", identity.user_name, profile.name);
    let meant = match app.person() {
        _ if force => true,
        Some(person) => person.confirm(&format!("{message}. Save it all the same?"))?,
        None => false,
    };
    match meant {
        true => Ok(identity.user_name.parse().ok()),
        false => Err(Failure::new(Code::UserMismatch, message)
            .why("Nothing was saved.")
            .next("Sign in as the connection's user, or give --force")),
    }
}

/// One request without a credential, to see whether the instance answers. Only
/// positive evidence stops here: asleep, restarting, not to be reached.
pub async fn knock(app: &mut App, instance: &Instance, client: &Client) -> Result<(), Failure> {
    let deadline = app.deadline()?;
    let exchange = {
        let _progress = app.console.progress(&format!("Asking {instance}"));
        client.get(instance.url("/api/now/table/sys_user"), None, deadline).await
    };
    let answer = exchange.result.map_err(Failure::from)?;
    let (subject, redactor) = (Subject::New, Redactor::default());
    let seen = Seen {
        body: Body::read(&answer),
        answer: &answer,
        asked: Asked::Knock,
        sent: Sent::Nothing,
        subject: &subject,
        instance,
        user: None,
        redactor: &redactor,
    };
    let failure = diagnose(&seen);
    if matches!(failure.code(), Code::InstanceHibernating | Code::InstanceUnavailable | Code::GatewayTimeout) {
        return Err(failure);
    }
    let paint = app.console.err;
    app.console.note(&format!(
        "  {}   {}  {}",
        paint.dim("Instance"),
        paint.bold(instance.origin()),
        paint.dim(&format!("(answers in {}, awake)", took(exchange.timings.total)))
    ));
    Ok(())
}
