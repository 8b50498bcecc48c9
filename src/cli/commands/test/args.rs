//! What `snow test` takes.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::base::duration::duration;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, TableName, label};
use crate::model::user_name::UserName;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow test
  snow test acme --table incident,change_request
  snow test acme --expect-user svc.ci --max-latency 2s --strict
  snow test dev12345 --wait 10m
  snow test --all --json
  snow test --filter env=prod -o junit=report.xml -o html=report.html

In CI, variables can describe the connection: snow help environment")]
pub struct TestArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Test every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Test the saved connections with this label (repeatable: with all of them)
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, conflicts_with = "names",
        add = ArgValueCandidates::new(completion::labels))]
    pub filter: Vec<(String, String)>,
    /// Test that this table can be read, instead of the connection's own
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',', add = ArgValueCandidates::new(completion::tables))]
    pub tables: Vec<TableName>,
    /// Fail unless this user is signed in
    #[arg(long, value_name = "USER", add = ArgValueCandidates::new(completion::users))]
    pub expect_user: Option<UserName>,
    /// Fail if the first request takes longer, not counting the connection setup
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_latency: Option<Duration>,
    /// Fail on a warning
    #[arg(long)]
    pub strict: bool,
    /// Retry this long if an instance is asleep, restarting or unreachable
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Retry a failed request up to N times if that may help; never a refused password
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(..=20))]
    pub retries: u32,
    /// Send a password even if it was refused three times
    #[arg(long)]
    pub retry_refused: bool,
    /// Test up to N connections at once [default: 512, at most 8 per instance]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs: Option<u16>,
    /// Start no further test once one has failed
    #[arg(long)]
    pub fail_fast: bool,
}

impl TestArgs {
    /// Whether it may be about several connections, all of them saved.
    pub fn names_several(&self) -> bool {
        self.all || !self.filter.is_empty() || self.names.len() > 1
    }
}
