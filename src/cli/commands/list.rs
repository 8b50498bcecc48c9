//! `snow list` and `snow show`: what is saved. No network, no store.

use clap::Args;

use super::app::App;
use super::select::{self, SelectedBy};
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::{Shown, shown};
use crate::cli::args::NameArg;
use crate::config::environment;
use crate::history::json::ShownConnection;
use crate::model::profile::{ConnectionName, Profile, label};
use crate::report;
use crate::report::json::connection::{List, Show};
use crate::report::text::LastTested;
use crate::report::text::list::Row;
use crate::store;

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  snow list
  snow list --filter env=prod
  snow list | cut -f1                the names alone

At a terminal this is a table. Piped, each connection is a line without a header,
with tabs between: name, instance, user, way to sign in, last test (passed, an
error code or never; disabled for a connection that is), time of that test.")]
pub struct ListArgs {
    /// List the connections with this label (repeatable: with all of them)
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    pub filter: Vec<(String, String)>,
}

pub fn list(app: &mut App, arguments: &ListArgs) -> Result<u8, Failure> {
    let mut config = Some(app.config_file()?.load()?);
    let tests = app.state()?.last_tests();
    // What is saved can be seen also if what chooses one is wrong.
    let choice = select::choice(app, None, &mut config).ok().flatten();
    let config = config.unwrap_or_default();
    let selected = choice.as_ref().and_then(|choice| choice.name.as_ref());
    let rows: Vec<Row<'_>> = config
        .connections
        .values()
        .filter(|profile| profile.has_labels(&arguments.filter))
        .map(|profile| Row {
            profile,
            is_default: config.default.as_ref() == Some(&profile.name),
            last_test: tests.of(profile),
            is_changed: tests.is_outdated(profile),
            is_selected: selected == Some(&profile.name),
        })
        .collect();
    if app.console.json {
        let name = |name: Option<&'_ ConnectionName>| name.map_or(environment::NAME, |name| name.as_str()).to_owned();
        let selected = choice.as_ref().map(|choice| (name(choice.name.as_ref()), choice.by.as_str()));
        let selected = selected.as_ref().map(|(name, by)| (name.as_str(), *by));
        app.console.document(&List::of(config.default.as_ref(), selected, &rows));
    } else if config.connections.is_empty() {
        app.console.note("No connections yet. Run: snow connect INSTANCE");
    } else if rows.is_empty() {
        app.console.note(&shown!("No connection has the label {}.", labels(&arguments.filter)));
    } else if app.console.out.is_terminal {
        let is_disabled = rows.iter().any(|row| row.is_selected && !row.profile.is_enabled());
        let chosen = choice.as_ref().map(|choice| legend(choice.by, config.default.as_ref()));
        let chosen = chosen.map(|chosen| if is_disabled { format!("{chosen}; disabled") } else { chosen });
        app.console.data(&report::text::list::table(&rows, chosen.as_deref(), app.now(), app.console.out));
    } else {
        app.console.data(&report::text::list::plain(&rows, app.console.out));
    }
    Ok(0)
}

/// What the mark before the selected connection means.
fn legend(by: SelectedBy, default: Option<&ConnectionName>) -> String {
    let chosen = match by {
        SelectedBy::Default => return "the default connection".to_owned(),
        SelectedBy::Argument => "chosen by --connection",
        SelectedBy::Variable => "chosen by SNOW_CONNECTION",
        SelectedBy::Environment => "described by variables",
        SelectedBy::Directory => "chosen by .snow.toml here",
    };
    default.map_or_else(|| chosen.to_owned(), |default| format!("{chosen}; the default is {default}"))
}

/// Labels as they are typed.
pub fn labels(labels: &[(String, String)]) -> Shown {
    let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Shown::outside(labels.join(" and "))
}

pub fn show(app: &mut App, arguments: NameArg) -> Result<u8, Failure> {
    let profile = select::select_to_show(app, arguments.name.as_ref())?;
    show_profile(app, &profile)?;
    Ok(0)
}

/// Prints one saved connection: `snow.connection/1`. A file that cannot be read is no error:
/// it was read or changed before.
pub fn show_profile(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let config = app.config_file()?.load().ok();
    let is_default = config.is_some_and(|config| config.default.as_ref() == Some(&profile.name));
    let tests = app.state()?.last_tests();
    let last_test = tests.of(profile);
    if app.console.json {
        let connection = ShownConnection::of(profile, is_default, last_test);
        app.console.document(&Show { schema: schemas::Connection, connection });
    } else {
        let tested = LastTested::of(last_test, tests.is_outdated(profile));
        let store = (store::spec_of(profile.store.kind).shown)(&profile.store, &app.variables);
        let text = report::text::connection(profile, is_default, tested, &store, app.now(), app.console.out);
        app.console.data(&text);
    }
    Ok(())
}
