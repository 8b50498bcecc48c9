//! How a connection fared: what is remembered of its last test, and what that
//! test showed to be new. Never a secret. No I/O: [`crate::history::state`] keeps it.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::base::code::Code;

/// How the last test of a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SavedTest"))]
pub struct LastTest {
    pub at: DateTime<Utc>,
    pub ok: bool,
    #[serde(default, deserialize_with = "word_or_none")]
    pub class: Option<String>,
    #[serde(default, deserialize_with = "word_or_none")]
    pub code: Option<String>,
    /// Since which test it is so: ok, or failing with this code.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
    /// How long the first request took, in milliseconds, when it last worked.
    #[serde(default)]
    pub latency_ms: Option<u64>,
    /// When the certificate that was seen last ends.
    #[serde(default)]
    pub certificate_ends: Option<DateTime<Utc>>,
    /// If it does not work, when it last did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked_at: Option<DateTime<Utc>>,
    /// What was new then.
    #[serde(default)]
    pub changes: Vec<Change>,
}

/// What one test showed that the test before it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Change {
    /// It fails, and worked before.
    Failed {
        /// When it was last seen to work.
        worked_at: DateTime<Utc>,
    },
    /// It failed before, with another code.
    FailsOtherwise {
        /// That code.
        #[serde(deserialize_with = "word")]
        before: String,
        /// When that code was first seen.
        since: DateTime<Utc>,
    },
    /// It works, and failed before.
    Recovered {
        /// The code it failed with.
        #[serde(deserialize_with = "word")]
        before: String,
        /// When that code was first seen.
        since: DateTime<Utc>,
    },
    /// The first request takes at least twice as long.
    LatencyDoubled {
        /// How long it took before, in milliseconds.
        before_ms: u64,
        /// How long it took now, in milliseconds.
        latency_ms: u64,
    },
    /// The instance shows a certificate that lasts longer.
    CertificateRenewed {
        /// When the one before ends.
        before: DateTime<Utc>,
        /// When this one ends.
        not_after: DateTime<Utc>,
    },
    /// The instance shows another certificate, which ends sooner.
    CertificateReplaced {
        /// When the one before ends.
        before: DateTime<Utc>,
        /// When this one ends.
        not_after: DateTime<Utc>,
    },
}

/// A code as it was written, also one of a newer `snow`; of anything else, nothing.
fn word_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let is_word =
        |text: &String| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    Ok(Option::<String>::deserialize(deserializer)?.filter(is_word))
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(word_or_none(deserializer)?.unwrap_or_else(|| "another code".to_owned()))
}

/// What a test found, as far as it is remembered.
#[derive(Debug, Clone, Copy)]
pub struct TestOutcome {
    pub at: DateTime<Utc>,
    /// Why the connection does not work, where it does not.
    pub failure: Option<Code>,
    /// How long the first request took, where it was good.
    pub latency: Option<Duration>,
    pub certificate_ends: Option<DateTime<Utc>>,
}

/// Less is the noise of a network, however many times it is what it was.
const NOTICEABLE_MS: u64 = 100;

impl LastTest {
    /// What is remembered of an outcome, after what was remembered before it.
    pub fn following(before: Option<&Self>, outcome: TestOutcome) -> Self {
        let TestOutcome { at, failure, latency, certificate_ends } = outcome;
        let at = at.trunc_subsecs(0);
        let code = failure.map(|code| code.as_str().to_owned());
        let is_as_before = before.is_some_and(|before| same_failure(before.code.as_deref(), code.as_deref()));
        let since = before.filter(|_| is_as_before).and_then(|before| before.since.or(Some(before.at)));
        let latency_ms = latency.map(|latency| u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
        let mut test = Self {
            at,
            ok: failure.is_none(),
            class: failure.map(|code| code.class().as_str().to_owned()),
            code,
            since: since.or(Some(at)),
            // What this test did not see is as it was seen last.
            latency_ms: latency_ms.or(before.and_then(|before| before.latency_ms)),
            certificate_ends: certificate_ends.or(before.and_then(|before| before.certificate_ends)),
            worked_at: before.filter(|_| failure.is_some()).and_then(Self::last_success),
            changes: Vec::new(),
        };
        test.changes = before.map(|before| test.changes_since(before)).unwrap_or_default();
        test
    }

    /// When it last worked, as far as that is remembered: older versions kept it with the
    /// first failure alone.
    pub fn last_success(&self) -> Option<DateTime<Utc>> {
        let of_change = |change: &Change| match change {
            Change::Failed { worked_at } => Some(*worked_at),
            _ => None,
        };
        if self.ok { Some(self.at) } else { self.worked_at.or_else(|| self.changes.iter().find_map(of_change)) }
    }

    fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let since = before.since.unwrap_or(before.at);
        let code_before = before.code.clone().unwrap_or_default();
        match (before.ok, self.ok) {
            (true, false) => changes.push(Change::Failed { worked_at: before.at }),
            (false, true) => changes.push(Change::Recovered { before: code_before, since }),
            (false, false) if !same_failure(before.code.as_deref(), self.code.as_deref()) => {
                changes.push(Change::FailsOtherwise { before: code_before, since });
            }
            _ => {}
        }
        if let (Some(before_ms), Some(latency_ms)) = (before.latency_ms, self.latency_ms)
            && latency_ms >= before_ms.saturating_mul(2)
            && latency_ms >= before_ms.saturating_add(NOTICEABLE_MS)
        {
            changes.push(Change::LatencyDoubled { before_ms, latency_ms });
        }
        match (before.certificate_ends, self.certificate_ends) {
            (Some(before), Some(not_after)) if not_after > before => {
                changes.push(Change::CertificateRenewed { before, not_after });
            }
            (Some(before), Some(not_after)) if not_after < before => {
                changes.push(Change::CertificateReplaced { before, not_after });
            }
            _ => {}
        }
        changes
    }
}

