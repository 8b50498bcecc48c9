//! The checks up to the sign-in: which of them an answer passes, and which one
//! it fails.

use super::report::{Check, CheckId, Status};
use super::runner::SignIn;
use crate::base::code::{Code, Stage};
use crate::base::error::Failure;
use crate::http::client::Response;
use crate::model::oauth_client::ServiceDefaults;
use crate::service::probe::Signs;

/// The checks from the first answer to the sign-in, in their order.
pub fn up_to_sign_in(service: &'static ServiceDefaults, has_token: bool) -> impl Iterator<Item = CheckId> {
    let token = has_token.then_some(CheckId::AuthToken);
    [CheckId::InstanceOf(service), CheckId::InstanceAwake].into_iter().chain(token).chain([CheckId::AuthRequest])
}

/// Checks in their order: those before the one that fails are all `before`,
/// those after it were not made. Where none fails, all are `before`.
pub fn checks(
    ids: impl IntoIterator<Item = CheckId>,
    fails: Option<(CheckId, &Failure)>,
    before: Status,
) -> Vec<Check> {
    let mut has_failed = false;
    let mut check = |id| match fails {
        _ if has_failed => Check::skip(id),
        Some((failing, failure)) if failing == id => {
            has_failed = true;
            Check::fail(id, failure.clone())
        }
        _ => Check::new(id, before),
    };
    ids.into_iter().map(&mut check).collect()
}

/// Puts what is known of the token before the request that carried it.
pub fn with_token(mut checks: Vec<Check>, token: Option<Check>) -> Vec<Check> {
    let request = checks.iter().position(|check| check.id == CheckId::AuthRequest).unwrap_or(checks.len());
    checks.splice(request..request, token);
    checks
}

/// The checks up to the sign-in, and how it went: `failure` is what the answer
/// gave instead of rows.
pub fn judge(
    service: &'static ServiceDefaults,
    response: &Response,
    signs: Signs,
    failure: Option<&Failure>,
    token: Option<Check>,
) -> (SignIn, Vec<Check>) {
    // What answered is an instance only where something shows it.
    let is_asleep = failure.is_some_and(|failure| failure.code() == Code::InstanceHibernating);
    let before = if signs.is_service || is_asleep { Status::Pass } else { Status::Skip };
    let stops = failure
        .filter(|_| !signs.proves_sign_in)
        .map(|failure| (of_answer(service, failure.code(), response), failure));
    let mut filed = checks(up_to_sign_in(service, false), stops, before);
    // A token that could not be renewed after its refusal is the cause of it.
    let token_failure = token.as_ref().filter(|check| check.status == Status::Fail);
    let token_failure = token_failure.and_then(|check| check.error.clone());
    let reached_sign_in = stops.is_none_or(|(id, _)| id == CheckId::AuthRequest);
    if stops.is_some()
        && reached_sign_in
        && token_failure.is_some()
        && let Some(request) = filed.last_mut()
    {
        *request = Check::skip(CheckId::AuthRequest);
    }
    let token = token.map(|check| if reached_sign_in { check } else { Check::skip(CheckId::AuthToken) });
    let sign_in = match stops {
        None => SignIn::Good,
        Some((CheckId::AuthRequest, failure)) if response.status == 401 => {
            SignIn::Refused(token_failure.unwrap_or_else(|| failure.clone()))
        }
        Some((_, failure)) => SignIn::Unjudged(failure.clone()),
    };
    (sign_in, with_token(filed, token))
}

/// Fails the sign-in by what a later answer showed.
pub fn fail_request(checks: &mut [Check], failure: &Failure) {
    for check in checks.iter_mut().filter(|check| check.id == CheckId::AuthRequest) {
        *check = Check::fail(CheckId::AuthRequest, failure.clone());
    }
}

/// The check that a request for a token fails, by what came of it.
pub fn of_token_request(service: &'static ServiceDefaults, code: Code) -> CheckId {
    match code.stage() {
        // What was cut is the token.
        Stage::ServiceNow if code != Code::TruncatedAnswer => CheckId::InstanceOf(service),
        Stage::Awake => CheckId::InstanceAwake,
        Stage::ServiceNow | Stage::SignIn => CheckId::AuthToken,
    }
}

/// The check that an answer fails that does not prove the sign-in.
fn of_answer(service: &'static ServiceDefaults, code: Code, response: &Response) -> CheckId {
    match code.stage() {
        _ if response.broken.is_some() && !code.is_told_by_the_head() => CheckId::InstanceOf(service),
        Stage::ServiceNow => CheckId::InstanceOf(service),
        Stage::Awake => CheckId::InstanceAwake,
        Stage::SignIn => CheckId::AuthRequest,
    }
}
