//! The files that new versions are written into before they take their place.

use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

/// Makes a file for its owner alone, whose name begins with `prefix`. It is gone when it is dropped.
///
/// # Errors
/// The system's word alone: the file's random name, which `tempfile` adds, tells people nothing.
pub fn temporary(prefix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    let made = tempfile::Builder::new().prefix(prefix).tempfile_in(folder);
    made.map_err(|error| {
        let inner = error
            .get_ref()
            .and_then(|with_path| std::error::Error::source(with_path));
        let code = inner.and_then(|inner| inner.downcast_ref::<io::Error>()?.raw_os_error());
        code.map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
    })
}
