//! The signature against AWS's published examples.

use std::fs;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use lab::{SignedRequest, signature};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct Example {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

fn read(text: &str) -> Example {
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        headers.append(
            HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes()).unwrap(),
            HeaderValue::from_str(value.trim()).unwrap(),
        );
    }
    Example {
        method: method.parse().unwrap(),
        uri: format!("http://example.amazonaws.com{target}").parse().unwrap(),
        headers,
        body: body.trim_end_matches('\n').to_owned(),
    }
}

#[test]
fn signatures_match_awss_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/sigv4");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let example = read(&fs::read_to_string(&path).unwrap());
        let authorization = example.headers["authorization"].to_str().unwrap();
        let part = |name: &str| {
            let (_, rest) = authorization.split_once(name).unwrap();
            rest.split(',').next().unwrap().to_owned()
        };
        let signed: Vec<String> = part("SignedHeaders=").split(';').map(Into::into).collect();
        let request = SignedRequest {
            method: &example.method,
            uri: &example.uri,
            headers: &example.headers,
            body: example.body.as_bytes(),
        };
        let ours = signature(request, SECRET, "us-east-1", "service", "20150830T123600Z", &signed);
        assert_eq!(ours, part("Signature="), "{}", path.display());
        seen += 1;
    }
    assert_eq!(seen, 18, "every example of the folder");
}
