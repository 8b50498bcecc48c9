//! `snow doctor`: this machine, as far as it can be known without a
//! question. No request is made, and nothing is repaired.

use std::path::{Path, PathBuf};

use clap::Args;

use super::app::App;
use super::select;
use crate::auth::oauth::browser::BrowserPolicy;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::schemas;
use crate::doctor::bundle::Bundle;
use crate::doctor::json::Terminal;
use crate::doctor::stores::Secrets;
use crate::doctor::{self, Check, Machine};
use crate::report;
use crate::report::json;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow doctor
  snow doctor --json | jq '.checks[] | select(.status == \"fail\")'
  snow doctor --bundle snow-bundle.json       a file for support")]
pub struct DoctorArgs {
    /// Also write a file for support; it holds no secrets
    #[arg(long, value_name = "FILE", value_parser = crate::cli::args::path())]
    pub bundle: Option<PathBuf>,
}

pub async fn run(app: &mut App, arguments: DoctorArgs) -> Result<u8, Failure> {
    let machine = machine(app)?;
    let checks = doctor::examine(&machine).await;
    let exit_code = doctor::exit_code(&checks);
    if !app.console.json {
        let text = report::text::doctor::text(&checks, exit_code, app.console.out);
        app.console.text(&text);
    }
    let path = arguments.bundle.as_deref().map(files::absolute);
    let secrets = match &path {
        Some(path) => Some(bundle(app, &machine, &checks, path).await?),
        None => None,
    };
    if app.console.json {
        let bundle = path.as_deref().zip(secrets.as_ref());
        app.console.document(&json::doctor::Doctor {
            schema: schemas::Doctor,
            ok: exit_code == 0,
            exit_code,
            checks: checks.iter().map(Into::into).collect(),
            bundle: bundle.map(|(path, secrets)| json::doctor::Bundle { path, proof: secrets.into() }),
        });
    }
    Ok(exit_code)
}

fn machine(app: &mut App) -> Result<Machine, Failure> {
    let config_file = app.config_file();
    let config = config_file.as_ref().map_err(Failure::clone).and_then(|file| file.load().map_err(Failure::from));
    let stores = app.stores_unasked(config.iter().flat_map(|config| config.connections.values()))?;
    Ok(Machine {
        variables: app.variables.clone(),
        now: app.now(),
        config_file,
        config,
        state: app.state(),
        directory_choice: select::named_by_directory(app),
        stores,
        browser: BrowserPolicy {
            must_paste: false,
            forbidden: app.is_input_forbidden(),
            interactive: app.is_interactive(),
        },
        proxy: app.global.proxy.clone(),
        home: app.home().map(Path::to_owned),
        program: std::env::current_exe().ok(),
    })
}

/// Writes the file, and says which secrets are not in it.
async fn bundle(app: &mut App, machine: &Machine, checks: &[Check], path: &Path) -> Result<Secrets, Failure> {
    let secrets = Secrets::read(machine).await;
    let (out, err) = (app.console.out, app.console.err);
    let terminal = Terminal {
        stdin: app.is_stdin_terminal(),
        stdout: out.is_terminal,
        stderr: err.is_terminal,
        columns: out.columns,
        colour: out.colour,
        unicode: out.unicode,
    };
    let home: Option<PathBuf> = app.home().map(Path::to_owned);
    let bundle = Bundle::make(machine, checks, terminal, home.as_deref(), &secrets)?;
    bundle.write(path, app.global.yes)?;
    if !app.console.json {
        let text = report::text::doctor::bundle(path, secrets.count, &secrets.unchecked, err);
        app.console.say(&text);
    }
    Ok(secrets)
}
