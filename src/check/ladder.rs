//! The ladder: one request that judges the credential, then the rest.
//!
//! [`begin`] sends the first request, for a table, and says how the sign-in
//! went; a caller that has something to save does so then. [`Begun::finish`]
//! asks for the other tables and for the identity.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::inquiry::{Inquiry, Plan};
use super::knock::{Knock, may_pass};
use super::network::{Opening, network_checks, request_time};
use super::quality;
use super::report::{Check, CheckId, Identity, IdentitySource, Status};
use crate::base::error::{Class, Code, Failure};
use crate::engine::{Connection, Token};
use crate::http::certificate::Certificate;
use crate::http::client::Exchange;
use crate::http::failure::Reached;
use crate::model::profile::TableName;
use crate::service::servicenow::seen::{Asked, Seen, Sent};
use crate::service::servicenow::table::Rows;

/// What a test found.
pub struct Findings {
    pub checks: Vec<Check>,
    pub token: Option<Token>,
    /// Who one is; `None` where nobody knows.
    pub identity: Option<Identity>,
    pub certificate_ends: Option<DateTime<Utc>>,
    /// How long the first request took, where the sign-in was good.
    pub latency: Option<Duration>,
}

/// How the instance judged the credential.
#[derive(Debug, Clone)]
pub enum SignIn {
    Good,
    /// The credential was judged, and not taken: it is not sent again.
    Refused(Failure),
    /// Something answered, or nothing did, but not about the credential.
    Unjudged(Failure),
}

/// A test whose first request was answered.
pub struct Begun {
    inquiry: Inquiry,
    probe: TableName,
    sign_in: SignIn,
    checks: Vec<Check>,
    /// What the first table gave, where the sign-in was good.
    first: Option<(Exchange, Result<Rows, Failure>)>,
    first_took: Option<Duration>,
    /// Whether the password may have been judged without an answer.
    may_be_judged: bool,
    /// What the first exchange told by the way.
    quality: Vec<Check>,
    certificate: Option<Certificate>,
    /// Who one is, where it was asked for before the rest.
    asked_identity: Option<(Check, Option<Identity>)>,
}

/// The steps that an answer must pass before a table is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    ServiceNow,
    Awake,
    Auth,
}

/// The test of an instance that did not wake up: the knock was all there was,
/// and no credential was sent.
pub fn never_awake(connection: Arc<Connection>, plan: Plan, knock: Knock, failure: Failure) -> Begun {
    let mut checks = network_checks(&connection, &Opening::of(&knock.exchange));
    let is_session = connection.sends() != Sent::Password;
    let fails = match &knock.exchange.result {
        Err(error) if error.phase != Reached::Answer => None,
        Err(_) => Some(CheckId::InstanceServiceNow),
        Ok(_) => Some(CheckId::InstanceAwake),
    };
    for id in [CheckId::InstanceServiceNow, CheckId::InstanceAwake, CheckId::AuthToken, CheckId::AuthRequest] {
        match id {
            _ if fails == Some(id) => checks.push(Check::fail(id, failure.clone())),
            CheckId::AuthToken if !is_session => {}
            _ => checks.push(Check::skip(id)),
        }
    }
    let inquiry = Inquiry { connection, plan, has_new_token: false };
    Begun::without_rows(inquiry, checks, SignIn::Unjudged(failure), None)
}

