//! The HTML report of a run, in a real browser: read, searched, filtered, on a
//! phone, on paper, and with servers that would like to write in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use snow_connect::base::code::Code;
use snow_connect::base::error::{Cause, Failure, Likelihood};
use snow_connect::base::shown::{Shown, Step};
use snow_connect::check::report::{Check, CheckId, Identity, IdentitySource, NotTested, Report, Run};
use snow_connect::history::last_test::Change;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::service::servicenow::oauth::DEFAULTS;

use crate::world::World;
use crate::world::chromium::Chromium;
use crate::world::wire::{Wire, http};

/// What holds text on the page.
const TEXTS: &str = "h1, h2, h3, h4, p, a, b, i, span, code, button, label, dt, dd, li, th, td, time";

/// The names of the rows that are shown.
const SHOWN: &str = "[...document.querySelectorAll('#rows > ol > li')].filter(row => row.offsetHeight > 0)\
    .map(row => row.querySelector('h3').textContent)";

struct Fleet {
    world: World,
    report: PathBuf,
    _sandboxes: Vec<Sandbox>,
}

/// Connections that worked, and a run after something happened to some of them.
fn fleet() -> Fleet {
    let mut world = World::new();
    let report = world.home().join("report.html");
    let scenarios = [
        ("asleep", Some(Scenario::Hibernating)),
        ("behind", Some(Scenario::ClockSkew)),
        ("closed", Some(Scenario::BasicRefused)),
        ("dev", None),
        ("test", None),
    ];
    let sandboxes = scenarios.map(|(name, scenario)| {
        let sandbox = Sandbox::start(None, None).unwrap();
        world.connect(name, &sandbox.origin(), "beth.anglin", "sandbox-beth");
        sandbox.set_scenario(scenario);
        sandbox
    });
    let line = format!("test --all -o html={}", report.display());
    world.forget_how_long_it_took();
    world.run(&line).expect(12);
    Fleet { world, report, _sandboxes: sandboxes.into() }
}

fn opened(report: &Path) -> Chromium {
    let mut browser = Chromium::start();
    browser.look("light", 1100, 800);
    open(&mut browser, report);
    browser
}

fn open(browser: &mut Chromium, report: &Path) {
    browser.open(&address(report));
    browser.wait_until("document.title.endsWith('snow') && document.readyState === 'complete'");
}

fn address(report: &Path) -> String {
    url::Url::from_file_path(report).unwrap().into()
}

#[test]
fn the_report_of_a_run_is_one_file_that_loads_nothing_and_says_everything() {
    let fleet = fleet();
    let mut browser = opened(&fleet.report);
    assert_eq!(browser.value("document.querySelector('h1').textContent"), json!("2 of 5 connections failed"));
    let facts = browser.value("document.querySelector('.facts').textContent");
    assert!(facts.as_str().unwrap().contains(" UTC") && facts.as_str().unwrap().contains("exit code 12"), "{facts}");
    assert_eq!(browser.value(SHOWN), json!(["asleep", "behind", "closed", "dev", "test"]));
    assert_eq!(
        browser.value("[...document.querySelectorAll('#filters button')].map(button => button.innerText)"),
        json!(["All 5", "\u{2717}Failed 2", "\u{2713}Passed 3", "!Warnings 1", "\u{2022}New 2"])
    );
    assert_eq!(
        browser.value("[...document.querySelectorAll('#squares a')].map(link => link.textContent).join('')"),
        json!("\u{2717}!\u{2717}\u{2713}\u{2713}")
    );
    // What failed is open, and says what to do.
    let story = browser.value("document.querySelector('#c3 .story').innerText");
    for words in ["Why", "Do", "snow login closed", "New", "it worked just now", "snow explain basic-refused"] {
        assert!(story.as_str().unwrap().contains(words), "{words}: {story}");
    }
    for (scheme, width, height) in [("light", 1100, 800), ("dark", 1100, 800), ("light", 320, 720), ("dark", 320, 720)]
    {
        browser.look(scheme, width, height);
        browser.picture(&format!("report-{scheme}-{width}"));
        assert_eq!(browser.flaws(TEXTS), json!([]), "{scheme} {width}");
    }
    assert_eq!(browser.complaints(), [] as [Value; 0]);
    let requests = browser.requests();
    assert!(requests.iter().all(|request| *request == address(&fleet.report)), "{requests:?}");
    assert_eq!(requests.len(), 1);
    assert_eq!(browser.value("performance.getEntriesByType('resource').length"), json!(0));
    drop(fleet.world);
}

