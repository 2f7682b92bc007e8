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

/// Brings a float that a database printed into that form: `1e+300` is `1e300`, and `0.00000015` is `1.5e-7`.
pub(super) fn plain_float<'t>(text: &'t [u8], out: &'t mut String) -> &'t [u8] {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_plain = digits.len() < 16 && !digits.starts_with(b"0.000") && digits.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    if is_plain {
        return text;
    }
    match std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok()) {
        Some(value) => {
            write_float(out, value);
            out.as_bytes()
        }
        None => text,
    }
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
    fn printed_floats_get_the_same_text() {
        for (printed, text) in [
            ("1e+300", "1e300"),
            ("1.5e-07", "1.5e-7"),
            ("0.00000015", "1.5e-7"),
            ("1e+15", "1e15"),
            ("1234567890123456", "1.234567890123456e15"),
            ("12.5", "12.5"),
            ("-0.001", "-0.001"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
        ] {
            assert_eq!(plain_float(printed.as_bytes(), &mut String::new()), text.as_bytes(), "{printed}");
        }
    }

    #[test]
    fn bytes_are_lower_case_hex() {
        let mut out = Vec::new();
        write_hex(&mut out, &[0, 0xab, 0xff]);
        assert_eq!(out, b"00abff");
    }
}
