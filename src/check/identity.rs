//! The check of who is signed in.

use serde_json::Value;

use super::context::{CheckContext, OTHER_METHODS, OWN_FIELDS, is_for_some_apis};
use super::network::request_time;
use super::report::{Check, CheckId, Identity, IdentitySource};
use super::tables::field_hidden;
use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, shown};
use crate::http::client::Exchange;
use crate::model::oauth_client::GrantType;
use crate::model::user_name::UserName;
use crate::service::servicenow::classify::{Body, ClassifiedResponse, RequestKind};
use crate::service::servicenow::identity::{
    CURRENT_USER, GUEST, IS_GUEST, IS_NOT_LOGGED_IN, own_row, read_user_name, users,
};
use crate::service::servicenow::symptoms::with_evidence;
use crate::service::servicenow::table::Rows;

impl CheckContext {
    /// Asks who is signed in. A user that cannot be read, or is another than
    /// the connection's, is worth a warning; where one is expected, it fails.
    pub async fn identity_check(&self) -> (Check, Option<Identity>) {
        let exchange = self.own_user().await;
        if let Some(failure) = self.refused_next_time(&exchange).await {
            return (Check::fail(CheckId::AuthIdentity, failure), None);
        }
        let (check, identity) = match self.user_in(&exchange) {
            Ok((user_name, _)) if self.is_guest(&user_name) => {
                (Check::fail(CheckId::AuthIdentity, self.as_guest(&exchange, IS_GUEST)), None)
            }
            Ok(_) if self.is_for_a_guest(&exchange) => {
                (Check::fail(CheckId::AuthIdentity, self.as_guest(&exchange, IS_NOT_LOGGED_IN)), None)
            }
            Ok((user_name, mismatch)) => {
                let check = mismatch.unwrap_or_else(|| Check::pass(CheckId::AuthIdentity));
                (check, Some(Identity { user_name, source: IdentitySource::Instance }))
            }
            Err(unknown) => (self.unknown(unknown), None),
        };
        (check.taking(Some(request_time(&exchange.timings))), identity)
    }

    /// Where the question is refused with a token that was taken: whether the token is, and
    /// not the question. The first table, which the token opened, is asked once more.
    async fn refused_next_time(&self, exchange: &Exchange) -> Option<Failure> {
        let is_token = self.connection.credential().kind().is_access_token();
        if !is_token || !matches!(&exchange.result, Ok(answer) if answer.status == 401) {
            return None;
        }
        let table = self.plan.tables.first().cloned().unwrap_or_else(users);
        let (_, rows) = self.table(&table, 1, false).await;
        rows.err().filter(|failure| failure.code() == Code::BearerRefused)
    }

    /// Whether the instance names its user for requests without a sign-in, and that user
    /// was not asked for.
    fn is_guest(&self, user_name: &str) -> bool {
        user_name.eq_ignore_ascii_case(GUEST) && !self.connection.username().is_some_and(|user| user.matches(GUEST))
    }

    fn is_for_a_guest(&self, exchange: &Exchange) -> bool {
        let redactor = self.connection.redactor();
        let answer = exchange.result.as_ref().ok();
        answer.is_some_and(|answer| self.classified(answer, RequestKind::Identity, &redactor).is_for_a_guest())
    }

    fn as_guest(&self, exchange: &Exchange, why: &'static str) -> Failure {
        let host = self.connection.instance().host_and_port();
        let is_client = self.connection.credential().kind().has_grant(GrantType::ClientCredentials);
        let causes = if is_client { GUEST_BEHIND_CLIENT } else { GUEST_BEHIND_REQUEST };
        let failure = Failure::new(Code::AnsweredAsGuest, shown!("{} responded without authentication", host))
            .why(why)
            .causes(causes)
            .next("Ask an administrator which user this sign-in is for");
        self.with_evidence_of(exchange, RequestKind::Identity, failure)
    }

