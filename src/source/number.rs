//! One text for one float on all databases. Exact numbers are passed on as they are printed.

use std::fmt::Write;

/// Writes a float with the fewest digits that keep its value, in the form PostgreSQL and MariaDB print: `100`,
/// `0.1`, `1e300`, `NaN`, `-Infinity`.
pub(super) fn write_float(out: &mut String, value: f64) {
    out.clear();
    let written = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Infinity", if value < 0.0 { "-" } else { "" })
    } else if value == 0.0 || (1e-4..1e15).contains(&value.abs()) {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
    // Writing into a String cannot fail.
    debug_assert!(written.is_ok());
}

/// Brings a printed float into that form: `1e+300` and `1e-05` become `1e300` and `1e-5`.
pub(super) fn plain_exponent<'t>(text: &'t [u8], out: &'t mut Vec<u8>) -> &'t [u8] {
    let Some(at) = text.iter().position(|b| matches!(b, b'e' | b'E')) else { return text };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let digits = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
    let zeros = digits.iter().take_while(|b| **b == b'0').count().min(digits.len().saturating_sub(1));
    out.clear();
    out.extend_from_slice(mantissa);
    out.push(b'e');
    if exponent.starts_with(b"-") {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[zeros..]);
    out
}

/// Writes bytes as lower-case hex.
pub(super) fn write_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.clear();
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_one_text() {
        for (value, text) in
            [(100.0, "100"), (0.1, "0.1"), (1e300, "1e300"), (1.5e-5, "1.5e-5"), (-0.5, "-0.5"), (f64::INFINITY, "Infinity")]
        {
            let mut out = String::new();
            write_float(&mut out, value);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn printed_exponents_lose_sign_and_zeros() {
        for (printed, plain) in [("1e+300", "1e300"), ("1.5e-05", "1.5e-5"), ("1e0", "1e0"), ("12.5", "12.5"), ("NaN", "NaN")] {
            assert_eq!(plain_exponent(printed.as_bytes(), &mut Vec::new()), plain.as_bytes());
        }
    }

    #[test]
    fn bytes_are_lower_case_hex() {
        let mut out = Vec::new();
        write_hex(&mut out, &[0, 0xab, 0xff]);
        assert_eq!(out, b"00abff");
    }
}
