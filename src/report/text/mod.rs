//! Text for people: the verdict first, then why, then the one thing to do.

pub mod columns;
mod connection;
pub mod doctor;
pub mod expiry;
mod failure;
pub mod fleet;
mod lines;
pub mod list;
mod test;
mod time;
pub mod tools;

pub use connection::{LastTested, StatusOf, auth_label, connection, status};
pub use failure::{error, likelihood};
pub use lines::{arguments, complaint, continued, cut, fitting, labelled, paragraph, whole};
pub use test::{changes, remark, report, token, user, warnings};
pub use time::{took, until};
