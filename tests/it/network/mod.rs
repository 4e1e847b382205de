//! The connection to each address: trusted certificates, proxies, and the time limit of a metadata service. An empty variable changes none of
//! these.

mod blank;
mod metadata;
mod proxies;
mod roots;
