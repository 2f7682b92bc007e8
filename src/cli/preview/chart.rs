//! The pictures of a preview. They are drawn here and kept nowhere.

use super::{Failed, Shown};
use crate::domain::message::Message;
use crate::engine::Engine;
use crate::picture::png;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// Where the picture is to be written. A file that was named is overwritten, but only when its name says that it is a picture.
pub(super) fn place(path: PathBuf) -> Result<PathBuf, Failed> {
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        true => Ok(path),
        false => Err(Failed::Invalid(format!("error: --chart: `{}` does not end in .png", path.display()))),
    }
}

/// Writes the picture of the first message that has one.
pub(super) fn write(path: &Path, shown: &[Shown]) -> Result<(), Failed> {
    let Some(picture) = shown.iter().flat_map(Shown::messages).find_map(|draft| draft.message.chart.as_ref()) else {
        return Err(Failed::Run(anyhow::anyhow!("there is no picture to write: no message that is shown has a chart")));
    };
    let png = png(&picture.chart).context("drawing the chart")?;
    super::html::write_private(path, &png).with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}

/// The message with the address of its picture, as far as that is known before there is one.
pub(super) fn with_address(engine: &Engine, message: &Message) -> Message {
    let mut message = message.clone();
    if let (Some(picture), Some(public_url)) = (&mut message.chart, &engine.parts().public_url) {
        picture.url = Some(format!("{}/pictures/….png", public_url.as_str().trim_end_matches('/')));
    }
    message
}