#[test]
fn rows_are_found_by_search_by_filter_and_by_their_square() {
    let fleet = fleet();
    let mut browser = opened(&fleet.report);
    browser.fill("#words", "SNOW LOGIN closed");
    browser.wait_until(&format!("{SHOWN}.length === 1"));
    assert_eq!(browser.value(SHOWN), json!(["closed"]));
    assert_eq!(browser.value("document.getElementById('shown').textContent"), json!("1 of 5 shown"));
    assert_eq!(browser.value("document.querySelectorAll('#squares .missed').length"), json!(4));
    browser.fill("#words", " and nothing like it");
    browser.wait_until("document.getElementById('shown').textContent === 'No connection matches.'");
    // The link of a square leads to its row all the same.
    browser.click("#squares li:nth-child(4) a");
    browser.wait_until("location.hash === '#c4' && document.querySelector('#c4 details').open");
    assert_eq!(browser.value("document.getElementById('words').value"), json!(""));
    assert_eq!(browser.value(&format!("{SHOWN}.length")), json!(5));
    let bars = browser.value(
        "[...document.querySelectorAll('#c4 .steps [class^=x]')]\
         .map(step => parseFloat(getComputedStyle(step, '::before').width))",
    );
    let bars = bars.as_array().unwrap();
    assert!(bars.len() >= 3 && bars.iter().all(|width| width.as_f64().unwrap() > 0.5), "{bars:?}");
    for (kind, names) in [
        ("failed", json!(["asleep", "closed"])),
        ("passed", json!(["behind", "dev", "test"])),
        ("has-warning", json!(["behind"])),
        ("is-new", json!(["asleep", "closed"])),
        ("all", json!(["asleep", "behind", "closed", "dev", "test"])),
    ] {
        browser.click(&format!("button[data-filter={kind}]"));
        browser.wait_until(&format!("document.querySelector('button[data-filter={kind}]').ariaPressed === 'true'"));
        assert_eq!(browser.value(SHOWN), names, "{kind}");
        assert_eq!(browser.value("document.querySelectorAll('[aria-pressed=true]').length"), json!(1));
    }
    browser.click("#c5 summary");
    browser.wait_until("document.querySelector('#c5 .steps').checkVisibility({contentVisibilityAuto: true})");
    browser.click("#open");
    browser.wait_until("document.querySelectorAll('details[open]').length === 5");
    browser.click("#open");
    browser.wait_until("document.querySelectorAll('details[open]').length === 0");
    assert_eq!(browser.complaints(), [] as [Value; 0]);
}

