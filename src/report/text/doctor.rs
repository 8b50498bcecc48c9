//! What the doctor found, as text.

use std::path::Path;

use super::lines::{head, labelled, pad, wrap};
use crate::base::shown::shown;
use crate::check::report::Status;
use crate::doctor::Check;
use crate::doctor::stores::Unchecked;
use crate::report::paint::Paint;

/// Where the text of a reason begins, under the message of its check.
const INDENT: usize = 15;
const LABEL: usize = 9;

/// The verdict, then a line for each check, and below what is wrong why and
/// what to do.
pub fn text(checks: &[Check], exit_code: u8, paint: Paint) -> String {
    let mut lines = vec![verdict(checks, exit_code, paint), String::new()];
    let mut before = "";
    for check in checks {
        let label = if check.id.label() == before { "" } else { check.id.label() };
        before = check.id.label();
        let start = format!("  {}{}  ", pad(&paint.mark(check.status), 2), paint.dim(&pad(label, LABEL)));
        lines.push(wrap(&check.message, &start, &" ".repeat(INDENT), paint));
        if matches!(check.status, Status::Warn | Status::Fail) {
            lines.extend(explanation(check, paint));
        }
    }
    lines.join("\n")
}

fn explanation(check: &Check, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    let mut part = |label: &str, text: &str| {
        let margin = " ".repeat(INDENT - 2);
        // Indented as a whole, and broken for what is left of the line.
        let narrow = Paint { columns: paint.columns.min(100).saturating_sub(INDENT - 2), ..paint };
        let text = labelled(label, text, narrow, 7);
        lines.extend(text.lines().map(|line| format!("{margin}{line}")));
    };
    if let Some(why) = &check.why {
        part("why", why);
    }
    for (index, step) in check.next.iter().enumerate() {
        part(if index == 0 { "do" } else { "or" }, &step.to_string());
    }
    if let (Some(code), Status::Fail) = (check.code, check.status) {
        part("see", &format!("snow explain {}", code.as_str()));
    }
    lines
}

fn verdict(checks: &[Check], exit_code: u8, paint: Paint) -> String {
    let count = |status: Status| checks.iter().filter(|check| check.status == status).count();
    let (failed, warned) = (count(Status::Fail), count(Status::Warn));
    let warnings = match warned {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        count => format!(", with {count} warnings"),
    };
    let (status, text) = match (failed, warned) {
        (0, 0) => (Status::Pass, "this machine is ready".to_owned()),
        (0, _) => (Status::Warn, format!("this machine is ready{warnings}")),
        (1, _) => (Status::Fail, format!("1 thing is wrong on this machine{warnings}")),
        (failed, _) => (Status::Fail, format!("{failed} things are wrong on this machine{warnings}")),
    };
    head(&format!("{} ", paint.mark(status)), &text, (exit_code > 0).then_some(exit_code), paint)
}

/// That the bundle was written, and what is proven of it.
pub fn bundle(path: &Path, count: usize, unchecked: &[Unchecked], paint: Paint) -> String {
    let searched = match count {
        0 => "No secret could be read to search for.".to_owned(),
        1 => "The one secret that could be read was searched for in it, and is not there.".to_owned(),
        count => format!("{count} secrets were searched for in it, as they are and encoded, and none is there."),
    };
    let written = shown!("The bundle is {}.", path.display());
    let mut lines = vec![String::new(), wrap(&written, "", "  ", paint), wrap(&searched, "", "", paint)];
    if !unchecked.is_empty() {
        let text = "Not searched for, so look for it yourself before you send the file:";
        lines.push(wrap(text, &format!("{} ", paint.bang()), "  ", paint));
        lines.extend(unchecked.iter().map(|one| {
            let text = format!("{}: {}", one.what, one.reason);
            wrap(&text, "    ", "      ", paint)
        }));
    }
    lines.join("\n")
}
