//! What `snow test` takes.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::base::duration::duration;
use crate::cli::completion;
use crate::model::profile::{ConnectionName, TableName, label};
use crate::model::user_name::UserName;

#[derive(Debug, Args)]
#[command(before_help = "\
Examples:
  snow test
  snow test acme --table incident,change_request
  snow test --all --json
  snow test --filter env=prod -o junit=report.xml -o html=report.html
  snow test acme --expect-user svc.ci --max-latency 2s --strict
  snow test dev12345 --wait 10m
  snow test                                  in CI, with SNOW_INSTANCE and others
  snow help environment                      which others")]
pub struct TestArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Test every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Test the saved connections with this label (repeatable: with all of them)
    #[arg(long, value_name = "KEY=VALUE", value_parser = label, conflicts_with = "names")]
    pub filter: Vec<(String, String)>,
    /// A table that must be readable, instead of the connection's own
    #[arg(long = "table", value_name = "TABLE", value_delimiter = ',')]
    pub tables: Vec<TableName>,
    /// Fail unless this user is signed in
    #[arg(long, value_name = "USER")]
    pub expect_user: Option<UserName>,
    /// Fail if the first request takes longer, without opening the connection
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub max_latency: Option<Duration>,
    /// Fail on a warning
    #[arg(long)]
    pub strict: bool,
    /// If the instance is asleep, restarting or not to be reached, keep asking for so long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Send a request again up to so often, where that may help; never a refused password
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(..=20))]
    pub retries: u32,
    /// Send a password that was refused three times before
    #[arg(long)]
    pub retry_refused: bool,
    /// How many connections to test at the same time [default: 512, at most 8 of one instance]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs: Option<u16>,
    /// Begin no further test once a connection has failed
    #[arg(long)]
    pub fail_fast: bool,
}

impl TestArgs {
    /// Whether it may be about several connections, all of them saved.
    pub fn names_several(&self) -> bool {
        self.all || !self.filter.is_empty() || self.names.len() > 1
    }
}
