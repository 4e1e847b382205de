//! File work with another user's rights.
//!
//! On Linux every thread has rights of its own, so that no other thread notices.

use std::io;

use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::{capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// The user and group that file work is done as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    user: Uid,
    group: Gid,
}

impl Rights {
    /// The rights of a folder's owner. The group of root is not taken over from a folder: its owner need not be a member.
    pub fn of_owner(user: u32, group: u32) -> Self {
        let group = if group == 0 { user } else { group };
        Self {
            user: Uid::from_raw(user),
            group: Gid::from_raw(group),
        }
    }

    /// The user.
    pub fn user(self) -> u32 {
        self.user.as_raw()
    }

    /// Whether this user is known here at all. The owner of a file from outside of a user namespace is not: there, root is no more
    /// than the user who made the namespace.
    pub fn can_be_taken(self) -> bool {
        !matches!(self.run(|| Ok(())), Err(error) if error.kind() == io::ErrorKind::InvalidInput)
    }

    /// Does some work with these rights and no others: no other groups, and none of root's capabilities.
    ///
    /// # Errors
    /// Those of the work; the rights can't be taken (root without `CAP_SETUID`), and nothing is done.
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

/// Gives the thread back what it had.
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
        // Should one of these fail, the thread goes on with fewer rights.
        let _ = set_thread_res_uid(None, self.user, None);
        let _ = set_thread_res_gid(None, self.group, None);
        let _ = set_thread_groups(&self.groups);
    }
}
