//! `snow sandbox`: an embedded instance or org, until it is stopped.

mod salesforce;
mod servicenow;

use std::io::{self, ErrorKind};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use crate::base::code::Code;
use crate::base::duration::duration;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::{completion, signals};
use crate::report::json::sandbox as json;
use crate::report::paint::Paint;
use crate::report::text::{labelled, paragraph, whole};
use crate::sandbox::salesforce::SalesforceSandbox;
use crate::sandbox::{DEFAULT_INCIDENTS, Sandbox, SandboxOptions};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow sandbox --port 8910 -v               print every request
  snow sandbox --service salesforce         an org of Salesforce instead
  snow sandbox --scenario rate-limited      answer 429
  snow sandbox --rows 100000 --seed 7       many rows, the same at each start
  snow sandbox --list                       what can go wrong")]
pub struct SandboxArgs {
    /// Look like this service
    #[arg(long, value_name = "SERVICE", value_enum, default_value_t = Service::ServiceNow)]
    pub service: Service,
    /// Listen on this port of 127.0.0.1 [default: a free one]
    #[arg(long)]
    pub port: Option<u16>,
    /// Do this wrong; --list shows what there is
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(completion::scenarios))]
    pub scenario: Option<String>,
    /// Answer to this host name too, as behind a proxy (repeatable)
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// How long an access token is valid
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30m")]
    pub access_ttl: Duration,
    /// Rotate refresh tokens, and revoke a session whose old one is used again
    #[arg(long)]
    pub rotate: bool,
    /// Wait this long before each answer [default: 0s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub latency: Option<Duration>,
    /// List the scenarios
    #[arg(long)]
    pub list: bool,
    /// How many incidents or cases to make up
    #[arg(long, value_name = "N", default_value_t = DEFAULT_INCIDENTS, value_parser = rows)]
    pub rows: usize,
    /// The same seed makes up the same data
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// What the sandbox looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Service {
    #[value(name = "servicenow")]
    ServiceNow,
    #[value(name = "salesforce", alias = "salesforce-service-cloud")]
    Salesforce,
}

fn rows(text: &str) -> Result<usize, String> {
    let count = text.parse().map_err(|_| "a number of rows is written in digits".to_owned())?;
    if count <= 200_000 { Ok(count) } else { Err("at most 200000 rows fit into memory".to_owned()) }
}

pub async fn run(app: &mut App, arguments: SandboxArgs) -> Result<u8, Failure> {
    let port = arguments.port;
    match (arguments.service, arguments.list) {
        (Service::ServiceNow, true) => servicenow::list(app),
        (Service::Salesforce, true) => salesforce::list(app),
        (Service::ServiceNow, false) => {
            let options = options(arguments)?;
            let scenario = options.scenario;
            serve(app, port, Sandbox::open(options), |sandbox, paint| {
                (servicenow::document(sandbox), servicenow::text(sandbox, scenario, paint))
            })
            .await?;
        }
        (Service::Salesforce, false) => {
            let options = options(arguments)?;
            let scenario = options.scenario;
            serve(app, port, SalesforceSandbox::open(options), |sandbox, paint| {
                (salesforce::document(sandbox), salesforce::text(sandbox, scenario, paint))
            })
            .await?;
        }
    }
    Ok(0)
}

fn options<S: FromStr<Err = String>>(arguments: SandboxArgs) -> Result<SandboxOptions<S>, Failure> {
    let unknown = |names: String| {
        Failure::new(Code::Usage, "--scenario does not name a scenario of this service")
            .why(Shown::outside(names))
            .next(Step::run("snow sandbox --list").and_say(" says what each does; with --service, those of another"))
    };
    Ok(SandboxOptions {
        port: arguments.port,
        scenario: arguments.scenario.map(|name| name.parse().map_err(unknown)).transpose()?,
        hosts: arguments.host,
        incidents: arguments.rows,
        seed: arguments.seed,
        access_ttl: arguments.access_ttl,
        rotate: arguments.rotate,
        latency: arguments.latency.unwrap_or_default(),
        ..SandboxOptions::default()
    })
}

