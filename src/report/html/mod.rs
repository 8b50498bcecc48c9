//! The report of a run as one HTML file, to be kept, sent and printed.
//!
//! The page loads nothing, and its policy allows nothing but its own style and
//! script, by their hashes. It can be read in full without the script, which
//! only searches and filters. [`row`] writes one connection, [`failure_details`] what
//! failed and what to do, [`waterfall`] the steps; [`writer`] escapes.

mod failure_details;
mod row;
mod row_status;
mod waterfall;
mod writer;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::text;
use crate::check::report::{Report, Run, Summary, Verdict};
use row_status::Standing;
use writer::Html;

static STYLE: LazyLock<String> = LazyLock::new(|| format!("{}{}", include_str!("page.css"), waterfall::places()));
const SCRIPT: &str = include_str!("page.js");

/// More failures than these are not opened: no reader would see the end of them.
const OPENED: usize = 3;

/// So many rows are drawn together. A browser leaves out the groups that are
/// not on the screen, which is what makes the page of a large fleet fast.
const GROUP: usize = 25;

/// The document.
pub fn page(run: &Run) -> String {
    let mut html = Html::default();
    head(&mut html, run);
    html.markup("<body>\n<main data-filter=\"all\">\n");
    verdict(&mut html, run);
    if !run.reports.is_empty() {
        squares(&mut html, run);
        tools(&mut html, run);
        rows(&mut html, run);
    }
    html.markup("</main>\n<footer><p>snow ").text(env!("CARGO_PKG_VERSION"));
    html.markup(" wrote this page. It loads nothing and sends nothing.</p></footer>\n");
    html.markup("<script>").markup(SCRIPT).markup("</script>\n</body>\n</html>\n");
    html.finish()
}

fn head(html: &mut Html, run: &Run) {
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"").text(policy()).markup("\">\n");
    html.markup("<meta name=\"referrer\" content=\"no-referrer\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.markup("<title>").text(headline(run)).markup(" \u{b7} snow</title>\n");
    html.markup("<style>").markup(&STYLE).markup("</style>\n</head>\n");
}

/// Nothing may run or load but what stands in the page.
fn policy() -> String {
    let hash = |inlined: &str| STANDARD.encode(Sha256::digest(inlined));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(&STYLE),
        hash(SCRIPT)
    )
}

/// The verdict in a sentence, without full stop.
fn headline(run: &Run) -> String {
    if let ([one], None) = (run.reports.as_slice(), run.stopped_by) {
        return match one.verdict() {
            Verdict::Passed => format!("{} works", one.name),
            Verdict::Failed(_) => format!("{} failed", one.name),
            Verdict::NotTested(_) => format!("{} was not tested", one.name),
        };
    }
    let Summary { total, passed, failed, skipped, .. } = run.summary();
    let connections = if total == 1 { "connection" } else { "connections" };
    let tested = match (total, failed, skipped) {
        (0, ..) => "no connection was tested".to_owned(),
        (_, 0, 0) => format!("all {total} {connections} work"),
        (_, 0, _) if passed == 0 => format!("none of {total} {connections} was tested"),
        (_, 0, _) => format!("{passed} of {total} {connections} work, {skipped} not tested"),
        (_, _, 0) => format!("{failed} of {total} {connections} failed"),
        (..) => format!("{failed} of {total} {connections} failed, {skipped} not tested"),
    };
    match run.stopped_by {
        Some(_) => format!("Stopped: {tested}"),
        None => tested[..1].to_uppercase() + &tested[1..],
    }
}

fn verdict(html: &mut Html, run: &Run) {
    let Summary { failed, skipped, .. } = run.summary();
    html.markup(match (failed, skipped) {
        (0, 0) => "<header class=\"good\">\n",
        (0, _) => "<header>\n",
        (..) => "<header class=\"bad\">\n",
    });
    html.markup("<p class=\"program\">snow test</p>\n<h1>").text(headline(run)).markup("</h1>\n<p class=\"facts\">");
    html.markup("<time datetime=\"").text(run.started_at.format("%Y-%m-%dT%H:%M:%SZ")).markup("\">");
    html.text(run.started_at.format("%Y-%m-%d %H:%M:%S")).markup(" UTC</time> <span>took ");
    html.text(text::took(run.duration)).markup("</span> <span>exit code ").text(run.exit_code());
    html.markup("</span></p>\n</header>\n");
}