/// Whether two tests ended for the same reason. A password that is kept back
/// after its refusals is the one that was refused.
fn same_failure(one: Option<&str>, other: Option<&str>) -> bool {
    let reason = |code: Option<&str>| match code {
        Some(code) if code == Code::RefusedBefore.as_str() => Some(Code::BasicRefused.as_str().to_owned()),
        code => code.map(str::to_owned),
    };
    reason(one) == reason(other)
}

impl Change {
    /// In two or three words, for a table.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "new",
            Self::FailsOtherwise { .. } => "failed differently before",
            Self::Recovered { .. } => "recovered",
            Self::LatencyDoubled { .. } => "slower",
            Self::CertificateRenewed { .. } => "certificate renewed",
            Self::CertificateReplaced { .. } => "certificate replaced",
        }
    }

    /// In a sentence, without full stop. `ago` says how long before now a time
    /// is.
    pub fn sentence(&self, ago: impl Fn(DateTime<Utc>) -> String) -> String {
        let day = |at: &DateTime<Utc>| at.format("%Y-%m-%d").to_string();
        match self {
            Self::Failed { worked_at } => format!("it worked {}", ago(*worked_at)),
            Self::FailsOtherwise { before, since } => {
                format!("before, it failed with {before}, first seen {}", ago(*since))
            }
            Self::Recovered { before, since } => {
                format!("it works again; it failed with {before}, first seen {}", ago(*since))
            }
            Self::LatencyDoubled { before_ms, latency_ms } => {
                format!("the first request took {latency_ms} ms, and {before_ms} ms before")
            }
            Self::CertificateRenewed { before, not_after } => {
                format!("the certificate was renewed: until {}, before until {}", day(not_after), day(before))
            }
            Self::CertificateReplaced { before, not_after } => {
                format!(
                    "another certificate, which expires sooner: until {}, before until {}",
                    day(not_after),
                    day(before)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn outcome(hours: i64, failure: Option<Code>) -> TestOutcome {
        TestOutcome {
            at: DateTime::UNIX_EPOCH + TimeDelta::hours(hours),
            failure,
            latency: None,
            certificate_ends: None,
        }
    }

    fn timed(hours: i64, milliseconds: u64) -> TestOutcome {
        TestOutcome { latency: Some(Duration::from_millis(milliseconds)), ..outcome(hours, None) }
    }

    fn history(outcomes: &[TestOutcome]) -> LastTest {
        let mut last: Option<LastTest> = None;
        for outcome in outcomes {
            last = Some(LastTest::following(last.as_ref(), *outcome));
        }
        last.unwrap()
    }

    fn whats(test: &LastTest) -> Vec<String> {
        let words = test.changes.iter().map(|change| serde_json::to_value(change).unwrap()["what"].clone());
        words.map(|what| what.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_first_test_shows_nothing_new_and_the_same_again_neither() {
        assert!(history(&[outcome(0, None)]).changes.is_empty());
        assert!(history(&[outcome(0, Some(Code::Timeout))]).changes.is_empty());
        assert!(history(&[outcome(0, None), outcome(1, None)]).changes.is_empty());
        let twice = history(&[outcome(0, Some(Code::Timeout)), outcome(5, Some(Code::Timeout))]);
        assert!(twice.changes.is_empty());
        assert_eq!(twice.since, Some(DateTime::UNIX_EPOCH));
    }

    #[test]
    fn a_password_that_is_kept_back_is_no_news_after_its_refusal() {
        let kept_back = history(&[outcome(0, Some(Code::BasicRefused)), outcome(1, Some(Code::RefusedBefore))]);
        assert!(kept_back.changes.is_empty());
        assert_eq!(kept_back.since, Some(DateTime::UNIX_EPOCH));
    }

    #[test]
    fn a_failure_a_recovery_and_another_failure_are_new() {
        let worked = outcome(0, None);
        let refused = outcome(1, Some(Code::BasicRefused));
        assert_eq!(whats(&history(&[worked, refused])), ["failed"]);
        let otherwise =
            history(&[worked, refused, outcome(2, Some(Code::BasicRefused)), outcome(3, Some(Code::Timeout))]);
        assert_eq!(whats(&otherwise), ["fails-otherwise"]);
        let Change::FailsOtherwise { before, since } = &otherwise.changes[0] else { panic!() };
        assert_eq!((before.as_str(), *since), ("basic-refused", refused.at));
        let recovered = history(&[refused, outcome(4, None)]);
        assert_eq!(whats(&recovered), ["recovered"]);
        assert_eq!(recovered.since, Some(DateTime::UNIX_EPOCH + TimeDelta::hours(4)));
    }

    #[test]
    fn a_latency_is_news_where_it_doubled_and_a_person_would_notice() {
        assert_eq!(whats(&history(&[timed(0, 200), timed(1, 400)])), ["latency-doubled"]);
        for (before, after) in [(200, 399), (3, 60), (400, 200), (50, 149)] {
            assert!(history(&[timed(0, before), timed(1, after)]).changes.is_empty(), "{before} {after}");
        }
        // A failure between them has no latency, and the one from before stands.
        let gap = history(&[timed(0, 200), outcome(1, Some(Code::Timeout)), timed(2, 500)]);
        assert_eq!(whats(&gap), ["recovered", "latency-doubled"]);
    }

    #[test]
    fn the_last_success_is_known_after_any_number_of_failures() {
        let (failed, worked) = (|hours| outcome(hours, Some(Code::Timeout)), outcome(1, None));
        let last = history(&[outcome(0, None), worked, failed(2), outcome(3, Some(Code::BasicRefused)), failed(4)]);
        assert_eq!(last.last_success(), Some(worked.at));
        assert_eq!(history(&[failed(0), failed(1)]).last_success(), None);
        let works_again = history(&[worked, failed(2), outcome(3, None)]);
        assert_eq!((works_again.last_success(), works_again.worked_at), (Some(works_again.at), None));
        // What an older version kept of the first failure.
        let old = r#"{"at":"2026-11-21T21:04:00Z","ok":false,"code":"timeout","changes":[{"what":"failed","worked_at":"2026-11-20T00:00:00Z"}]}"#;
        let old: LastTest = serde_json::from_str(old).unwrap();
        let next = LastTest::following(Some(&old), TestOutcome { at: old.at, ..failed(0) });
        assert_eq!((next.last_success(), next.changes.len()), (old.last_success(), 0));
        assert!(next.last_success().is_some());
    }

    #[test]
    fn another_certificate_is_news_and_one_that_was_not_seen_is_none() {
        let until = |days: i64| TestOutcome {
            certificate_ends: Some(DateTime::UNIX_EPOCH + TimeDelta::days(days)),
            ..outcome(0, None)
        };
        assert_eq!(whats(&history(&[until(10), until(100)])), ["certificate-renewed"]);
        assert_eq!(whats(&history(&[until(10), until(5)])), ["certificate-replaced"]);
        assert!(history(&[until(10), until(10)]).changes.is_empty());
        let unseen = history(&[until(10), outcome(1, None)]);
        assert!(unseen.changes.is_empty());
        assert_eq!(unseen.certificate_ends, until(10).certificate_ends);
    }

    #[test]
    fn what_an_older_version_remembered_is_read() {
        let old = r#"{"at":"2026-11-21T21:04:00Z","ok":false,"class":"auth","code":"basic-refused"}"#;
        let old: LastTest = serde_json::from_str(old).unwrap();
        let now = TestOutcome { at: old.at + TimeDelta::hours(1), ..outcome(0, None) };
        let next = LastTest::following(Some(&old), now);
        assert_eq!(next.changes, [Change::Recovered { before: "basic-refused".to_owned(), since: old.at }]);
        let text = serde_json::to_string(&next).unwrap();
        assert_eq!(serde_json::from_str::<LastTest>(&text).unwrap(), next);
    }
}
