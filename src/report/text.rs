//! Text for people: the verdict first, then why, then the one thing to do.

use std::time::Duration;

use chrono::{DateTime, Utc};
use textwrap::Options;
use unicode_width::UnicodeWidthStr;

use crate::base::error::{Code, Failure, Likelihood};
use crate::base::server_text::shorten;
use crate::check::report::{Check, CheckId, Report, Status, Verdict};
use crate::history::last_test::LastTest;
use crate::history::state::{Health, SessionNote};
use crate::model::profile::{AuthMethod, Profile};
use crate::report::paint::Paint;

/// Where the text of a labelled paragraph begins.
const INDENT: usize = 9;

/// A failure on standard error.
pub fn error(failure: &Failure, paint: Paint) -> String {
    let painted = format!("{}: ", paint.bad("error"));
    let mut lines = vec![head("error: ", &painted, failure.message(), Some(failure.exit_code()), paint)];
    lines.extend(explanation(failure, paint));
    lines.extend(see(failure, paint));
    lines.join("\n")
}

/// The report of one connection.
pub fn report(report: &Report, paint: Paint) -> String {
    match report.verdict() {
        Verdict::Passed => passed(report, paint),
        Verdict::Failed(failure) => failed(report, failure, paint),
        Verdict::NotTested(why) => head("- ", "- ", &format!("{}  {}", report.name, why.sentence()), None, paint),
    }
}

pub(super) fn user(report: &Report) -> &str {
    report.identity.as_ref().map_or("", |identity| identity.user_name.as_str())
}

/// What is new since the last test of a connection, a sentence each.
pub fn changes(report: &Report) -> Vec<String> {
    report.changes.iter().map(|change| change.sentence(|then| ago(report.tested_at, then))).collect()
}

fn passed(report: &Report, paint: Paint) -> String {
    let facts = [user(report), auth_label(report.auth), &took(report.duration)].join(&format!(" {} ", paint.dot()));
    let mark = format!("{} {}  ", if paint.unicode { "✓" } else { "ok" }, report.name);
    let painted = format!("{} {}  ", paint.tick(), paint.bold(&report.name));
    let mut lines = vec![head(&mark, &painted, &facts, None, paint), String::new()];
    lines.extend(waterfall(report, paint));
    lines.extend(news(report, paint));
    lines.extend(warnings(report, paint));
    lines.join("\n")
}

/// What is new since the last test, below a report.
fn news(report: &Report, paint: Paint) -> Vec<String> {
    let changes = changes(report);
    let gap = (!changes.is_empty()).then(String::new);
    gap.into_iter().chain(changes.iter().map(|change| labelled("new", change, paint, INDENT))).collect()
}

