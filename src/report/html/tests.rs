//! What the page holds, and what must not become a part of it. How it looks and
//! works in a browser is tested from outside.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::base::code::Code;
use crate::base::error::{Cause, Failure, Likelihood};
use crate::base::shown::Step;
use crate::check::report::{Check, CheckId, Identity, IdentitySource, NotTested};
use crate::history::last_test::Change;

const HOSTILE: &str = "]]><script>alert(\"x\")</script><img src=x onerror='y'>&amp;";

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn report(name: &str) -> Report {
    Report {
        name: name.to_owned(),
        id: None,
        instance: format!("https://{name}.service-now.com"),
        auth: "basic",
        store: "keyring",
        token: None,
        identity: Some(Identity { user_name: "beth.anglin".into(), source: IdentitySource::Instance }),
        certificate_ends: Some(now() + TimeDelta::days(90)),
        tested_at: now(),
        duration: Duration::from_millis(214),
        checks: vec![
            Check::pass(CheckId::ConfigConnection),
            Check::pass(CheckId::NetworkTls).taking(Some(Duration::from_millis(50))),
            Check::pass(CheckId::AccessTable).of("incident").taking(Some(Duration::from_millis(150))),
        ],
        strict: None,
        latency: Some(Duration::from_millis(150)),
        changes: Vec::new(),
        worked_before: None,
        not_tested: None,
    }
}

fn failing(name: &str, failure: Failure) -> Report {
    let mut report = report(name);
    report.checks.push(Check::fail(CheckId::AuthRequest, failure));
    report.checks.push(Check::skip(CheckId::AuthIdentity));
    report
}

fn refused() -> Failure {
    Failure::new(Code::BasicRefused, "the instance refused the password")
        .next(Step::say("If it changed: ").and_run("snow login acme"))
}

fn run(reports: Vec<Report>) -> Run {
    Run { started_at: now(), duration: Duration::from_millis(1234), reports, stopped_by: None }
}

fn element<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start} in {page}"));
    rest.split_once(end).unwrap().0
}

#[test]
fn names_and_texts_from_elsewhere_are_text_wherever_they_stand() {
    let cause = Cause { code: "x", likelihood: Likelihood::High, text: HOSTILE.into() };
    let failure = Failure::new(Code::ApiAcl, HOSTILE)
        .why(HOSTILE)
        .causes([cause])
        .next(HOSTILE)
        .evidence("server_message", HOSTILE)
        .evidence("rows", vec![HOSTILE.into(), HOSTILE.into()]);
    let mut hostile = failing(HOSTILE, failure.clone());
    hostile.instance = HOSTILE.to_owned();
    hostile.identity = Some(Identity { user_name: HOSTILE.into(), source: IdentitySource::Configured });
    hostile.changes = vec![Change::FailsOtherwise { before: HOSTILE.to_owned(), since: now() }];
    hostile.checks.push(Check::fail(CheckId::AccessTable, failure.clone()).of(HOSTILE));
    hostile.checks.push(Check::warn(CheckId::QualityClock, failure));
    let page = page(&run(vec![hostile]));
    let body = page.split_once("<body>").unwrap().1;
    assert!(body.matches("]]&gt;&lt;script&gt;alert(&quot;x&quot;)").count() > 15);
    assert!(!page.contains("]]>") && !page.contains("<img"));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert_eq!(page.matches("<title>").count(), 1);
    let expected: String = HOSTILE.chars().filter(|character| !character.is_whitespace()).collect();
    let title: String = element(&page, "<title>", "</title>").split_whitespace().collect();
    let title = title.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
    assert!(title.replace("&amp;", "&").starts_with(&expected), "{title}");
}

#[test]
fn the_policy_allows_this_style_and_this_script_and_nothing_else() {
    let page = page(&run(vec![report("acme")]));
    let policy = element(&page, "Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
    let hash = |inlined: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(inlined)));
    let style = hash(element(&page, "<style>", "</style>"));
    let script = hash(element(&page, "<script>", "</script>"));
    let expected =
        format!("default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'");
    assert_eq!(policy, expected);
    // A parser would make one line end of two characters, and another hash.
    assert!(!STYLE.contains('\r') && !SCRIPT.contains('\r'));
    for inline in [" style=", " onclick=", " onload=", "javascript:"] {
        assert!(!page.contains(inline), "{inline}");
    }
}

