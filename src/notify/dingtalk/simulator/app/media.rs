//! Pictures and files: `POST /media/upload`.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use serde_json::{Value, json};

const MEGABYTE: usize = 1024 * 1024;
/// The longest file of any type.
pub const MAX_BYTES: usize = 20 * MEGABYTE;
/// How many files are kept; the oldest go first.
const MAX_KEPT: usize = 100;

/// What each type takes: its size in bytes and the endings of its files.
const TYPES: [(&str, usize, &[&str]); 4] = [
    ("image", MAX_BYTES, &["jpg", "jpeg", "gif", "png", "bmp"]),
    ("voice", 2 * MEGABYTE, &["amr", "mp3", "wav"]),
    ("video", MAX_BYTES, &["mp4"]),
    ("file", MAX_BYTES, &["doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar"]),
];

/// A file that was uploaded.
pub struct Media {
    /// Its media id.
    pub id: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A file as it arrives.
#[derive(Clone, Default)]
pub struct Upload {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

pub fn upload(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let kind = ask.string("type");
    let Some((_, most, endings)) = TYPES.iter().find(|(name, ..)| *name == kind) else { return Err(wrong_type()) };
    let file = ask.file.take().ok_or_else(|| ApiRefusal::errcode(40035, "缺少参数 media"))?;
    let ending = file.name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).unwrap_or_default();
    if !endings.contains(&ending.as_str()) || (kind == "image" && picture_type(&file.bytes).is_none()) {
        return Err(wrong_type());
    }
    if file.bytes.len() > *most {
        return Err(ApiRefusal::errcode(40009, "不合法的媒体文件大小"));
    }
    let sign = if kind == "image" { "@lAD" } else { "$iAE" };
    let id = format!("{sign}{}", uuid::Uuid::new_v4().simple());
    ask.state.media.push_back(Media { id: id.clone(), bytes: file.bytes });
    let over = ask.state.media.len().saturating_sub(MAX_KEPT);
    ask.state.media.drain(..over);
    Ok(json!({ "errcode": 0, "errmsg": "ok", "type": kind, "media_id": id, "created_at": ask.now().timestamp_millis() }))
}

/// The type of a picture by what it begins with.
pub fn picture_type(bytes: &[u8]) -> Option<&'static str> {
    let types: [(&[u8], &str); 4] =
        [(b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp")];
    types.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind)
}

fn wrong_type() -> ApiRefusal {
    ApiRefusal::errcode(40004, "不合法的媒体文件类型")
}
