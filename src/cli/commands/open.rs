//! `snow open`: the instance in a browser.

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::app::App;
use super::select::{self, Selected};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::completion;
use crate::config::environment;
use crate::model::profile::{ConnectionName, InvalidValue};
use crate::report::json::tables::Opened;
use crate::service;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow open
  snow open acme
  snow open /now/nav/ui/home
  snow open acme table/incident")]
pub struct OpenArgs {
    /// The connection [default: the selected one], and the path: /PATH, table/NAME,
    /// table/NAME/SYS_ID, or a URL of the instance
    #[arg(value_name = "NAME PATH", num_args = 0..=2, add = ArgValueCandidates::new(completion::connection_names))]
    pub words: Vec<String>,
}

pub fn run(app: &mut App, arguments: OpenArgs) -> Result<u8, Failure> {
    // No name has a slash, and every path has one.
    let (name, path) = match arguments.words.as_slice() {
        [] => (None, None),
        [word] if word.contains('/') => (None, Some(word)),
        [name] => (Some(name), None),
        [name, path] => (Some(name), Some(path)),
        _ => unreachable!("at most two words"),
    };
    let name: Option<ConnectionName> = name.map(|name| name.parse()).transpose().map_err(|invalid: InvalidValue| {
        Failure::new(Code::UnknownConnection, shown!("{}", invalid)).next("Give the name of a saved connection")
    })?;
    let (instance, auth) = match select::select_one(app, name.as_ref(), Code::UnknownConnection)?.selected {
        Selected::Saved(profile) => (profile.instance, profile.auth),
        Selected::Environment => {
            let described = environment::read(&app.variables)?;
            (described.instance, described.auth)
        }
    };
    let url = service::of(&auth).page_url(&instance, path.map_or("/", String::as_str))?;
    let forbidden = app.is_input_forbidden();
    if !forbidden {
        app.console.note(&format!("Opening {url}"));
        app.open_browser(url.as_str()).map_err(|error| {
            Failure::new(Code::BrowserFailed, "could not start a browser")
                .why(shown!("{}.", error))
                .next(shown!("Open it yourself: {}", Shown::outside(url.as_str())))
                .next("Name another browser in SNOW_BROWSER")
        })?;
    }
    if app.console.json {
        app.console.document(&Opened { schema: schemas::Open, url: url.as_str(), opened: !forbidden });
    } else if forbidden {
        app.console.data(url.as_str());
    }
    Ok(0)
}
