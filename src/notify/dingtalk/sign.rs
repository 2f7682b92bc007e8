//! The robot's signature (加签): HMAC-SHA256 over the time and the secret, in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs the time in milliseconds. The result is raw base64: it must be percent-encoded exactly once when it is put into
/// a query, because about half of all signatures contain a `+`.
///
/// The secret is used whole, with its `SEC`, both as the key and as the second line of what is signed.
pub fn sign(secret: &str, timestamp_ms: i64) -> String {
    hmac_base64(secret, &format!("{timestamp_ms}\n{secret}"))
}

/// HMAC-SHA256 of a text, in base64.
pub(super) fn hmac_base64(secret: &str, text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new(); // an HMAC key may have any length: this cannot happen
    };
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}
