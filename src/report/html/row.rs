//! One connection: a line that says how it stands, and below it, once opened,
//! what to do, every step, and the facts.

use super::failure_details;
use super::row_status::Standing;
use super::waterfall;
use super::writer::Html;
use crate::check::report::{Check, Report, Status, Verdict};
use crate::report::text;

pub fn write(html: &mut Html, report: &Report, number: usize, is_open: bool) {
    html.markup("<li id=\"c").text(number).markup("\" class=\"").markup(Standing::of(report).class());
    html.markup(super::marks(report)).markup(if is_open { "\"><details open>" } else { "\"><details>" });
    line(html, report);
    html.markup("<div class=\"more\">");
    stories(html, report);
    if report.not_tested.is_none() {
        waterfall::write(html, report);
    }
    html.markup("<p class=\"facts\"><span>");
    instance(html, report);
    html.text(facts(report).join(" \u{b7} ")).markup("</span></p></div></details></li>\n");
}

/// What is seen of a connection that is not opened.
fn line(html: &mut Html, report: &Report) {
    let row_status = Standing::of(report);
    let cell = |html: &mut Html, start: &'static str, text: &str| {
        html.markup(start).text(text).markup("</span>");
    };
    html.markup("<summary><span class=\"sign\" role=\"img\" aria-label=\"").markup(row_status.word()).markup("\">");
    html.markup(row_status.sign()).markup("</span>");
    name(html, report);
    cell(html, "<span class=\"by\"><span class=\"who\">", text::user(report));
    cell(html, "<span class=\"where\">", host(report));
    cell(html, "<span class=\"how\">", text::auth_label(report.auth));
    html.markup("</span>");
    match report.verdict() {
        Verdict::Passed => cell(html, "<span class=\"time\">", &text::took(report.duration)),
        Verdict::Failed(failure) => {
            cell(html, "<span class=\"time\">", &text::took(report.duration));
            html.markup("<span class=\"what\">").text(failure.message()).markup(" ");
            html.code(failure.code().as_str()).markup("</span>");
        }
        Verdict::NotTested(why) => {
            cell(html, "<span class=\"time\">", "");
            cell(html, "<span class=\"what\">", why.sentence());
        }
    }
    for warning in report.warnings() {
        html.markup("<span class=\"what warning\"><i aria-label=\"warning\" role=\"img\">!</i> ");
        html.text(warning.message()).markup("</span>");
    }
    html.markup("</summary>");
}

fn name(html: &mut Html, report: &Report) {
    if report.changes.is_empty() {
        html.markup("<h3>").text(&report.name).markup("</h3>");
        return;
    }
    html.markup("<span class=\"name\"><h3>").text(&report.name).markup("</h3>");
    for change in &report.changes {
        html.markup(" <span>").markup(change.label()).markup("</span>");
    }
    html.markup("</span>");
}

/// The instance, to be opened. The line of the connection is not the place: a press there
/// opens the line.
fn instance(html: &mut Html, report: &Report) {
    if ["http://", "https://"].iter().any(|scheme| report.instance.starts_with(scheme)) {
        html.markup("<a target=\"_blank\" rel=\"noopener noreferrer\" href=\"").text(&report.instance);
        html.markup("\">").text(&report.instance).markup("</a> \u{b7} ");
    }
}

/// The instance as one speaks of it. One without TLS is called by its scheme.
fn host(report: &Report) -> &str {
    report.instance.strip_prefix("https://").unwrap_or(&report.instance)
}

/// First why the connection failed; then what is new, what failed besides, and
/// every warning.
fn stories(html: &mut Html, report: &Report) {
    let failure = report.failure();
    let changes = text::changes(report);
    if failure.is_some() || !changes.is_empty() {
        html.markup("<dl class=\"story\">");
        if let Some(failure) = failure {
            failure_details::advice(html, failure);
        }
        for change in &changes {
            html.markup("<dt class=\"new\">New</dt><dd>").text(change).markup("</dd>");
        }
        if let Some(failure) = failure {
            failure_details::evidence(html, failure);
        }
        html.markup("</dl>");
    }
    let failed = |check: &&Check| check.status == Status::Fail;
    for other in report.checks.iter().filter(failed).skip(1).filter_map(|check| check.error.as_ref()) {
        failure_details::write(html, "<h4 class=\"failed\">Also failed: ", other);
    }
    for warning in report.warnings() {
        failure_details::write(html, "<h4 class=\"warned\">Warning: ", warning);
    }
}

/// What neither the line nor a step says in full.
fn facts(report: &Report) -> Vec<String> {
    let mut facts = vec![format!("store: {}", report.store)];
    if report.token.is_some() {
        facts.push(format!("token: {}", text::token(report)));
    }
    if let Some(ends) = report.certificate_ends {
        let day = ends.format("%Y-%m-%d");
        facts.push(if ends > report.tested_at {
            format!("certificate: until {day}, {} left", text::until(report.tested_at, ends))
        } else {
            format!("certificate: ended on {day}")
        });
    }
    facts.extend(report.latency.map(|latency| format!("first request: {}", text::took(latency))));
    facts.extend(report.failure().map(|failure| format!("exit code {}", failure.exit_code())));
    facts
}
