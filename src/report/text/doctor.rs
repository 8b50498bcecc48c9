//! What the doctor found, as text.

use std::path::Path;

use super::lines::{self, head, labelled, pad, whole, wrap};
use crate::base::shown::shown;
use crate::check::report::Status;
use crate::doctor::Check;
use crate::doctor::stores::Unchecked;
use crate::report::paint::Paint;

/// Where the message of a check begins, and the text of a reason under it.
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
    // Two further to the right, below the label of the check.
    let narrow = Paint { columns: paint.columns.min(100).saturating_sub(2), ..paint };
    let why = check.why.iter().map(|why| labelled("why", why, narrow, INDENT - 2));
    let steps = check.next.iter().enumerate().map(|(index, step)| lines::step(index, step, narrow, INDENT - 2));
    let code = check.code.filter(|_| check.status == Status::Fail);
    let see = code.map(|code| labelled("see", &whole(&format!("snow explain {}", code.as_str())), narrow, INDENT - 2));
    let parts = why.chain(steps).chain(see);
    parts.flat_map(|part| part.lines().map(|line| format!("  {line}")).collect::<Vec<_>>()).collect()
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
        1 => "The one secret that could be read was searched for in it and not found.".to_owned(),
        count => format!("{count} secrets were searched for in it, as they are and encoded, and none was found."),
    };
    let written = shown!("Bundle written to {}.", path.display());
    let mut lines = vec![String::new(), wrap(&written, "", "  ", paint), wrap(&searched, "", "", paint)];
    if !unchecked.is_empty() {
        let text = "Not searched for; look yourself before you send the file:";
        lines.push(wrap(text, &format!("{} ", paint.bang()), "  ", paint));
        lines.extend(unchecked.iter().map(|one| {
            let text = format!("{}: {}", one.what, one.reason);
            wrap(&text, "    ", "      ", paint)
        }));
    }
    lines.join("\n")
}
