//! The report of a run as JUnit XML, in the form that Jenkins' own schema
//! describes: one suite, with a case for each connection.

use std::io;
use std::time::Duration;

use chrono::SecondsFormat;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::text;
use crate::check::report::{Report, Run, Status, Summary, Verdict};
use crate::report::paint::Paint;

type Xml = Writer<Vec<u8>>;

/// The XML document.
pub fn document(run: &Run) -> String {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    write(&mut xml, run).expect("memory takes everything");
    String::from_utf8(xml.into_inner()).expect("text was written")
}

fn write(xml: &mut Xml, run: &Run) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let Summary { total, failed, skipped, .. } = run.summary();
    let [total, failed, skipped] = [total, failed, skipped].map(|count| count.to_string());
    let took = seconds(run.duration);
    let started_at = run.started_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let totals = [
        ("name", "snow test"),
        ("tests", total.as_str()),
        ("failures", failed.as_str()),
        ("errors", "0"),
        ("time", took.as_str()),
    ];
    let of_suite = [("skipped", skipped.as_str()), ("timestamp", started_at.as_str())];
    let suites = xml.create_element("testsuites").with_attributes(totals);
    suites.write_inner_content(|xml| {
        let suite = xml.create_element("testsuite").with_attributes(totals).with_attributes(of_suite);
        suite.write_inner_content(|xml| run.reports.iter().try_for_each(|report| case(xml, report)))?;
        Ok(())
    })?;
    Ok(())
}

fn case(xml: &mut Xml, report: &Report) -> io::Result<()> {
    let (name, class, took) = (valid(&report.name), format!("snow.{}", report.auth), seconds(report.duration));
    let attributes = [("name", name.as_str()), ("classname", class.as_str()), ("time", took.as_str())];
    xml.create_element("testcase").with_attributes(attributes).write_inner_content(|xml| {
        match report.verdict() {
            Verdict::Passed => {}
            Verdict::NotTested(why) => {
                xml.create_element("skipped").with_attribute(("message", why.sentence())).write_empty()?;
            }
            Verdict::Failed(failure) => {
                let message = valid(failure.message());
                let failed = [("type", failure.code().as_str()), ("message", message.as_str())];
                let text = valid(&text::report(report, Paint::PLAIN));
                xml.create_element("failure").with_attributes(failed).write_text_content(BytesText::new(&text))?;
            }
        }
        xml.create_element("system-out").write_text_content(BytesText::new(&valid(&steps(report))))?;
        Ok(())
    })?;
    Ok(())
}

/// Every step, also where the test passed.
fn steps(report: &Report) -> String {
    let mut lines = vec![format!("{}, {}", report.instance, text::auth_label(report.auth))];
    for check in &report.checks {
        let target = check.target.as_ref().map_or_else(String::new, |target| format!(" {target}"));
        let took = check.took.map_or_else(String::new, |took| format!(" {}", text::took(took)));
        let error = match (check.status, &check.error) {
            (Status::Warn | Status::Fail, Some(error)) => format!(": {} ({})", error.message(), error.code().as_str()),
            _ => String::new(),
        };
        lines.push(format!("{} {}{target}{took}{error}", check.status.as_str(), check.id.as_str()));
    }
    lines.extend(text::changes(report).iter().map(|change| format!("new: {change}")));
    lines.join("\n")
}

/// As the schema has times: seconds, with three digits after the point.
fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// Without what no XML 1.0 document may hold, not even escaped (§2.2).
fn valid(text: &str) -> String {
    let is_allowed = |character: char| match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        character => character >= ' ',
    };
    text.chars().map(|character| if is_allowed(character) { character } else { '\u{fffd}' }).collect()
}
