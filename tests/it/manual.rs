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
    assert!(before.contains("60 seconds after the browser shows it"), "{before}");
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
fn a_paste_needs_no_port() {
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
            assert!(shown.last_line.contains("copy the whole address"), "{shown:?}");
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
        Answer::Text(""),
        Answer::Pastes(|shown| {
            assert!(shown.last_line.contains("neither an address nor a code"), "{shown:?}");
            "two words".to_owned()
        }),
        Answer::Pastes(|shown| {
            assert!(shown.last_line.contains("neither an address nor a code"), "{shown:?}");
            shown.url.clone()
        }),
        Answer::Pastes(|shown| {
            // The address to open instead of the one that came of it.
            assert!(shown.last_line.contains("That is the sign-in link; paste the address it ends on"), "{shown:?}");
            address(shown).replace(&parameter(&shown.url, "state"), "0000")
        }),
        Answer::Pastes(|shown| {
            assert!(shown.last_line.contains("another attempt"), "{shown:?}");
            address(shown)
        }),
    ]);
    world.run(&manual_line(&sandbox)).expect(0);
    assert_eq!(sandbox.token_requests().total(), 1);
}

#[test]
fn wrong_pastes_are_asked_for_again_until_the_person_cancels_and_nothing_was_sent() {
    let sandbox = sandbox();
    let mut world = World::new();
    let answers = [NO_SECRET].into_iter().chain((0..9).map(|_| Answer::Text("not it"))).chain([Answer::Cancels]);
    let outcome = world.person(answers).run(&manual_line(&sandbox)).expect(130);
    assert!(outcome.stderr.ends_with("\nCancelled. Nothing was changed.\n"), "{}", outcome.stderr);
    let answers = [NO_SECRET, Answer::Text("not it"), Answer::Cancels];
    let outcome = world.person(answers).run(&format!("{} --json", manual_line(&sandbox))).expect(130);
    assert_eq!(outcome.error_code(), "interrupted");
    assert_eq!(outcome.json()["error"]["message"], "Cancelled. Nothing was changed.");
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
fn without_a_terminal_a_paste_is_refused_at_once() {
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
    outcome.says(&["the browser shows a code", "60 seconds after the browser shows it", "ServiceNow SDK"]);
    assert!(!outcome.stderr.contains("site can't be reached"), "{}", outcome.stderr);
    let url = outcome.stderr.lines().find(|line| line.contains("/oauth_auth.do?")).unwrap().trim();
    assert_eq!(parameter(url, "redirect_uri"), "/sdk-oauth.do");
    assert!(!url.contains("scope="), "{url}");
    assert_eq!(parameter(url, "code_challenge_method"), "S256");
    world.run("test acme").expect(0);
}

#[test]
fn a_missing_client_of_servicenow_is_told_before_the_sign_in() {
    let sandbox = sandbox();
    sandbox.set_scenario(Some(Scenario::NoSdkClient));
    let mut world = World::new();
    world.person([Answer::Text("not it"), Answer::Cancels]);
    let outcome = world.run(&format!("connect {} --sdk-client", sandbox.origin())).expect(130);
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
    terminal.wait_for("neither an address nor a code");
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

/// Without its last characters, as a careless selection leaves it.
fn cut(text: &str) -> String {
    text[..text.len() - 4].to_owned()
}

#[test]
fn a_code_that_was_cut_off_is_explained_and_pasted_again() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([Answer::Pastes(|shown| cut(&code_on_page(shown))), Answer::Pastes(code_on_page)]);
    let outcome = world.run(&format!("connect {} --name acme --sdk-client", sandbox.origin())).expect(0);
    outcome.says(&["! 127.0.0.1", "Perhaps the code was cut off or mistyped", "Try again (2 left)"]);
    for untrue in ["sign-in was good", "confidential", "secret", " 0 s old"] {
        assert!(!outcome.stderr.contains(untrue), "{untrue}: {}", outcome.stderr);
    }
    assert_eq!(sandbox.token_requests().authorization_code, 2);
    world.run("test acme").expect(0);
}

#[test]
fn a_paste_that_is_refused_three_times_ends_with_all_that_is_known() {
    let sandbox = sandbox();
    let mut world = World::new();
    let wrong = || Answer::Text("a-code-that-no-page-showed");
    world.person([wrong(), wrong(), wrong()]);
    let outcome = world.run(&format!("connect {} --sdk-client --json", sandbox.origin())).expect(4);
    let error = &outcome.json()["error"];
    assert_eq!(error["code"], "token-refused");
    let causes: Vec<_> =
        error["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect();
    assert_eq!(causes, ["code-mistyped", "code-expired", "missing-role"]);
    assert_eq!(world.config(), "");
}

#[test]
fn after_a_refused_paste_the_client_secret_can_be_entered_again() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([
        Answer::Secret("mistyped"),
        Answer::Pastes(address),
        Answer::Choose(1),
        Answer::Secret("sandbox-confidential-secret"),
        Answer::Pastes(address),
    ]);
    let line = manual_line(&sandbox).replace("sandbox-public", "sandbox-confidential");
    world.run(&line).expect(0).says(&["Open the address above again for a new code"]);
}

#[test]
fn a_browser_is_opened_for_a_paste_if_it_may_be() {
    let sandbox = sandbox();
    for (more, variable, is_opened) in [
        ("", None, true),
        (" --no-browser", None, false),
        ("", Some(("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")), true),
    ] {
        let mut world = World::new();
        let opened = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let seen = opened.clone();
        world.browser(move |url| seen.borrow_mut().push(url.to_owned()));
        if let Some((name, value)) = variable {
            world.set(name, value);
        }
        world.person([Answer::Pastes(code_on_page)]);
        let outcome = world.run(&format!("connect {} --sdk-client{more}", sandbox.origin())).expect(0);
        assert_eq!(opened.borrow().len(), usize::from(is_opened), "{more}");
        assert_eq!(outcome.stderr.contains("if it does not open by itself"), is_opened, "{}", outcome.stderr);
    }
}

#[test]
fn the_address_is_a_link_in_a_terminal_that_makes_them_and_whole_in_every_one() {
    let session = Session::new();
    let sandbox = sandbox();
    for (name, value, is_link) in [("TERM_PROGRAM", "WezTerm", true), ("TERM_PROGRAM", "Apple_Terminal", false)] {
        let mut command = session.command(&["connect", &sandbox.origin(), "--sdk-client"]);
        command.env(name, value);
        let mut terminal = Terminal::start(session.home(), &command);
        terminal.wait_for("Code");
        terminal.send("\u{3}");
        let (exit, screen) = terminal.end();
        assert_eq!(exit, 130, "{screen}");
        let line = screen.lines().find(|line| line.contains("/oauth_auth.do?")).expect("the address");
        let address = line.trim().rsplit("\u{1b}]8;;").nth(1).unwrap_or(line.trim());
        let address = address.split("\u{1b}\\").next().unwrap();
        assert!(address.starts_with("http://127.0.0.1:") && address.contains("code_challenge_method=S256"), "{line:?}");
        let expected = format!("  \u{1b}]8;;{address}\u{1b}\\{address}\u{1b}]8;;\u{1b}\\");
        assert_eq!(line.trim_end() == expected, is_link, "{line:?}");
        assert_eq!(line.contains('\u{1b}'), is_link, "{line:?}");
    }
}
