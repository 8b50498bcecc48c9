//! The check of who is signed in.

use super::context::CheckContext;
use super::network::request_time;
use super::report::{Check, CheckId, Identity, IdentitySource};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::http::client::Exchange;
use crate::model::user_name::UserName;
use crate::service::Purpose;
use crate::service::probe::{NoUser, unknown_user};

impl CheckContext {
    /// Asks who is signed in. A user that cannot be read, or is another than
    /// the connection's, is worth a warning; where one is expected, it fails.
    pub async fn identity_check(&self) -> (Check, Option<Identity>) {
        let exchange = self.own_user().await;
        if let Some(failure) = self.refused_next_time(&exchange).await {
            return (Check::fail(CheckId::AuthIdentity, failure), None);
        }
        let (check, identity) = match self.user_in(&exchange) {
            Ok((user_name, mismatch)) => {
                let check = mismatch.unwrap_or_else(|| Check::pass(CheckId::AuthIdentity));
                (check, Some(Identity { user_name, source: IdentitySource::Instance }))
            }
            Err(NoUser::Guest(failure)) => (Check::fail(CheckId::AuthIdentity, failure), None),
            Err(NoUser::Unknown(failure)) => (self.unknown(failure), None),
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
        let table = self.plan.tables.first().cloned().unwrap_or_else(|| self.service().usual_table());
        let (_, rows) = self.table(&table, 1, false).await;
        rows.err().filter(|failure| failure.code() == Code::BearerRefused)
    }

    /// The user that an answer names, with what is wrong about it; or why it
    /// names none.
    fn user_in(&self, exchange: &Exchange) -> Result<(Shown, Option<Check>), NoUser> {
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(error) => {
                let code = Failure::from(error.clone()).code();
                let failure = unknown_user().next("Run the test again").evidence("reason", code.as_str());
                return Err(NoUser::Unknown(failure));
            }
        };
        let user_name = self.judged(Purpose::Identity, |asked| self.service().who(answer, asked))?;
        let with_evidence = |failure| self.with_evidence_of(exchange, Purpose::Identity, failure);
        let mismatch = self.mismatch(&user_name).map(|check| Check { error: check.error.map(with_evidence), ..check });
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
                shown!("Ask an administrator to let {} read {}", expected, self.service().own_record()).into()
            }))
            .evidence("expected_user", expected)
            .evidence_of(&failure);
        Check::fail(CheckId::AuthIdentity, unknown)
    }
}
