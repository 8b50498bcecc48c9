//! What a test asks an instance, as a service is asked: the seam that each service fills.

use std::borrow::Cow;

use serde_json::Value;

use super::Asked;
use crate::auth::credential::CredentialKind;
use crate::base::code::Code;
use crate::base::error::{Cause, CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, shown};
use crate::http::client::Response;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;

/// A GET of a path of the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRequest {
    /// Without a query.
    pub path: String,
    pub parameters: Vec<(&'static str, Cow<'static, str>)>,
    /// Whether an access token that is refused here is renewed.
    pub renews: bool,
}

impl ProbeRequest {
    /// Without parameters.
    pub fn of(path: impl Into<String>) -> Self {
        Self { path: path.into(), parameters: Vec::new(), renews: true }
    }
}

/// Rows of a table, and how many there are in all.
#[derive(Debug)]
pub struct ProbedRows {
    pub records: Vec<Value>,
    /// It may count rows that the user cannot see. `None` if the instance did not count.
    pub total: Option<u64>,
}

impl ProbedRows {
    /// The fields of `asked_for`, separated by commas, that no row has. What
    /// is no object is no row to judge by.
    pub fn missing_fields<'f>(&self, asked_for: &'f str) -> Vec<&'f str> {
        let rows: Vec<_> = self.records.iter().filter_map(Value::as_object).collect();
        let is_missing = |field: &&str| !rows.is_empty() && !rows.iter().any(|row| row.contains_key(*field));
        asked_for.split(',').filter(is_missing).collect()
    }
}

/// What an answer shows, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// It is the service that answers.
    pub is_service: bool,
    /// The credential was taken.
    pub proves_sign_in: bool,
    /// A user is signed in by its own word.
    pub says_who: bool,
}

/// Why an answer names no user who signed in.
#[derive(Debug)]
pub enum NoUser {
    /// It is for everyone: no proof of a sign-in.
    Guest(Failure),
    /// The sign-in works, and the user cannot be read.
    Unknown(Failure),
}

/// How a service is tested.
pub trait Probes: Sync {
    /// The table that is asked for if none is named.
    fn usual_table(&self) -> TableName;

    /// Answers without a credential, and shows what is there.
    fn preflight(&self) -> ProbeRequest;

    /// Asks for rows of a table, the key of each alone; `counts` if the instance is to say
    /// how many there are.
    fn rows_of(&self, table: &TableName, limit: u32, counts: bool, version: Option<ApiVersion>) -> ProbeRequest;

    /// The rows in an answer, or what it means instead.
    fn read_rows(
        &self,
        answer: &Response,
        asked: &Asked<'_>,
        version: Option<ApiVersion>,
    ) -> Result<ProbedRows, Failure>;

    /// What an answer shows, whatever it says.
    fn signs(&self, answer: &Response, asked: &Asked<'_>) -> Signs;

    /// Asks who is signed in. `before` are the answers to the requests before this one; `None`
    /// if there is no other to try.
    fn who_request(
        &self,
        before: &[&Response],
        credential: CredentialKind,
        version: Option<ApiVersion>,
    ) -> Option<ProbeRequest>;

    /// Who is signed in, by an answer to that.
    fn who(&self, answer: &Response, asked: &Asked<'_>) -> Result<Shown, NoUser>;

    /// What a user must be able to read, so that the instance says who it is.
    fn own_record(&self) -> &'static str;

    /// A refusal of a table by an API, of what another one took: the secret is right.
    fn refused_here_alone(&self, failure: &Failure, table: &TableName) -> Failure;

    /// Of an answer that says how many requests are left: a warning if they are few. `None` if
    /// it does not say.
    fn quota(&self, _answer: &Response, _asked: &Asked<'_>) -> Option<Option<Failure>> {
        None
    }

    /// A failure with what the answer showed.
    fn with_evidence(&self, failure: Failure, answer: &Response, asked: &Asked<'_>) -> Failure;
}

/// Whether a credential is a secret that may be meant for some APIs alone.
pub fn is_for_some_apis(credential: CredentialKind) -> bool {
    matches!(credential, CredentialKind::Secret(spec) if !spec.locks_accounts)
}

/// The instance did not say who is signed in.
pub fn unknown_user() -> Failure {
    Failure::new(Code::IdentityUnknown, "the instance did not say who is signed in")
        .why("The sign-in works; only the user name could not be read.")
}

const FIELDS_HIDDEN: &[CauseRow] = &[
    ("field-acl", Likelihood::High, "an access rule (ACL) hides {fields} from {user}"),
    ("field-absent", Likelihood::Low, "{table} does not have {fields}"),
];

/// What may be behind a field that does not come.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    std::iter::once(CausesOfCode::new(Code::FieldHidden, FIELDS_HIDDEN))
}

/// Rows came, and none has these fields. An instance leaves out a field that
/// the user may not read, and one that does not exist, in the same way.
pub fn field_hidden(table: &TableName, fields: &[&'static str], user: &Shown) -> Failure {
    let fields = Shown::list(fields, ", ");
    Failure::new(Code::FieldHidden, shown!("signed in as {}, but the rows of {} are missing the field {}", user, table, fields))
        .why(shown!("{} was requested, but none of the returned rows has it. A field that does not exist and a field that the user cannot read are dropped in the same way, so the two cannot be told apart from outside.", fields))
        .causes(Cause::filled(FIELDS_HIDDEN, &[
            ("{user}", user.clone().into()), ("{table}", table.show().into()), ("{fields}", fields.clone().into()),
        ]))
        .next(shown!("Ask an administrator to give {} read access to {} of {}", user, fields, table))
        .evidence("table", table)
        .evidence("fields", fields)
}
