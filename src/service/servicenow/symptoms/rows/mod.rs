//! The table of symptoms, in the order in which it is read: most telling first.
//! The module above says how it is read.

mod access;
mod in_front;
mod instance;
mod request;
mod sign_in;

use super::Symptom;
use crate::base::error::CauseRow;
use crate::base::error::Likelihood::Medium;

/// Behind a foreign answer to a good request, at a good address.
const SOME_TABLES: CauseRow = ("some-tables", Medium, "a gateway in front only publishes some tables or paths");

/// The symptoms, most telling first.
pub fn symptoms() -> impl Iterator<Item = &'static Symptom> {
    [in_front::ROWS, sign_in::AS_GUEST, access::ROWS, sign_in::ROWS, request::ROWS, instance::ROWS]
        .into_iter()
        .flatten()
}
