//! The ladder: one request that judges the credential, then the rest.
//!
//! [`begin`] sends the first request, for a table, and says how the sign-in
//! went; a caller that has something to save does so then. [`Begun::finish`]
//! asks for the other tables and for the identity.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::quality;
use super::report::{Check, CheckId, Identity, IdentitySource, Status};
use crate::connection::basic::UserName;
use crate::connection::profile::TableName;
use crate::connection::{Connection, Token};
use crate::error::{Cause, Class, Code, Failure, Likelihood};
use crate::http::certificate::Certificate;
use crate::http::client::{Answer, Deadline, Exchange};
use crate::http::failure::{NetworkError, Reached};
use crate::http::trace::Timings;
use crate::server_text::Redactor;
use crate::servicenow::identity::{CURRENT_USER, OWN_ROW, read_user_name};
use crate::servicenow::seen::{Asked, Body, Seen, Subject};
use crate::servicenow::symptoms::with_evidence;
use crate::servicenow::table::{Rows, TableQuery, read_rows};

/// How many rows are asked for when one alone was not visible: the limit is
/// applied before the access rules.
const SECOND_LOOK: u32 = 100;

/// What to test.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tables that must be readable; empty: a probe that can only warn.
    pub tables: Vec<TableName>,
    pub subject: Subject,
    pub deadline: Deadline,
    /// What time it is here.
    pub clock: fn() -> DateTime<Utc>,
}

/// What a test found.
pub struct Findings {
    pub checks: Vec<Check>,
    pub token: Option<Token>,
    /// Who one is; `None` where nobody knows.
    pub identity: Option<Identity>,
    pub certificate_ends: Option<DateTime<Utc>>,
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
    connection: Arc<Connection>,
    plan: Plan,
    probe: TableName,
    sign_in: SignIn,
    checks: Vec<Check>,
    /// What the first table gave, where the sign-in was good.
    first: Option<Result<Rows, Failure>>,
    first_took: Option<Duration>,
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

/// Sends the first request: the first table, one row, `sys_id` only. A session
/// is renewed before it, where that is due.
pub async fn begin(connection: Arc<Connection>, plan: Plan) -> Begun {
    let probe: TableName = "sys_user".parse().expect("sys_user is a table name");
    if let Err(failure) = connection.ensure_fresh(Duration::ZERO, plan.deadline).await {
        return without_token(connection, plan, probe, failure).await;
    }
    let table = plan.tables.first().unwrap_or(&probe).clone();
    let query = TableQuery { table: &table, query: None, fields: "sys_id", limit: 1, count: false };
    let exchange = query.send(&connection, plan.deadline).await;
    let renewal = RenewalSeen::of(&connection).await;
    // The connection that a renewal opened carries the request as well.
    let opening = match &renewal {
        Some(RenewalSeen { opening: Some(opening), .. }) if exchange.timings.tcp.is_none() => opening.clone(),
        _ => Opening::of(&exchange),
    };
    let mut checks = network_checks(&connection, &opening);
    let redactor = connection.redactor();
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
            let seen = Seen {
                answer,
                body: Body::read(answer),
                asked: Asked::Table(&table),
                sent: connection.sends(),
                subject: &plan.subject,
                instance: connection.instance(),
                user: connection.username(),
                redactor: &redactor,
            };
            let token = renewal.map(|renewal| renewal.check);
            judge(&seen, read_rows(&seen, connection.api_version()), token, &mut checks)
        }
    };
    let quality = quality::checks(&exchange, (plan.clock)());
    let first_took = Some(request_time(&exchange.timings));
    let certificate = opening.certificate;
    Begun { connection, plan, probe, sign_in, checks, first, first_took, quality, certificate, asked_identity: None }
}

