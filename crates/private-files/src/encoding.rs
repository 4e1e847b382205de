//! Texts of files whose other readers accept bytes that are not UTF-8, such as Go's JSON: an edit keeps these bytes.

/// How a file's bytes become the text that an edit gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8. Anything else is an error.
    Utf8,
    /// UTF-8, in which a [stand-in](is_stand_in) is put for each other byte. Written, it becomes that byte again.
    AnyBytes,
}

/// The character before the stand-ins, which are the last characters of Unicode and for private use: one for each byte from 0x80.
const BASE: u32 = 0x10_ff00;

/// Whether a character of a text stands for a byte that is not UTF-8.
///
/// ```
/// let text = private_files::text_of_bytes(b"caf\xe9");
///
/// assert!(text.starts_with("caf") && text.ends_with(private_files::is_stand_in));
/// assert_eq!(private_files::bytes_of_text(&text), b"caf\xe9");
/// ```
pub fn is_stand_in(c: char) -> bool {
    u32::from(c) >= BASE + 0x80
}

/// The first byte of every stand-in in UTF-8.
const FIRST: u8 = 0xf4;

/// Whether a text has a [stand-in](is_stand_in). Most texts are known by their bytes to have none.
pub fn has_stand_in(text: &str) -> bool {
    text.as_bytes().contains(&FIRST) && text.contains(is_stand_in)
}

/// Returns the text of any bytes. A character of the stand-ins in it becomes a stand-in for each of its bytes, so that [`bytes_of_text`] returns
/// the same bytes.
pub fn text_of_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !has_stand_in(text)
    {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    let stand_in = |byte: &u8| char::from_u32(BASE + u32::from(*byte));
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match is_stand_in(c) {
                true => text.extend(c.encode_utf8(&mut [0; 4]).as_bytes().iter().filter_map(stand_in)),
                false => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().filter_map(stand_in));
    }
    text
}

/// Returns the bytes of a text of [`text_of_bytes`].
pub fn bytes_of_text(text: &str) -> Vec<u8> {
    if !has_stand_in(text) {
        return text.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match u8::try_from(u32::from(c).wrapping_sub(BASE)) {
            Ok(byte) if is_stand_in(c) => bytes.push(byte),
            _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}
