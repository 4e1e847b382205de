//! Addresses that take the place of AWS's own: compares which of them a `get` asks with botocore.

use super::{Oracle, ours, with_files};

/// The places of an address, and the path of the address there, which the answer tells.
const PLACES: [&str; 4] = ["variable-of-ecr", "variable-of-all", "service-of-profile", "profile"];

#[test]
fn the_address_is_the_one_that_botocore_asks() {
    let home = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(home.path());
    let port = oracle.port;
    // Without any address, botocore would ask AWS.
    for chosen in 1_u32..1 << PLACES.len() {
        let url =
            |place: usize| (chosen >> place & 1 == 1).then(|| format!("http://127.0.0.1:{port}/{}", PLACES[place]));
        let mut config =
            "[default]\naws_access_key_id = KEY\naws_secret_access_key = secret\nservices = mine\n".to_owned();
        if let Some(url) = url(3) {
            config += &format!("endpoint_url = {url}\n");
        }
        config += "[services mine]\nsts =\n  endpoint_url = http://127.0.0.1:9\n";
        if let Some(url) = url(2) {
            config += &format!("ecr =\n  endpoint_url = {url}\n");
        }
        let mut machine = with_files(&config, "", home.path(), port).without("AWS_ENDPOINT_URL");
        for (name, url) in [("AWS_ENDPOINT_URL_ECR", url(0)), ("AWS_ENDPOINT_URL", url(1))] {
            if let Some(url) = url {
                machine = machine.with(name, &url);
            }
        }
        let theirs = oracle.identity(&machine);
        assert!(theirs.is_ok(), "{theirs:?}");
        assert_eq!(ours(&machine).ok(), theirs.ok(), "{chosen:04b}: {config}");
    }
}
