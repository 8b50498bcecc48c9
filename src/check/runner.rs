//! Runs the checks: one request that judges the credential, then the rest.
//!
//! [`begin`] sends the first request, for a table, and says how the sign-in
//! went; a caller that has something to save does so then. [`StartedTest::finish`]
//! asks for the other tables and for the identity.

use std::sync::Arc;
use std::time::Duration;

use super::context::{CheckContext, Plan};
use super::network::{Opening, network_checks, request_time};
use super::origin::OriginVerdict;
use super::preflight::Preflight;
use super::renewal::RenewalSeen;
use super::report::{Check, CheckId, CheckResults, Identity, IdentitySource, Status};
use super::{quality, stage};
use crate::auth::credential::CredentialKind;
use crate::base::code::{Class, Code, Reach};
use crate::base::error::Failure;
use crate::base::shown::Show;
use crate::engine::Connection;
use crate::http::certificate::Certificate;
use crate::http::client::Exchange;
use crate::http::failure::Reached;
use crate::model::profile::TableName;
use crate::service::Purpose;
use crate::service::probe::ProbedRows;

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
pub struct StartedTest {
    context: CheckContext,
    probe: TableName,
    sign_in: SignIn,
    checks: Vec<Check>,
    /// What the first table gave, where the sign-in was good.
    first: Option<(Exchange, Result<ProbedRows, Failure>)>,
    first_took: Option<Duration>,
    /// Whether the password may have been judged without an answer.
    may_be_judged: bool,
    /// What the first exchange told by the way.
    quality: Vec<Check>,
    certificate: Option<Certificate>,
    /// Who one is, where it was asked for before the rest.
    asked_identity: Option<(Check, Option<Identity>)>,
    verdict: Option<OriginVerdict>,
}

/// The test of an instance that did not wake up: the probe was all there was,
/// and no credential was sent.
pub fn never_awake(connection: Arc<Connection>, plan: Plan, preflight: Preflight, failure: Failure) -> StartedTest {
    let context = CheckContext { connection, plan, was_taken: false };
    stopped_by(context, OriginVerdict::of(preflight.exchange), failure)
}

/// The test of an instance whose verdict is known; `worded` adds to the failure. Nothing is
/// sent.
pub fn stopped(
    connection: Arc<Connection>,
    plan: Plan,
    verdict: OriginVerdict,
    worded: impl FnOnce(Failure) -> Failure,
) -> StartedTest {
    let context = CheckContext { connection, plan, was_taken: false };
    let failure = worded(verdict.failure(&context));
    stopped_by(context, verdict, failure)
}

fn stopped_by(context: CheckContext, verdict: OriginVerdict, failure: Failure) -> StartedTest {
    let mut checks = network_checks(&context.connection, &verdict.opening);
    let has_token = context.connection.credential().kind().is_access_token();
    let service = context.defaults();
    let stops = verdict.stops_at(service).map(|id| (id, &failure));
    checks.extend(stage::checks(stage::up_to_sign_in(service, has_token), stops, Status::Skip));
    let started = StartedTest::without_rows(context, checks, SignIn::Unjudged(failure), None);
    StartedTest { verdict: Some(verdict), ..started }
}

