//! The smallest program of this toolchain, to measure `snow version` against.

#![allow(clippy::print_stdout, reason = "that is all it does")]

fn main() {
    println!("hello");
}
