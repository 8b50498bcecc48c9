//! A connection that a command sends requests by.

use super::app::App;
use super::environment;
use super::select::{self, Selected, Selection};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::client::Client;
use crate::client::request::{Rules, read_only};
use crate::config::environment as variables;
use crate::engine::Connection;
use crate::history::account::Account;
use crate::model::profile::{ConnectionName, Profile, Subject};
use crate::service::{self, Service};

/// The connection that a command uses, before it is opened.
pub struct Chosen(Selection);

impl Chosen {
    /// As reports name it.
    pub fn name(&self) -> &str {
        match &self.0.selected {
            Selected::Saved(profile) => profile.name.as_str(),
            Selected::Environment => variables::NAME,
        }
    }

    /// An error if it may not write, or a directory chose it.
    pub fn check_writes(&self, because: &'static str) -> Result<(), Failure> {
        match &self.0.selected {
            Selected::Saved(profile) if profile.read_only => Err(read_only(&profile.name, because)),
            _ => self.0.check_named(because),
        }
    }

    /// The saved connection, if it is one.
    pub fn profile(&self) -> Option<&Profile> {
        match &self.0.selected {
            Selected::Saved(profile) => Some(profile),
            Selected::Environment => None,
        }
    }

    /// What it is a connection to.
    pub fn service(&self, app: &App) -> Result<&'static dyn Service, Failure> {
        Ok(match &self.0.selected {
            Selected::Saved(profile) => service::of(&profile.auth),
            Selected::Environment => service::of(&variables::read(&app.variables)?.auth),
        })
    }

    /// What tells it from another one.
    pub fn fingerprint(&self, app: &App) -> Result<String, Failure> {
        Ok(match &self.0.selected {
            Selected::Saved(profile) => format!("{} {}", profile.id, profile.instance),
            Selected::Environment => {
                let described = variables::read(&app.variables)?;
                format!("{} {}", described.instance, described.auth.identity().unwrap_or_default())
            }
        })
    }
}

/// Chooses the connection. Nothing is opened.
pub fn choose(app: &mut App) -> Result<Chosen, Failure> {
    choose_named(app, None)
}

/// As above, of a command that takes its name.
pub fn choose_named(app: &mut App, name: Option<&ConnectionName>) -> Result<Chosen, Failure> {
    Ok(Chosen(select::select_one(app, name, Code::UnknownConnection)?))
}

/// Opens the connection. One that a directory chose is not written with.
pub async fn open(app: &mut App, chosen: Chosen, writes: bool) -> Result<Client, Failure> {
    if writes {
        chosen.0.check_named("this request may write")?;
    }
    let Chosen(selection) = chosen;
    let timeout = app.timeout()?;
    let profile = match selection.selected {
        Selected::Saved(profile) => profile,
        Selected::Environment => {
            let described = variables::read(&app.variables)?;
            let subject = Subject::Environment(described.variable);
            let connection = environment::connection(app, described).await?;
            let rules = Rules { timeout, read_only: false };
            return Ok(Client::new(connection, subject, None, rules));
        }
    };
    let account = Account::of(&profile, app.state()?);
    if let Some(account) = &account {
        account.refused_before()?;
    }
    let reached = app.network.client_for(&profile)?;
    let store = app.store(&profile.store)?;
    let opened = app.open(store, &profile, reached).await?;
    let connection = Connection::of(&profile, opened.client, opened.credential).await;
    let rules = Rules { timeout, read_only: profile.read_only };
    Ok(Client::new(connection, Subject::Saved(profile.name.clone()), account, rules))
}
