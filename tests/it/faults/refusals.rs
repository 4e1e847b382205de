//! The errors that each endpoint documents, as it answers them.

use lab::Fault;
use rstest::rstest;

use super::endpoint::Endpoint;
use super::{cell, page};

/// A documented error of an endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    pub code: &'static str,
}

impl Refusal {
    pub fn title(&self) -> String {
        format!("{} `{}`", self.status, self.code)
    }

    pub fn run(&self, endpoint: Endpoint) -> String {
        let fault = Fault::Error {
            status: self.status,
            code: self.code.to_owned(),
            message: "in AWS's words".to_owned(),
        };
        cell::of_refusal(endpoint, fault, self.status, self.code)
    }
}

/// A test for each error, and the list of them for the page.
macro_rules! refusals {
    ($($endpoint:ident $name:ident [$($status:literal $code:literal),* $(,)?])*) => {
        /// The errors that an endpoint documents.
        pub fn of(endpoint: Endpoint) -> &'static [Refusal] {
            match endpoint {
                $(Endpoint::$endpoint => &[$(Refusal { status: $status, code: $code }),*],)*
            }
        }

        $(
            #[rstest]
            $(#[case($status, $code)])*
            fn $name(#[case] status: u16, #[case] code: &'static str) {
                let refusal = Refusal { status, code };
                page::shows(Endpoint::$endpoint, &refusal.title(), &refusal.run(Endpoint::$endpoint));
            }
        )*
    };
}

// Amazon ECR: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html and CommonErrors.html
// Amazon ECR Public: https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_GetAuthorizationToken.html
// AWS STS: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
// GitHub documents none; these are statuses any service may send.
// IMDS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html (status alone)
// EKS Pod Identity: https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html
// Cognito user pools: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_GetTokensFromRefreshToken.html
// and API_InitiateAuth.html, which is called where that is not known
// Cognito identity pools: https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html,
// API_GetCredentialsForIdentity.html and API_GetOpenIdToken.html
// Amazon ECS: https://github.com/aws/amazon-ecs-agent/blob/master/ecs-agent/tmds/handlers/v1/credentials_handler.go
refusals! {
    Ecr ecr_refuses [
        400 "InvalidParameterException",
        400 "AccessDeniedException",
        400 "ExpiredTokenException",
        400 "IncompleteSignature",
        400 "InvalidSignatureException",
        400 "OptInRequired",
        400 "RequestExpired",
        400 "ThrottlingException",
        400 "UnrecognizedClientException",
        400 "ValidationError",
        500 "ServerException",
        500 "InternalFailure",
        503 "ServiceUnavailable",
    ]
    EcrPublic ecr_public_refuses [
        400 "InvalidParameterException",
        400 "UnsupportedCommandException",
        400 "AccessDeniedException",
        400 "ExpiredTokenException",
        400 "IncompleteSignature",
        400 "InvalidSignatureException",
        400 "RequestExpired",
        400 "ThrottlingException",
        400 "UnrecognizedClientException",
        400 "ValidationError",
        500 "ServerException",
        503 "ServiceUnavailable",
    ]
    Sts sts_refuses [
        400 "ExpiredTokenException",
        400 "IDPCommunicationError",
        403 "IDPRejectedClaim",
        400 "InvalidIdentityToken",
        400 "MalformedPolicyDocument",
        400 "PackedPolicyTooLarge",
        403 "RegionDisabledException",
        403 "AccessDenied",
        400 "Throttling",
        400 "ValidationError",
        500 "InternalFailure",
        503 "ServiceUnavailable",
    ]
    Issuer issuer_refuses [
        400 "BadRequest",
        401 "Unauthorized",
        403 "Forbidden",
        404 "NotFound",
    ]
    Imds imds_refuses [
        400 "BadRequest",
        401 "Unauthorized",
        403 "Forbidden",
        404 "NotFound",
        503 "ServiceUnavailable",
    ]
    Container container_refuses [
        400 "AccessDeniedException",
        400 "ExpiredTokenException",
        400 "InvalidParameterException",
        400 "InvalidRequestException",
        400 "InvalidTokenException",
        404 "ResourceNotFoundException",
        429 "ThrottlingException",
        500 "InternalServerException",
        503 "ServiceUnavailableException",
        400 "NoIdInRequest",
        400 "NoCredentialsAssociated",
    ]
    UserPool user_pool_refuses [
        400 "ForbiddenException",
        400 "InvalidLambdaResponseException",
        400 "InvalidParameterException",
        400 "InvalidUserPoolConfigurationException",
        400 "NotAuthorizedException",
        400 "PasswordResetRequiredException",
        400 "RefreshTokenReuseException",
        400 "ResourceNotFoundException",
        400 "TooManyRequestsException",
        400 "UnexpectedLambdaException",
        400 "UnsupportedOperationException",
        400 "UserLambdaValidationException",
        400 "UserNotConfirmedException",
        400 "UserNotFoundException",
        500 "InternalErrorException",
        503 "ServiceUnavailable",
    ]
    IdentityPool identity_pool_refuses [
        400 "ExternalServiceException",
        400 "InvalidParameterException",
        400 "LimitExceededException",
        400 "NotAuthorizedException",
        400 "ResourceConflictException",
        400 "ResourceNotFoundException",
        400 "TooManyRequestsException",
        500 "InternalErrorException",
        503 "ServiceUnavailable",
    ]
    PoolCredentials pool_refuses_credentials [
        400 "ExternalServiceException",
        400 "InvalidIdentityPoolConfigurationException",
        400 "InvalidParameterException",
        400 "NotAuthorizedException",
        400 "ResourceConflictException",
        400 "ResourceNotFoundException",
        400 "TooManyRequestsException",
        500 "InternalErrorException",
        503 "ServiceUnavailable",
    ]
    PoolToken pool_refuses_a_token [
        400 "ExternalServiceException",
        400 "InvalidParameterException",
        400 "NotAuthorizedException",
        400 "ResourceConflictException",
        400 "ResourceNotFoundException",
        400 "TooManyRequestsException",
        500 "InternalErrorException",
        503 "ServiceUnavailable",
    ]
}