/// The steps that took time, each beginning where the one before it ended.
fn waterfall(report: &Report, paint: Paint) -> Vec<String> {
    let steps: Vec<(&Check, Duration)> = report
        .checks
        .iter()
        .filter_map(|check| {
            check.took.or((check.id == CheckId::AuthToken).then_some(Duration::ZERO)).map(|took| (check, took))
        })
        .collect();
    let label = |check: &Check| match (&check.target, check.id) {
        (Some(target), _) => target.clone(),
        (None, CheckId::StoreSecret) => report.store.to_owned(),
        (None, id) => id.label().to_owned(),
    };
    let labels = steps.iter().map(|(check, _)| label(check).width()).max().unwrap_or(0).clamp(8, 24);
    let total: Duration = steps.iter().map(|(_, took)| *took).sum();
    // Two at the left, the time and a remark at the right.
    let bars = match paint.is_terminal {
        true => paint.columns.min(100).saturating_sub(2 + labels + 2 + 9 + 2 + 18),
        false => 0,
    };
    let bars = if bars < 8 { 0 } else { bars };
    let mut before = Duration::ZERO;
    let mut lines = Vec::new();
    for (check, took) in steps {
        let bar = bar(before, took, total, bars, paint);
        before += took;
        let remark = match (check.status, remark(report, check)) {
            (Status::Warn, _) => paint.doubtful("see below"),
            (_, remark) if remark.is_empty() => remark,
            (_, remark) => paint.dim(&remark),
        };
        let line =
            format!("  {}  {bar}{:>9}  {remark}", pad(&shorten(&label(check), labels), labels), self::took(took));
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// What a step that passed showed, where it showed something.
pub(super) fn remark(report: &Report, check: &Check) -> String {
    match (check.status, check.id) {
        (Status::Pass, CheckId::NetworkTls) => {
            report.certificate_ends.map(|ends| format!("until {}", ends.format("%Y-%m-%d"))).unwrap_or_default()
        }
        (Status::Pass, CheckId::AuthToken) => token(report),
        (Status::Pass, CheckId::AccessTable) => "readable".to_owned(),
        (Status::Pass, CheckId::AuthIdentity) => user(report).to_owned(),
        _ => String::new(),
    }
}

/// Whether a test renewed its token, and how long it is good from then on.
pub(super) fn token(report: &Report) -> String {
    let Some(token) = report.token else { return String::new() };
    let word = if token.refreshed { "renewed" } else { "fresh" };
    match token.expires_at {
        Some(at) => format!("{word}, {} left", until(report.tested_at, at)),
        None => word.to_owned(),
    }
}

/// One bar of the waterfall, in a field of `width` columns; at least one mark.
fn bar(before: Duration, took: Duration, total: Duration, width: usize, paint: Paint) -> String {
    if took.is_zero() {
        return " ".repeat(width);
    }
    if width == 0 {
        return String::new();
    }
    let column =
        |at: Duration| (at.as_secs_f64() / total.as_secs_f64().max(f64::EPSILON) * width as f64).round() as usize;
    let from = column(before).min(width - 1);
    let to = column(before + took).clamp(from + 1, width);
    let mark = if paint.unicode { "━" } else { "=" };
    format!("{}{}{}", " ".repeat(from), paint.command(&mark.repeat(to - from)), " ".repeat(width - to))
}

fn failed(report: &Report, failure: &Failure, paint: Paint) -> String {
    let mark = format!("{} {}  ", if paint.unicode { "✗" } else { "x" }, report.name);
    let painted = format!("{} {}  ", paint.cross(), paint.bold(&report.name));
    let verdict = head(&mark, &painted, failure.message(), Some(failure.exit_code()), paint);
    let mut lines = vec![verdict, String::new()];
    lines.extend(explanation(failure, paint));
    lines.extend(changes(report).iter().map(|change| labelled("new", change, paint, INDENT)));
    lines.extend(see(failure, paint));
    let others = report.checks.iter().filter(|check| check.status == Status::Fail).skip(1);
    for other in others.filter_map(|check| check.error.as_ref()) {
        let mark = if paint.unicode { "✗ " } else { "x " };
        lines.push(head(&format!("  {mark}"), &format!("  {} ", paint.cross()), other.message(), None, paint));
    }
    lines.push(String::new());
    let mut row = String::new();
    let mut row_width = 0;
    // A step that was not needed before the failure says nothing.
    let failed_at = report.checks.iter().position(|check| check.status == Status::Fail);
    let failed_at = failed_at.unwrap_or(report.checks.len());
    for (index, check) in report.checks.iter().enumerate().skip(1) {
        if check.status == Status::Skip && index < failed_at {
            continue;
        }
        let label = match (&check.target, check.id) {
            (Some(target), id) => format!("{} {target}", id.label()),
            (None, CheckId::StoreSecret) => report.store.to_owned(),
            (None, id) => id.label().to_owned(),
        };
        let width = label.width() + 4;
        if row_width + width > paint.columns {
            lines.push(std::mem::take(&mut row));
            row_width = 0;
        }
        row.push_str(&format!("  {} {label}", symbol(check, paint)));
        row_width += width;
    }
    lines.push(row);
    lines.extend(warnings(report, paint));
    lines.join("\n")
}

/// The warnings of a report, each with its reason.
pub fn warnings(report: &Report, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for warning in report.warnings() {
        lines.push(String::new());
        lines.push(head("! ", &format!("{} ", paint.bang()), warning.message(), None, paint));
        lines.extend(explanation(warning, paint));
    }
    lines
}

/// The first lines: a painted mark, the verdict, and where there is room the
/// exit code at the right end, where a person looks.
pub(super) fn head(mark: &str, painted: &str, verdict: &str, exit_code: Option<u8>, paint: Paint) -> String {
    let wrapped = wrap(verdict, mark, "  ", paint);
    let text = format!("{painted}{}", &wrapped[mark.len()..]);
    let exit = exit_code.map(exit_mark).unwrap_or_default();
    let gap = paint.columns.saturating_sub(wrapped.width() + exit.width());
    match paint.is_terminal && !exit.is_empty() && gap >= 2 && !wrapped.contains('\n') {
        true => format!("{text}{}{}", " ".repeat(gap), paint.dim(&exit)),
        false => text,
    }
}

fn explanation(failure: &Failure, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = failure.reason() {
        lines.push(labelled("why", why, paint, INDENT));
    }
    for cause in failure.likely_causes() {
        let bullet = if lines.is_empty() { "why" } else { "" };
        let text = format!("{}: {}", likelihood(cause.likelihood), cause.text);
        lines.push(hanging(bullet, &text, paint));
    }
    for (index, step) in failure.steps().iter().enumerate() {
        lines.push(labelled(if index == 0 { "do" } else { "or" }, step, paint, INDENT));
    }
    let said = ["server_message", "server_detail", "oauth_error", "oauth_error_description"];
    let said: Vec<&str> = said.into_iter().filter_map(|key| failure.seen(key)?.as_str()).collect();
    let mut seen = Vec::new();
    if let Some(status) = failure.seen("http_status").and_then(serde_json::Value::as_u64) {
        seen.push(format!("HTTP {status}"));
    }
    if !said.is_empty() {
        seen.push(format!("\"{}\"", said.join(": ")));
    }
    if let Some(at) = failure.seen("retry_at").and_then(|value| value.as_str()) {
        seen.push(format!("retry at {at}"));
    } else if let Some(wait) = failure.seen("retry_after").and_then(|value| value.as_str()) {
        seen.push(format!("Retry-After {wait}"));
    }
    if let Some(transaction) = failure.seen("transaction_id").and_then(|value| value.as_str()) {
        seen.push(format!("transaction {transaction}"));
    }
    if let Some(time) = failure.seen("server_time").and_then(|value| value.as_str()) {
        seen.push(time.to_owned());
    }
    if !seen.is_empty() {
        lines.push(labelled("seen", &seen.join(", "), paint, INDENT));
    }
    lines
}

/// How likely a cause is, in a word.
pub(super) fn likelihood(likelihood: Likelihood) -> &'static str {
    match likelihood {
        Likelihood::High => "likely",
        Likelihood::Medium => "possible",
        Likelihood::Low => "unlikely",
    }
}

/// Where more is said. What was typed wrong or stopped needs no more words.
fn see(failure: &Failure, paint: Paint) -> Option<String> {
    let code = failure.code();
    let is_plain = matches!(code, Code::Usage | Code::Interrupted);
    (!is_plain).then(|| labelled("see", &format!("snow explain {}", code.as_str()), paint, INDENT))
}

pub(super) fn labelled(label: &str, text: &str, paint: Paint, indent: usize) -> String {
    let start = format!("  {label:<width$}", width = indent.saturating_sub(2));
    let wrapped = wrap(text, &start, &" ".repeat(indent), paint);
    match label.is_empty() {
        true => wrapped,
        // Painted after wrapping, so that the escapes do not count.
        false => wrapped.replacen(label, &paint.dim(label), 1),
    }
}

fn hanging(label: &str, text: &str, paint: Paint) -> String {
    let start = format!("  {label:<width$}- ", width = INDENT - 2);
    wrap(text, &start, &" ".repeat(INDENT + 2), paint)
}

/// Sentences for a person, two from the left and within the terminal.
pub fn paragraph(text: &str, paint: Paint) -> String {
    wrap(text, "  ", "  ", paint)
}

pub(super) fn wrap(text: &str, first: &str, rest: &str, paint: Paint) -> String {
    if !paint.breaks_lines {
        return format!("{first}{text}");
    }
    let options = Options::new(paint.columns.min(100))
        .initial_indent(first)
        .subsequent_indent(rest)
        // A URL or a command must stay whole to be copied.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

fn symbol(check: &Check, paint: Paint) -> String {
    match check.status {
        Status::Pass => paint.tick(),
        Status::Warn => paint.bang(),
        Status::Fail => paint.cross(),
        Status::Skip => paint.dash(),
    }
}

/// One connection, a line for each thing that is set.
pub fn connection(
    profile: &Profile,
    is_default: bool,
    last_test: Option<&LastTest>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let mut lines = vec![match is_default {
        true => format!("{}  {}", paint.bold(profile.name.as_str()), paint.dim("the default")),
        false => paint.bold(profile.name.as_str()),
    }];
    let mut row = |key: &str, value: &str| lines.push(format!("  {}{value}", paint.dim(&pad(key, 13))));
    row("instance", profile.instance.origin());
    row("sign-in", &format!("{}, as {}", auth_label(profile.auth.as_str()), profile.identity()));
    row("store", profile.store.as_str());
    if let Some(version) = profile.api_version {
        row("API version", version.as_str());
    }
    if !profile.tables.is_empty() {
        row("tables", &profile.tables.iter().map(|table| table.as_str()).collect::<Vec<_>>().join(", "));
    }
    if let Some(path) = &profile.ca_cert {
        row("CA file", &path.display().to_string());
    }
    if let Some(proxy) = &profile.proxy {
        row("proxy", proxy);
    }
    if let Some(description) = &profile.description {
        row("description", description);
    }
    if !profile.labels.is_empty() {
        let labels = profile.labels.iter().map(|(key, value)| format!("{key}={value}"));
        row("labels", &labels.collect::<Vec<_>>().join(", "));
    }
    row("id", &profile.id.to_string());
    row("revision", &profile.revision.to_string());
    row(
        "last test",
        &match last_test {
            None => "never".to_owned(),
            Some(test) if test.ok => format!("ok, {}", ago(now, test.at)),
            Some(test) => format!("{}, {}", test.code.as_deref().unwrap_or("failed"), ago(now, test.at)),
        },
    );
    lines.join("\n")
}

/// Where one stands, in a few lines.
pub fn status(
    profile: &Profile,
    selected_by: &str,
    session: Option<&SessionNote>,
    last_test: Option<&LastTest>,
    now: DateTime<Utc>,
    paint: Paint,
) -> String {
    let chosen = match selected_by {
        "argument" => String::new(),
        "variable" => "chosen by SNOW_CONNECTION".to_owned(),
        "directory" => "chosen by .snow.toml".to_owned(),
        _ => "the default".to_owned(),
    };
    let (symbol, tested) = match last_test {
        None => (paint.dash(), "never tested".to_owned()),
        Some(test) if test.ok => (paint.tick(), format!("worked {}", ago(now, test.at))),
        Some(test) => {
            let code = test.code.as_deref().unwrap_or("failed");
            (paint.cross(), format!("{code} {}", ago(now, test.at)))
        }
    };
    let is_over = session.is_some_and(|session| session.health(now) != Health::Healthy);
    let needs_login = is_over || last_test.is_some_and(|test| test.class.as_deref() == Some("auth"));
    let advice = match (needs_login, selected_by) {
        (true, _) => format!("snow login {}", profile.name),
        (false, "argument") => format!("snow test {}", profile.name),
        (false, _) => "snow test".to_owned(),
    };
    let head = format!("{symbol} {}  {}", paint.bold(profile.name.as_str()), paint.dim(&chosen));
    let facts = [profile.identity(), auth_label(profile.auth.as_str()), &tested];
    let facts = facts.join(&format!(" {} ", paint.dot()));
    let mut lines =
        vec![head.trim_end().to_owned(), format!("  {}", profile.instance), wrap(&facts, "  ", "  ", paint)];
    lines.extend(session.map(|session| wrap(&session_line(session, now), "  ", "  ", paint)));
    lines.push(format!("  {}   {}", paint.dim("Try"), paint.command(&advice)));
    lines.join("\n")
}

/// How a session stands, in a sentence.
fn session_line(session: &SessionNote, now: DateTime<Utc>) -> String {
    let since = session.signed_in_at.map_or_else(String::new, |at| format!(", signed in {}", ago(now, at)));
    match (session.health(now), session.expires_at) {
        (Health::Absent, _) => "nobody is signed in".to_owned(),
        (Health::Dead, _) => format!("the instance refused to renew the session{since}"),
        (Health::Expired, _) => format!("the session is over{since}"),
        (Health::Healthy, Some(at)) if at <= now => format!("the access token is renewed at the next use{since}"),
        (Health::Healthy, Some(at)) if !session.renewable => {
            format!("access token good for {}, and nothing renews it{since}", until(now, at))
        }
        (Health::Healthy, Some(at)) => format!("access token good for {}{since}", until(now, at)),
        (Health::Healthy, None) => format!("access token good until it is refused{since}"),
    }
}

/// How a sign-in method is called.
pub fn auth_label(auth: &str) -> &'static str {
    match auth.parse() {
        Ok(AuthMethod::Basic) => "Basic",
        Ok(AuthMethod::OAuth) => "OAuth",
        Ok(AuthMethod::ClientCredentials) => "client credentials",
        Err(_) => "?",
    }
}

/// `214 ms`, `1.2 s`
pub fn took(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "< 1 ms".to_owned(),
        milliseconds @ 1..1000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// How long it is until then: `40 s`, `29 min`, `5 h`, `3 days`
pub fn until(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (then - now).num_seconds().max(0);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `just now`, `5 min ago`, `2 h ago`, `3 days ago`
pub fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let minutes = (now - then).num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

pub(super) fn exit_mark(code: u8) -> String {
    format!("exit {code}")
}

pub(super) fn right(left: &str, mark: &str, paint: Paint) -> String {
    let gap = paint.columns.saturating_sub(left.width() + mark.width());
    match paint.is_terminal && gap >= 2 {
        true => format!("{left}{}{}", " ".repeat(gap), paint.dim(mark)),
        false => left.to_owned(),
    }
}

pub(super) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}
