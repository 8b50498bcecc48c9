//! Chance that falls the same way for the same seed: SplitMix64, which is small
//! and good enough for rows that only have to look alive.

/// A sequence of numbers that a seed decides.
#[derive(Debug)]
pub struct Prng {
    state: u64,
}

/// Spreads the bits of a number over all of it.
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Prng {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number from zero up to, and without, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let end = u64::try_from(end.max(1)).expect("a length fits 64 bits");
        usize::try_from(mix(self.state) % end).expect("it is below a usize")
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
