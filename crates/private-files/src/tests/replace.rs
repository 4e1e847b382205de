//! Error messages for a file that cannot be written.

use crate::replace::explain;

#[test]
fn errors_say_what_can_be_done() {
    use rustix::io::Errno;
    let hint = |error: Errno| {
        let error = explain("/c".as_ref(), &error.into(), diagnostics::Mention::new("--config FILE"));
        assert_eq!(error.what(), "cannot write /c");
        error.hint_text().unwrap_or_default().to_owned()
    };
    assert!(hint(Errno::BUSY).ends_with("or name another with --config FILE"));
    assert_eq!(hint(Errno::ACCESS), "run as the file's owner");
    assert_eq!(hint(Errno::NOSPC), "make room for it");
    assert!(hint(Errno::ROFS).ends_with("with --config FILE"));
    assert_eq!(hint(Errno::IO), "");
}
