//! The sign-in that `connect` and `login` share.
//!
//! [`earn`] gets a new credential with the method of the connection. [`conclude`]
//! checks whose it is, has the command save it, and tells a waiting browser how it
//! ended.

use std::sync::Arc;
use std::time::Instant;

use super::args::{BrowserArgs, ClientSecretArgs, PasswordArgs};
use super::password::{self, Attempt};
use super::session::{self, NewSession};
use super::{NewCredential, confirm_identity, no_token};
use crate::auth::oauth::callback::WaitingBrowser;
use crate::auth::oauth::page::Page;
use crate::base::error::Failure;
use crate::check::context::Plan;
use crate::check::report::CheckResults;
use crate::check::runner::{self, StartedTest};
use crate::cli::commands::app::App;
use crate::engine::Connection;
use crate::http::client::Client;
use crate::model::profile::{Auth, Profile, Subject};
use crate::model::user_name::UserName;
use crate::store::record::Origins;

/// The sign-in to do.
pub struct Wanted<'a> {
    pub profile: &'a Profile,
    pub password: &'a PasswordArgs,
    pub client_secret: &'a ClientSecretArgs,
    pub browser: &'a BrowserArgs,
    /// Whether a different user than the connection's is accepted.
    pub force: bool,
    pub is_saved: bool,
    /// Whether the instance was probed just before.
    pub was_probed: bool,
    /// False with `--no-test`.
    pub is_tested: bool,
}

/// A credential the instance accepted or, with `--no-test`, one that was not checked.
pub struct SignedIn {
    pub credential: NewCredential,
    /// The origins its secrets are bound to.
    pub origins: Origins,
    /// When it was sent.
    pub started: Instant,
    first_request: FirstRequest,
    /// A browser that waits for the final page.
    browser: Option<WaitingBrowser>,
}

/// The first request of the test with a new credential.
enum FirstRequest {
    /// It judged the credential.
    Made(Box<StartedTest>),
    /// The token endpoint judged it; this client can send the request.
    Possible(Client),
    /// None is made.
    None,
}

/// A sign-in that was refused or failed.
pub struct NotSignedIn {
    pub failure: Failure,
    /// If anything was sent: the results so far, and when it began.
    pub seen: Option<(CheckResults, Instant)>,
}

impl From<Failure> for NotSignedIn {
    fn from(failure: Failure) -> Self {
        Self { failure, seen: None }
    }
}

impl Wanted<'_> {
    fn subject(&self) -> Subject {
        if self.is_saved { Subject::Saved(self.profile.name.clone()) } else { Subject::New }
    }

    /// Whether to compare the signed-in user with the connection's. A password for a
    /// new connection was typed for its user.
    fn is_confirmed(&self) -> bool {
        let is_new_password = matches!(self.profile.auth, Auth::Basic { .. }) && !self.is_saved;
        self.is_tested && self.profile.username().is_some() && !is_new_password
    }
}

/// Gets a new credential with the method of the connection.
pub async fn earn(app: &mut App, wanted: &Wanted<'_>) -> Result<SignedIn, NotSignedIn> {
    match &wanted.profile.auth {
        Auth::Basic { username } => {
            let password = password::new_password(app, username, wanted.password)?;
            if !wanted.is_tested {
                let (_, origins) = app.network.client_for(wanted.profile)?;
                let credential = NewCredential::Password(password);
                let first_request = FirstRequest::None;
                return Ok(SignedIn { credential, origins, started: Instant::now(), first_request, browser: None });
            }
            let may_retype = !wanted.password.is_given();
            let Attempt { password, started_test, origins, sent } =
                password::sign_in(app, wanted.profile, username, password, may_retype, wanted.subject()).await?;
            if let Some(failure) = started_test.not_signed_in().cloned() {
                return Err(NotSignedIn { failure, seen: Some((started_test.finish().await, sent)) });
            }
            let first_request = FirstRequest::Made(Box::new(started_test));
            let credential = NewCredential::Password(password);
            Ok(SignedIn { credential, origins, started: sent, first_request, browser: None })
        }
        Auth::OAuth { client, .. } => {
            session::look_before_browser(app, wanted.profile, client, wanted.was_probed).await?;
            let secret =
                session::client_secret(app, wanted.profile, client, wanted.client_secret, wanted.is_saved).await?;
            let started = Instant::now();
            let subject = wanted.subject();
            let signed_in = session::sign_in(app, wanted.profile, client, secret, wanted.browser, subject).await;
            let (NewSession { session, client_secret, client, origins }, browser) = signed_in.map_err(|failure| {
                let seen = Some((no_token(&failure), started));
                NotSignedIn { failure, seen }
            })?;
            let first_request = if wanted.is_tested { FirstRequest::Possible(client) } else { FirstRequest::None };
            let credential = NewCredential::Session { session, client_secret };
            Ok(SignedIn { credential, origins, started, first_request, browser })
        }
    }
}

/// Checks the user, saves, and tells the browser. If a different user signed in and
/// was accepted, `save` gets that user.
pub async fn conclude<T>(
    app: &mut App,
    wanted: &Wanted<'_>,
    signed_in: &mut SignedIn,
    save: impl AsyncFnOnce(&mut App, Option<UserName>, &SignedIn) -> Result<(Profile, T), Failure>,
) -> Result<(Profile, T), Failure> {
    let browser = signed_in.browser.take();
    let result = async {
        let user = if wanted.is_confirmed() {
            signed_in.make_first_request(app, wanted.profile, wanted.subject()).await?;
            match &mut signed_in.first_request {
                FirstRequest::Made(test) => confirm_identity(app, wanted.profile, test, wanted.force).await?,
                FirstRequest::Possible(_) | FirstRequest::None => None,
            }
        } else {
            None
        };
        save(app, user, signed_in).await
    }
    .await;
    if let Some(browser) = browser {
        let page = match &result {
            Ok((profile, _)) => Page::signed_in(profile.name.as_str(), &profile.instance.host_and_port()),
            Err(failure) => Page::failed(&session::sentence(failure.message())),
        };
        browser.show(page).await;
    }
    result
}

impl SignedIn {
    /// The test of the saved connection, after its first request. `None` with
    /// `--no-test`.
    pub async fn test(mut self, app: &mut App, profile: &Profile) -> Result<Option<StartedTest>, Failure> {
        self.make_first_request(app, profile, Subject::Saved(profile.name.clone())).await?;
        Ok(match self.first_request {
            FirstRequest::Made(test) => Some(*test),
            FirstRequest::Possible(_) | FirstRequest::None => None,
        })
    }

    /// Makes the first request with a new token, unless it was made.
    async fn make_first_request(&mut self, app: &mut App, profile: &Profile, subject: Subject) -> Result<(), Failure> {
        let (FirstRequest::Possible(client), NewCredential::Session { session, .. }) =
            (&self.first_request, &self.credential)
        else {
            return Ok(());
        };
        let connection = Connection::bearer(
            profile.instance.clone(),
            profile.api_version,
            client.clone(),
            profile.username().cloned(),
            &session.access_token,
            session.expires_at,
        );
        let plan = Plan::new(profile.tables.clone(), subject, app.deadline()?, app.clock());
        let test = {
            let _progress = app.console.progress(&format!("Testing {}", profile.name));
            runner::begin(Arc::new(connection), plan).await
        };
        self.first_request = FirstRequest::Made(Box::new(test));
        Ok(())
    }
}
