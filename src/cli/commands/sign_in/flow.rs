//! One sign-in, whatever it is for: `connect` and `login` go this way.
//!
//! A credential is earned in the way of its method ([`earn`]); where the connection
//! belongs to somebody, that is confirmed; it is saved as the command says; and a
//! browser that waits is told how it ended ([`conclude`]).

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
use crate::model::profile::{Auth, Profile, Subject};
use crate::model::user_name::UserName;
use crate::store::record::Origins;

/// What a sign-in is to be.
pub struct Wanted<'a> {
    pub profile: &'a Profile,
    pub password: &'a PasswordArgs,
    pub client_secret: &'a ClientSecretArgs,
    pub browser: &'a BrowserArgs,
    /// Whether another user than the connection's may sign in.
    pub force: bool,
    pub is_saved: bool,
    /// Whether the instance was seen to answer just before.
    pub was_probed: bool,
    /// Whether the instance may be asked for more than a token.
    pub is_tested: bool,
}

/// A credential that was taken, or that nobody judges.
pub struct SignedIn {
    pub credential: NewCredential,
    /// Where its secrets may go from now on.
    pub origins: Origins,
    /// When it was sent.
    pub started: Instant,
    first_request: FirstRequest,
    /// Where a page about how it ended is waited for.
    browser: Option<WaitingBrowser>,
}

/// The first request of the test with a new credential.
enum FirstRequest {
    /// It judged the credential.
    Made(Box<StartedTest>),
    /// The token answer judged; the connection is ready for it.
    Possible(NewSession),
    /// It is not to be made.
    None,
}

/// A sign-in that was not taken, or did not come about.
pub struct NotSignedIn {
    pub failure: Failure,
    /// What was seen of it, where anything was sent; and since when.
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

    /// Whether somebody else could have signed in than the connection's user. With a
    /// new password that is whom it was typed for.
    fn is_confirmed(&self) -> bool {
        let is_new_password = matches!(self.profile.auth, Auth::Basic { .. }) && !self.is_saved;
        self.is_tested && self.profile.username().is_some() && !is_new_password
    }
}

/// Gets a new credential, in the way that the connection signs in.
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
            let (session, browser) = signed_in.map_err(|failure| {
                let seen = Some((no_token(&failure), started));
                NotSignedIn { failure, seen }
            })?;
            Ok(SignedIn {
                credential: NewCredential::Session {
                    session: session.session.clone(),
                    client_secret: session.client_secret.clone(),
                },
                origins: session.origins.clone(),
                started,
                first_request: if wanted.is_tested { FirstRequest::Possible(session) } else { FirstRequest::None },
                browser,
            })
        }
    }
}

/// Confirms the user, saves, and tells the browser. `save` is given the user that
/// takes the place of the former one, where somebody else signed in and was meant.
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
    /// The test of a connection that is saved, its first request made; none where it
    /// is not to be tested.
    pub async fn test(mut self, app: &mut App, profile: &Profile) -> Result<Option<StartedTest>, Failure> {
        self.make_first_request(app, profile, Subject::Saved(profile.name.clone())).await?;
        Ok(match self.first_request {
            FirstRequest::Made(test) => Some(*test),
            FirstRequest::Possible(_) | FirstRequest::None => None,
        })
    }

    /// The first request with a new token, which is fresh: no renewal.
    async fn make_first_request(&mut self, app: &mut App, profile: &Profile, subject: Subject) -> Result<(), Failure> {
        let FirstRequest::Possible(session) = &self.first_request else { return Ok(()) };
        let connection = Connection::bearer(
            profile.instance.clone(),
            profile.api_version,
            session.client.clone(),
            profile.username().cloned(),
            &session.session.access_token,
            session.session.expires_at,
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
