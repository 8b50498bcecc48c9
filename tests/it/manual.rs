//! Signing in by paste: a person brings what the browser shows.

use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::oauth::{connect_line, sandbox};
use crate::world::browser::{get, parameter, sign_in};
use crate::world::keyring::Session;
use crate::world::pty::Terminal;
use crate::world::{Answer, Shown, World};

/// A public client: no secret is typed.
const NO_SECRET: Answer = Answer::Secret("");

fn manual_line(sandbox: &Sandbox) -> String {
    format!("{} --manual", connect_line(sandbox))
}

/// The address where the browser of beth.anglin ends, and nobody answers.
fn address(shown: &Shown) -> String {
    assert_eq!(shown.question, "Address");
    sign_in(&shown.url, "beth.anglin", "allow")
}

fn code(shown: &Shown) -> String {
    parameter(&address(shown), "code")
}

#[test]
fn the_whole_address_is_taken_and_said_beforehand_is_what_will_be_seen() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([NO_SECRET, Answer::Pastes(address)]);
    let outcome = world.run(&manual_line(&sandbox)).expect(0);
    let (before, _) = outcome.stderr.split_once("exactly   http://127.0.0.1:").expect("what must be registered");
    let before = before.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(before.contains("site can't be reached"), "{before}");
    assert!(before.contains("within 60 seconds"), "{before}");
    assert!(before.contains("/oauth_auth.do?response_type=code"), "{before}");
    world.run("test acme").expect(0);
    assert_eq!(sandbox.token_requests().authorization_code, 1);
}

#[test]
fn the_address_may_come_with_what_people_copy_along() {
    let sandbox = sandbox();
    let pastes: [fn(&Shown) -> String; 4] = [
        |shown| format!("  \"{}\"  ", address(shown)),
        |shown| format!("<{}#>", address(shown)),
        |shown| address(shown).trim_start_matches("http://").to_owned(),
        |shown| address(shown).split_once('?').unwrap().1.to_owned(),
    ];
    for paste in pastes {
        let mut world = World::new();
        world.person([NO_SECRET, Answer::Pastes(paste)]);
        world.run(&manual_line(&sandbox)).expect(0);
    }
}

#[test]
fn nobody_listens_for_a_paste() {
    let sandbox = sandbox();
    let mut world = World::new();
    // A port in use does not matter.
    let squatter = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://127.0.0.1:{}/callback", squatter.local_addr().unwrap().port());
    world.person([NO_SECRET, Answer::Pastes(address)]);
    let line = format!("connect {} --client-id sandbox-public --redirect-uri {uri} --manual", sandbox.origin());
    world.run(&line).expect(0);
}

#[test]
fn with_pkce_the_bare_code_is_enough() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([NO_SECRET, Answer::Pastes(code)]);
    world.run(&manual_line(&sandbox)).expect(0);
}

// B1
#[test]
fn without_pkce_a_bare_code_is_refused_and_the_address_asked_for_again() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([
        Answer::Secret("sandbox-confidential-secret"),
        Answer::Pastes(code),
        Answer::Pastes(|shown| {
            assert!(shown.hint.contains("the whole address with its state is needed"), "{shown:?}");
            address(shown)
        }),
    ]);
    let line = manual_line(&sandbox).replace("sandbox-public", "sandbox-confidential");
    let outcome = world.run(&format!("{line} --no-pkce")).expect(0);
    outcome.says(&["the code alone is not enough without PKCE"]);
    assert_eq!(sandbox.token_requests().total(), 1);
}

#[test]
fn garbage_and_the_answer_to_another_attempt_are_explained_and_the_right_one_still_counts() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([
        NO_SECRET,
        Answer::Text("what do you mean?"),
        Answer::Pastes(|shown| {
            assert!(!shown.hint.is_empty());
            "two words".to_owned()
        }),
        Answer::Pastes(|shown| {
            assert!(shown.hint.contains("neither the address that the browser shows nor a code"), "{shown:?}");
            shown.url.clone()
        }),
        Answer::Pastes(|shown| {
            // The address to open instead of the one that came of it.
            assert!(!shown.hint.is_empty());
            address(shown).replace(&parameter(&shown.url, "state"), "0000")
        }),
        Answer::Pastes(|shown| {
            assert!(shown.hint.contains("another attempt"), "{shown:?}");
            address(shown)
        }),
    ]);
    world.run(&manual_line(&sandbox)).expect(0);
    assert_eq!(sandbox.token_requests().total(), 1);
}

#[test]
fn after_five_wrong_pastes_it_ends_and_nothing_was_sent() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([NO_SECRET].into_iter().chain((0..5).map(|_| Answer::Text("not it"))));
    let outcome = world.run(&format!("{} --json", manual_line(&sandbox))).expect(4);
    assert_eq!(outcome.error_code(), "login-denied");
    assert_eq!(sandbox.token_requests().total(), 0);
    assert_eq!(world.config(), "");
}