#[test]
fn nothing_is_loaded_and_links_lead_within_the_page_or_to_an_instance() {
    let page = page(&run(vec![report("acme"), failing("beta", refused())]));
    for outside in [" src=", "url(", "@import", "<link", "<iframe", "<base", "<form", "fetch(", "XMLHttp", "import("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let instance = "<a target=\"_blank\" rel=\"noopener noreferrer\" href=\"https://";
    let (within, to_instances) = (page.matches("href=\"#c").count(), page.matches(instance).count());
    assert_eq!((within, to_instances), (2, 2));
    assert_eq!(page.matches("href=").count(), within + to_instances);
}

#[test]
fn the_headline_is_the_verdict() {
    let skipped = || Report { not_tested: Some(NotTested::Stopped), ..report("later") };
    let failed = || failing("beta", refused());
    for (reports, expected) in [
        (vec![report("acme")], "acme works"),
        (vec![failed()], "beta failed"),
        (vec![skipped()], "later was not tested"),
        (vec![report("a"), report("b")], "All 2 connections work"),
        (vec![report("a"), failed()], "1 of 2 connections failed"),
        (vec![report("a"), failed(), skipped()], "1 of 3 connections failed, 1 not tested"),
        (vec![report("a"), skipped()], "1 of 2 connections work, 1 not tested"),
        (vec![skipped(), skipped()], "None of 2 connections was tested"),
        (vec![], "No connection was tested"),
    ] {
        assert_eq!(headline(&run(reports)), expected);
    }
    let stopped = Run { stopped_by: Some(130), ..run(vec![report("a"), skipped()]) };
    assert_eq!(headline(&stopped), "Stopped: 1 of 2 connections work, 1 not tested");
    assert!(page(&stopped).contains("exit code 130"));
}

#[test]
fn every_count_is_there_and_what_is_new_has_words() {
    let mut slower = report("slower");
    slower.changes = vec![Change::LatencyDoubled { before_ms: 100, latency_ms: 250 }];
    slower.checks.push(Check::warn(CheckId::QualityClock, Failure::new(Code::ClockSkew, "the clocks differ")));
    let mut new = failing("beta", refused());
    new.changes = vec![Change::Failed { worked_at: now() - TimeDelta::hours(2) }];
    let page = page(&run(vec![report("acme"), slower, new]));
    for (kind, count) in [("all", 3), ("failed", 1), ("passed", 2), ("has-warning", 1), ("is-new", 2)] {
        let button = element(&page, &format!("data-filter=\"{kind}\" aria-pressed"), "</button>");
        assert!(button.ends_with(&format!("<b>{count}</b>")), "{button}");
    }
    assert!(!page.contains("data-filter=\"not-tested\" aria-pressed"));
    for words in
        ["it worked 2 h ago", "the first request took 250 ms, and 100 ms before", "<code>snow login acme</code>"]
    {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn failures_are_open_only_where_they_are_few() {
    let open = |failed: usize| {
        let reports = (0..10).map(|index| if index < failed { failing("beta", refused()) } else { report("acme") });
        page(&run(reports.collect())).matches("<details open>").count()
    };
    assert_eq!([0, 1, OPENED, OPENED + 1, 10].map(open), [0, 1, OPENED, 0, 0]);
    assert!(page(&run(vec![report("acme")])).contains("<details open>"));
}

#[test]
fn rows_are_numbered_through_their_groups_and_the_style_knows_the_size_of_one() {
    let page = page(&run((0..60).map(|_| report("acme")).collect()));
    for start in ["<ol start=\"1\">", "<ol start=\"26\">", "<ol start=\"51\">"] {
        assert_eq!(page.matches(start).count(), 1, "{start}");
    }
    for number in 1..=60 {
        assert_eq!(page.matches(&format!("<li id=\"c{number}\"")).count(), 1);
        assert_eq!(page.matches(&format!("href=\"#c{number}\"")).count(), 1);
    }
    assert_eq!(STYLE.matches(&format!("calc({GROUP} * ")).count(), 2);
}