/// Sends the first request: the first table, one row, `sys_id` only. A session
/// is renewed before it, where that is due.
pub async fn begin(connection: Arc<Connection>, plan: Plan) -> Begun {
    let mut inquiry = Inquiry { connection, plan, has_new_token: false };
    if let Err(failure) = inquiry.connection.ensure_fresh(Duration::ZERO, inquiry.plan.deadline).await {
        return without_token(inquiry, failure).await;
    }
    let probe = probe();
    let table = inquiry.plan.tables.first().unwrap_or(&probe).clone();
    let (exchange, _) = inquiry.table(&table, 1, false).await;
    inquiry.has_new_token = inquiry.connection.token().await.is_some_and(|token| token.refreshed);
    let renewal = RenewalSeen::of(&inquiry.connection).await;
    // The connection that a renewal opened carries the request as well.
    let opening = match &renewal {
        Some(RenewalSeen { opening: Some(opening), .. }) if exchange.timings.tcp.is_none() => opening.clone(),
        _ => Opening::of(&exchange),
    };
    let mut checks = network_checks(&inquiry.connection, &opening);
    let (sign_in, first) = match &exchange.result {
        Err(error) => {
            let failure = Failure::from(error.clone());
            if error.phase == Reached::Answer {
                checks.push(Check::fail(CheckId::InstanceServiceNow, failure.clone()));
            } else {
                checks.push(Check::skip(CheckId::InstanceServiceNow));
            }
            checks.push(Check::skip(CheckId::InstanceAwake));
            checks.extend(renewal.map(|renewal| renewal.check));
            checks.push(Check::skip(CheckId::AuthRequest));
            (SignIn::Unjudged(failure), None)
        }
        Ok(answer) => {
            let redactor = inquiry.connection.redactor();
            let seen = inquiry.seen(answer, Asked::Table(&table), &redactor);
            let rows = inquiry.rows(&exchange, &table);
            let rows = rows.map_err(|failure| inquiry.with_retry_time(failure, &exchange));
            let token = renewal.map(|renewal| renewal.check);
            judge(&seen, rows, token, &mut checks)
        }
    };
    let may_be_judged = inquiry.connection.sends() == Sent::Password
        && matches!(&exchange.result, Err(error) if error.opened && error.phase == Reached::Answer);
    let quality = quality::checks(&exchange, (inquiry.plan.clock)());
    let first_took = Some(request_time(&exchange.timings));
    let certificate = opening.certificate;
    let first = first.map(|rows| (exchange, rows));
    Begun {
        inquiry,
        probe,
        sign_in,
        checks,
        first,
        first_took,
        may_be_judged,
        quality,
        certificate,
        asked_identity: None,
    }
}

/// The table that is asked for where none is named.
fn probe() -> TableName {
    "sys_user".parse().expect("sys_user is a table name")
}

/// There is no access token to send: the checks up to that, and no more.
async fn without_token(inquiry: Inquiry, failure: Failure) -> Begun {
    let renewal = RenewalSeen::of(&inquiry.connection).await;
    let opening = renewal.and_then(|renewal| renewal.opening);
    let mut checks = match &opening {
        Some(opening) => network_checks(&inquiry.connection, opening),
        None => [CheckId::NetworkDns, CheckId::NetworkConnect].map(Check::skip).to_vec(),
    };
    // What answered at the token endpoint says something about the instance
    // only where it is the instance.
    let stage = match &opening {
        Some(opening) if opening.error.is_some() => None,
        Some(_) => Some(token_stage(failure.code())),
        None => Some(Stage::Auth),
    };
    let network_failed = checks.iter().any(|check| check.status == Status::Fail);
    let steps = [
        (Stage::ServiceNow, CheckId::InstanceServiceNow),
        (Stage::Awake, CheckId::InstanceAwake),
        (Stage::Auth, CheckId::AuthToken),
    ];
    let mut failed = network_failed;
    for (step, id) in steps {
        let fails_here = stage == Some(step) || (stage.is_none() && step == Stage::ServiceNow);
        checks.push(match () {
            () if failed => Check::skip(id),
            () if fails_here => {
                failed = true;
                Check::fail(id, failure.clone())
            }
            () if opening.is_some() => Check::pass(id),
            () => Check::skip(id),
        });
    }
    checks.push(Check::skip(CheckId::AuthRequest));
    let sign_in = match failure.class() {
        Class::Auth => SignIn::Refused(failure),
        _ => SignIn::Unjudged(failure),
    };
    let certificate = opening.and_then(|opening| opening.certificate);
    Begun::without_rows(inquiry, checks, sign_in, certificate)
}

/// The step at which a failed request for a token fails.
fn token_stage(code: Code) -> Stage {
    match code {
        Code::NotServiceNow | Code::LoginPage | Code::SsoRedirect | Code::Redirected | Code::ProxyAuth => {
            Stage::ServiceNow
        }
        Code::InstanceHibernating | Code::InstanceUnavailable | Code::GatewayTimeout | Code::InstanceError => {
            Stage::Awake
        }
        _ => Stage::Auth,
    }
}

