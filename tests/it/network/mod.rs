//! The way to each address: whose certificates are trusted there, which proxy is asked, how long a metadata service is waited for, and that
//! a variable that is set to nothing changes none of it.

mod blank;
mod metadata;
mod proxies;
mod roots;