/// There is no access token to send: the checks up to that, and no more.
async fn without_token(connection: Arc<Connection>, plan: Plan, probe: TableName, failure: Failure) -> Begun {
    let renewal = RenewalSeen::of(&connection).await;
    let opening = renewal.and_then(|renewal| renewal.opening);
    let mut checks = match &opening {
        Some(opening) => network_checks(&connection, opening),
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
    Begun {
        connection,
        plan,
        probe,
        sign_in,
        checks,
        first: None,
        first_took: None,
        quality: Vec::new(),
        certificate,
        asked_identity: None,
    }
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

/// What opening a connection to the instance showed.
#[derive(Clone)]
struct Opening {
    timings: Timings,
    certificate: Option<Certificate>,
    error: Option<NetworkError>,
}

impl Opening {
    fn of(exchange: &Exchange) -> Self {
        Self {
            timings: exchange.timings,
            certificate: exchange.certificate,
            error: exchange.result.as_ref().err().cloned(),
        }
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
        Code::TruncatedAnswer | Code::ProxyAuth => Stage::ServiceNow,
        Code::InstanceHibernating | Code::InstanceUnavailable | Code::GatewayTimeout => Stage::Awake,
        Code::BasicRefused | Code::BasicNotOffered | Code::MfaRequired | Code::BearerRefused => Stage::Auth,
        Code::RateLimited | Code::ForbiddenPage => Stage::Auth,
        _ if seen.answer.broken.is_some() => Stage::ServiceNow,
        Code::InstanceError => Stage::Awake,
        _ => Stage::Auth,
    }
}

impl Begun {
    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
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
        let connection = self.connection.clone();
        let (mut checks, identity) = self.ask_the_rest().await;
        checks.extend(quality);
        let token = connection.token().await;
        Findings { checks, token, identity, certificate_ends }
    }

    async fn ask_the_rest(mut self) -> (Vec<Check>, Option<Identity>) {
        let configured = self
            .connection
            .username()
            .map(|user| Identity { user_name: user.as_str().to_owned(), source: IdentitySource::Configured });
        let tables = match self.plan.tables.is_empty() {
            true => vec![self.probe.clone()],
            false => self.plan.tables.clone(),
        };
        let Some(first) = self.first.take() else {
            for table in &tables {
                self.checks.push(Check::skip(CheckId::AccessTable).of(table.as_str()));
            }
            self.checks.push(Check::skip(CheckId::AuthIdentity));
            return (self.checks, configured);
        };
        let mut first = Some((first, self.first_took));
        // Whether there is more to learn, about other tables and about anything.
        let (mut more, mut closed) = (true, false);
        for table in &tables {
            if !more {
                self.checks.push(Check::skip(CheckId::AccessTable).of(table.as_str()));
                continue;
            }
            let (rows, took) = match first.take() {
                Some(first) => first,
                None => {
                    let exchange = self.ask(table, 1, false).await;
                    (self.rows(&exchange, table), Some(request_time(&exchange.timings)))
                }
            };
            let check = self.table_check(table, rows).await.taking(took);
            let code = check.error.as_ref().map(Failure::code);
            more = !matches!(code, Some(Code::RateLimited | Code::Timeout));
            closed |= !more || matches!(code, Some(Code::ScopeRestricted | Code::ApiAcl));
            self.checks.push(check);
        }
        if closed {
            self.checks.push(Check::skip(CheckId::AuthIdentity));
            return (self.checks, configured);
        }
        let (check, identity) = match self.asked_identity.take() {
            Some(asked) => asked,
            None => self.identity_check().await,
        };
        self.checks.push(check);
        (self.checks, identity.or(configured))
    }

    /// Asks for one's identity alone, where it must be known before a save.
    pub async fn identity(&mut self) -> Option<Identity> {
        let asked = self.identity_check().await;
        self.asked_identity.insert(asked).1.clone()
    }

    async fn ask(&self, table: &TableName, limit: u32, count: bool) -> Exchange {
        let query = TableQuery { table, query: None, fields: "sys_id", limit, count };
        query.send(&self.connection, self.plan.deadline).await
    }

    fn rows(&self, exchange: &Exchange, table: &TableName) -> Result<Rows, Failure> {
        let answer = exchange.result.as_ref().map_err(|error| Failure::from(error.clone()))?;
        let redactor = self.connection.redactor();
        read_rows(&self.seen(answer, Asked::Table(table), &redactor), self.connection.api_version())
    }

    async fn table_check(&self, table: &TableName, rows: Result<Rows, Failure>) -> Check {
        let check = match rows {
            Ok(rows) if rows.records.is_empty() => self.second_look(table).await,
            Ok(_) => Check::pass(CheckId::AccessTable),
            Err(failure) => self.unreadable(failure),
        };
        check.of(table.as_str())
    }

    /// No row came: asks for more of them, and how many there are.
    async fn second_look(&self, table: &TableName) -> Check {
        let id = CheckId::AccessTable;
        let exchange = self.ask(table, SECOND_LOOK, true).await;
        let rows = match self.rows(&exchange, table) {
            Ok(rows) => rows,
            Err(failure) => return self.unreadable(failure),
        };
        if !rows.records.is_empty() {
            return Check::pass(id);
        }
        let redactor = self.connection.redactor();
        let with_evidence = |failure| match &exchange.result {
            Ok(answer) => with_evidence(failure, &self.seen(answer, Asked::Table(table), &redactor)),
            Err(_) => failure,
        };
        match rows.total {
            Some(total) if total > 0 && !self.is_probe() => Check::fail(id, with_evidence(self.hidden(table, total))),
            Some(total) if total > 0 => Check::warn(id, with_evidence(self.hidden(table, total))),
            _ => Check::warn(id, with_evidence(self.empty(table))),
        }
    }

    /// No table was asked for: the probe can only warn of what is its own.
    fn is_probe(&self) -> bool {
        self.plan.tables.is_empty()
    }

    fn unreadable(&self, failure: Failure) -> Check {
        match failure.code() {
            Code::AccessDenied | Code::QueryForbidden | Code::TableMissing | Code::RecordMissing if self.is_probe() => {
                Check::warn(CheckId::AccessTable, failure)
            }
            _ => Check::fail(CheckId::AccessTable, failure),
        }
    }

    fn hidden(&self, table: &TableName, total: u64) -> Failure {
        let user = self.connection.username().map_or("the user", UserName::as_str);
        let looked = total.min(u64::from(SECOND_LOOK));
        Failure::new(Code::TableHidden, format!("signed in as {user}, but no row of {table} may be read"))
            .why(format!(
                "The instance counts {total} rows in {table} and returned none of the first {looked}: its access rules leave them out without an error."
            ))
            .causes([
                Cause { code: "missing-role", likelihood: Likelihood::High, text: format!("{user} lacks the role that reads {table}") },
                Cause { code: "row-acl", likelihood: Likelihood::Medium, text: "only certain rows are visible, and none is among the first".to_owned() },
            ])
            .next(format!("Ask an administrator to let {user} read {table}"))
            .evidence("total_count", total)
            .evidence("rows_asked_for", SECOND_LOOK)
    }

    fn empty(&self, table: &TableName) -> Failure {
        Failure::new(Code::TableHidden, format!("no row of {table} came back"))
            .why("The table is empty, or its rows are hidden: the instance answers the same in both cases.")
            .next("Test with a table that has rows: --table NAME")
    }

    async fn identity_check(&self) -> (Check, Option<Identity>) {
        let id = CheckId::AuthIdentity;
        let mut exchange = self.connection.get(CURRENT_USER, &[], self.plan.deadline).await;
        if matches!(&exchange.result, Ok(answer) if answer.status == 404) {
            let table = "sys_user".parse().expect("sys_user is a table name");
            let query =
                TableQuery { table: &table, query: Some(OWN_ROW), fields: "sys_id,user_name", limit: 2, count: false };
            exchange = query.send(&self.connection, self.plan.deadline).await;
        }
        let took = Some(request_time(&exchange.timings));
        let unknown = Failure::new(Code::IdentityUnknown, "who is signed in could not be read")
            .why("The sign-in itself is good; the instance did not tell the user name.")
            .next("Nothing, unless you need to be sure of the user");
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(error) => {
                let error = Failure::from(error.clone());
                let unknown = unknown.evidence("reason", error.code().as_str());
                return (Check::warn(id, unknown).taking(took), None);
            }
        };
        let redactor = self.connection.redactor();
        let seen = self.seen(answer, Asked::Identity, &redactor);
        let Some(user_name) = read_user_name(&seen) else {
            return (Check::warn(id, with_evidence(unknown, &seen)).taking(took), None);
        };
        let check = match self.connection.username().filter(|expected| !expected.matches(&user_name)) {
            None => Check::pass(id),
            Some(expected) => {
                let other = format!("the instance says the user is {user_name}, not {expected}");
                let mismatch = Failure::new(Code::UserMismatch, other)
                    .why("The sign-in is good, but for a user name other than the connection's.")
                    .next("Check the user name of the connection")
                    .evidence("user_name", user_name.as_str());
                Check::warn(id, with_evidence(mismatch, &seen))
            }
        };
        let identity = Identity { user_name, source: IdentitySource::Instance };
        (check.taking(took), Some(identity))
    }

    fn seen<'s>(&'s self, answer: &'s Answer, asked: Asked<'s>, redactor: &'s Redactor) -> Seen<'s> {
        Seen {
            answer,
            body: Body::read(answer),
            asked,
            sent: self.connection.sends(),
            subject: &self.plan.subject,
            instance: self.connection.instance(),
            user: self.connection.username(),
            redactor,
        }
    }
}

