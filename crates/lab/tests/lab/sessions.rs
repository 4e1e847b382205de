//! STS's checks of a session's policies and tags, through boto3.

use std::collections::BTreeMap;

use lab::{ACCOUNT, AccessKey, Fault, Lab, PARTNER_ACCOUNT, Permissions, RoleSpec, Service, Trust};
use serde_json::Value;

use crate::tools::{boto3, lab};

/// Lets botocore send values that it would refuse itself.
const UNCHECKED: &str = "from botocore.config import Config\n\
    sts = boto3.client('sts', config=Config(parameter_validation=False))\n";

fn role(lab: &Lab, account: &str, name: &str, trust: Vec<Trust>) -> String {
    lab.add_role(RoleSpec {
        account: account.into(),
        name: name.into(),
        trust,
        max_duration: 3600,
        permissions: Permissions::default(),
    })
}

fn assumable(principal: &str) -> Trust {
    Trust::Aws {
        principals: vec![principal.into()],
        external_id: None,
    }
}

fn taggable(principal: &str) -> Trust {
    Trust::TagSession {
        principals: vec![principal.into()],
    }
}

fn assume(lab: &Lab, key: &AccessKey, role: &str, more: &str) -> Result<AccessKey, String> {
    let script = format!(
        "{UNCHECKED}r = sts.assume_role(RoleArn='{role}', RoleSessionName='ci', {more})\n\
         print(json.dumps(r['Credentials'], default=str))"
    );
    let said: Value = serde_json::from_str(&boto3(lab, &lab.http_url(), Some(key), &[], &script)?).unwrap();
    let text = |name: &str| said[name].as_str().unwrap().to_owned();
    Ok(AccessKey {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        session_token: Some(text("SessionToken")),
        expires: None,
    })
}

#[test]
fn tags_need_permission_on_both_sides() {
    let lab = lab();
    let tags = "Tags=[{'Key': 'team', 'Value': 'a'}]";
    let closed = role(&lab, ACCOUNT, "closed", vec![assumable(PARTNER_ACCOUNT)]);
    let open = role(
        &lab,
        ACCOUNT,
        "open",
        vec![assumable(PARTNER_ACCOUNT), taggable(PARTNER_ACCOUNT)],
    );
    assume(&lab, lab.partner(), &closed, "").unwrap();
    let refused = |said: Result<AccessKey, String>| {
        let error = said.unwrap_err();
        assert!(
            error.contains("(AccessDenied)") && error.contains("sts:TagSession"),
            "{error}"
        );
    };
    refused(assume(&lab, lab.partner(), &closed, tags));
    assume(&lab, lab.partner(), &open, tags).unwrap();
    let limited = lab.add_user_with(PARTNER_ACCOUNT, "limited", Permissions::allow(["sts:AssumeRole"]));
    refused(assume(&lab, &limited, &open, tags));
    assume(&lab, &limited, &open, "").unwrap();
}

#[test]
fn only_transitive_tags_pass_to_chained_sessions() {
    let lab = lab();
    let first = role(&lab, ACCOUNT, "first", vec![assumable(ACCOUNT), taggable(ACCOUNT)]);
    let second = role(&lab, ACCOUNT, "second", vec![assumable(ACCOUNT), taggable(ACCOUNT)]);
    let untagged = role(&lab, ACCOUNT, "untagged", vec![assumable(ACCOUNT)]);
    let both = "Tags=[{'Key': 'team', 'Value': 'a'}, {'Key': 'Cost', 'Value': 'b'}]";
    let plain = assume(&lab, lab.admin(), &first, both).unwrap();
    assume(&lab, &plain, &untagged, "").unwrap();
    let session = assume(
        &lab,
        lab.admin(),
        &first,
        &format!("{both}, TransitiveTagKeys=['Cost']"),
    )
    .unwrap();
    // The inherited tag needs permission, though this request has no tag.
    let error = assume(&lab, &session, &untagged, "").unwrap_err();
    assert!(error.contains("sts:TagSession"), "{error}");
    let error = assume(&lab, &session, &second, "Tags=[{'Key': 'cost', 'Value': 'c'}]").unwrap_err();
    assert!(
        error.contains("(InvalidParameterValue)") && error.contains("calling session"),
        "{error}"
    );
    let chained = assume(&lab, &session, &second, "Tags=[{'Key': 'team', 'Value': 'c'}]").unwrap();
    let error = assume(&lab, &chained, &second, "TransitiveTagKeys=['team']").unwrap_err();
    assert!(error.contains("must be included"), "{error}");
}

