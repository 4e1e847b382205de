//! GetCallerIdentity: who the credentials belong to.

use super::{Aws, Endpoint, Service};
use diagnostics::{Code, Error, Result};

/// The principal behind the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account, 12 digits.
    pub account: String,
    /// The principal's ARN.
    pub arn: String,
}

impl Aws<'_> {
    /// Asks STS in this region who the caller is.
    ///
    /// # Errors
    /// No credentials, credentials that AWS doesn't take, a network that fails.
    pub async fn caller_identity(&self, region: &str) -> Result<CallerIdentity> {
        let endpoint = Endpoint::of(Service::Sts, self.env, self.identity, false, false)?;
        let what = format!("{} ({region})", Service::Sts.name());
        let config = self.config(region, &endpoint).await?;
        let mut builder = aws_sdk_sts::config::Builder::from(&config);
        builder.set_endpoint_url(endpoint.url);
        let client = aws_sdk_sts::Client::from_conf(builder.build());
        let answer = client.get_caller_identity().send().await;
        let answer = answer.map_err(|error| self.call_failed(&what, "GetCallerIdentity", error))?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(CallerIdentity { account, arn }),
            _ => Err(Error::failed(
                Code::OddAnswer,
                format!("{what} GetCallerIdentity"),
                "the answer names no account",
            )),
        }
    }
}
