//! What each error code means.
//!
//! The texts are Markdown, one file a class in `src/explain`: `# code`, a
//! summary of one line, and what there is to say. The likely causes come from
//! the rows that diagnose; a text has its own where no row knows any. No I/O; how
//! they are shown is for the commands to say.

use crate::base::code::{Class, Code};
use crate::base::error::{CausesOfCode, Likelihood};
use crate::base::shown::Step;
use crate::cli::shell;
use crate::service::{SERVICES, probe, usual};
use crate::{check, http, store};

const LIKELY_CAUSES: &str = "## Likely causes";
const WHAT_TO_DO: &str = "## What to do";

/// What there is to say about one code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One line, without a full stop.
    pub summary: &'static str,
    /// Markdown below the summary; its headings are of the second level.
    pub body: String,
}

/// The text of `code`.
pub fn explanation(code: Code) -> Explanation {
    let (summary, text) = section(texts(code.class()), code.as_str()).expect("every code has a text");
    let causes = causes(code);
    let body = match text.find(WHAT_TO_DO) {
        Some(at) if !causes.is_empty() => {
            let (before, after) = text.split_at(at);
            format!("{before}{LIKELY_CAUSES}\n\n{}\n{after}", numbered(&causes))
        }
        _ => text.to_owned(),
    };
    Explanation { summary, body: shell::for_this_system(&body).into_owned() }
}

/// What may be behind a code by all rows that have it, most likely first, in
/// general words. Those of a service that only some connections are of come last.
fn causes(code: Code) -> Vec<String> {
    let rows = http::failure::causes()
        .chain(usual().causes())
        .chain(check::tables::causes())
        .chain(probe::causes())
        .chain(store::causes());
    let mut causes = ranked(code, rows);
    for service in &SERVICES[1..] {
        let when = if causes.is_empty() { None } else { Some(service.defaults().place) };
        let rows = service.causes().into_iter().map(|row| CausesOfCode { when, ..row });
        causes.extend(ranked(code, rows));
    }
    causes
}

/// The causes of a code, most likely first. Where two rows of it know the same cause, the
/// first words stand.
fn ranked(code: Code, rows: impl Iterator<Item = CausesOfCode>) -> Vec<String> {
    let general = GENERAL.map(|(place, words)| (place, Step::from(words)));
    let mut known: Vec<&str> = Vec::new();
    let mut ranked: Vec<(Likelihood, String)> = Vec::new();
    for CausesOfCode { when, causes, .. } in rows.filter(|row| row.code == code) {
        let new = causes.iter().filter(|(word, ..)| !known.contains(word));
        for (_, likelihood, text) in new {
            let text = Step::filled(text, &general).text();
            let text = when.map_or_else(|| text.to_string(), |when| format!("{when}: {text}"));
            if ranked.iter().all(|(_, other)| *other != text) {
                ranked.push((*likelihood, text));
            }
        }
        known.extend(causes.iter().map(|(word, ..)| word));
    }
    ranked.sort_by_key(|(likelihood, _)| *likelihood);
    ranked.into_iter().map(|(_, text)| text).collect()
}

/// The places of causes, where nothing is known of an instance or a user.
const GENERAL: [(&str, &str); 8] = [
    ("{host}", "the instance"),
    ("{user}", "the user"),
    ("{table}", "the table"),
    ("{fields}", "the field"),
    ("{redirect_uri}", "the redirect URI"),
    ("{code_age}", "more than 60 s"),
    ("{clock}", "this machine is ahead of the instance or behind it"),
    ("{session_age}", "longer ago"),
];

fn numbered(causes: &[String]) -> String {
    let mut list = String::new();
    for (number, cause) in (1..).zip(causes) {
        let (first, rest) = cause.split_at(cause.chars().next().map_or(0, char::len_utf8));
        list.push_str(&format!("{number}. {}{rest}.\n", first.to_uppercase()));
    }
    list
}