/// What the session of a connection says about its token.
struct RenewalSeen {
    check: Check,
    /// Where the token endpoint is the instance.
    opening: Option<Opening>,
}

impl RenewalSeen {
    async fn of(connection: &Connection) -> Option<Self> {
        let Some(session) = connection.session().await else {
            let has_token = connection.token().await.is_some();
            return has_token.then(|| Self { check: Check::pass(CheckId::AuthToken), opening: None });
        };
        let Some(renewal) = session.last_renewal() else {
            return Some(Self { check: Check::pass(CheckId::AuthToken), opening: None });
        };
        let check = match &renewal.failure {
            None => Check::pass(CheckId::AuthToken),
            Some(failure) if renewal.usable && failure.code() != Code::SessionNotSaved => {
                Check::warn(CheckId::AuthToken, failure.clone())
            }
            Some(failure) => Check::fail(CheckId::AuthToken, failure.clone()),
        };
        let is_here = session.endpoint().origin() == connection.instance();
        let opening = renewal.exchange.as_ref().filter(|_| is_here).map(Opening::of);
        Some(Self { check: check.taking(renewal.exchange.as_ref().map(|_| renewal.took)), opening })
    }
}

/// Files the checks up to the sign-in, and says how it went.
fn judge(
    seen: &Seen<'_>,
    rows: Result<Rows, Failure>,
    token: Option<Check>,
    checks: &mut Vec<Check>,
) -> (SignIn, Option<Result<Rows, Failure>>) {
    let failure = rows.as_ref().err().cloned();
    let stage = failure.as_ref().filter(|_| !seen.proves_sign_in()).map(|failure| stage_of(failure.code(), seen));
    let steps = [
        (Stage::ServiceNow, CheckId::InstanceServiceNow),
        (Stage::Awake, CheckId::InstanceAwake),
        (Stage::Auth, CheckId::AuthRequest),
    ];
    // What answered is an instance only where something shows it.
    let is_asleep = failure.as_ref().is_some_and(|failure| failure.code() == Code::InstanceHibernating);
    let is_instance = seen.is_servicenow() || is_asleep;
    // A token that could not be renewed after its refusal is the cause of it.
    let token_failure =
        token.as_ref().filter(|check| check.status == Status::Fail).and_then(|check| check.error.clone());
    let mut token = token;
    let mut failed = false;
    for (step, id) in steps {
        if step == Stage::Auth
            && let Some(token) = token.take()
        {
            checks.push(if failed { Check::skip(CheckId::AuthToken) } else { token });
        }
        checks.push(match &failure {
            Some(_) if step == Stage::Auth && stage == Some(step) && token_failure.is_some() => {
                failed = true;
                Check::skip(id)
            }
            Some(failure) if stage == Some(step) => {
                failed = true;
                Check::fail(id, failure.clone())
            }
            _ if failed || !is_instance => Check::skip(id),
            _ => Check::pass(id),
        });
    }
    match failure {
        Some(failure) if failed => match seen.status() {
            401 => (SignIn::Refused(token_failure.unwrap_or(failure)), None),
            _ => (SignIn::Unjudged(failure), None),
        },
        _ => (SignIn::Good, Some(rows)),
    }
}

/// The step at which an answer fails that does not prove the sign-in.
fn stage_of(code: Code, seen: &Seen<'_>) -> Stage {
    match code {
        Code::NotServiceNow | Code::LoginPage | Code::SsoRedirect | Code::Redirected => Stage::ServiceNow,
        Code::TruncatedAnswer | Code::ProxyAuth | Code::TlsFailure | Code::Timeout => Stage::ServiceNow,
        Code::InstanceHibernating | Code::InstanceUnavailable | Code::GatewayTimeout => Stage::Awake,
        Code::BasicRefused | Code::BasicNotOffered | Code::MfaRequired | Code::BearerRefused => Stage::Auth,
        Code::RateLimited | Code::ForbiddenPage => Stage::Auth,
        _ if seen.answer.broken.is_some() => Stage::ServiceNow,
        Code::InstanceError => Stage::Awake,
        _ => Stage::Auth,
    }
}