#[test]
fn without_scripts_and_on_paper_everything_can_be_read() {
    let fleet = fleet();
    let mut browser = opened(&fleet.report);
    browser.call("Emulation.setScriptExecutionDisabled", json!({"value": true}));
    browser.call("Page.reload", json!({}));
    browser.wait_until("document.readyState === 'complete' && document.getElementById('search').hidden");
    assert_eq!(browser.value("document.querySelectorAll('button:enabled').length"), json!(1), "only a hidden one");
    assert!(browser.value("document.getElementById('filters').innerText").as_str().unwrap().contains("Failed 2"));
    browser.click("#c4 summary");
    browser.wait_until("document.querySelector('#c4 .steps').checkVisibility({contentVisibilityAuto: true})");
    browser.click("#c4 summary");
    browser.wait_until("!document.querySelector('#c4 details').open");
    browser.picture("report-without-scripts");
    browser.look("dark", 690, 1000);
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    let hidden = "[...document.querySelectorAll('.steps, .story, .facts')].filter(part => !part.checkVisibility())";
    assert_eq!(browser.value(&format!("{hidden}.length")), json!(0));
    assert_eq!(browser.value("document.getElementById('search').offsetHeight"), json!(0));
    assert_eq!(browser.value("getComputedStyle(document.body).backgroundColor"), json!("rgb(255, 255, 255)"));
    assert_eq!(browser.flaws(TEXTS), json!([]));
    browser.picture("report-print");
    let paper = browser.call("Page.printToPDF", json!({"printBackground": false}));
    assert!(paper["data"].as_str().unwrap().len() > 10_000);
}

#[test]
fn what_a_server_says_stays_text() {
    let is_hostile = Arc::new(AtomicBool::new(false));
    let said = is_hostile.clone();
    let server = Wire::replies(move |head| {
        let headers = "Server: ServiceNow\r\nContent-Type: application/json\r\n";
        match (said.load(Ordering::SeqCst), head.contains("current_user")) {
            (false, true) => http(200, headers, "{\"result\":{\"user_name\":\"beth\"}}"),
            (false, false) => http(200, headers, "{\"result\":[{\"sys_id\":\"1\"}]}"),
            (true, _) => {
                let message = "]]><script>document.title='owned'</script><img src=x onerror=alert(1)>";
                let detail = "</dd></dl></details><h1 id=owned>\"'&lt;owned";
                let body = json!({"error": {"message": message, "detail": detail}, "status": "failure"});
                http(401, headers, &body.to_string())
            }
        }
    });
    let mut world = World::new();
    world.connect("hostile", &server.origin(), "beth", "sandbox-beth");
    is_hostile.store(true, Ordering::SeqCst);
    let report = world.home().join("report.html");
    let outcome = world.run(&format!("test --all -o html={}", report.display())).expect(4);
    outcome.says(&["<script>document.title='owned'</script>"]);
    let mut browser = opened(&report);
    assert_eq!(browser.value("document.title"), json!("hostile failed \u{b7} snow"));
    assert_eq!(browser.value("document.querySelectorAll('img, #owned').length"), json!(0));
    assert_eq!(browser.value("document.scripts.length"), json!(1));
    let seen = browser.value("document.querySelector('.seen').innerText");
    assert!(seen.as_str().unwrap().contains("]]><script>document.title='owned'</script><img"), "{seen}");
    assert_eq!(browser.complaints(), [] as [Value; 0]);
    assert_eq!(browser.requests().len(), 1);
}

#[test]
fn a_report_of_five_hundred_connections_fits_every_window_and_leads_to_each_row() {
    let home = tempfile::tempdir().unwrap();
    let report = home.path().join("500.html");
    std::fs::write(&report, snow_connect::report::html::page(&many(500))).unwrap();
    let mut browser = opened(&report);
    for (scheme, width, height) in [("light", 390, 800), ("dark", 1100, 1000), ("light", 1100, 1000)] {
        browser.look(scheme, width, height);
        browser.picture(&format!("report-many-{scheme}-{width}"));
        assert_eq!(browser.value("document.documentElement.scrollWidth > innerWidth"), json!(false));
    }
    // A row far below the window is found as well.
    browser.click("#squares li:nth-child(445) a");
    browser.wait_until(
        "(() => { const top = document.querySelector('#c445 .steps').getBoundingClientRect().top; \
         return top > 0 && top < innerHeight; })()",
    );
    browser.picture("report-many-row");
    assert_eq!(browser.complaints(), [] as [Value; 0]);
}

fn many(connections: usize) -> Run {
    let started_at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    let reports = (0..connections).map(|index| one_of_many(index, connections, started_at)).collect();
    Run { started_at, duration: Duration::from_millis(8420), reports, stopped_by: None }
}