/// The code of this name, and where there is none, the one that is closest.
pub fn find(name: &str) -> Result<Code, Option<Code>> {
    let name = name.trim().to_ascii_lowercase();
    if let Some(code) = Code::ALL.iter().find(|code| code.as_str() == name) {
        return Ok(*code);
    }
    let distance = |code: &Code| strsim::damerau_levenshtein(code.as_str(), &name);
    let by_letters = Code::ALL.iter().min_by_key(|code| distance(code)).filter(|code| distance(code) <= 3);
    // A part of a name that only one code has, as in `hibernating`.
    let mut holding = Code::ALL.iter().filter(|code| name.len() > 3 && code.as_str().contains(&name));
    let by_part = match (holding.next(), holding.next()) {
        (Some(code), None) => Some(code),
        _ => None,
    };
    Err(by_letters.or(by_part).copied())
}

fn texts(class: Class) -> &'static str {
    match class {
        Class::Config => include_str!("../explain/config.md"),
        Class::Auth => include_str!("../explain/auth.md"),
        Class::Forbidden => include_str!("../explain/forbidden.md"),
        Class::Network => include_str!("../explain/network.md"),
        Class::Instance => include_str!("../explain/instance.md"),
        Class::RateLimited => include_str!("../explain/rate-limited.md"),
        Class::Store => include_str!("../explain/store.md"),
        Class::Api => include_str!("../explain/api.md"),
        Class::Assertion => include_str!("../explain/assertion.md"),
        Class::Internal | Class::Usage | Class::Mixed | Class::Signal => include_str!("../explain/others.md"),
    }
}

/// What stands under the heading `# name`.
fn section(texts: &'static str, name: &str) -> Option<(&'static str, &'static str)> {
    let mut sections = texts.split("\n# ").map(|section| section.strip_prefix("# ").unwrap_or(section));
    let (_, rest) = sections.find_map(|section| section.split_once('\n').filter(|(heading, _)| *heading == name))?;
    let (summary, body) = rest.split_once('\n')?;
    Some((summary, body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_text_and_every_text_a_code() {
        let files = [
            Class::Config,
            Class::Auth,
            Class::Forbidden,
            Class::Network,
            Class::Instance,
            Class::RateLimited,
            Class::Store,
            Class::Api,
            Class::Assertion,
            Class::Usage,
        ];
        let headings: Vec<&str> =
            files.iter().flat_map(|class| texts(*class).lines()).filter_map(|line| line.strip_prefix("# ")).collect();
        for code in Code::ALL {
            assert_eq!(headings.iter().filter(|heading| **heading == code.as_str()).count(), 1, "{}", code.as_str());
            assert!(section(texts(code.class()), code.as_str()).is_some(), "{} is in another file", code.as_str());
        }
        assert_eq!(headings.len(), Code::ALL.len(), "a text without a code");
    }

    #[test]
    fn every_text_says_what_to_do_and_what_was_done() {
        for code in Code::ALL {
            let Explanation { summary, body } = explanation(*code);
            let name = code.as_str();
            assert!((10..=55).contains(&summary.len()) && !summary.ends_with('.'), "{name}: {summary}");
            let headings: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("## ")).collect();
            let order = ["Likely causes", "What to do", "What snow did"];
            let expected: Vec<&str> = order.into_iter().filter(|heading| headings.contains(heading)).collect();
            assert_eq!(headings, expected, "{name}");
            assert!(headings.contains(&"What to do") && headings.contains(&"What snow did"), "{name}");
            assert!(!body.contains("\n\n\n"), "{name}");
        }
    }

    #[test]
    fn a_text_has_causes_of_its_own_only_where_no_row_knows_any() {
        for code in Code::ALL {
            let (_, text) = section(texts(code.class()), code.as_str()).unwrap();
            assert!(causes(*code).is_empty() || !text.contains(LIKELY_CAUSES), "{} has both", code.as_str());
        }
    }

    #[test]
    fn a_code_is_found_by_name_and_nearly() {
        assert_eq!(find("tls-expired"), Ok(Code::TlsExpired));
        assert_eq!(find(" TLS-Expired "), Ok(Code::TlsExpired));
        assert_eq!(find("tsl-expired"), Err(Some(Code::TlsExpired)));
        assert_eq!(find("hibernating"), Err(Some(Code::InstanceHibernating)));
        assert_eq!(find("keyring"), Err(None));
        assert_eq!(find("$(x) \u{1b}[31m and more"), Err(None));
    }
}
