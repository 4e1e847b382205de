//! REGISTRY on the command line: a host, `ACCOUNT/REGION`, `ACCOUNT`, or `public`.

use super::near_miss::{wrong_account, wrong_region};
use super::{PUBLIC_HOST, Partition, Registry, WhyNot, is_account, is_region, why_not_ecr};
use diagnostics::{Code, Error, Mention, Result, one_line};

/// The argument that means ECR Public.
const PUBLIC: &str = "public";

/// A placeholder for an account that is not known. No account of AWS has this number.
pub const ANY_ACCOUNT: &str = "000000000000";

/// Returns the registry of a REGISTRY argument. `region` is the current one, for an account alone.
///
/// An account is text, never a number: 12 digits, including leading zeros.
///
/// # Errors
/// A usage error that says which part is wrong and what to write instead.
pub fn parse_argument(arg: &str, region: Option<&str>) -> Result<Registry> {
    let arg = arg.trim_ascii();
    if arg.eq_ignore_ascii_case(PUBLIC) {
        return parse_argument(PUBLIC_HOST, region);
    }
    if let Some(registry) = Registry::parse(arg) {
        return Ok(registry);
    }
    let (account, named_region) = match arg.split_once('/') {
        Some((account, region)) => (account, Some(region.trim_end_matches('/'))),
        None => (arg, None),
    };
    if !looks_like_account(account) {
        return Err(refuse(arg, half_a_name(arg).unwrap_or_else(|| why_not_ecr(arg))));
    }
    if !is_account(account) {
        return Err(refuse(arg, wrong_account(account)));
    }
    let region = named_region.or(region).ok_or_else(|| no_region(arg))?;
    of_account(account, region).map_err(|why| refuse(arg, why))
}

/// Returns a registry of [`ANY_ACCOUNT`], for settings that apply to every registry of a region.
///
/// # Errors
/// A usage error for a text without the form of a region.
pub fn of_any_account(region: &str) -> Result<Registry> {
    parse_argument(ANY_ACCOUNT, Some(&parse_region(region)?))
}

/// Returns a region in lower case.
///
/// # Errors
/// A usage error for a text without the form of a region: this is clearer than a host that cannot be found.
pub fn parse_region(text: &str) -> Result<String> {
    region(text).map_err(|why| Error::usage(Code::Region, "the region", why.cause).hint(why.hint))
}

fn region(text: &str) -> Result<String, WhyNot> {
    let region = text.trim_ascii().to_ascii_lowercase();
    match is_region(&region) {
        true => Ok(region),
        false => Err(wrong_region(&one_line(&region))),
    }
}

/// Returns the registry of an account in a region, at the ordinary endpoint.
fn of_account(account: &str, region_name: &str) -> Result<Registry, WhyNot> {
    let region = region(region_name)?;
    let suffix = Partition::for_region(&region).registry_suffix();
    let host = format!("{account}.dkr.ecr.{region}.{suffix}");
    Registry::parse(&host).ok_or_else(|| why_not_ecr(&host))
}

/// Explains a short form with a missing part, or with another character between its parts.
fn half_a_name(arg: &str) -> Option<WhyNot> {
    let why = |cause: &str, hint: String| WhyNot {
        code: Code::NotEcr,
        cause: cause.to_owned(),
        hint,
    };
    if is_region(arg) {
        return Some(why(
            "it is a region, without an account",
            format!("write ACCOUNT/{arg}"),
        ));
    }
    if strsim::osa_distance(&arg.to_ascii_lowercase(), PUBLIC) == 1 {
        return Some(why(
            "there is no registry of this name",
            format!("did you mean {PUBLIC}?"),
        ));
    }
    let (account, region, cause) = match arg.split_once('/') {
        Some((region, account)) => (account, region, "the account comes before the region"),
        None => {
            let (account, region) = arg.split_once([':', ',', '@'])?;
            (account, region, "a slash goes between account and region")
        }
    };
    (is_account(account) && is_region(region)).then(|| why(cause, format!("did you mean {account}/{region}?")))
}

/// Returns the arguments in a text, separated by commas or blanks. An account and a region with a comma instead of the slash stay together, so that
/// the error names both.
pub fn split_arguments(text: &str) -> Vec<&str> {
    let is_slip = |(account, region): (&str, &str)| is_account(account) && is_region(region);
    match text.split_once(',').is_some_and(is_slip) {
        true => vec![text],
        false => {
            let all = text.split(|c: char| c == ',' || c.is_ascii_whitespace());
            all.filter(|one| !one.is_empty()).collect()
        }
    }
}

/// Whether a text consists of digits and hyphens, as AWS's console shows accounts.
fn looks_like_account(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'-')
}

fn no_region(arg: &str) -> Error {
    let region = Mention::new("region");
    Error::usage(
        Code::Region,
        what_failed(arg),
        "an account alone doesn't say which region",
    )
    .hint(format!("write {arg}/REGION, pass {region}, or set AWS_REGION"))
}

fn refuse(arg: &str, why: WhyNot) -> Error {
    Error::usage(why.code, what_failed(arg), why.cause).hint(why.hint)
}

fn what_failed(arg: &str) -> String {
    format!("cannot take \"{}\" for an ECR registry", printable(arg))
}

/// Returns the argument for an error: in one line, shortened, and without a possible password before an '@'.
fn printable(arg: &str) -> String {
    const LONGEST: usize = 120;
    let line = one_line(arg);
    let name = line.split("@sha").next().unwrap_or_default();
    let name = name.rsplit('@').next().unwrap_or_default();
    let mut shown: String = name.chars().take(LONGEST).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    shown
}
