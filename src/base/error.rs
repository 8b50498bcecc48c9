//! What failed, why, and the one thing to do: the error model that text, JSON
//! and exit codes share.
//!
//! Each module has its own thiserror enum; its conversion into [`Failure`] stands
//! beside it.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::code::{Class, Code};
use crate::base::shown::{Show, Shown, Step, StepInJson};

/// How likely a cause is, given what the wire showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Likelihood {
    /// The first to look at.
    High,
    /// Seen at times.
    Medium,
    /// Where nothing else fits.
    Low,
}

/// One possible cause of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cause {
    /// A word for the cause.
    pub code: &'static str,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// The cause in words, without full stop.
    pub text: Shown,
}

/// A cause as a table has it: its code, how likely it is, and the words for it.
pub type CauseRow = (&'static str, Likelihood, &'static str);

/// What a table knows to be behind a code.
pub struct CausesOfCode {
    pub code: Code,
    /// Where they are those of one way to get there, the words for it: `with …`.
    pub when: Option<&'static str>,
    pub causes: Vec<CauseRow>,
}

impl CausesOfCode {
    pub fn new(code: Code, causes: &[CauseRow]) -> Self {
        Self { code, when: None, causes: causes.to_vec() }
    }
}

impl<T: Into<Shown>> From<(&'static str, Likelihood, T)> for Cause {
    fn from((code, likelihood, text): (&'static str, Likelihood, T)) -> Self {
        Self { code, likelihood, text: text.into() }
    }
}

impl Cause {
    /// The causes of a table whose texts hold places, as in `{user}`.
    pub fn filled(rows: &[CauseRow], values: &[(&'static str, Step)]) -> Vec<Self> {
        let cause =
            |&(code, likelihood, text): &CauseRow| Self { code, likelihood, text: Step::filled(text, values).text() };
        rows.iter().map(cause).collect()
    }
}

impl From<&CauseRow> for Cause {
    fn from(&row: &CauseRow) -> Self {
        row.into()
    }
}

/// What failed, naming the object; why; what to do; and what was seen.
///
/// All text in it is safe to show, by its type: see [`Shown`].
#[derive(Debug, Clone)]
pub struct Failure(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    code: Code,
    message: Shown,
    why: Option<Shown>,
    causes: Vec<Cause>,
    next: Vec<Step>,
    evidence: Map<String, Value>,
}

impl Failure {
    /// What failed, in one sentence that names the object, without full stop.
    pub fn new(code: Code, message: impl Into<Shown>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            why: None,
            causes: Vec::new(),
            next: Vec::new(),
            evidence: Map::new(),
        }))
    }

    /// Why, in sentences.
    pub fn why(mut self, why: impl Into<Shown>) -> Self {
        self.0.why = Some(why.into());
        self
    }

    /// One thing to do. The first is the one to try first.
    pub fn next(mut self, next: impl Into<Step>) -> Self {
        self.0.next.push(next.into());
        self
    }

    /// The thing to do before all others.
    pub(crate) fn first(mut self, next: impl Into<Step>) -> Self {
        self.0.next.insert(0, next.into());
        self
    }

    /// What may be behind it.
    pub fn causes(mut self, causes: impl IntoIterator<Item = impl Into<Cause>>) -> Self {
        self.0.causes.extend(causes.into_iter().map(Into::into));
        self
    }

    /// Something seen, for the report and for an administrator.
    pub fn evidence(mut self, key: &str, value: impl Into<Evidence>) -> Self {
        if let Evidence(Some(value)) = value.into() {
            self.0.evidence.insert(key.to_owned(), value);
        }
        self
    }

    /// Everything that was seen of another failure.
    pub(crate) fn evidence_of(mut self, other: &Self) -> Self {
        self.0.evidence.extend(other.0.evidence.clone());
        self
    }

    /// What it is, as a script tells it.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The group of its code.
    pub fn class(&self) -> Class {
        self.0.code.class()
    }

    /// The exit code of its class, never 0.
    pub fn exit_code(&self) -> u8 {
        self.class().exit_code()
    }

    /// What failed, in one sentence that names the object, without full stop.
    pub fn message(&self) -> &Shown {
        &self.0.message
    }

    /// Why, in sentences.
    pub fn reason(&self) -> Option<&Shown> {
        self.0.why.as_ref()
    }

    /// What to do. The first is the one to try first.
    pub fn steps(&self) -> &[Step] {
        &self.0.next
    }

    /// What may be behind it, with how likely each is.
    pub fn likely_causes(&self) -> &[Cause] {
        &self.0.causes
    }

    /// Everything that was seen.
    pub fn all_seen(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.evidence.iter()
    }

    /// What was seen under `key`.
    pub fn seen(&self, key: &str) -> Option<&Value> {
        self.0.evidence.get(key)
    }
}

/// What was seen, or that nothing was: a number, a truth, or text that may be
/// shown.
pub struct Evidence(Option<Value>);

impl From<Shown> for Evidence {
    fn from(shown: Shown) -> Self {
        Self(Some(String::from(shown).into()))
    }
}

impl<T: Show> From<&T> for Evidence {
    fn from(value: &T) -> Self {
        value.show().into()
    }
}

impl<T: Into<Self>> From<Option<T>> for Evidence {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(None), Into::into)
    }
}

impl From<Vec<Shown>> for Evidence {
    fn from(texts: Vec<Shown>) -> Self {
        Self(Some(texts.into_iter().map(String::from).collect()))
    }
}

macro_rules! plain_evidence {
    ($($type:ty),*) => {
        $(impl From<$type> for Evidence {
            fn from(value: $type) -> Self {
                Self(Some(value.into()))
            }
        })*
    };
}
plain_evidence!(bool, u8, u16, u32, u64, usize, i64, f64, &'static str);

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for Failure {}

/// What failed, why, and what to do.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Failure"))]
pub struct FailureInJson<'a> {
    /// The error code, as in `snow explain CODE`.
    code: Code,
    class: Class,
    /// The exit code of the class.
    pub exit_code: u8,
    /// What failed and why, in sentences.
    message: String,
    /// What may be behind it, the likeliest first.
    causes: &'a [Cause],
    /// What to do, a sentence each, the first one first.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    next: &'a [Step],
    /// The same as `next`, with the commands by themselves.
    steps: Vec<StepInJson<'a>>,
    /// Whether the same command may work later with nothing changed.
    retryable: bool,
    /// What was seen, by name: texts, lists of texts, numbers, true or false.
    evidence: &'a Map<String, Value>,
}

impl<'a> From<&'a Failure> for FailureInJson<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            code: failure.code(),
            class: failure.class(),
            exit_code: failure.exit_code(),
            message: match failure.reason() {
                Some(why) => format!("{}. {why}", failure.message()),
                None => failure.message().to_string(),
            },
            causes: &failure.0.causes,
            next: &failure.0.next,
            steps: StepInJson::all(&failure.0.next),
            retryable: failure.code().retryable(),
            evidence: &failure.0.evidence,
        }
    }
}

/// The exit code of several: zero, that of the one class that failed, or 12.
pub fn exit_code_of<'a>(mut failures: impl Iterator<Item = &'a Failure>) -> u8 {
    let Some(first) = failures.next().map(Failure::class) else {
        return 0;
    };
    if failures.all(|failure| failure.class() == first) { first.exit_code() } else { Class::Mixed.exit_code() }
}

/// Where a defect of ours is reported, in one place.
pub fn internal(what: impl Into<Shown>) -> Failure {
    Failure::new(Code::Internal, what)
        .why("This is a bug in snow, not a problem with your connection.")
        .next("Report it with the command you ran and this message")
}
