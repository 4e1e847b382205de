#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| ecr_auth_fuzz::run("proxies", input));
