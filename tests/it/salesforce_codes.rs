//! Each scenario of the embedded org, and what `snow` says of it. What the org itself does
//! then stands in `salesforce_scenarios`.

use snow_connect::sandbox::salesforce::fault::SignIn;
use snow_connect::sandbox::salesforce::scenario::Scenario;

use crate::scenarios::{WARNINGS, complaints};
use crate::world::Outcome;
use crate::world::salesforce::Org;

/// How often a client may ask for a session in a scenario: `connect`, `refresh` and `token`
/// are there for that, and of the others those whose session is refused by name.
fn sessions(scenario: Scenario) -> usize {
    let is_refused = matches!(
        scenario,
        Scenario::SessionExpired | Scenario::SessionAlwaysInvalid | Scenario::TokenFormat | Scenario::SessionFault
    );
    let signs_in = ["connect", "refresh", "token"].iter().any(|verb| scenario.command().starts_with(verb));
    usize::from(signs_in || is_refused)
}

/// The command of a scenario, and how many sessions it asked for. `form` is `" --json"`, or
/// nothing for text. A person sees it at a terminal of so many `columns`; without them it is
/// a script.
pub fn met(scenario: Scenario, form: &str, columns: Option<usize>) -> (Outcome, usize) {
    let mut here = Org::new();
    if let Some(flags) = scenario.command().strip_prefix("connect") {
        here.org.set_scenario(Some(scenario));
        let timeout = if flags.contains("--login-timeout") { "" } else { " --login-timeout 20s" };
        here.seen_at(columns);
        let outcome = here.connect(scenario.auth(), &format!("{flags}{timeout}{form}"));
        return (outcome, here.sessions());
    }
    // What a sign-in does not show comes after one.
    if scenario.auth() == SignIn::OAuth {
        here.org.set_scenario(Some(scenario));
    }
    here.connect(scenario.auth(), "").expect(0);
    let before = here.sessions();
    here.org.set_scenario(Some(scenario));
    here.seen_at(columns);
    let outcome = here.world.run(&format!("{} -c acme --yes{form}", scenario.command()));
    (outcome, here.sessions() - before)
}

#[test]
fn each_scenario_of_salesforce_gives_the_code_that_it_names_and_no_other() {
    let mut wrong = Vec::new();
    for scenario in Scenario::ALL.iter().copied() {
        let (outcome, asked) = met(scenario, " --json", None);
        // No row may mean that there is none.
        let is_warning = scenario == Scenario::NoCases || scenario.code().is_some_and(|code| WARNINGS.contains(&code));
        let status = if is_warning { "warn" } else { "fail" };
        let complaint = scenario.code().map(|code| (status.to_owned(), code.as_str().to_owned()));
        let failure = scenario.code().filter(|_| !is_warning);
        let exit_code = failure.map_or(0, |code| i32::from(code.class().exit_code()));
        let found = (complaints(&outcome), outcome.code, asked <= sessions(scenario));
        if found != (Vec::from_iter(complaint), exit_code, true) {
            wrong.push(format!("{}: {found:?} {asked}\n{}{}", scenario.as_str(), outcome.stdout, outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
