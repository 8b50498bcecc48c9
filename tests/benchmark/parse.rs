//! Parses a TOML file with the toml crate and does nothing else, to measure
//! `snow list` against.

#![allow(clippy::print_stdout, reason = "that is all it does")]

fn main() {
    let path = std::env::args().nth(1).expect("a path");
    let text = std::fs::read_to_string(path).expect("a file");
    let table: toml::Table = text.parse().expect("TOML");
    println!("{}", table.len());
}