/// How far the network went, from the times and the failure of the first
/// exchange.
fn network_checks(connection: &Connection, opening: &Opening) -> Vec<Check> {
    let timings = opening.timings;
    let error = opening.error.as_ref();
    let reached = error.map(|error| error.phase);
    let is_https = connection.instance().origin().starts_with("https:");
    let split = is_https && connection.client().route().proxy().is_none();
    let mut steps = vec![(CheckId::NetworkDns, Reached::Dns, timings.dns)];
    if split {
        steps.push((CheckId::NetworkTcp, Reached::Connect, timings.tcp));
        steps.push((CheckId::NetworkTls, Reached::Tls, timings.tls));
    } else {
        let took = timings.tcp.map(|tcp| tcp + timings.tls.unwrap_or_default());
        steps.push((CheckId::NetworkConnect, Reached::Connect, took));
    }
    let mut failed = false;
    let mut checks = Vec::new();
    for (id, step, took) in steps {
        let fails_here = match reached {
            Some(Reached::Tls) if !split => step == Reached::Connect,
            Some(reached) => reached == step,
            None => false,
        };
        checks.push(match error {
            Some(error) if fails_here => {
                failed = true;
                let ends = opening.certificate.map(Certificate::ends);
                Check::fail(id, Failure::from(error.clone()).evidence("not_after", ends)).taking(took)
            }
            _ if failed => Check::skip(id),
            // An address needs no looking up.
            _ if step == Reached::Dns && took.is_none() => Check::skip(id),
            _ => Check::pass(id).taking(took),
        });
    }
    checks
}

/// The time of the request itself, without opening the connection.
fn request_time(timings: &Timings) -> Duration {
    let opening = [timings.dns, timings.tcp, timings.tls];
    let opening: Duration = opening.into_iter().flatten().sum();
    timings.total.saturating_sub(opening)
}
