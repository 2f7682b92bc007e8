//! MiniJinja templates of messages. (in work)

use std::ops::Range;

/// Why a template is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the template that are wrong, where known.
    pub span: Option<Range<usize>>,
}

/// Checks the syntax of a template and the names of its filters and functions.
pub fn check_syntax(_source: &str) -> Result<(), TemplateError> {
    Ok(())
}
