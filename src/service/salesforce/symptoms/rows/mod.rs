//! The table of symptoms, in the order in which it is read: most telling first.

mod access;
mod in_front;
mod instance;
mod request;
mod sign_in;

use super::Symptom;

pub use sign_in::PASSWORD_EXPIRED;

/// The symptoms, most telling first.
pub fn symptoms() -> impl Iterator<Item = &'static Symptom> {
    [in_front::ROWS, sign_in::ROWS, access::ROWS, request::ROWS, instance::ROWS].into_iter().flatten()
}
