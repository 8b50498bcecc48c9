//! Durations as people write them.

use std::time::Duration;

use chrono::TimeDelta;

/// `500ms`, `30s`, `5m`, `1h`, or a number of seconds; more than nothing, and no
/// longer than a command may take.
pub fn duration(text: &str) -> Result<Duration, String> {
    duration_up_to(7, "seven days", text)
}

/// The same for longer periods: `14d`, `90d`.
pub fn long_duration(text: &str) -> Result<Duration, String> {
    duration_up_to(3650, "ten years", text)
}

fn duration_up_to(days: u32, spelt: &str, text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return Err("invalid duration: use 500ms, 30s, 5m, 1h or 14d".to_owned()),
    };
    let seconds =
        number.parse::<f64>().map_err(|_| "invalid duration: use 500ms, 30s, 5m, 1h or 14d".to_owned())? * factor;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= f64::from(days) * 86400.0 => Ok(duration),
        _ => Err(format!("a duration must be greater than zero and at most {spelt}")),
    }
}

/// How long something took: `214 ms`, `1.2 s`
pub fn took(duration: Duration) -> String {
    match duration.as_millis() {
        0 => "< 1 ms".to_owned(),
        milliseconds @ 1..1000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

/// A longer time in one unit: `40 s`, `29 min`, `5 h`, `3 days`
pub fn span(time: TimeDelta) -> String {
    let seconds = time.num_seconds().max(0);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago something was: `just now`, `5 min ago`, `2 h ago`, `3 days ago`
pub fn ago(time: TimeDelta) -> String {
    let minutes = time.num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        for bad in ["", "0", "-1s", "1y", "1e9", "99999h", "s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
