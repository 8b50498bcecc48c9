//! How many API requests of 24 hours are used: of all programs and users of an organization.

use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::shown;
use crate::model::instance::Instance;

/// From so many percent on there is a warning.
const WARNED_FROM: u64 = 90;

const CAUSES: &[CauseRow] =
    &[("other-program", Likelihood::High, "a program polls, or sends a request for each record")];

/// Requests of 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub used: u64,
    pub most: u64,
}

impl Usage {
    /// Of the header `Sforce-Limit-Info`: `api-usage=18/5000`, and what an app used.
    pub fn of_header(text: &str) -> Option<Self> {
        let usage = text.split(';').find_map(|part| part.trim().strip_prefix("api-usage="))?;
        let (used, most) = usage.split_once('/')?;
        let (used, most) = (used.trim().parse().ok()?, most.trim().parse().ok()?);
        (most > 0).then_some(Self { used, most })
    }

    /// Whether they are nearly all.
    pub fn is_near_the_end(self) -> bool {
        u128::from(self.used) * 100 >= u128::from(self.most) * u128::from(WARNED_FROM)
    }

    /// A warning where they are nearly all.
    pub fn warning(self, instance: &Instance) -> Option<Failure> {
        let Self { used, most } = self;
        self.is_near_the_end().then(|| {
            Failure::new(Code::QuotaLow, shown!("few API requests of {} are left", instance.host_and_port()))
                .why(shown!("{} of {} requests of 24 hours are used, by all programs and users together.", used, most))
                .causes(CAUSES)
                .next("See what uses them in Setup (System Overview, API Usage)")
                .evidence("api_requests_used", used)
                .evidence("api_requests_max", most)
        })
    }
}

/// What may be behind it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    [CausesOfCode::new(Code::QuotaLow, CAUSES)].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_is_read_of_the_header() {
        let usage = |used, most| Some(Usage { used, most });
        assert_eq!(Usage::of_header("api-usage=18/5000"), usage(18, 5000));
        assert_eq!(Usage::of_header("per-app-api-usage=17/250(appName=x); api-usage=4999/5000"), usage(4999, 5000));
        for text in ["", "api-usage=", "api-usage=1/0", "api-usage=a/b", "per-app-api-usage=17/250"] {
            assert_eq!(Usage::of_header(text), None, "{text}");
        }
    }

    #[test]
    fn a_warning_comes_from_nine_tenths_on() {
        let here = "https://acme.my.salesforce.com".parse().unwrap();
        let code = |used| Usage { used, most: 1000 }.warning(&here).map(|failure| failure.code());
        assert_eq!((code(899), code(900), code(2000)), (None, Some(Code::QuotaLow), Some(Code::QuotaLow)));
        assert!(Usage { used: u64::MAX, most: u64::MAX }.is_near_the_end());
    }
}
