//! `snow list` and `snow show`: what is saved. No network, no store.

use super::app::App;
use super::select;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::cli::args::NameArg;
use crate::history::json::Connection;
use crate::model::profile::Profile;
use crate::report;
use crate::report::json::connection::{List, Show};
use crate::report::text::list::Row;

pub fn list(app: &mut App) -> Result<u8, Failure> {
    let config = app.config_file()?.load()?;
    let tests = app.state()?.last_tests();
    let rows: Vec<Row<'_>> = config
        .connections
        .values()
        .map(|profile| Row {
            profile,
            is_default: config.default.as_ref() == Some(&profile.name),
            last_test: tests.get(&profile.id),
        })
        .collect();
    if app.console.json {
        app.console.document(&List::of(config.default.as_ref(), &rows));
    } else if rows.is_empty() {
        app.console.note("No connections yet. Make one: snow connect INSTANCE");
    } else {
        let text = report::text::list::table(&rows, app.now(), app.console.out);
        app.console.data(&text);
    }
    Ok(0)
}

pub fn show(app: &mut App, arguments: NameArg) -> Result<u8, Failure> {
    let profile = select::select_saved(app, arguments.name.as_ref())?;
    show_profile(app, &profile)?;
    Ok(0)
}

/// Prints one saved connection: `snow.connection/1`.
pub fn show_profile(app: &mut App, profile: &Profile) -> Result<(), Failure> {
    let is_default = app.config_file()?.load()?.default.as_ref() == Some(&profile.name);
    let last_test = app.state()?.last_tests().remove(&profile.id);
    if app.console.json {
        let connection = Connection::of(profile, is_default, last_test.as_ref());
        app.console.document(&Show { schema: schemas::Connection, connection });
    } else {
        let text = report::text::connection(profile, is_default, last_test.as_ref(), app.now(), app.console.out);
        app.console.data(&text);
    }
    Ok(())
}
