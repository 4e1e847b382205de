use super::*;

fn files(config: &str, credentials: &str) -> SharedFiles {
    let mut files = SharedFiles::default();
    files.add(credentials, SharedFile::Credentials, Path::new("/h/credentials"));
    files.add(config, SharedFile::Config, Path::new("/h/config"));
    files.add_names_of_go();
    files
}

fn resolved(config: &str) -> String {
    let files = files(config, "");
    files.profile("p").unwrap().resolved_text().expose().to_owned()
}

#[test]
fn profiles_of_both_files_are_merged() {
    let files = files(
        "[default]\nregion = eu-west-1 # home\n[profile a]\naws_access_key_id=fromconfig\nregion=x\n[stray]\nregion=no\n",
        "[a]\naws_access_key_id = AKIDa\n",
    );
    assert_eq!(
        files.profile("default").and_then(|p| p.get("region")),
        Some("eu-west-1")
    );
    let a = files.profile("a").unwrap();
    assert_eq!(a.get("aws_access_key_id"), Some("AKIDa"));
    assert_eq!(a.get("region"), Some("x"));
    assert!(files.profile("stray").is_none());
    assert_eq!(files.profile_names().into_iter().collect::<Vec<_>>(), ["a", "default"]);
}

#[test]
fn services_are_nested() {
    let files = files(
        "[profile p]\nservices = lab\nendpoint_url = http://all\n[services lab]\necr =\n  endpoint_url = http://ecr\nsts =\n  endpoint_url = http://sts\n",
        "",
    );
    let p = files.profile("p").unwrap();
    assert_eq!(p.service_endpoint("ecr"), Some("http://ecr"));
    assert_eq!(p.service_endpoint("sts"), Some("http://sts"));
    assert_eq!(p.service_endpoint("ecr_public"), None);
    assert_eq!(p.get("endpoint_url"), Some("http://all"));
}

