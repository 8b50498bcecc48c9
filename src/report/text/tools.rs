//! The programs that take a connection, as a list for people.

use super::columns;
use crate::report::paint::Paint;
use crate::service::tools::Tool;

/// One line for each.
pub fn list(tools: &[&'static Tool], paint: Paint) -> String {
    let carries: Vec<String> = tools
        .iter()
        .map(|tool| tool.takes.iter().map(|(given, _)| given.label()).collect::<Vec<_>>().join(", "))
        .collect();
    let rows = tools.iter().zip(&carries);
    let rows = rows.map(|(tool, carries)| vec![tool.name, carries, tool.tried.unwrap_or("-"), tool.title]);
    columns::table(&["tool", "takes", "tried", "what it is"], rows.collect(), paint)
}