impl Begun {
    /// A test that ended before a table could be asked for.
    fn without_rows(inquiry: Inquiry, checks: Vec<Check>, sign_in: SignIn, certificate: Option<Certificate>) -> Self {
        Self {
            inquiry,
            probe: probe(),
            sign_in,
            checks,
            first: None,
            first_took: None,
            may_be_judged: false,
            quality: Vec::new(),
            certificate,
            asked_identity: None,
        }
    }

    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Why it may be begun again by itself, where it may: what stopped it may
    /// pass, and no password was judged.
    pub fn may_be_repeated(&self) -> Option<&Failure> {
        match &self.sign_in {
            SignIn::Unjudged(failure) if may_pass(failure.code()) && !self.may_be_judged => Some(failure),
            _ => None,
        }
    }

    /// Why the sign-in is not good, where it is not.
    pub fn not_signed_in(&self) -> Option<&Failure> {
        match &self.sign_in {
            SignIn::Good => None,
            SignIn::Refused(failure) | SignIn::Unjudged(failure) => Some(failure),
        }
    }

    /// Asks the rest; gives the checks and who one is.
    pub async fn finish(mut self) -> Findings {
        let certificate_ends = self.certificate.map(|certificate| certificate.not_after);
        let quality = std::mem::take(&mut self.quality);
        let connection = self.inquiry.connection.clone();
        let latency = self.first_took.filter(|_| matches!(self.sign_in, SignIn::Good));
        let latency_check = self.inquiry.plan.expectations.latency_check(latency);
        let (mut checks, identity) = self.ask_the_rest().await;
        checks.extend(latency_check);
        checks.extend(quality);
        let token = connection.token().await;
        Findings { checks, token, identity, certificate_ends, latency }
    }

    async fn ask_the_rest(&mut self) -> (Vec<Check>, Option<Identity>) {
        let mut checks = std::mem::take(&mut self.checks);
        let configured = self
            .inquiry
            .connection
            .username()
            .map(|user| Identity { user_name: user.as_str().to_owned(), source: IdentitySource::Configured });
        let tables = match self.inquiry.plan.tables.is_empty() {
            true => vec![self.probe.clone()],
            false => self.inquiry.plan.tables.clone(),
        };
        let Some(first) = self.first.take() else {
            for table in &tables {
                checks.push(Check::skip(CheckId::AccessTable).of(table.as_str()));
            }
            checks.push(Check::skip(CheckId::AuthIdentity));
            return (checks, configured);
        };
        let mut first = Some(first);
        // Whether there is more to learn, about other tables and about anything.
        let (mut more, mut closed) = (true, false);
        for table in &tables {
            if !more {
                checks.push(Check::skip(CheckId::AccessTable).of(table.as_str()));
                continue;
            }
            let (exchange, rows) = match first.take() {
                Some(first) => first,
                None => self.inquiry.table(table, 1, false).await,
            };
            let took = Some(request_time(&exchange.timings));
            let check = self.inquiry.table_check(table, &exchange, rows).await.taking(took);
            let code = check.error.as_ref().map(Failure::code);
            more = !matches!(code, Some(Code::RateLimited | Code::Timeout));
            closed |= !more || matches!(code, Some(Code::ScopeRestricted | Code::ApiAcl));
            checks.push(check);
        }
        if closed {
            checks.push(Check::skip(CheckId::AuthIdentity));
            return (checks, configured);
        }
        let (check, identity) = match self.asked_identity.take() {
            Some(asked) => asked,
            None => self.inquiry.identity_check().await,
        };
        checks.push(check);
        (checks, identity.or(configured))
    }

    /// Asks for one's identity alone, where it must be known before a save.
    pub async fn identity(&mut self) -> Option<Identity> {
        let asked = self.inquiry.identity_check().await;
        self.asked_identity.insert(asked).1.clone()
    }
}
