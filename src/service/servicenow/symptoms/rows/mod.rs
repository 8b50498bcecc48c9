//! The table of symptoms, in the order in which it is read: most telling first.
//! How it is read stands in the module above.

mod access;
mod in_front;
mod instance;
mod request;
mod sign_in;

use super::Symptom;
use crate::base::error::CauseRow;
use crate::base::error::Likelihood::Medium;

/// Behind a foreign answer to a good request, at a good address.
const SOME_TABLES: CauseRow = ("some-tables", Medium, "a gateway in front publishes only some tables or addresses");

/// The symptoms, most telling first.
pub fn symptoms() -> impl Iterator<Item = &'static Symptom> {
    [in_front::ROWS, sign_in::AS_GUEST, access::ROWS, sign_in::ROWS, request::ROWS, instance::ROWS]
        .into_iter()
        .flatten()
}
