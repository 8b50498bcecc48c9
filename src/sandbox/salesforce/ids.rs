//! Identifiers as Salesforce makes them: 15 characters in which upper and lower case
//! differ, and three more that say which were upper case.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// The 15 characters that everything goes by.
pub const SHORT: usize = 15;

/// The identifier of a row: the prefix of its object, the place of the org, a number.
pub fn id(prefix: &str, number: usize) -> String {
    let mut digits = [b'0'; 10];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    let short = format!("{prefix}xx{}", String::from_utf8_lossy(&digits));
    let check: String = short.as_bytes().chunks(5).map(check).collect();
    short + &check
}

fn check(part: &[u8]) -> char {
    let bits = part.iter().enumerate().filter(|(_, letter)| letter.is_ascii_uppercase()).map(|(at, _)| 1 << at);
    CHECK[bits.sum::<usize>()].into()
}

/// What two writings of an identifier have in common.
pub fn short(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_three_characters_say_which_others_are_upper_case() {
        // The well-known pair of Salesforce's own documentation.
        let documented: String = b"001A0000006Vm9r".chunks(5).map(check).collect();
        assert_eq!(documented, "IAC");
        assert_eq!(id("500", 0), "500xx0000000000AAA");
        assert_eq!(short(&id("005", 61)), "005xx000000000z");
    }
}
