//! Numbers as an axis and as labels show them: round steps without float noise, large ones in 万 and 亿, or K, M and B.

use crate::domain::message::{Language, words};
use bigdecimal::{BigDecimal, RoundingMode, Zero};

/// The longest label that shows all digits.
const MOST_DIGITS_SHOWN: usize = 12;
/// Powers of ten that have a word.
const CHINESE: [(i64, &str); 3] = [(12, "万亿"), (8, "亿"), (4, "万")];
const ENGLISH: [(i64, &str); 4] = [(12, "T"), (9, "B"), (6, "M"), (3, "K")];
/// From here on words are longer than an exponent.
const MOST_POWER: i64 = 16;

/// A line across the paper.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// As it is shown.
    pub label: String,
}

/// Round numbers from at or below `least` to at or above `most`, about `wanted` of them.
pub fn ticks(least: f64, most: f64, wanted: usize, are_whole: bool, language: Language) -> Vec<Tick> {
    let (least, most) = if most > least { (least, most) } else { (least, least + 1.0) };
    let rough = (most - least) / wanted.max(1) as f64;
    let mut power = rough.log10().floor() as i64;
    let scaled = rough / 10f64.powi(power as i32);
    let mut tenths: i64 = match scaled {
        _ if scaled <= 1.0 => 10,
        _ if scaled <= 2.0 => 20,
        _ if scaled <= 2.5 && !(are_whole && power <= 0) => 25,
        _ if scaled <= 5.0 => 50,
        _ => 100,
    };
    if are_whole && power < 0 {
        (power, tenths) = (0, 10);
    }
    // A step is `tenths` times ten to the power of `power` - 1: exact, unlike its float.
    let step = BigDecimal::new(tenths.into(), 1 - power);
    let width = tenths as f64 * 10f64.powi((power - 1) as i32);
    let (from, to) = ((least / width + 1e-9).floor() as i64, (most / width - 1e-9).ceil() as i64);
    let largest = &step * BigDecimal::from(from.abs().max(to.abs()));
    let unit = unit_of(&largest, language);
    let tick = |at: i64| Tick { value: at as f64 * width, label: in_unit(&(&step * BigDecimal::from(at)), unit) };
    (from..=to).map(tick).collect()
}

/// A number as a label: exact with its thousands apart where that is short, else rounded in a unit.
pub fn number_words(number: &BigDecimal, language: Language) -> String {
    let exact = words::grouped(&number.to_plain_string());
    if exact.chars().count() <= MOST_DIGITS_SHOWN {
        return exact;
    }
    let magnitude = magnitude(number);
    if (-4..4).contains(&magnitude) {
        return words::grouped(&trimmed(&number.with_scale_round(4, RoundingMode::HalfEven)));
    }
    match unit_of(number, language) {
        // Two digits behind the point of the unit.
        Some(unit) if magnitude < MOST_POWER => in_unit(&number.with_scale_round(2 - unit.0, RoundingMode::HalfEven), Some(unit)),
        _ => scientific(number, magnitude),
    }
}

/// The power of ten of the first digit.
fn magnitude(number: &BigDecimal) -> i64 {
    let (digits, scale) = number.as_bigint_and_exponent();
    let length = digits.magnitude().to_string().len() as i64;
    if number.is_zero() { 0 } else { length - scale - 1 }
}

fn unit_of(largest: &BigDecimal, language: Language) -> Option<(i64, &'static str)> {
    let magnitude = magnitude(largest);
    let units: &[(i64, &str)] = if language == Language::En { &ENGLISH } else { &CHINESE };
    // Numbers of four digits are read as they are.
    units.iter().copied().find(|(power, _)| magnitude >= (*power).max(4))
}

fn in_unit(number: &BigDecimal, unit: Option<(i64, &'static str)>) -> String {
    if number.is_zero() {
        return "0".to_owned();
    }
    let magnitude = magnitude(number);
    if !(-6..MOST_POWER).contains(&magnitude) {
        return scientific(number, magnitude);
    }
    match unit {
        Some((power, word)) => {
            let (digits, scale) = number.as_bigint_and_exponent();
            words::grouped(&trimmed(&BigDecimal::new(digits, scale + power))) + word
        }
        None => words::grouped(&trimmed(number)),
    }
}

/// Without the zeros behind the point.
fn trimmed(number: &BigDecimal) -> String {
    let plain = number.to_plain_string();
    match plain.contains('.') {
        true => plain.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => plain,
    }
}

fn scientific(number: &BigDecimal, magnitude: i64) -> String {
    let (digits, scale) = number.as_bigint_and_exponent();
    let mantissa = BigDecimal::new(digits, scale + magnitude).with_scale_round(2, RoundingMode::HalfEven);
    format!("{}e{magnitude}", trimmed(&mantissa))
}