/// Sends the first request: the first table, one row, its key only. A session
/// is renewed before it, where that is due.
pub async fn begin(connection: Arc<Connection>, plan: Plan) -> StartedTest {
    let mut context = CheckContext { connection, plan, was_taken: false };
    if let Err(failure) = context.connection.ensure_fresh(Duration::ZERO, context.plan.deadline).await {
        return without_token(context, failure).await;
    }
    let (service, probe) = (context.defaults(), context.service().usual_table());
    let table = context.plan.tables.first().unwrap_or(&probe).clone();
    let (exchange, _) = context.table(&table, 1, false).await;
    let renewal = RenewalSeen::of(&context.connection).await;
    // The connection that a renewal opened carries the request as well.
    let opening = match &renewal {
        Some(RenewalSeen { exchange: Some(renewal), .. }) if exchange.timings.tcp.is_none() => Opening::of(renewal),
        _ => Opening::of(&exchange),
    };
    let mut checks = network_checks(&context.connection, &opening);
    let mut says_who = true;
    let (sign_in, first) = match &exchange.result {
        Err(error) => {
            let failure = Failure::from(error.clone());
            let stops = (error.phase == Reached::Response).then_some((CheckId::InstanceOf(service), &failure));
            let token = renewal.map(|renewal| renewal.check);
            checks.extend(stage::with_token(
                stage::checks(stage::up_to_sign_in(service, false), stops, Status::Skip),
                token,
            ));
            (SignIn::Unjudged(failure), None)
        }
        Ok(answer) => {
            let signs = context.judged(Purpose::Table(&table), |asked| context.service().signs(answer, asked));
            let rows = context.rows(&exchange, &table);
            says_who = rows.is_err() || signs.says_who;
            let rows = rows.map_err(|failure| context.with_retry_time(failure, &exchange));
            let token = renewal.map(|renewal| renewal.check);
            let (sign_in, filed) = stage::judge(service, answer, signs, rows.as_ref().err(), token);
            checks.extend(filed);
            context.was_taken = matches!(sign_in, SignIn::Good);
            (sign_in, context.was_taken.then_some(rows))
        }
    };
    // Rows without a word on whether a user is signed in may be a guest's.
    let asked_identity = if context.was_taken && !says_who { Some(context.identity_check().await) } else { None };
    let as_guest = asked_identity.as_ref().and_then(|(check, _)| check.error.clone());
    let (sign_in, first) = match as_guest.filter(|failure| failure.code() == Code::AnsweredAsGuest) {
        Some(failure) => {
            stage::fail_request(&mut checks, &failure);
            (SignIn::Refused(failure), None)
        }
        None => (sign_in, first),
    };
    let locks_accounts =
        matches!(context.connection.credential().kind(), CredentialKind::Secret(spec) if spec.locks_accounts);
    let may_be_judged =
        locks_accounts && matches!(&exchange.result, Err(error) if error.opened && error.phase == Reached::Response);
    let mut quality = quality::checks(&exchange, &context.connection, (context.plan.clock)());
    if let Ok(answer) = &exchange.result {
        let quota = context.judged(Purpose::Table(&table), |asked| context.service().quota(answer, asked));
        quality.extend(quota.map(|warning| match warning {
            Some(failure) => Check::warn(CheckId::QualityQuota, failure),
            None => Check::pass(CheckId::QualityQuota),
        }));
    }
    let first_took = Some(request_time(&exchange.timings));
    let certificate = opening.certificate;
    let (first, verdict) = match (first, &sign_in) {
        (Some(rows), _) => (Some((exchange, rows)), None),
        (None, SignIn::Unjudged(failure)) => (None, OriginVerdict::of_request(&opening, exchange, failure.code())),
        (None, _) => (None, None),
    };
    StartedTest {
        context,
        probe,
        sign_in,
        checks,
        first,
        first_took,
        may_be_judged,
        quality,
        certificate,
        asked_identity,
        verdict,
    }
}