#[test]
fn resolved_text_follows_what_the_profile_names() {
    let base = "[profile p]\nrole_arn=r\nsource_profile=q\n[profile q]\nsso_session=s\n[sso-session s]\nsso_start_url=u\n[profile other]\nregion=x\n";
    let text = resolved(base);
    for part in ["source_profile", "SsoSession \"s\"", "sso_start_url", "/h/config"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_ne!(resolved(&base.replace("sso_start_url=u", "sso_start_url=v")), text);
    assert_eq!(resolved(&base.replace("region=x", "region=y")), text);
}

#[test]
fn a_loop_of_source_profiles_ends() {
    assert!(resolved("[profile p]\nsource_profile=b\n[profile b]\nsource_profile=p\n").contains("Profile \"b\""));
}

/// Returns a profile's setting from a `config` file with these lines.
fn setting(config: &str, profile: &str, key: &str) -> Option<String> {
    let files = files(config, "");
    files.profile(profile)?.get(key).map(str::to_owned)
}

#[test]
fn lines_as_the_aws_cli_reads_them() {
    for config in [
        "[profile p]\nregion: r",
        "[profile p]\nREGION = r",
        "[profile p]\n  region = r\n  output = json\n",
        "[profile p]\n\tregion\t=\tr\n",
        "[profile p] # mine\nregion = r",
        "[profile p]]] x\nregion=x\n[profile p] ] # x\nregion=x\n[profile p]x\nregion=r",
        "  [profile p]\nregion=r",
        "[ profile p ]\nregion=r",
        "[profile\tp]\nregion=r",
        "[profile 'p']\nregion=r",
        "[profile \"p\"]\nregion=r",
        "\u{feff}[profile p]\r\nregion = r\r\n",
        "[profile p]\rregion = r\r",
        "[profile p]\nregion = r # where it is\n",
        "[profile p]\nregion = r\t; where it is\n",
        "[profile p]\nregion = \"r\"\n",
        "[profile p]\nregion = 'r'\n",
        "[profile p]\noutput = json\n[profile p]\nregion = r\n",
        "[profile p]\nregion = x\nregion = r\nregion =\n",
        "[profile p]\nregion = r\n# =\n  ; x\n",
        "[DEFAULT]\nregion = r\n[profile p]\n",
        "broken line\n[profile q]\nbroken line\n[profile p]\nregion = r",
    ] {
        assert_eq!(setting(config, "p", "region").as_deref(), Some("r"), "{config}");
        assert_eq!(files(config, "").profile("p").unwrap().check(), Ok(()), "{config}");
    }
}

#[test]
fn names_hold_blanks_in_quotes_and_without() {
    for header in [
        "profile Build Box 7",
        "profile 'Build Box 7'",
        "profile \"Build Box 7\"",
        "profile Build\\ Box\\ 7",
    ] {
        let config = format!("[{header}]\nregion = r\n");
        assert_eq!(
            setting(&config, "Build Box 7", "region").as_deref(),
            Some("r"),
            "{header}"
        );
    }
    let files = files(
        "[sso-session 'my corp']\nsso_region = r\n[profile it's mine]\n[dev]\n",
        "[Build Box 7]\nregion = r\n",
    );
    assert_eq!(files.sso_session("my corp", "sso_region"), Some("r"));
    assert!(files.profile("it's mine").is_some() && files.profile("Build Box 7").is_some());
    assert!(files.near_miss("dev").is_some() && files.profile("dev").is_none());
}

#[test]
fn the_last_of_two_spellings_of_a_profile_counts() {
    let config = "[profile default]\nregion = first\noutput = json\n[default]\nregion = last\n";
    assert_eq!(setting(config, "default", "region").as_deref(), Some("last"));
    assert_eq!(setting(config, "default", "output"), None);
    let config = "[profile 'a b']\nregion = read by all\n[profile a b]\nregion = r\n";
    assert_eq!(setting(config, "a b", "region").as_deref(), Some("read by all"));
}

#[test]
fn a_command_keeps_its_quotes_and_may_take_several_lines() {
    for (value, command) in [
        ("\"/opt/my tool\" --x", "\"/opt/my tool\" --x"),
        ("\"/opt/my tool\"", "\"/opt/my tool\""),
        ("sh -c 'a ; b # c'", "sh -c 'a ; b # c'"),
        ("tool --x ; mine", "tool --x"),
        ("tool\n    --x\n    --y=z", "tool --x --y=z"),
    ] {
        let config = format!("[profile p]\ncredential_process = {value}\nregion = r\n");
        assert_eq!(setting(&config, "p", "credential_process").as_deref(), Some(command));
        assert_eq!(files(&config, "").profile("p").unwrap().check(), Ok(()));
    }
}

#[test]
fn an_invalid_line_is_reported_with_its_number() {
    let broken = |config: &str| {
        let files = files(config, "");
        files
            .profile("p")
            .unwrap()
            .check()
            .map_err(|error| error.cause().to_owned())
    };
    for (line, config) in [
        (2, "[profile p]\naws_access_key_id AKID\n"),
        (2, "[profile p]\n= x\n"),
        (1, "[profile p\nregion = r\n"),
        (
            3,
            "[profile p]\naws_access_key_id = AKID\n  aws_secret_access_key = s\n",
        ),
        (3, "[profile p]\nregion = r\n  role_arn = s\n"),
        (3, "[profile p]\naws_session_token =\n  token\n"),
        (3, "[profile p]\ncredential_process =\n  tool --x=y\n"),
        (5, "[profile p]\nsource_profile = q\n[profile q]\nregion = r\nx\n"),
        (4, "[profile p]\nsso_session = s\n[sso-session s]\nx\n"),
        (3, "[profile p]\nservices =\n  x\n"),
        (2, "[profile p]\nrole_arn = \u{fffd}\n"),
        (4, "[profile p]\nrole_arn = r\nmfa_serial = m\n  region = x\n"),
        (
            3,
            "[profile p]\nregion = r\n  external_id = x\n[profile p]\nrole_arn = r\n",
        ),
        (3, "[profile p]\nmfa_serial = m\n  aws_access_key_id = x\n"),
    ] {
        let told = format!("line {line} of /h/config cannot be understood");
        assert_eq!(broken(config), Err(told), "{config}");
    }
    for fine in [
        "[profile p]\nregion = r\n  output = json\n",
        "[profile p]\ns3 =\n  use = x\n",
        "[profile p]\n[profile q]\nx\n",
        "[profile p]\nmfa_serial = m\n  region = r\n",
        "[profile p]\nregion = r\n  mfa_serial = m\n",
    ] {
        assert_eq!(broken(fine), Ok(()), "{fine}");
    }
}

#[test]
fn settings_without_a_section_break_the_default_profile() {
    let files = files("", "aws_access_key_id = AKID\n[p]\naws_access_key_id = AKIDP\n");
    assert!(files.profile("default").unwrap().check().is_err());
    assert_eq!(files.profile("p").unwrap().check(), Ok(()));
}

#[test]
fn an_empty_setting_is_not_set() {
    let files = files("[profile p]\nregion = r\n", "[p]\nregion =\naws_session_token = \"\"\n");
    let profile = files.profile("p").unwrap();
    assert_eq!(
        (profile.get("region"), profile.get("aws_session_token")),
        (Some("r"), None)
    );
    assert_eq!(profile.get_in(SharedFile::Credentials, "region"), None);
}