    /// The user that an answer names, with what is wrong about it; or why it
    /// names none.
    fn user_in(&self, exchange: &Exchange) -> Result<(Shown, Option<Check>), Failure> {
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(error) => {
                let code = Failure::from(error.clone()).code();
                return Err(unknown_user().next("Run the test again").evidence("reason", code.as_str()));
            }
        };
        let redactor = self.connection.redactor();
        let response = self.classified(answer, RequestKind::Identity, &redactor);
        let Some(user_name) = read_user_name(&response) else {
            return Err(with_evidence(no_user_name(&response), &response));
        };
        let mismatch = self
            .mismatch(&user_name)
            .map(|check| Check { error: check.error.map(|failure| with_evidence(failure, &response)), ..check });
        Ok((user_name, mismatch))
    }

    /// Fails for another user than the expected one, warns of another than the
    /// connection's.
    fn mismatch(&self, user_name: &Shown) -> Option<Check> {
        let differs = |expected: &&UserName| !expected.matches(user_name);
        let failure = |expected: &UserName| {
            Failure::new(Code::UserMismatch, shown!("signed in as {}, not as {}", user_name, expected))
                .evidence("user_name", user_name)
        };
        if let Some(expected) = self.plan.expectations.user.as_ref().filter(differs) {
            let failure = failure(expected)
                .why("The sign-in works, but --expect-user names another user.")
                .next("Check the user of the connection and the value of --expect-user")
                .evidence("expected_user", expected);
            return Some(Check::fail(CheckId::AuthIdentity, failure));
        }
        self.connection.username().filter(differs).map(|expected| {
            let failure = failure(expected)
                .why("The sign-in works, but the user name differs from the connection's.")
                .next("Check the user name of the connection");
            Check::warn(CheckId::AuthIdentity, failure)
        })
    }

    /// It is not known who is signed in.
    fn unknown(&self, failure: Failure) -> Check {
        let step = failure.steps().first().cloned();
        let Some(expected) = &self.plan.expectations.user else {
            let failure = match step {
                Some(_) => failure,
                None => failure.next("Nothing, unless you need to be sure of the user"),
            };
            return Check::warn(CheckId::AuthIdentity, failure);
        };
        let message = shown!("could not check whether {} is signed in", expected);
        let why = shown!(
            "The sign-in works, but --expect-user requires the user name, and {}.",
            Shown::outside(failure.message().trim_end_matches('.'))
        );
        let unknown = Failure::new(Code::IdentityUnknown, message)
            .why(why)
            .causes(failure.likely_causes().iter().cloned())
            .next(step.unwrap_or_else(|| {
                shown!("Ask an administrator to let {} read its own sys_user record", expected).into()
            }))
            .evidence("expected_user", expected)
            .evidence_of(&failure);
        Check::fail(CheckId::AuthIdentity, unknown)
    }
}

const GUEST_BEHIND_CLIENT: &[CauseRow] = &[
    (
        "no-application-user",
        Likelihood::High,
        "the client has no OAuth Application User, and the release is older than Washington DC",
    ),
    ("header-removed", Likelihood::Low, "a proxy removes the Authorization header"),
];
const GUEST_BEHIND_REQUEST: &[CauseRow] =
    &[("header-removed", Likelihood::High, "a proxy removes the Authorization header")];

/// What may be behind the user guest.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    let client = CausesOfCode {
        when: Some("with client credentials"),
        ..CausesOfCode::new(Code::AnsweredAsGuest, GUEST_BEHIND_CLIENT)
    };
    [client].into_iter()
}

fn unknown_user() -> Failure {
    Failure::new(Code::IdentityUnknown, "the instance did not say who is signed in")
        .why("The sign-in works; only the user name could not be read.")
}

/// An answer without a user name: the own row lacks the field, or anything
/// else.
fn no_user_name(response: &ClassifiedResponse<'_>) -> Failure {
    let missing = own_row(response).map(|row| Rows { records: vec![row], total: None });
    let missing = missing.as_ref().map(|rows| rows.missing_fields(OWN_FIELDS)).unwrap_or_default();
    if missing.contains(&"user_name") {
        field_hidden(&users(), &missing, &response.user.map_or("the user".into(), Show::show))
    } else {
        match &response.body {
        // A term that the instance does not know is dropped, and the query
        // matches strangers.
        Body::Result(Value::Array(rows)) if rows.len() != 1 => unknown_user()
            .why("The sign-in works. Reading your own sys_user record did not return exactly one row: the instance dropped the query condition, or hides the record.")
            .evidence("rows", rows.len()),
        _ if matches!(response.status(), 401 | 403)
            && response.is_refused_by_the_instance()
            && is_for_some_apis(response.credential) =>
        {
            Failure::new(Code::IdentityUnknown, "the identity is not readable with this API key")
                .why("The sign-in works. A key may call the APIs that its access policies name, and the one that tells the user is not among them.")
        }
        _ if response.status() == 401 && response.is_refused_by_the_instance() => unknown_user()
            .why("The sign-in works for the Table API, and was rejected for the API that tells the user.")
            .causes(OTHER_METHODS),
        _ if response.status() >= 300 && !response.is_servicenow() => unknown_user()
            .why("The sign-in works. A gateway answered this request in place of the instance.")
            .next(shown!("Ask the people who run the gateway to allow {}", CURRENT_USER)),
        _ => unknown_user(),
    }
    }
}
