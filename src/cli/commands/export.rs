//! `snow export`: connections for colleagues and other programs, without secrets. No
//! request is made and no store is opened.

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::select;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::cli::completion;
use crate::config::sources::team;
use crate::model::profile::{ConnectionName, Profile, any_of};
use crate::report::export;
use crate::service;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow export acme > acme.toml
  snow export --all > team.toml                 for snow import
  snow export acme --as postman > acme.json

A team file has no secret and no user name: each colleague imports it and signs
in once. postman is an environment file for Postman and Newman, adobe the body
of POST /connections of Adobe's Flow Service. Both have empty places for secrets
and hold one connection. See snow help teams.")]
pub struct ExportArgs {
    /// The connections [default: the selected one]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(completion::connection_names))]
    pub names: Vec<ConnectionName>,
    /// Export every saved connection
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// What to print
    #[arg(long = "as", value_name = "FORM", default_value = "team")]
    pub form: ExportForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    Team,
    Postman,
    Adobe,
}

pub fn run(app: &mut App, arguments: ExportArgs) -> Result<u8, Failure> {
    let profiles = chosen(app, &arguments)?;
    let text = match (arguments.form, &profiles[..]) {
        (ExportForm::Team, _) => {
            mention_headers(app, &profiles);
            team::text(&profiles)
        }
        (ExportForm::Postman, [profile]) => export::postman(profile),
        (ExportForm::Adobe, [profile]) => {
            let (service, method) = (service::of(&profile.auth), profile.auth.method);
            let (adobe, label) = (service.adobe(), service.defaults().label);
            adobe.body(profile).as_ref().map(export::indented).ok_or_else(|| {
                let taken: Vec<_> = adobe.auths.iter().map(|auth| auth.method.method.as_str()).collect();
                let taken = Shown::outside(any_of(&taken));
                Failure::new(
                    Code::Usage,
                    shown!("{} signs in with {}, which Adobe's source does not have", profile.name, method.as_str()),
                )
                .why(shown!("Its source for {} takes {}.", label, taken))
                .next(shown!("Export a connection with --auth {}", taken))
            })?
        }
        (ExportForm::Postman | ExportForm::Adobe, _) => {
            return Err(Failure::new(Code::Usage, "this form holds one connection").next("Name one connection"));
        }
    };
    app.console.bytes(text.trim_end().as_bytes());
    app.console.bytes(b"\n");
    app.console.flush();
    Ok(0)
}

fn chosen(app: &mut App, arguments: &ExportArgs) -> Result<Vec<Profile>, Failure> {
    let config = app.config_file()?.load()?;
    if arguments.all {
        if config.connections.is_empty() {
            return Err(Failure::new(Code::UnknownConnection, "no connection is saved yet")
                .next(Step::run("snow connect INSTANCE")));
        }
        return Ok(config.connections.into_values().collect());
    }
    if arguments.names.is_empty() {
        return Ok(vec![select::select_to_show(app, None)?]);
    }
    select::find_all(&config, &arguments.names)
}

/// A colleague has to add the headers of a gateway, whose values are secrets.
fn mention_headers(app: &App, profiles: &[Profile]) {
    for profile in profiles.iter().filter(|profile| !profile.headers.is_empty()) {
        let headers: Vec<_> = profile.headers.iter().map(|header| header.as_str()).collect();
        app.console.note(&format!(
            "note: a team file does not carry headers; {} sends {}. After the import: snow connect {} --header NAME",
            profile.name,
            headers.join(", "),
            profile.name
        ));
    }
}
