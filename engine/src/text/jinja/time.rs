//! `strftime` as Python has it on Linux: glibc's conversions, flags and widths, in the C locale.

use std::fmt::Write as _;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// A moment in UTC.
struct Moment {
    seconds: u64,
    micros: u32,
    year: u64,
    month: u64,
    day: u64,
    /// 0 is Sunday.
    weekday: u64,
    /// Counted from 0.
    day_of_year: u64,
}

/// The time of `seconds` and `micros` since 1970 in UTC, by a format of Python's `datetime.strftime`.
///
/// What is no conversion stays as it is, as there.
pub(super) fn strftime(format: &str, seconds: u64, micros: u32) -> String {
    let days = seconds / 86_400;
    let (year, month, day) = civil(days);
    let moment = Moment {
        seconds,
        micros,
        year,
        month,
        day,
        weekday: (days + 4) % 7,
        day_of_year: days - days_before(year),
    };
    let mut out = String::new();
    moment.write(format, &mut out);
    out
}

impl Moment {
    fn write(&self, format: &str, out: &mut String) {
        let mut rest = format;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            let tag = &rest[at..];
            let flags =
                tag[1..].len() - tag[1..].trim_start_matches(['-', '_', '0', '^', '#']).len();
            let behind = &tag[1 + flags..];
            let digits = behind.len()
                - behind
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .len();
            let (width, kind) = behind.split_at(digits);
            let kind = kind.strip_prefix(['E', 'O']).unwrap_or(kind);
            let mut letters = kind.chars();
            let letter = letters.next();
            let taken = letter.and_then(|letter| self.one(letter));
            match taken {
                Some((text, usual, pad)) => {
                    let flags = &tag[1..=flags];
                    let width = width.parse().unwrap_or(usual).min(1024);
                    out.push_str(&shaped(text, flags, width, pad, digits > 0));
                }
                None => out.push_str(&tag[..tag.len() - letters.as_str().len()]),
            }
            rest = letters.as_str();
        }
        out.push_str(rest);
    }

    /// What a conversion gives, its usual width, and by what it is filled up (`\0` for texts).
    fn one(&self, letter: char) -> Option<(String, usize, char)> {
        let (hour, minute) = (self.seconds / 3600 % 24, self.seconds / 60 % 60);
        let twelve = (hour + 11) % 12 + 1;
        let number = |n: u64, width: usize| Some((n.to_string(), width, '0'));
        let spaced = |n: u64| Some((n.to_string(), 2, ' '));
        let text = |text: &str| Some((text.to_owned(), 0, '\0'));
        let inner = |format: &str| {
            let mut out = String::new();
            self.write(format, &mut out);
            Some((out, 0, '\0'))
        };
        let day = DAYS[self.weekday as usize % 7];
        let month = MONTHS[(self.month - 1) as usize % 12];
        let monday = (self.weekday + 6) % 7;
        match letter {
            'a' => text(&day[..3]),
            'A' => text(day),
            'b' | 'h' => text(&month[..3]),
            'B' => text(month),
            'c' => inner("%a %b %e %H:%M:%S %Y"),
            'C' => number(self.year / 100, 2),
            'd' => number(self.day, 2),
            'D' | 'x' => inner("%m/%d/%y"),
            'e' => spaced(self.day),
            'f' => text(&format!("{:06}", self.micros)),
            'F' => inner("%Y-%m-%d"),
            'g' => number(self.iso().0 % 100, 2),
            'G' => number(self.iso().0, 1),
            'H' => number(hour, 2),
            'I' => number(twelve, 2),
            'j' => number(self.day_of_year + 1, 3),
            'k' => spaced(hour),
            'l' => spaced(twelve),
            'm' => number(self.month, 2),
            'M' => number(minute, 2),
            'n' => text("\n"),
            'p' => text(if hour < 12 { "AM" } else { "PM" }),
            'P' => text(if hour < 12 { "am" } else { "pm" }),
            'r' => inner("%I:%M:%S %p"),
            'R' => inner("%H:%M"),
            's' => number(self.seconds, 1),
            'S' => number(self.seconds % 60, 2),
            't' => text("\t"),
            'T' | 'X' => inner("%H:%M:%S"),
            'u' => number(monday + 1, 1),
            'U' => number((self.day_of_year + 7 - self.weekday) / 7, 2),
            'V' => number(self.iso().1, 2),
            'w' => number(self.weekday, 1),
            'W' => number((self.day_of_year + 7 - monday) / 7, 2),
            'y' => number(self.year % 100, 2),
            'Y' => number(self.year, 1),
            // A time without zone has none.
            'z' | 'Z' => text(""),
            '%' => text("%"),
            _ => None,
        }
    }

    /// Year and week by ISO 8601: the week that holds a year's first Thursday is its first.
    fn iso(&self) -> (u64, u64) {
        let monday = (self.weekday + 6) % 7;
        let thursday = self.day_of_year as i64 + 3 - monday as i64;
        let length = |year: u64| days_before(year + 1) - days_before(year);
        let (year, day) = if thursday < 0 {
            (self.year - 1, thursday + length(self.year - 1) as i64)
        } else if thursday >= length(self.year) as i64 {
            (self.year + 1, thursday - length(self.year) as i64)
        } else {
            (self.year, thursday)
        };
        (year, day as u64 / 7 + 1)
    }
}

fn shaped(text: String, flags: &str, width: usize, pad: char, asked: bool) -> String {
    let mut text = text;
    let mut fill = pad;
    let mut filled = true;
    for flag in flags.chars() {
        match flag {
            '-' => filled = false,
            '_' => (fill, filled) = (' ', true),
            '0' => (fill, filled) = ('0', true),
            '^' => text = text.to_uppercase(),
            // Swaps the case of what is a name.
            _ if matches!(text.as_str(), "AM" | "PM") => text = text.to_lowercase(),
            _ => text = text.to_uppercase(),
        }
    }
    if fill == '\0' {
        fill = ' ';
        filled = asked;
    }
    let missing = width.saturating_sub(text.len());
    if !filled || missing == 0 {
        return text;
    }
    let mut out = String::new();
    for _ in 0..missing {
        out.push(fill);
    }
    let _ = write!(out, "{text}");
    out
}

/// Days from 1970 to the beginning of a year.
fn days_before(year: u64) -> u64 {
    let before = year - 1;
    before * 365 + before / 4 - before / 100 + before / 400 - 719_162
}

/// Days since 1970-01-01 as year, month and day of the Gregorian calendar, by counting years from
/// 1 March 0000 in eras of 400 years.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        assert_eq!(strftime("%d %b %Y", 0, 0), "01 Jan 1970");
        let leap = 1_709_210_096;
        assert_eq!(
            strftime("%A %Y-%m-%d %H:%M:%S 100%% %j %G-%V %U %W %-d %-m", leap, 5),
            "Thursday 2024-02-29 12:34:56 100% 060 2024-09 08 09 29 2"
        );
        assert_eq!(
            strftime("%a %d %B %y%", 951_782_400, 0),
            "Tue 29 February 00%"
        );
        // The first days of 2021 belong to the last week of 2020.
        assert_eq!(strftime("%G-%V-%u", 1_609_459_200, 0), "2020-53-5");
    }
}
