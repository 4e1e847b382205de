//! Works on files with another user's rights.
//!
//! On Linux every thread has its own rights, so other threads are not affected.

use std::io;
use std::path::Path;

use super::read::{CONFIGURATION_LIMIT, read_utf8};

use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::{capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// A group without members. Systems call it `nogroup` or `nobody`.
const NO_GROUP: u32 = 65_534;

/// The file that lists the users of this machine.
const USERS: &str = "/etc/passwd";

/// The user and group of file work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    user: Uid,
    group: Gid,
}

impl Rights {
    /// Returns the rights of a user with their own group. The group of their folders does not count, because the user may not be a member.
    pub fn for_user(user: u32) -> Self {
        let users = read_utf8(Path::new(USERS), CONFIGURATION_LIMIT).unwrap_or_default();
        Self {
            user: Uid::from_raw(user),
            group: Gid::from_raw(group_in(&users, user).unwrap_or(NO_GROUP)),
        }
    }

    /// Returns the user.
    pub fn user(self) -> u32 {
        self.user.as_raw()
    }

    /// Whether a user is known here. The owner of a file from outside a user namespace is not. There, root has no more rights than the user who
    /// made the namespace.
    pub fn can_be_taken(user: u32) -> bool {
        let (user, group) = (Uid::from_raw(user), getegid());
        let rights = Self { user, group };
        !matches!(rights.run(|| Ok(())), Err(error) if error.kind() == io::ErrorKind::InvalidInput)
    }

    /// Runs some work with only these rights: without other groups, and without root's capabilities.
    ///
    /// # Errors
    /// The errors of the work. If the rights cannot be taken (root without `CAP_SETUID`), the work is not run.
    pub fn run<T>(self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let _back = Back::note()?;
        set_thread_groups(&[])?;
        set_thread_res_gid(None, self.group, None)?;
        set_thread_res_uid(None, self.user, None)?;
        if !capabilities(None)?.effective.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the rights of root stay when another user's are taken",
            ));
        }
        work()
    }
}

/// Returns the group of a user in a text like `/etc/passwd`.
fn group_in(users: &str, user: u32) -> Option<u32> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2).map(str::parse);
        match (fields.next(), fields.next()) {
            (Some(Ok(found)), Some(Ok(group))) if found == user => Some(group),
            _ => None,
        }
    })
}

/// Gives the thread its former rights back.
struct Back {
    user: Uid,
    group: Gid,
    groups: Vec<Gid>,
}

impl Back {
    fn note() -> io::Result<Self> {
        Ok(Self {
            user: geteuid(),
            group: getegid(),
            groups: getgroups()?,
        })
    }
}

impl Drop for Back {
    fn drop(&mut self) {
        // If one of these fails, the thread goes on with fewer rights.
        let _ = set_thread_res_uid(None, self.user, None);
        let _ = set_thread_res_gid(None, self.group, None);
        let _ = set_thread_groups(&self.groups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_group_is_the_first_one_that_is_named() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n+::::::\n\na:x:12:60:,,,:/a:\nbroken:x:13\nb:x:12:61::/b:\nc:x:13:0::/c:\n";
        let group = |user| group_in(users, user);
        assert_eq!([12, 13, 14].map(group), [Some(60), Some(0), None]);
    }
}
