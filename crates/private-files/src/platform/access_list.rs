//! The access lists of Windows (DACLs), in their text form (SDDL).

use std::io::{self, ErrorKind};
use std::path::Path;

use super::long_path::at_any_length;
use windows_permissions::constants::{SeObjectType::SE_FILE_OBJECT, SecurityInformation};
use windows_permissions::wrappers::{
    ConvertSecurityDescriptorToStringSecurityDescriptor, GetNamedSecurityInfo, SetNamedSecurityInfo,
};
use windows_permissions::{LocalBox, SecurityDescriptor, Sid};
use winsafe::{HACCESSTOKEN, TokenInfo, co::TOKEN_INFORMATION_CLASS};

/// The accounts with full access to a machine, and placeholders for owners: the system, its administrators, "owner rights", "creator owner".
const ADMINISTRATORS: [&str; 4] = ["S-1-5-18", "S-1-5-32-544", "S-1-3-4", "S-1-3-0"];

/// Whether a file or folder belongs to this user or to the administrators, and its access list names no other account.
pub(super) fn is_private(path: &Path) -> io::Result<bool> {
    let text = text_of(path, SecurityInformation::Owner | SecurityInformation::Dacl)?;
    let user = user()?;
    Ok(trustees(&text).is_some_and(|all| {
        all.iter()
            .all(|sid| *sid == user || ADMINISTRATORS.contains(&sid.as_str()))
    }))
}

/// Gives a file or folder, with everything made in it, an access list of only this user and the system, which inherits nothing.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    let inherit = if path.is_dir() { "OICI" } else { "" };
    let list = format!("D:P(A;{inherit};FA;;;{})(A;{inherit};FA;;;SY)", user()?);
    set(
        path,
        &list,
        SecurityInformation::Dacl | SecurityInformation::ProtectedDacl,
    )?;
    match is_private(path)? {
        true => Ok(()),
        false => Err(ErrorKind::PermissionDenied.into()),
    }
}

/// Copies a file's access list to another, unless the list is inherited.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let list = text_of(from, SecurityInformation::Dacl)?;
    match list.starts_with("D:P") {
        true => set(
            to,
            &list,
            SecurityInformation::Dacl | SecurityInformation::ProtectedDacl,
        ),
        false => Ok(()),
    }
}

fn set(path: &Path, list: &str, what: SecurityInformation) -> io::Result<()> {
    let descriptor: LocalBox<SecurityDescriptor> = list.parse()?;
    SetNamedSecurityInfo(
        at_any_length(path)?.as_os_str(),
        SE_FILE_OBJECT,
        what,
        None,
        None,
        descriptor.dacl(),
        None,
    )
}

fn text_of(path: &Path, what: SecurityInformation) -> io::Result<String> {
    let descriptor = GetNamedSecurityInfo(at_any_length(path)?.as_os_str(), SE_FILE_OBJECT, what)?;
    let text = ConvertSecurityDescriptorToStringSecurityDescriptor(&descriptor, what)?;
    Ok(text.to_string_lossy().into_owned())
}

/// Returns the owner and all accounts with access, as SIDs. `None` if there is no list, which gives everybody full access.
fn trustees(text: &str) -> Option<Vec<String>> {
    let (owner, list) = text.strip_prefix("O:")?.split_once("D:")?;
    if list.contains("NO_ACCESS_CONTROL") {
        return None;
    }
    let entries = list.split('(').skip(1).filter_map(|entry| entry.split_once(')'));
    // An entry that denies (D) gives no access.
    let entries = entries.filter(|(entry, _)| !entry.starts_with("D;"));
    let named = entries.map(|(entry, _)| entry.splitn(7, ';').nth(5).unwrap_or_default());
    std::iter::once(owner).chain(named).map(sid).collect()
}

/// Returns the numeric form of an SID, which may be abbreviated.
fn sid(text: &str) -> Option<String> {
    let sid: LocalBox<Sid> = text.parse().ok()?;
    Some(sid.to_string())
}

/// Returns the SID of the user of this process.
fn user() -> io::Result<String> {
    let failed = || io::Error::other("Windows doesn't say which user this is");
    let token = HACCESSTOKEN::GetCurrentProcessToken();
    let told = token.GetTokenInformation(TOKEN_INFORMATION_CLASS::User);
    match told.map_err(|error| io::Error::from_raw_os_error(error.raw().cast_signed()))? {
        TokenInfo::User(user) => Ok(user.User.Sid().ok_or_else(failed)?.to_string()),
        _ => Err(failed()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Wine adds the access that the parent folder gives to others, whatever an access list says, so that folder is closed first.
    fn closed_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        make_private(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_closed_file_or_folder_names_this_user_alone() {
        let folder = closed_folder();
        let (file, below) = (folder.path().join("file"), folder.path().join("below"));
        fs::write(&file, "secret").unwrap();
        fs::create_dir(&below).unwrap();
        for path in [&file, &below] {
            set(path, "D:(A;;FA;;;WD)", SecurityInformation::Dacl).unwrap();
            assert!(!is_private(path).unwrap());
            make_private(path).unwrap();
            assert!(is_private(path).unwrap());
        }
        assert_eq!(fs::read(&file).unwrap(), b"secret");
        fs::write(below.join("new"), "secret").unwrap();
        assert!(is_private(&below.join("new")).unwrap());
    }

    #[test]
    fn a_file_with_a_long_path_is_closed() {
        let folder = closed_folder();
        let below = folder.path().join("x".repeat(120)).join("y".repeat(120));
        fs::create_dir_all(&below).unwrap();
        let file = below.join("file");
        fs::write(&file, "secret").unwrap();
        for path in [&below, &file] {
            make_private(path).unwrap();
            assert!(is_private(path).unwrap());
        }
        copy(&below, &file).unwrap();
    }

    #[test]
    fn every_entry_that_gives_something_counts() {
        let user = "S-1-5-21-1-2-3-1000";
        let all = trustees(&format!(
            "O:{user}D:PAI(A;OICI;FA;;;{user})(A;;FA;;;SY)(D;;FA;;;WD)(A;ID;0x1200a9;;;BU)"
        ));
        assert_eq!(all.unwrap(), [user, user, "S-1-5-18", "S-1-5-32-545"]);
        assert_eq!(trustees("O:SYD:NO_ACCESS_CONTROL"), None);
    }
}
