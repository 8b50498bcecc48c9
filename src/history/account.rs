//! An account that its instance locks after too many refusals.

use crate::auth::method::MethodSpec;
use crate::auth::oauth::renewal::AtRisk;
use crate::base::error::Failure;
use crate::history::state::{REFUSALS_BEFORE_STOP, State, refused_before};
use crate::model::instance::Instance;
use crate::model::profile::{ConnectionName, Profile};
use crate::model::user_name::UserName;

/// The account of a saved connection, and the count of its refusals.
pub struct Account {
    state: State,
    instance: Instance,
    /// Of the connection.
    name: ConnectionName,
    user: UserName,
    /// Whether its secret is sent however often it was refused.
    insists: bool,
}

impl Account {
    /// The account of a connection that sends its secret with each request.
    pub fn of(profile: &Profile, state: State) -> Option<Self> {
        if MethodSpec::of(profile.auth.method).has_session() { None } else { Self::at_risk(profile, state, false) }
    }

    /// The account of a connection that sends its secret for a session.
    pub fn of_session(profile: &Profile, state: State, insists: bool) -> Option<Self> {
        if MethodSpec::of(profile.auth.method).has_session() { Self::at_risk(profile, state, insists) } else { None }
    }

    fn at_risk(profile: &Profile, state: State, insists: bool) -> Option<Self> {
        let user = profile.username().filter(|_| MethodSpec::of(profile.auth.method).locks_accounts)?.clone();
        Some(Self { state, instance: profile.instance.clone(), name: profile.name.clone(), user, insists })
    }

    /// An error if its secret was refused too often in a row.
    pub fn refused_before(&self) -> Result<(), Failure> {
        match self.state.refusals(&self.instance, &self.user) {
            count if count < REFUSALS_BEFORE_STOP || self.insists => Ok(()),
            count => Err(refused_before(&self.name, &self.user, count)),
        }
    }

    pub fn was_taken(&self) {
        self.mention(self.state.clear_refusals(&self.instance, &self.user));
    }

    pub fn was_refused(&self, failure: &Failure) {
        if failure.code().is_counted() {
            self.mention(self.state.record_refusal(&self.instance, &self.user));
        }
    }

    fn mention(&self, result: std::io::Result<()>) {
        if let Err(error) = result {
            tracing::warn!("could not count refusals of {}; too many lock the account: {error}", self.name);
        }
    }
}

impl AtRisk for Account {
    fn refused_before(&self) -> Result<(), Failure> {
        Self::refused_before(self)
    }

    fn was_taken(&self) {
        Self::was_taken(self);
    }

    fn was_refused(&self, failure: &Failure) {
        Self::was_refused(self, failure);
    }
}