#[test]
fn a_pasted_denial_is_a_denial() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([NO_SECRET, Answer::Pastes(|shown| sign_in(&shown.url, "beth.anglin", "deny"))]);
    world.run(&manual_line(&sandbox)).expect(4).says(&["did not grant the sign-in"]);
    assert_eq!(sandbox.token_requests().total(), 0);
}

#[test]
fn a_redirect_uri_that_leads_elsewhere_is_pasted_without_asking_for_it() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([
        NO_SECRET,
        Answer::Pastes(|shown| {
            assert_eq!(parameter(&shown.url, "redirect_uri"), "https://acme.example/cb");
            format!("https://acme.example/cb?error=access_denied&state={}", parameter(&shown.url, "state"))
        }),
    ]);
    let line =
        format!("connect {} --client-id sandbox-public --redirect-uri https://acme.example/cb", sandbox.origin());
    world.run(&line).expect(4);
}

// H5
#[test]
fn without_a_terminal_there_is_nobody_to_paste() {
    let sandbox = sandbox();
    for more in ["", " --no-input"] {
        let outcome = World::new().run(&format!("{}{more} --json", manual_line(&sandbox))).expect(3);
        assert_eq!(outcome.error_code(), "no-terminal");
        assert!(!outcome.stderr.contains("oauth_auth.do"));
    }
    World::new().run(&format!("connect {} --sdk-client", sandbox.origin())).expect(3);
    assert_eq!(sandbox.token_requests().total(), 0);
}

/// The page that shows the code, as the browser of a person opens it.
fn code_on_page(shown: &Shown) -> String {
    assert_eq!(shown.question, "Code");
    code_of_page(&shown.url)
}

fn code_of_page(url: &str) -> String {
    let origin = url::Url::parse(url).unwrap().origin().ascii_serialization();
    let page = get(&format!("{origin}{}", sign_in(url, "beth.anglin", "allow")));
    let (_, rest) = page.body.split_once("tabindex=\"0\">").expect("the code");
    rest.split('<').next().unwrap().to_owned()
}

#[test]
fn servicenows_own_client_signs_in_by_a_code_from_a_page_of_the_instance() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([Answer::Pastes(code_on_page)]);
    let outcome = world.run(&format!("connect {} --name acme --sdk-client", sandbox.origin())).expect(0);
    outcome.says(&["Then a page shows a code", "within 60 seconds", "ServiceNow SDK"]);
    assert!(!outcome.stderr.contains("site can't be reached"), "{}", outcome.stderr);
    let url = outcome.stderr.lines().find(|line| line.contains("/oauth_auth.do?")).unwrap().trim();
    assert_eq!(parameter(url, "redirect_uri"), "/sdk-oauth.do");
    assert!(!url.contains("scope="), "{url}");
    assert_eq!(parameter(url, "code_challenge_method"), "S256");
    world.run("test acme").expect(0);
}

#[test]
fn where_servicenows_own_client_is_missing_it_is_said_before_the_sign_in() {
    let sandbox = sandbox();
    sandbox.set_scenario(Some(Scenario::NoSdkClient));
    let mut world = World::new();
    world.person((0..5).map(|_| Answer::Text("not it")));
    let outcome = world.run(&format!("connect {} --sdk-client", sandbox.origin())).expect(4);
    outcome.says(&["has no page for ServiceNow's own client", "--client-id"]);
}

#[test]
fn a_person_pastes_at_a_real_terminal() {
    let session = Session::new();
    let sandbox = sandbox();
    let command = session.command(&["connect", &sandbox.origin(), "--name", "acme", "--sdk-client"]);
    let mut terminal = Terminal::start(session.home(), &command);
    terminal.wait_for("Open this address in a browser, and sign in:");
    terminal.wait_for(&sandbox.origin());
    let rest = terminal.wait_for_line("response_type=code");
    terminal.wait_for("Code");
    terminal.send("not a code at all\r");
    terminal.wait_for("neither the address that the browser shows nor a code");
    let code = code_of_page(&format!("{}/oauth_auth.do?response_type=code{rest}", sandbox.origin()));
    // As a terminal pastes: all at once.
    terminal.send(&format!("  {code}\r"));
    terminal.wait_for("as beth.anglin");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 0, "{screen}");
}

#[test]
fn ctrl_c_at_the_question_ends_the_sign_in() {
    let session = Session::new();
    let sandbox = sandbox();
    let line = manual_line(&sandbox);
    let words: Vec<&str> = line.split(' ').collect();
    let mut terminal = Terminal::start(session.home(), &session.command(&words));
    terminal.wait_for("Client secret");
    terminal.send("\r");
    terminal.wait_for("Address");
    terminal.send("\u{3}");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, 130, "{screen}");
    assert_eq!(session.config(), "");
}
