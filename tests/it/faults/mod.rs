//! The matrix of docs/reliability.md: all servers that a `get` calls, times all faults.
//!
//! An endpoint is added by its variant of [`Endpoint`] and its name in `matrix!` and `refusals!` below.

mod cell;
mod endpoint;
mod page;
mod refusals;
mod wrong;

use rstest::rstest;

use self::endpoint::Endpoint;
use self::wrong::Wrong;

/// The rows and columns, and a test for each cell.
macro_rules! matrix {
    ([$($endpoint:ident),* $(,)?] x [$($wrong:ident),* $(,)?]) => {
        const ENDPOINTS: &[Endpoint] = &[$(Endpoint::$endpoint),*];
        const WRONGS: &[Wrong] = &[$(Wrong::$wrong),*];

        #[rstest]
        fn cell_(
            #[values($(Endpoint::$endpoint),*)] endpoint: Endpoint,
            #[values($(Wrong::$wrong),*)] wrong: Wrong,
        ) {
            page::shows(endpoint, wrong.title(), &cell::of(endpoint, wrong));
        }
    };
}

matrix!(
    [Ecr, EcrPublic, Sts, Issuer, Imds, Container, UserPool, IdentityPool, PoolCredentials, PoolToken]
    x [
        Refused, UnknownName, ConnectHangs, ReadHangs, Reset, ResetInBody, Truncated, Garbage, ContentType, TooManyRequests,
        Internal, Unavailable, Drip, OthersCertificate, OtherNamesCertificate, ExpiredCertificate, Redirect, TooLarge, ClockAhead,
        ClockBehind,
    ]
);

#[test]
fn the_page_has_every_cell() {
    page::is_whole();
}
