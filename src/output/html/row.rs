//! One connection: a line that says how it stands, and below it, once opened,
//! what to do, every step, and the facts.

use super::standing::Standing;
use super::story;
use super::waterfall;
use super::writer::Html;
use crate::check::report::{Check, IdentitySource, Report, Status, Verdict};
use crate::output::text;

pub fn write(html: &mut Html, report: &Report, number: usize, is_open: bool) {
    html.markup("<li id=\"c").text(number).markup("\" class=\"").markup(Standing::of(report).class());
    html.markup(super::marks(report)).markup(if is_open { "\"><details open>" } else { "\"><details>" });
    line(html, report);
    html.markup("<div class=\"more\">");
    stories(html, report);
    html.markup("<div class=\"found\">");
    if report.not_tested.is_none() {
        waterfall::write(html, report);
    }
    html.markup("<dl>");
    facts(html, report);
    html.markup("</dl></div></div></details></li>\n");
}

/// What is seen of a connection that is not opened.
fn line(html: &mut Html, report: &Report) {
    let standing = Standing::of(report);
    let cell = |html: &mut Html, start: &'static str, text: &str| {
        html.markup(start).text(text).markup("</span>");
    };
    html.markup("<summary><span class=\"sign\" role=\"img\" aria-label=\"").markup(standing.word()).markup("\">");
    html.markup(standing.sign()).markup("</span><span class=\"name\"><h3>").text(&report.name).markup("</h3>");
    for change in &report.changes {
        html.markup(" <span>").markup(change.label()).markup("</span>");
    }
    html.markup("</span>");
    cell(html, "<span class=\"who\">", report.identity.as_ref().map_or("", |identity| &identity.user_name));
    cell(html, "<span class=\"where\">", host(report));
    cell(html, "<span class=\"how\">", text::auth_label(report.auth));
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
            story::advice(html, failure);
        }
        for change in &changes {
            html.markup("<dt class=\"new\">New</dt><dd>").text(change).markup("</dd>");
        }
        if let Some(failure) = failure {
            story::evidence(html, failure);
        }
        html.markup("</dl>");
    }
    let failed = |check: &&Check| check.status == Status::Fail;
    for other in report.checks.iter().filter(failed).skip(1).filter_map(|check| check.error.as_ref()) {
        story::write(html, "<h4 class=\"failed\">Also failed: ", other);
    }
    for warning in report.warnings() {
        story::write(html, "<h4 class=\"warned\">Warning: ", warning);
    }
}

/// What the line and the steps do not say.
fn facts(html: &mut Html, report: &Report) {
    let mut fact = |name: &'static str, value: &str| {
        if !value.is_empty() {
            html.markup("<dt>").markup(name).markup("</dt><dd>").text(value).markup("</dd>");
        }
    };
    let user = report.identity.as_ref().map(|identity| match identity.source {
        IdentitySource::Instance => format!("{}, says the instance", identity.user_name),
        IdentitySource::Configured => format!("{}, says the connection", identity.user_name),
    });
    let certificate = report.certificate_ends.map(|ends| match ends > report.tested_at {
        true => format!("until {}, {} left", ends.format("%Y-%m-%d"), text::until(report.tested_at, ends)),
        false => format!("ended on {}", ends.format("%Y-%m-%d")),
    });
    fact("Store", report.store);
    fact("User", &user.unwrap_or_default());
    fact("Token", &text::token(report));
    fact("Certificate", &certificate.unwrap_or_default());
    fact("First request", &report.latency.map(text::took).unwrap_or_default());
    match report.verdict() {
        Verdict::Passed => fact("Tested", &tested_at(report)),
        Verdict::Failed(failure) => {
            fact("Tested", &tested_at(report));
            fact("Exit code", &failure.exit_code().to_string());
        }
        Verdict::NotTested(_) => {}
    }
}

fn tested_at(report: &Report) -> String {
    format!("{} UTC", report.tested_at.format("%Y-%m-%d %H:%M:%S"))
}
