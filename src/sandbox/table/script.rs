//! The `javascript:` values that people put into queries. Nothing is run: each
//! call is known by its name, with a number or dates as its arguments.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

use super::access::Caller;

const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The value that a text in a query means. A call that is not known gives
/// nothing, as a script without a result does.
pub fn evaluate(text: &str, caller: &Caller, now: DateTime<Utc>) -> String {
    let Some(call) = text.strip_prefix("javascript:") else {
        return text.to_owned();
    };
    let call = call.trim().trim_end_matches(';').trim_start_matches("gs.");
    let (name, arguments) = match call.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end().trim_end_matches(')')),
        None => (call, ""),
    };
    match name {
        "getUserID" | "getUser().getID" => caller.id.clone(),
        "getUserName" => caller.user.user_name.to_owned(),
        "getUserDisplayName" => caller.user.display_name.to_owned(),
        "dateGenerate" => generated(arguments),
        _ => time(name, arguments, now.naive_utc()).map(|time| time.format(FORMAT).to_string()).unwrap_or_default(),
    }
}

/// `@hour@ago@3`: the point in time that is meant.
pub fn relative(text: &str, now: DateTime<Utc>) -> Option<String> {
    let parts: Vec<&str> = text.trim_start_matches('@').split('@').collect();
    let [unit, direction, count] = parts.as_slice() else {
        return None;
    };
    let count: u32 = count.parse().ok()?;
    let now = now.naive_utc();
    let seconds = |seconds: i64| TimeDelta::try_seconds(seconds.checked_mul(count.into())?);
    let is_ahead = match *direction {
        "ago" => false,
        "ahead" => true,
        _ => return None,
    };
    let step = |months: u32| {
        let months = Months::new(months.checked_mul(count)?);
        if is_ahead { now.checked_add_months(months) } else { now.checked_sub_months(months) }
    };
    let time = match *unit {
        "minute" | "hour" | "dayofweek" | "day" | "week" => {
            let delta = seconds(match *unit {
                "minute" => 60,
                "hour" => 3600,
                "week" => 7 * 86400,
                _ => 86400,
            })?;
            if is_ahead { now.checked_add_signed(delta) } else { now.checked_sub_signed(delta) }
        }
        "month" => step(1),
        "quarter" => step(3),
        "year" => step(12),
        _ => return None,
    };
    Some(time?.format(FORMAT).to_string())
}

/// `dateGenerate('2026-06-01','00:00:00')`, or both in one.
fn generated(arguments: &str) -> String {
    let parts: Vec<&str> = arguments.split(',').map(|part| part.trim().trim_matches(['\'', '"'])).collect();
    let (date, time) = match parts.as_slice() {
        [date, "start"] => (*date, "00:00:00"),
        [date, "end"] => (*date, "23:59:59"),
        [date, time] => (*date, *time),
        [both] => return (*both).to_owned(),
        _ => return String::new(),
    };
    format!("{date} {time}")
}

fn time(name: &str, arguments: &str, now: NaiveDateTime) -> Option<NaiveDateTime> {
    let today = now.date();
    let count = || arguments.trim().parse::<u32>().ok();
    let minutes =
        |factor: u32| now.checked_sub_signed(TimeDelta::try_minutes(i64::from(count()?) * i64::from(factor))?);
    if let Some(time) = match name {
        "now" | "nowDateTime" => Some(now),
        "minutesAgo" | "minutesAgoStart" => minutes(1),
        "hoursAgo" | "hoursAgoStart" => minutes(60),
        "daysAgo" => minutes(1440),
        _ => None,
    } {
        return Some(time);
    }
    let days_ago = || today.checked_sub_days(Days::new(count()?.into()));
    match name {
        "daysAgoStart" => return Some(start(days_ago()?)),
        "daysAgoEnd" => return Some(end(days_ago()?)),
        _ => {}
    }
    let (is_start, period) = match name.strip_prefix("beginningOf") {
        Some(period) => (true, period),
        None => (false, name.strip_prefix("endOf")?),
    };
    let (first, after) = span(period, today)?;
    Some(if is_start { start(first) } else { end(after.pred_opt()?) })
}

