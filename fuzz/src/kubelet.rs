//! The kubelet's requests and their answers.

use std::time::Duration;

use ecr_auth::kubelet::{KubeletRequest, with_password};
use secret::Secret;
use serde_json::Value;

use super::inputs::{is_fit_to_read, text};

/// The secret text in the tokens of the corpora.
const TOKEN: &str = "s3cret";

/// The input: a request.
pub fn kubelet(input: &[u8]) {
    let Some(input) = text(input) else { return };
    match KubeletRequest::parse(&Secret::new(input)) {
        Ok(request) => is_what_it_says(&request, input),
        Err(error) => {
            is_fit_to_read(&error);
            // Only if the text occurs once, as the token. The image and the names of fields are shown.
            let read: Value = serde_json::from_str(input).unwrap_or_default();
            let is_token = read["serviceAccountToken"]
                .as_str()
                .is_some_and(|token| token.contains(TOKEN));
            if is_token && input.matches(TOKEN).count() == 1 {
                assert!(!error.to_string().contains(TOKEN), "{error}");
            }
        }
    }
}

fn is_what_it_says(request: &KubeletRequest, input: &str) {
    let read: Value = serde_json::from_str(input).expect("what is taken is JSON");
    let image = read["image"].as_str().expect("an image");
    assert_eq!(image.split('/').next(), Some(request.host()));
    assert_eq!(read["kind"], "CredentialProviderRequest");
    assert_eq!(read["apiVersion"], "credentialprovider.kubelet.k8s.io/v1");
    let token = read["serviceAccountToken"].as_str().filter(|token| !token.is_empty());
    assert_eq!(request.token().map(Secret::expose), token);

    let answer = with_password(request.host(), &Secret::new(image), Duration::from_secs(43_200));
    let answer: Value = serde_json::from_str(answer.expose()).expect("the answer is JSON");
    assert_eq!(answer["auth"][request.host()]["password"], image);
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(5));
}
