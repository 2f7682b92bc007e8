//! (in work)
pub(super) fn router() -> axum::Router<super::state::Shared> {
    axum::Router::new()
}
