//! Mutations of a corpus, the same for the same seed.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Where the inputs of a corpus part.
const SEPARATOR: &str = "\n----\n";
/// What is put into inputs besides their own parts.
const PIECES: &[&[u8]] = &[
    b"\0",
    b"\r\n",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b"\xc2\x9b",
    b"\xef\xbb\xbf",
    b"%00",
    b"%0d%0a",
    b"&",
    b"=",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"<title>",
    b"</title",
    b"@",
    b"://",
    b"..",
    b"::",
    b"##[",
    b"CANARY-secret",
    b"\xf0\x9f\x98\x80",
    b" ",
    b"*",
    b"#",
    b"?",
];
const LONGEST: usize = 4096;

/// A source of numbers (xorshift64*), and what it makes of bytes.
pub struct Mutator(u64);

impl Mutator {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number from zero to one less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    /// Changes bytes in one to four places.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let to = at + self.below(bytes.len() - at + 1).min(24);
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next().to_le_bytes()[0],
                2 => drop(bytes.drain(at..to)),
                3 => bytes.truncate(at),
                4 => {
                    let again: Vec<u8> = bytes[at..to].repeat(1 + self.below(6));
                    bytes.splice(at..at, again);
                }
                _ => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(at..at, piece.iter().copied());
                }
            }
        }
        bytes.truncate(LONGEST);
    }
}

/// Gives `check` every input of a corpus as it is, and then mutations of them
/// and of two joined.
pub fn each(target: &str, corpus: &str, mut check: impl FnMut(&[u8], &mut Mutator)) {
    let seed = variable("SNOW_FUZZ_SEED").unwrap_or(0x5eed);
    let rounds = variable("SNOW_FUZZ_ROUNDS").unwrap_or(2_000);
    let inputs: Vec<&[u8]> = corpus.trim_end_matches('\n').split(SEPARATOR).map(str::as_bytes).collect();
    let mut mutator = Mutator(seed | 1);
    let mut tried = |input: &[u8], mutator: &mut Mutator| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input, mutator))) {
            eprintln!("target {target}, SNOW_FUZZ_SEED={seed}, input {:?}", input.escape_ascii().to_string());
            std::panic::resume_unwind(panic);
        }
    };
    for input in &inputs {
        tried(input, &mut mutator);
    }
    for _ in 0..rounds {
        let mut input = inputs[mutator.below(inputs.len())].to_vec();
        if mutator.below(4) == 0 {
            let other = inputs[mutator.below(inputs.len())];
            input.truncate(mutator.below(input.len() + 1));
            input.extend_from_slice(&other[mutator.below(other.len() + 1)..]);
        }
        mutator.mutate(&mut input);
        tried(&input, &mut mutator);
    }
}

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

#[test]
fn the_same_seed_gives_the_same_inputs_and_they_differ_from_the_corpus() {
    let inputs = || {
        let mut seen = Vec::new();
        each("itself", "one\n----\ntwo", |input, _| seen.push(input.to_vec()));
        seen
    };
    let first = inputs();
    assert_eq!(first, inputs());
    assert_eq!(first[..2], [b"one".to_vec(), b"two".to_vec()]);
    let changed = first[2..].iter().filter(|input| *input != b"one" && *input != b"two").count();
    assert!(changed * 10 > first.len() * 9, "{changed} of {}", first.len());
}