/// The fleet at a glance: a square for each connection, which leads to its row.
fn squares(html: &mut Html, run: &Run) {
    html.markup("<section aria-labelledby=\"glance\">\n<h2 id=\"glance\">At a glance</h2>\n<ul id=\"squares\">\n");
    for (index, report) in run.reports.iter().enumerate() {
        let row_status = Standing::of(report);
        let name = match report.verdict() {
            Verdict::Failed(failure) => format!("{} failed: {}", report.name, failure.message()),
            Verdict::NotTested(why) => format!("{} {}", report.name, why.sentence()),
            Verdict::Passed => match report.warnings().next() {
                Some(warning) => format!("{} works, with a warning: {}", report.name, warning.message()),
                None => format!("{} works", report.name),
            },
        };
        html.markup("<li class=\"").markup(row_status.class()).markup(marks(report)).markup("\"><a href=\"#c");
        html.text(index + 1).markup("\" title=\"").text(&name).markup("\" aria-label=\"").text(&name).markup("\">");
        html.markup(row_status.sign()).markup("</a></li>\n");
    }
    html.markup("</ul>\n</section>\n");
}

/// What else the filters know of a connection, after the class of its standing.
fn marks(report: &Report) -> &'static str {
    match (report.warnings().next().is_some(), report.changes.is_empty()) {
        (true, true) => " has-warning",
        (true, false) => " has-warning is-new",
        (false, true) => "",
        (false, false) => " is-new",
    }
}

/// What is counted, which filters where scripts run, and the search. Without
/// them the counts are still there to be read.
fn tools(html: &mut Html, run: &Run) {
    let Summary { total, passed, failed, warned, skipped } = run.summary();
    let new = run.reports.iter().filter(|report| !report.changes.is_empty()).count();
    html.markup("<div id=\"tools\">\n<div id=\"filters\" role=\"group\" aria-label=\"Show\">\n");
    html.markup("<button type=\"button\" data-filter=\"all\" aria-pressed=\"true\" disabled>All <b>").text(total);
    html.markup("</b></button>\n");
    for (kind, sign, word, count) in [
        ("failed", Standing::Failed.sign(), "Failed", failed),
        ("passed", Standing::Passed.sign(), "Passed", passed),
        ("has-warning", Standing::Warned.sign(), "Warnings", warned),
        ("is-new", "\u{2022}", "New", new),
        ("not-tested", Standing::NotTested.sign(), "Not tested", skipped),
    ] {
        // That nothing failed is worth a word, that nothing is new is not.
        if count == 0 && kind != "failed" {
            continue;
        }
        html.markup("<button type=\"button\" data-filter=\"")
            .markup(kind)
            .markup("\" aria-pressed=\"false\" disabled>");
        html.markup("<i aria-hidden=\"true\">").markup(sign).markup("</i>").markup(word).markup(" <b>").text(count);
        html.markup("</b></button>\n");
    }
    html.markup(
        "</div>\n<div id=\"search\" role=\"search\" hidden>\n<label for=\"words\">Search</label>\n\
         <input id=\"words\" type=\"search\" placeholder=\"Search names, errors\" autocomplete=\"off\" \
         spellcheck=\"false\">\n<button type=\"button\" id=\"open\">Open all</button>\n</div>\n\
         <p id=\"shown\" role=\"status\"></p>\n</div>\n",
    );
}

fn rows(html: &mut Html, run: &Run) {
    let is_few = run.summary().failed <= OPENED;
    html.markup("<section aria-labelledby=\"connections\">\n<h2 id=\"connections\">Connections</h2>\n");
    html.markup("<p id=\"columns\" aria-hidden=\"true\"><span>name</span><span>user</span><span>instance</span>");
    html.markup("<span>sign-in</span><span>time</span></p>\n<div id=\"rows\">\n");
    for (group, reports) in run.reports.chunks(GROUP).enumerate() {
        html.markup("<ol start=\"").text(group * GROUP + 1).markup("\">\n");
        for (index, report) in reports.iter().enumerate() {
            let is_open = run.reports.len() == 1 || (is_few && matches!(report.verdict(), Verdict::Failed(_)));
            row::write(html, report, group * GROUP + index + 1, is_open);
        }
        html.markup("</ol>\n");
    }
    html.markup("</div>\n</section>\n");
}

#[cfg(test)]
mod tests;
