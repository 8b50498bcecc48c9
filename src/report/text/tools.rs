//! The programs that take a connection, as a list for people.

use super::columns;
use crate::report::paint::Paint;
use crate::service::SERVICES;
use crate::service::tools::Tool;

/// One line for each.
pub fn list(tools: &[&'static Tool], paint: Paint) -> String {
    let carries: Vec<String> = tools
        .iter()
        .map(|tool| tool.takes.iter().map(|(given, _)| given.label()).collect::<Vec<_>>().join(", "))
        .collect();
    let services: Vec<String> = tools.iter().map(|tool| services_of(tool)).collect();
    let rows = tools.iter().zip(&services).zip(&carries).map(|((tool, services), carries)| {
        vec![tool.name, services.as_str(), carries.as_str(), tool.tried.unwrap_or("-"), tool.title]
    });
    columns::table(&["tool", "for", "takes", "tried", "what it is"], rows.collect(), paint)
}

/// The services that a tool is for, in a word where it is for all.
fn services_of(tool: &Tool) -> String {
    let labels: Vec<_> = tool.services().map(|service| service.defaults().label).collect();
    if labels.len() == SERVICES.len() { "any".to_owned() } else { labels.join(", ") }
}