#[test]
fn session_policies_limit_a_session() {
    let lab = lab();
    let ci = role(&lab, ACCOUNT, "ci", vec![assumable(ACCOUNT)]);
    let token = "boto3.client('ecr').get_authorization_token()";
    let get = |key: &AccessKey| boto3(&lab, &lab.http_url(), Some(key), &[], token);
    let policy = |action: &str| {
        format!(
            "Policy='{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"*\"}}}}'"
        )
    };
    get(&assume(&lab, lab.admin(), &ci, &policy("ecr:GetAuthorizationToken")).unwrap()).unwrap();
    let error = get(&assume(&lab, lab.admin(), &ci, &policy("s3:*")).unwrap()).unwrap_err();
    assert!(error.contains("(AccessDeniedException)"), "{error}");

    let own = "arn:aws:iam::111122223333:policy/push";
    let managed = format!("PolicyArns=[{{'arn': '{own}'}}]");
    assert!(
        assume(&lab, lab.admin(), &ci, &managed)
            .unwrap_err()
            .contains("(ValidationError)")
    );
    lab.add_managed_policy(own, Permissions::allow(["ecr:*"]));
    get(&assume(&lab, lab.admin(), &ci, &managed).unwrap()).unwrap();
    let foreign = "arn:aws:iam::444455556666:policy/push";
    lab.add_managed_policy(foreign, Permissions::default());
    let error = assume(&lab, lab.admin(), &ci, &format!("PolicyArns=[{{'arn': '{foreign}'}}]")).unwrap_err();
    assert!(error.contains("role's account"), "{error}");
    for (more, code) in [
        ("Policy='{'", "(MalformedPolicyDocument)"),
        ("Policy=' ' * 2049", "(ValidationError)"),
        (
            "Tags=[{'Key': f't{i}', 'Value': 'a' * 250} for i in range(9)]",
            "(PackedPolicyTooLarge)",
        ),
    ] {
        let own = role(&lab, ACCOUNT, "tagged", vec![assumable(ACCOUNT), taggable(ACCOUNT)]);
        let error = assume(&lab, lab.admin(), &own, more).unwrap_err();
        assert!(error.contains(code), "{error}");
    }
}

#[test]
fn the_log_records_the_requested_sessions() {
    let lab = lab();
    let ci = role(&lab, ACCOUNT, "ci", vec![assumable(ACCOUNT)]);
    let more = "DurationSeconds=1800, ExternalId='x-1', Tags=[{'Key': 'team', 'Value': 'a'}], \
                TransitiveTagKeys=['team'], PolicyArns=[{'arn': 'arn:aws:iam::aws:policy/AdministratorAccess'}]";
    assume(&lab, lab.admin(), &ci, more).unwrap_err();
    let [asked] = lab.session_calls().try_into().unwrap();
    assert_eq!((asked.role_arn, asked.session_name.as_str()), (ci, "ci"));
    assert_eq!(
        (asked.duration, asked.external_id.as_deref()),
        (Some(1800), Some("x-1"))
    );
    assert_eq!(asked.tags, BTreeMap::from([("team".into(), "a".into())]));
    assert_eq!(asked.transitive_tags, ["team"]);
    assert_eq!(asked.policy_arns, ["arn:aws:iam::aws:policy/AdministratorAccess"]);
    assert_eq!((asked.policy, asked.web_identity), (false, None));
}

#[test]
fn sts_faults_have_stss_error_codes() {
    let lab = lab();
    for (fault, code) in [
        (Fault::IdpCommunication, "(IDPCommunicationError)"),
        (Fault::IdpRejectedClaim, "(IDPRejectedClaim)"),
        (Fault::RegionDisabled, "(RegionDisabledException)"),
    ] {
        lab.fail_next(Service::Sts, 1, fault);
        let script = "boto3.client('sts').assume_role_with_web_identity(\
            RoleArn='arn:aws:iam::111122223333:role/web', RoleSessionName='ci', WebIdentityToken='a.b.c')";
        let error = boto3(&lab, &lab.http_url(), None, &[], script).unwrap_err();
        assert!(error.contains(code), "{error}");
    }
}
