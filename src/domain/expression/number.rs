//! Exact decimal arithmetic within bounds.
//!
//! A database's numbers have any size, and `1e999999999` is eleven bytes that would be a gigabyte when written out: each
//! operation checks first that its result stays small. Comparison never writes a number out further than its own digits.

use bigdecimal::num_bigint::{BigInt, Sign};
use bigdecimal::{BigDecimal, RoundingMode, Zero};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::str::FromStr;

/// Results may have this many digits; PostgreSQL's NUMERIC ends at about 147,000.
const MAX_DIGITS: u64 = 150_000;

/// Why a number could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberError {
    DivisionByZero,
    TooLarge,
}

/// The decimal that a database shows for a float: the shortest that reads back as the same float. So `0.1` in a REAL
/// column is the literal `0.1`, and one query gives one verdict whether a database stores decimals or floats.
pub(super) fn from_float(float: f64) -> Option<BigDecimal> {
    float.is_finite().then(|| BigDecimal::from_str(&format!("{float:e}")).ok()).flatten()
}

/// Orders two numbers by value, whatever their scales.
pub(super) fn compare(left: &BigDecimal, right: &BigDecimal) -> Ordering {
    let (a, a_scale) = left.as_bigint_and_scale();
    let (b, b_scale) = right.as_bigint_and_scale();
    if a_scale == b_scale || a.sign() != b.sign() || a.sign() == Sign::NoSign {
        return a.sign().cmp(&b.sign()).then_with(|| a.cmp(&b));
    }
    let larger = compare_magnitudes((&a, a_scale), (&b, b_scale));
    if a.sign() == Sign::Minus { larger.reverse() } else { larger }
}

/// Orders by absolute value: by the place of the first digit, and only when that is the same by all digits.
fn compare_magnitudes((a, a_scale): (&BigInt, i64), (b, b_scale): (&BigInt, i64)) -> Ordering {
    let place = |n: &BigInt, scale: i64| i128::from(decimal_digits(n)) - i128::from(scale);
    let by_place = place(a, a_scale).cmp(&place(b, b_scale));
    by_place.then_with(|| {
        let (a_scale, b_scale) = (i128::from(a_scale), i128::from(b_scale));
        // The first digits are at the same place, so the scales differ by no more than the digits do.
        let pad = |n: &BigInt, zeros: i128| n.magnitude() * ten_to(u32::try_from(zeros.max(0)).unwrap_or(0)).magnitude();
        pad(a, b_scale - a_scale).cmp(&pad(b, a_scale - b_scale))
    })
}

fn decimal_digits(n: &BigInt) -> u64 {
    if let Ok(small) = u64::try_from(n.magnitude()) {
        return u64::from(small.checked_ilog10().unwrap_or(0)) + 1;
    }
    BigDecimal::new(n.clone(), 0).digits()
}

fn ten_to(power: u32) -> BigInt {
    BigInt::from(10).pow(power)
}

pub(super) fn add(left: &BigDecimal, right: &BigDecimal) -> Result<BigDecimal, NumberError> {
    within(span_of(left).max(span_of(right)).saturating_mul(2))?;
    Ok(left + right)
}

pub(super) fn subtract(left: &BigDecimal, right: &BigDecimal) -> Result<BigDecimal, NumberError> {
    within(span_of(left).max(span_of(right)).saturating_mul(2))?;
    Ok(left - right)
}

pub(super) fn multiply(left: &BigDecimal, right: &BigDecimal) -> Result<BigDecimal, NumberError> {
    within(span_of(left).saturating_add(span_of(right)))?;
    Ok(left * right)
}

/// Exact when the result has at most 100 digits, else rounded to 100.
pub(super) fn divide(left: &BigDecimal, right: &BigDecimal) -> Result<BigDecimal, NumberError> {
    if right.is_zero() {
        return Err(NumberError::DivisionByZero);
    }
    within(span_of(left).saturating_add(span_of(right)))?;
    Ok(left / right)
}

/// The remainder with the sign of the dividend, as databases have it.
pub(super) fn remainder(left: &BigDecimal, right: &BigDecimal) -> Result<BigDecimal, NumberError> {
    if right.is_zero() {
        return Err(NumberError::DivisionByZero);
    }
    within(span_of(left).saturating_add(span_of(right)).saturating_mul(2))?;
    Ok(left % right)
}

/// Rounds to digits after the point (before it when negative), halves away from zero.
pub(super) fn round(number: &BigDecimal, digits: i64, mode: RoundingMode) -> Result<BigDecimal, NumberError> {
    within(span_of(number).saturating_add(digits.unsigned_abs()))?;
    Ok(number.with_scale_round(digits, mode))
}

/// As a database prints it: plain digits, no exponent.
pub(super) fn show(number: &BigDecimal) -> Result<String, NumberError> {
    within(span_of(number))?;
    let (digits, scale) = number.as_bigint_and_scale();
    let whole: Cow<'_, BigDecimal> = if scale < 0 { Cow::Owned(number.with_scale(0)) } else { Cow::Borrowed(number) };
    Ok(if digits.is_zero() && scale <= 0 { "0".to_owned() } else { whole.to_plain_string() })
}

/// How many digits a number has when it is written out.
pub(super) fn span_of(number: &BigDecimal) -> u64 {
    let (digits, scale) = number.as_bigint_and_scale();
    // log10(2) is a little more than 0.301.
    let digits = digits.bits().saturating_mul(302) / 1000 + 1;
    digits.saturating_add(scale.unsigned_abs())
}

pub(super) fn within(digits: u64) -> Result<(), NumberError> {
    if digits > MAX_DIGITS { Err(NumberError::TooLarge) } else { Ok(()) }
}