fn one_of_many(index: usize, of: usize, tested_at: DateTime<Utc>) -> Report {
    let took = |id, milliseconds| Check::pass(id).taking(Some(Duration::from_millis(milliseconds)));
    let slowness = 20 + (index as u64 * 37) % 120;
    let mut checks = vec![
        Check::pass(CheckId::ConfigConnection),
        took(CheckId::StoreSecret, 4),
        took(CheckId::NetworkDns, slowness / 4),
        took(CheckId::NetworkTcp, slowness / 2),
        took(CheckId::NetworkTls, slowness),
        Check::pass(CheckId::InstanceOf(&DEFAULTS)),
        Check::pass(CheckId::InstanceAwake),
    ];
    let mut changes = Vec::new();
    let name = format!("customer-{index:03}-{}", ["prod", "test", "dev"][index % 3]);
    if index % 19 == 7 {
        checks.push(Check::fail(CheckId::AuthRequest, refused(&name)).taking(Some(Duration::from_millis(180))));
        checks.extend([Check::skip(CheckId::AccessTable).of("incident"), Check::skip(CheckId::AuthIdentity)]);
        if index.is_multiple_of(2) {
            changes.push(Change::Failed { worked_at: tested_at - TimeDelta::hours(26) });
        }
    } else {
        checks.push(took(CheckId::AuthRequest, slowness * 2));
        checks.push(took(CheckId::AccessTable, slowness).of("incident"));
        checks.push(took(CheckId::AuthIdentity, slowness));
    }
    if index % 23 == 5 {
        let warning = Failure::new(Code::CertificateEnds, "the certificate of the instance ends in 9 days")
            .why("It is valid until 2024-10-13.")
            .next("Ask the people who run the host to renew it")
            .evidence("not_after", "2024-10-13");
        checks.push(Check::warn(CheckId::QualityCertificate, warning));
    }
    if index % 41 == 3 {
        changes.push(Change::LatencyDoubled { before_ms: 90, latency_ms: 260 });
    }
    let is_last = index + of / 50 >= of;
    Report {
        instance: format!("https://customer{index:03}.service-now.com"),
        id: None,
        auth: ["basic", "oauth", "client-credentials"][index % 3],
        store: "keyring",
        token: None,
        identity: (index % 19 != 7 && !is_last)
            .then(|| Identity { user_name: "svc.integration".into(), source: IdentitySource::Instance }),
        certificate_ends: Some(tested_at + TimeDelta::days(60)),
        tested_at,
        duration: Duration::from_millis(slowness * 5),
        checks: if is_last { Vec::new() } else { checks },
        strict: None,
        latency: Some(Duration::from_millis(slowness * 2)),
        worked_before: None,
        changes: if is_last { Vec::new() } else { changes },
        not_tested: is_last.then_some(NotTested::FailFast),
        name,
    }
}

fn refused(name: &str) -> Failure {
    let cause = |likelihood, text: &'static str| Cause { code: "cause", likelihood, text: text.into() };
    Failure::new(Code::BasicRefused, Shown::outside(format!("{name} refused user name or password")))
        .why("From outside, a wrong password looks the same as a locked user.")
        .causes([
            cause(Likelihood::High, "the password is wrong or has expired"),
            cause(Likelihood::Medium, "the user is locked out or inactive"),
            cause(Likelihood::Low, "the Basic restriction is on, which refuses every password of this user"),
        ])
        .next(Step::say("Enter the right one: ").and_run(Shown::outside(format!("snow login {name}"))))
        .next(Step::say("Sign in with OAuth, which the restriction does not affect: ").and_run("snow guide oauth"))
        .evidence("http_status", 401_u16)
        .evidence("server_message", "User Not Authenticated")
        .evidence("server_detail", "Required to provide Auth information")
        .evidence("transaction_id", "4f0c2b1adb1f")
}
