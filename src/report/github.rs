//! A run in GitHub's terms: commands that annotate a workflow, and the summary
//! of a job in Markdown.
//!
//! GitHub shows ten errors and ten warnings of a step and drops the others
//! without a word, so the last of many stands for the rest. What a command
//! carries is escaped as the runner unescapes it.

use super::text::{auth_label, changes, took};
use crate::base::error::Failure;
use crate::check::report::{Report, Run, Summary, Verdict};

/// How many annotations of one kind a step may have.
const SHOWN_ANNOTATIONS: usize = 10;
/// A summary may have a mebibyte; what a table needs at its end is left over.
const MAX_SUMMARY_BYTES: usize = 1024 * 1024 - 4096;

/// The commands, a line each: what failed, what is worth a warning, the sum.
pub fn annotations(run: &Run) -> String {
    let failed: Vec<(&Report, &Failure)> = run
        .reports
        .iter()
        .filter_map(|report| match report.verdict() {
            Verdict::Failed(failure) => Some((report, failure)),
            Verdict::Passed | Verdict::NotTested(_) => None,
        })
        .collect();
    let warned: Vec<(&Report, &Failure)> =
        run.reports.iter().flat_map(|report| report.warnings().map(move |warning| (report, warning))).collect();
    let mut lines = commands("error", &failed);
    lines.extend(commands("warning", &warned));
    lines.push(command("notice", "snow test", &sum(run)));
    lines.join("\n")
}

fn commands(kind: &str, found: &[(&Report, &Failure)]) -> Vec<String> {
    let shown = if found.len() > SHOWN_ANNOTATIONS { SHOWN_ANNOTATIONS - 1 } else { found.len() };
    let (shown, rest) = found.split_at(shown);
    let mut lines: Vec<String> = shown
        .iter()
        .map(|(report, failure)| {
            command(kind, &format!("{}: {}", report.name, failure.code().as_str()), &explained(failure))
        })
        .collect();
    if !rest.is_empty() {
        let names: Vec<String> =
            rest.iter().map(|(report, failure)| format!("{}: {}", report.name, failure.code().as_str())).collect();
        lines.push(command(kind, &format!("and {} more", rest.len()), &names.join("\n")));
    }
    lines
}

fn explained(failure: &Failure) -> String {
    let mut lines = vec![failure.message().to_string()];
    lines.extend(failure.reason().map(|why| why.to_string()));
    lines.extend(failure.likely_causes().iter().map(|cause| format!("- {}", cause.text)));
    lines.extend(failure.steps().first().map(|step| format!("Do: {step}")));
    lines.join("\n")
}

/// One workflow command.
fn command(kind: &str, title: &str, message: &str) -> String {
    let message = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = title.replace('%', "%25").replace(':', "%3A").replace(',', "%2C");
    format!("::{kind} title={title}::{message}")
}

fn sum(run: &Run) -> String {
    let Summary { passed, failed, skipped, .. } = run.summary();
    let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} not tested") };
    format!("{passed} passed, {failed} failed{skipped} in {}, exit code {}", took(run.duration), run.exit_code())
}

/// The summary of a job: first what failed.
pub fn summary(run: &Run) -> String {
    let mut text = format!("### snow test\n\n{}\n\n", sum(run));
    text.push_str("| connection | | who | sign-in | time | |\n| --- | --- | --- | --- | ---: | --- |\n");
    let is_worse = |report: &&Report| match report.verdict() {
        Verdict::Failed(_) => 0,
        Verdict::NotTested(_) => 1,
        Verdict::Passed if report.warnings().next().is_some() => 2,
        Verdict::Passed => 3,
    };
    let mut reports: Vec<&Report> = run.reports.iter().collect();
    reports.sort_by_key(is_worse);
    for (index, report) in reports.iter().enumerate() {
        let row = row(report);
        if text.len() + row.len() > MAX_SUMMARY_BYTES {
            text.push_str(&format!("\nAnd {} more.\n", reports.len() - index));
            break;
        }
        text.push_str(&row);
    }
    text
}

fn row(report: &Report) -> String {
    let who = report.identity.as_ref().map_or("", |identity| identity.user_name.as_str());
    let (mark, mut remarks) = match report.verdict() {
        Verdict::Passed => (":white_check_mark:", Vec::new()),
        Verdict::NotTested(why) => (":heavy_minus_sign:", vec![why.sentence().to_owned()]),
        Verdict::Failed(failure) => (":x:", remark(failure)),
    };
    remarks.extend(report.warnings().flat_map(|warning| [format!(":warning: {}", escaped(warning.message()))]));
    remarks.extend(changes(report).iter().map(|change| escaped(change)));
    format!(
        "| {} | {mark} | {} | {} | {} | {} |\n",
        escaped(&report.name),
        code(who),
        auth_label(report.auth),
        took(report.duration),
        remarks.join("<br>")
    )
}

fn remark(failure: &Failure) -> Vec<String> {
    let mut lines = vec![format!("{} (`{}`)", escaped(failure.message()), failure.code().as_str())];
    lines.extend(failure.steps().first().map(|step| escaped(&step.to_string())));
    lines
}

/// Text as code, in which nothing is a link, a mention or an issue.
fn code(text: &str) -> String {
    if text.is_empty() || text.contains(['`', '|', '\\', '\n', '\r']) { escaped(text) } else { format!("`{text}`") }
}

/// What parts an address, so that GitHub makes no link of it, and is not seen.
const APART: &str = "<!-- -->";

/// Text as Markdown that means this text.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // Within a table not even a backslash hides this one everywhere.
            '|' => escaped.push_str("&#124;"),
            '\n' | '\r' => escaped.push(' '),
            '@' => escaped.push_str(&format!("\\@{APART}")),
            '.' if escaped.to_ascii_lowercase().ends_with("www") => escaped.push_str(&format!("{APART}.")),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '~' | '$' | ':' => {
                escaped.push('\\');
                escaped.push(character);
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_its_line_ends() {
        let line = command("error", "a,b:c", "100%\n::set-output name=x::y\r%0A");
        assert_eq!(line, "::error title=a%2Cb%3Ac::100%25%0A::set-output name=x::y%0D%250A");
    }

    #[test]
    fn markdown_means_the_text_it_was() {
        assert_eq!(escaped("a|b<script>"), "a&#124;b&lt;script&gt;");
        assert_eq!(escaped("[x](y)\n`z`"), "\\[x\\]\\(y\\) \\`z\\`");
    }

    #[test]
    fn no_text_of_another_is_a_link() {
        assert_eq!(escaped("see WWW.evil.example"), "see WWW<!-- -->.evil.example");
        assert_eq!(escaped("xmpp:a@evil.example"), "xmpp\\:a\\@<!-- -->evil.example");
        assert_eq!(code("www.evil.example"), "`www.evil.example`");
        assert_eq!(code("a|b@c"), "a&#124;b\\@<!-- -->c");
        assert_eq!(code("`www.x`\\"), "\\`www<!-- -->.x\\`\\\\");
        assert_eq!(code(""), "");
    }
}