/// The first day of a period and the first after it. A week begins on Monday.
fn span(period: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let month = today.with_day(1)?;
    let quarter = month.checked_sub_months(Months::new(month.month0() % 3))?;
    let year = today.with_ordinal(1)?;
    let week = today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))?;
    let (which, unit) = match period {
        "Today" => ("This", "Day"),
        "Yesterday" => ("Last", "Day"),
        "Tomorrow" => ("Next", "Day"),
        _ => ["This", "Last", "Next"].into_iter().find_map(|which| Some((which, period.strip_prefix(which)?)))?,
    };
    let (first, days, months) = match unit {
        "Day" => (today, 1, 0),
        "Week" => (week, 7, 0),
        "Month" => (month, 0, 1),
        "Quarter" => (quarter, 0, 3),
        "Year" => (year, 0, 12),
        _ => return None,
    };
    let later = |day: NaiveDate| day.checked_add_months(Months::new(months))?.checked_add_days(Days::new(days));
    let earlier = |day: NaiveDate| day.checked_sub_months(Months::new(months))?.checked_sub_days(Days::new(days));
    match which {
        "Last" => Some((earlier(first)?, first)),
        "Next" => Some((later(first)?, later(later(first)?)?)),
        _ => Some((first, later(first)?)),
    }
}

fn start(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

fn end(day: NaiveDate) -> NaiveDateTime {
    start(day) + TimeDelta::seconds(86_399)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sandbox::rows::USERS;

    fn now() -> DateTime<Utc> {
        // A Sunday.
        "2026-11-22T15:30:00Z".parse().unwrap()
    }

    fn value(text: &str) -> String {
        evaluate(text, &Caller::new(&USERS[1], None), now())
    }

    #[test]
    fn the_calls_that_people_use_are_known() {
        for (call, expected) in [
            ("gs.getUserName()", "beth.anglin"),
            ("gs.getUserID()", USERS[1].id().as_str()),
            ("gs.now()", "2026-11-22 15:30:00"),
            ("gs.beginningOfToday()", "2026-11-22 00:00:00"),
            ("gs.endOfToday()", "2026-11-22 23:59:59"),
            ("gs.beginningOfYesterday()", "2026-11-21 00:00:00"),
            ("gs.endOfTomorrow()", "2026-11-23 23:59:59"),
            ("gs.beginningOfThisWeek()", "2026-11-16 00:00:00"),
            ("gs.beginningOfLastMonth()", "2026-10-01 00:00:00"),
            ("gs.endOfLastMonth()", "2026-10-31 23:59:59"),
            ("gs.beginningOfThisQuarter()", "2026-10-01 00:00:00"),
            ("gs.endOfThisYear()", "2026-12-31 23:59:59"),
            ("gs.beginningOfNextMonth()", "2026-12-01 00:00:00"),
            ("gs.daysAgoStart(7)", "2026-11-15 00:00:00"),
            ("gs.daysAgoEnd(1)", "2026-11-21 23:59:59"),
            ("gs.daysAgo(1)", "2026-11-21 15:30:00"),
            ("gs.hoursAgo(2)", "2026-11-22 13:30:00"),
            ("gs.minutesAgoStart(30)", "2026-11-22 15:00:00"),
            ("gs.dateGenerate('2026-06-01','12:00:00')", "2026-06-01 12:00:00"),
            ("gs.dateGenerate(\"2026-06-01 12:00:00\")", "2026-06-01 12:00:00"),
            ("gs.nonsense()", ""),
        ] {
            assert_eq!(value(&format!("javascript:{call}")), expected, "{call}");
        }
        assert_eq!(value("gs.getUserName()"), "gs.getUserName()");
    }

    #[test]
    fn a_point_in_time_is_told_from_now() {
        for (text, expected) in [
            ("@minute@ago@30", Some("2026-11-22 15:00:00")),
            ("@hour@ahead@1", Some("2026-11-22 16:30:00")),
            ("@dayofweek@ago@7", Some("2026-11-15 15:30:00")),
            ("@month@ago@2", Some("2026-09-22 15:30:00")),
            ("@year@ahead@1", Some("2027-11-22 15:30:00")),
            ("@year@ago@4000000000", None),
            ("@fortnight@ago@1", None),
            ("@hour@sideways@1", None),
            ("", None),
        ] {
            assert_eq!(relative(text, now()).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_evaluated_without_a_panic(
            name in "(gs\\.)?(beginningOf|endOf|daysAgo|minutesAgo|hoursAgo|dateGenerate|)(Last|Next|This|)(Week|Month|Year|Today|Start|)",
            arguments in "\\PC{0,20}",
        ) {
            value(&format!("javascript:{name}({arguments})"));
            relative(&arguments, now());
        }
    }
}
