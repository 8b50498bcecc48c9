//! A connection that was found: opened, or tested.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::engine::Inner;
use super::request::{Client, Rules};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::check::context::Plan;
use crate::check::report::{Check, CheckId, CheckResults, Report, TestTarget, skipped};
use crate::check::runner::{self, SignIn};
use crate::config::environment;
use crate::engine::saved::Opened;
use crate::engine::{self, Described};
use crate::history::account::Account;
use crate::model::instance::Instance;
use crate::model::oauth_client::ServiceDefaults;
use crate::model::profile::{InvalidValue, Profile, Subject, TableName};

/// A connection that is not open yet.
#[derive(Clone)]
pub struct Connection {
    engine: Arc<Inner>,
    source: Source,
    /// What a test asks for instead of the connection's own.
    tables: Vec<TableName>,
}

/// Where it comes from.
#[derive(Clone)]
pub enum Source {
    Saved(Box<Profile>),
    Described {
        described: Box<Described>,
        /// In reports.
        name: &'static str,
        store: &'static str,
    },
}

impl Source {
    pub fn of_variables(described: Described) -> Self {
        Self::Described { described: Box::new(described), name: environment::NAME, store: environment::NAME }
    }

    pub fn of_program(described: Described) -> Self {
        Self::Described { described: Box::new(described), name: "described", store: "program" }
    }

    fn instance(&self) -> &Instance {
        match self {
            Self::Saved(profile) => &profile.instance,
            Self::Described { described, .. } => &described.instance,
        }
    }

    fn service(&self) -> &'static ServiceDefaults {
        match self {
            Self::Saved(profile) => profile.auth.defaults,
            Self::Described { described, .. } => described.auth.defaults,
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Saved(profile) => Subject::Saved(profile.name.clone()),
            Self::Described { described, .. } => described.subject.clone(),
        }
    }

    fn target(&self) -> TestTarget {
        match self {
            Self::Saved(profile) => profile.as_ref().into(),
            Self::Described { described, name, store } => TestTarget {
                name: (*name).to_owned(),
                id: None,
                instance: described.instance.to_string(),
                auth: described.auth.as_str(),
                store,
            },
        }
    }
}

/// Why a connection could not be opened: at which check of a test, and the failure.
struct NotOpened(CheckId, Failure);

impl Connection {
    pub(super) fn new(engine: Arc<Inner>, source: Source) -> Self {
        Self { engine, source, tables: Vec::new() }
    }

    /// The origin of its instance, as `https://acme.service-now.com`.
    pub fn instance(&self) -> &str {
        self.source.instance().origin()
    }

    /// Sets the tables that a test asks for, instead of those of the connection. Each must
    /// be readable.
    ///
    /// # Errors
    ///
    /// Class `usage` if a name is not that of a table.
    pub fn with_tables(self, tables: &[&str]) -> Result<Self, Failure> {
        let tables = tables.iter().map(|table| table.parse()).collect::<Result<_, InvalidValue>>();
        let tables = tables.map_err(|invalid| {
            Failure::new(Code::Usage, shown!("{}", invalid)).next("Use the name of the table, not its label")
        })?;
        Ok(Self { tables, ..self })
    }

    /// Opens it: reads its secret from the store, and sends nothing.
    ///
    /// # Errors
    ///
    /// Class `store` if the store is locked or fails, `auth` if it has no secret of
    /// this connection, `refused-before` if its password was refused too often to be
    /// sent again, and `config` if its certificate authority or proxy cannot be used.
    pub async fn open(&self) -> Result<Client, Failure> {
        let connection = self.opened().await.map_err(|NotOpened(_, failure)| failure)?;
        let account = self.account()?;
        if let Some(account) = &account {
            account.refused_before()?;
        }
        let read_only = matches!(&self.source, Source::Saved(profile) if profile.read_only);
        let rules = Rules { timeout: self.engine.timeout, read_only };
        Ok(Client::new(connection, self.source.subject(), account, rules))
    }

    /// Tests it as `snow test` does: whether the instance is reached, takes the credential
    /// and lets tables be read. A session is renewed when it is due. Sends at most one
    /// request that could be refused, and takes as long as `SNOW_TIMEOUT` says, 30 seconds
    /// unless it is set. What failed is in the report.
    pub async fn test(&self) -> Report {
        let started = Instant::now();
        let results = self.run_checks().await;
        results.report(self.source.target(), (self.engine.clock)(), started.elapsed())
    }

    async fn run_checks(&self) -> CheckResults {
        let passed = [CheckId::ConfigConnection, CheckId::StoreSecret];
        let account = self.account().map_err(|failure| NotOpened(CheckId::ConfigConnection, failure));
        let opened = match account {
            Ok(account) => self.opened().await.map(|connection| (connection, account)),
            Err(failure) => Err(failure),
        };
        let (connection, account) = match opened {
            Ok(opened) => opened,
            Err(NotOpened(id, failure)) => {
                let before = passed.into_iter().take_while(|passed| *passed != id).map(Check::pass);
                let after = passed.into_iter().skip_while(|passed| *passed != id).skip(1).map(Check::skip);
                let failed = Check::fail(id, failure);
                return before
                    .chain([failed])
                    .chain(after)
                    .chain(skipped(self.source.service()))
                    .collect::<Vec<_>>()
                    .into();
            }
        };
        let mut checks = passed.map(Check::pass).to_vec();
        if let Some(failure) = account.as_ref().and_then(|account| account.refused_before().err()) {
            checks.extend(skipped(self.source.service()).into_iter().map(|check| match check.id {
                CheckId::AuthRequest => Check::fail(CheckId::AuthRequest, failure.clone()),
                _ => check,
            }));
            return checks.into();
        }
        let tables = match &self.source {
            Source::Saved(profile) if self.tables.is_empty() => profile.tables.clone(),
            _ => self.tables.clone(),
        };
        let plan = Plan::new(tables, self.source.subject(), self.engine.deadline(), self.engine.clock);
        let started = runner::begin(Arc::new(connection), plan).await;
        if let Some(account) = &account {
            match started.sign_in() {
                SignIn::Good => account.was_taken(),
                SignIn::Refused(failure) => account.was_refused(failure),
                SignIn::Unjudged(_) => {}
            }
        }
        started.finish().await.after(checks)
    }

    /// With its credential.
    async fn opened(&self) -> Result<engine::Connection, NotOpened> {
        let of_config = |failure| NotOpened(CheckId::ConfigConnection, failure);
        match &self.source {
            Source::Saved(profile) => {
                let reached = self.engine.network.client_for(profile).map_err(of_config)?;
                let opened = self.engine.open(profile, reached).await;
                let Opened { client, credential } =
                    opened.map_err(|failure| NotOpened(CheckId::StoreSecret, failure))?;
                Ok(engine::Connection::of(profile, client, credential).await)
            }
            Source::Described { described, .. } => {
                let described = Described::clone(described);
                engine::Connection::in_hand(&self.engine.network, described, self.engine.time())
                    .await
                    .map_err(of_config)
            }
        }
    }

    /// The account that its instance locks after too many refusals.
    fn account(&self) -> Result<Option<Account>, Failure> {
        let Source::Saved(profile) = &self.source else { return Ok(None) };
        Ok(Account::of(profile, self.engine.state()?))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("instance", &self.instance()).finish_non_exhaustive()
    }
}
