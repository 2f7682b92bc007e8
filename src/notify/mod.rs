//! WRITES to the outside world: one module per kind of receiver.
//!
//! A sender makes one attempt and classifies what came of it on the spot into a
//! [`Verdict`](crate::domain::delivery::Verdict). It does not retry, wait or remember: that is decided in
//! `domain::delivery` and done by the engine.

pub mod dingtalk;

/// Names the cryptography that TLS uses in this process. Safe to call many times and from anywhere; every client of
/// this module calls it before it is built, because reqwest panics without.
pub fn install_tls() {
    // The only error is that a provider is there already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