/// Shows what was opened, as `shown` says it, and waits until it is to stop.
async fn serve<S>(
    app: &mut App,
    port: Option<u16>,
    opened: io::Result<S>,
    shown: impl FnOnce(&S, Paint) -> (json::Sandbox<'static>, String),
) -> Result<(), Failure> {
    let sandbox = opened.map_err(|error| cannot_listen(port, &error))?;
    let stopped = signals::wait_for_stop();
    let (document, text) = shown(&sandbox, app.console.out);
    if app.console.json {
        app.console.document(&document);
    } else {
        app.console.data(&text);
    }
    stopped.await;
    Ok(())
}

/// Rows below their heads. What is there to be typed is not cut: where the columns do not fit
/// beside each other, each row is its first cell with the others below it.
fn listed(heads: &[&str], rows: &[Vec<&str>], paint: Paint) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).chain([heads[column].len()]).max();
    let widths: Vec<usize> = (0..heads.len()).filter_map(width).collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:<width$}"));
        cells.collect::<String>().trim_end().to_owned()
    };
    let beside: Vec<String> = [line(heads)].into_iter().chain(rows.iter().map(|row| line(row))).collect();
    if !paint.breaks_lines || beside.iter().all(|line| line.len() <= paint.columns) {
        return beside
            .iter()
            .enumerate()
            .map(|(at, line)| if at == 0 { paint.dim(line) } else { line.clone() })
            .collect();
    }
    let longest = heads[1..].iter().map(|head| head.len()).max().unwrap_or(0);
    let below = |(head, cell): (&&str, &&str)| format!("    {}  {cell}", paint.dim(&format!("{head:<longest$}")));
    let of_row = |row: &Vec<&str>| {
        let rest = heads[1..].iter().zip(&row[1..]).map(below);
        [format!("  {}", row[0])].into_iter().chain(rest).collect::<Vec<_>>()
    };
    rows.iter().flat_map(of_row).collect()
}

/// Something to know beside them.
fn remark(text: &str, paint: Paint) -> String {
    paint.dim(&paragraph(text, paint))
}

/// The commands that connect, one a line.
fn tries(origin: &str, flags: impl Iterator<Item = String>, paint: Paint) -> Vec<String> {
    let of = |(number, flags): (usize, String)| {
        let lead = if number == 0 { "Try" } else { "or" };
        labelled(lead, &paint.command(&whole(&format!("snow connect {origin} {flags}"))), paint, 8)
    };
    flags.enumerate().map(of).collect()
}

fn cannot_listen(port: Option<u16>, error: &io::Error) -> Failure {
    let port = port.map_or("a free port".to_owned(), |port| format!("port {port}"));
    let failure =
        Failure::new(Code::PortInUse, shown!("the sandbox cannot listen on {} of 127.0.0.1", Shown::outside(&port)));
    match error.kind() {
        ErrorKind::AddrInUse => {
            failure.why("Another program uses it.").next("Choose another with --port, or leave it out")
        }
        _ => failure.why(Shown::outside(error.to_string())).next("Choose another with --port, or leave it out"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{CLIENTS, USERS};
    use textwrap::core::display_width;

    /// The first screen of each service at a terminal of so many columns.
    fn screens(columns: usize) -> [String; 2] {
        let paint = Paint { columns, is_terminal: true, ..Paint::PLAIN };
        let (instance, org) = (Sandbox::start(None, None).unwrap(), SalesforceSandbox::open(SandboxOptions::default()));
        [servicenow::text(&instance, None, paint), salesforce::text(&org.unwrap(), None, paint)]
    }

    #[test]
    fn the_first_screen_fits_a_narrow_terminal_and_cuts_nothing_that_is_typed() {
        for columns in [60, 80, 100] {
            let [servicenow, salesforce] = screens(columns);
            for screen in [&servicenow, &salesforce] {
                let wide = screen.lines().filter(|line| display_width(line) > columns);
                let wide: Vec<_> = wide.filter(|line| line.trim().contains(' ')).collect();
                assert!(wide.is_empty(), "{columns}: {wide:#?}");
            }
            let secrets = CLIENTS.iter().filter_map(|client| client.client_secret);
            for typed in USERS.iter().flat_map(|user| [user.user_name, user.password, user.api_key]).chain(secrets) {
                assert!(servicenow.contains(typed), "{typed}: {servicenow}");
            }
            let secrets = crate::sandbox::salesforce::clients::CLIENTS.iter().filter_map(|client| client.client_secret);
            let users = crate::sandbox::salesforce::people::USERS.iter();
            for typed in users.flat_map(|user| [user.user_name, user.password, user.security_token]).chain(secrets) {
                assert!(salesforce.contains(typed), "{typed}: {salesforce}");
            }
        }
        assert_eq!(screens(80)[0].lines().nth(3), Some("  admin         sandbox-admin  now_sandbox_admin  admin"));
        assert_eq!(screens(60)[1].lines().nth(3), Some("    password        sandbox-admin"));
    }
}