/// There is no access token to send: the checks up to that, and no more.
async fn without_token(context: CheckContext, failure: Failure) -> StartedTest {
    let service = context.defaults();
    let renewal = RenewalSeen::of(&context.connection).await;
    let exchange = renewal.and_then(|renewal| renewal.exchange);
    let opening = exchange.as_ref().map(Opening::of);
    let mut checks = match &opening {
        Some(opening) => network_checks(&context.connection, opening),
        None => [CheckId::NetworkDns, CheckId::NetworkConnect].map(Check::skip).to_vec(),
    };
    let network_failed = checks.iter().any(|check| check.status == Status::Fail);
    // What answered at the token endpoint says something about the instance
    // only where it is the instance.
    let stops_at = match &opening {
        _ if network_failed => None,
        Some(opening) if opening.error.is_some() => Some(CheckId::InstanceOf(service)),
        Some(_) => Some(stage::of_token_request(service, failure.code())),
        None => Some(CheckId::AuthToken),
    };
    let before = if opening.is_some() && !network_failed { Status::Pass } else { Status::Skip };
    let stops = stops_at.map(|id| (id, &failure));
    checks.extend(stage::checks(stage::up_to_sign_in(service, true), stops, before));
    let verdict = opening
        .as_ref()
        .zip(exchange)
        .and_then(|(opening, exchange)| OriginVerdict::of_request(opening, exchange, failure.code()));
    let certificate = opening.and_then(|opening| opening.certificate);
    let sign_in = match failure.class() {
        Class::Auth => SignIn::Refused(failure),
        _ => SignIn::Unjudged(failure),
    };
    StartedTest { verdict, ..StartedTest::without_rows(context, checks, sign_in, certificate) }
}

impl StartedTest {
    /// A test that ended before a table could be asked for.
    fn without_rows(
        context: CheckContext,
        checks: Vec<Check>,
        sign_in: SignIn,
        certificate: Option<Certificate>,
    ) -> Self {
        Self {
            probe: context.service().usual_table(),
            context,
            sign_in,
            checks,
            first: None,
            first_took: None,
            may_be_judged: false,
            quality: Vec::new(),
            certificate,
            asked_identity: None,
            verdict: None,
        }
    }

    /// What it found that holds for every connection of that origin.
    pub fn verdict(&self) -> Option<&OriginVerdict> {
        self.verdict.as_ref()
    }

    pub fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// Why it may be begun again by itself, where it may: what stopped it may
    /// pass, and no password was judged.
    pub fn may_be_repeated(&self) -> Option<&Failure> {
        match &self.sign_in {
            SignIn::Unjudged(failure) if failure.code().is_transient() && !self.may_be_judged => Some(failure),
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
    pub async fn finish(mut self) -> CheckResults {
        let certificate_ends = self.certificate.map(|certificate| certificate.not_after);
        let quality = std::mem::take(&mut self.quality);
        let connection = self.context.connection.clone();
        let latency = self.first_took.filter(|_| matches!(self.sign_in, SignIn::Good));
        let latency_check = self.context.plan.expectations.latency_check(latency);
        let (mut checks, identity) = self.ask_the_rest().await;
        checks.extend(latency_check);
        checks.extend(quality);
        let token = connection.credential().token().await.map(|token| token.life);
        CheckResults { checks, token, identity, certificate_ends, latency }
    }

    async fn ask_the_rest(&mut self) -> (Vec<Check>, Option<Identity>) {
        let mut checks = std::mem::take(&mut self.checks);
        let configured = self
            .context
            .connection
            .username()
            .map(|user| Identity { user_name: user.show(), source: IdentitySource::Configured });
        let tables = if self.context.plan.tables.is_empty() {
            vec![self.probe.clone()]
        } else {
            self.context.plan.tables.clone()
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
                None => self.context.table(table, 1, false).await,
            };
            let took = Some(request_time(&exchange.timings));
            let check = self.context.table_check(table, &exchange, rows).await.taking(took);
            let reach = check.error.as_ref().map(|failure| failure.code().reach());
            more = reach != Some(Reach::Instance);
            closed |= !more || reach == Some(Reach::Api);
            checks.push(check);
        }
        if closed {
            checks.push(Check::skip(CheckId::AuthIdentity));
            return (checks, configured);
        }
        let (check, identity) = match self.asked_identity.take() {
            Some(asked) => asked,
            None => self.context.identity_check().await,
        };
        checks.push(check);
        (checks, identity.or(configured))
    }

    /// Asks for one's identity alone, where it must be known before a save.
    pub async fn identity(&mut self) -> Option<Identity> {
        let asked = match self.asked_identity.take() {
            Some(asked) => asked,
            None => self.context.identity_check().await,
        };
        self.asked_identity.insert(asked).1.clone()
    }
}
