//! What an answer means, as a row of a table, and the advice that such rows share.
//!
//! Each service has a table of its rows, read from the top: the first whose evidence is
//! there decides. What the evidence is looked for in is the service's.

use crate::auth::credential::{CredentialKind, TokenAge};
use crate::base::code::Code;
use crate::base::error::{Cause, CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, Step, shown};
use crate::http::client::Response;
use crate::http::retry_after::{RetryAfter, http_date};
use crate::model::profile::Subject;

/// One way an answer can look, and what it means.
pub struct Symptom<Evidence> {
    /// What the answer looks like, in a word for scripts and reports.
    pub name: &'static str,
    pub code: Code,
    /// The evidence that must be there.
    pub shows: Evidence,
    pub message: &'static str,
    pub why: &'static str,
    /// Code, likelihood and text of what may be behind it.
    pub causes: &'static [CauseRow],
    pub next: &'static [&'static str],
}

impl<Evidence> Symptom<Evidence> {
    /// What it says, with the places of its texts filled. A step with nothing in it is left
    /// out.
    pub fn failure(&self, redactor: &Redactor, fill: impl Fn(&'static str) -> Step) -> Failure {
        let mut failure = Failure::new(self.code, fill(self.message).text()).why(fill(self.why).text());
        failure = failure.evidence("symptom", self.name);
        let causes =
            self.causes.iter().map(|&(code, likelihood, text)| Cause { code, likelihood, text: fill(text).text() });
        failure = with_quotes(failure, redactor).causes(causes);
        for next in self.next.iter().map(|next| fill(next)).filter(|next| !next.text().is_empty()) {
            failure = failure.next(next);
        }
        failure
    }
}

/// The codes of a secret that was refused.
const QUOTED_CODES: [Code; 4] = [Code::BasicRefused, Code::BearerRefused, Code::ApiKeyRefused, Code::TokenRefused];
const QUOTED: CauseRow =
    ("quotes", Likelihood::High, "the secret is enclosed in quotation marks, which were sent as part of it");

/// What is behind a refusal whatever the service. Without a look at the secret it is seldom
/// the reason.
pub fn common_causes() -> impl Iterator<Item = CausesOfCode> {
    QUOTED_CODES.into_iter().map(|code| CausesOfCode::new(code, &[(QUOTED.0, Likelihood::Low, QUOTED.2)]))
}

/// Names the quotation marks around a secret that was refused: a file or a variable of a
/// CI job may hold them.
pub fn with_quotes(failure: Failure, redactor: &Redactor) -> Failure {
    if redactor.has_quoted() && QUOTED_CODES.contains(&failure.code()) {
        failure.causes([QUOTED]).next("Remove the quotation marks around the secret")
    } else {
        failure
    }
}

/// The `Date` header as RFC 3339, to find the request in the instance's log.
pub fn server_time(answer: &Response) -> Option<Shown> {
    let date = answer.header("date")?;
    Some(Shown::outside(http_date(date)?.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)))
}

/// What tests once more.
pub fn again(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {}", name)),
        Subject::Environment(_) => Step::run("snow test"),
        Subject::New => "run the command again".into(),
    }
}

/// What tests once more, and waits until the instance is up.
pub fn wait_for_it(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {} --wait 10m", name)),
        Subject::Environment(_) => Step::run("snow test --wait 10m"),
        Subject::New => "the same command and --wait 10m".into(),
    }
}

/// What signs in once more.
pub fn login(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow login {}", name)),
        Subject::Environment(_) | Subject::New => "run the command again".into(),
    }
}

/// The same as a step without anything before it.
pub fn sign_in_again(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(_) => login(subject),
        Subject::Environment(_) | Subject::New => "Run the command again".into(),
    }
}

/// How a gateway gets its own key.
pub fn add_header(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => {
            Step::say("If the gateway requires a header: ").and_run(shown!("snow connect {} --header NAME", name))
        }
        Subject::Environment(_) => {
            "If the gateway requires a header, save the connection with snow connect and --header".into()
        }
        Subject::New => "If the gateway requires a header, add it with --header NAME".into(),
    }
}

/// How a client certificate is added, whichever way the connection signs in.
pub fn add_certificate(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::say("If the address requires one, add it: ")
            .and_run(shown!("snow edit {} --set client_cert=FILE --set client_key=FILE", name)),
        Subject::Environment(_) => {
            "If the address requires one, set SNOW_CLIENT_CERT_FILE and SNOW_CLIENT_KEY_FILE".into()
        }
        Subject::New => "If the address requires one, add it with --client-cert FILE and --client-key FILE".into(),
    }
}

/// How the origin that a redirect points to becomes that of the connection.
pub fn connect_there(subject: &Subject, origin: Shown) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow edit {} --set instance={}", name, origin)),
        Subject::Environment(_) => Step::say(shown!("set SNOW_INSTANCE to {}", origin)),
        Subject::New => Step::run(shown!("snow connect {}", origin)),
    }
}

/// How to sign in otherwise.
pub fn enter(subject: &Subject, credential: CredentialKind) -> Step {
    match (subject, credential) {
        (Subject::Saved(name), CredentialKind::Secret(spec)) => {
            Step::say(shown!("If the {} changed: ", Shown::outside(spec.secret_label)))
                .and_run(shown!("snow login {}", name))
        }
        (Subject::Saved(name), _) => Step::say("Sign in again: ").and_run(shown!("snow login {}", name)),
        (Subject::Environment(variable), CredentialKind::Secret(spec)) => {
            let settings = spec.own_settings().filter_map(|setting| setting.variable);
            let variables: Vec<_> = settings.chain([*variable]).collect();
            Step::say(Shown::outside(format!("Correct {}", variables.join(" and "))))
        }
        (Subject::Environment(variable), CredentialKind::AccessToken { age: TokenAge::Given, .. }) => {
            Step::say(shown!("Set {} to a new token", *variable))
        }
        (Subject::New, CredentialKind::Secret(spec)) => {
            Step::say(shown!("Run the command again with the right {}", Shown::outside(spec.secret_label)))
        }
        (Subject::Environment(_) | Subject::New, _) => "Run the command again to sign in again".into(),
    }
}

/// How long to wait: seconds, or a date (RFC 9110 §10.2.3).
pub fn wait(answer: &Response, redactor: &Redactor) -> Shown {
    match retry_after(answer, redactor) {
        Some((RetryAfter::Seconds(_), seconds)) => shown!("{} s", seconds),
        Some((RetryAfter::Date(_), date)) => shown!("until {}", date),
        None => "a few seconds".into(),
    }
}

/// What was read of the header, and how it is shown. Also a number may be a secret.
pub fn retry_after(answer: &Response, redactor: &Redactor) -> Option<(RetryAfter, Shown)> {
    let read = RetryAfter::of(answer.header("retry-after")?)?;
    Some((read, redactor.server_text(&read.to_string())))
}

/// That an answer which does not prove the sign-in says nothing of the credential.
pub fn unchecked(subject: &Subject, credential: CredentialKind) -> Shown {
    match credential {
        CredentialKind::Nothing => Shown::default(),
        CredentialKind::Secret(spec) => shown!(" The {} was not checked.", Shown::outside(spec.secret_label)),
        CredentialKind::AccessToken { .. } => " The access token was not checked.".into(),
        CredentialKind::TokenRequest => shown!(" Nothing was checked.{}", kept(subject)),
    }
}

/// That what is saved is as it was, where something is saved.
pub fn kept(subject: &Subject) -> &'static str {
    match subject {
        Subject::Saved(_) => " Everything saved was kept.",
        Subject::Environment(_) | Subject::New => "",
    }
}
