//! A role with its provider and policies, in a form that can be applied: AWS CLI commands, Terraform, CloudFormation.

use diagnostics::{escaped, posix_word};
use serde_json::{Value, json};

/// Everything that is created.
pub(super) struct NewRole {
    pub name: String,
    /// Whether somebody named it, so that an existing role of this name is meant.
    pub is_named: bool,
    pub issuer: String,
    pub provider_arn: String,
    pub audiences: Vec<String>,
    pub trust: Value,
    pub permissions: Option<Value>,
}

/// The name of the policy in the role.
const POLICY: &str = "ecr";

impl NewRole {
    /// Returns the trust policy alone, or together with the permissions.
    pub fn json(&self) -> String {
        match &self.permissions {
            None => document(&self.trust),
            Some(permissions) => document(&json!({"TrustPolicy": self.trust, "PermissionsPolicy": permissions})),
        }
    }

    /// Returns commands of the AWS CLI, for a subshell that ends at the first failure. An existing provider is kept. An existing role gets these
    /// policies if it was named; another pipeline may have made the one with the usual name.
    pub fn commands(&self) -> String {
        let audiences: Vec<String> = self.audiences.iter().map(|audience| posix_word(audience)).collect();
        let (arn, url, name) = (
            posix_word(&self.provider_arn),
            posix_word(&self.issuer),
            posix_word(&self.name),
        );
        let create = format!("aws iam create-role --role-name {name} --assume-role-policy-document file:///dev/stdin");
        let make = match self.is_named {
            true => format!(
                "if aws iam get-role --role-name {name} >/dev/null 2>&1 </dev/null; then
  aws iam update-assume-role-policy --role-name {name} --policy-document file:///dev/stdin
else
  {create}
fi"
            ),
            false => format!("# To replace the policies of an existing role, name it: --role-name NAME\n{create}"),
        };
        let mut text = format!(
            "(
set -e
aws iam get-open-id-connect-provider --open-id-connect-provider-arn {arn} >/dev/null 2>&1 ||
  aws iam create-open-id-connect-provider --url {url} --client-id-list {}

{make} <<'END'
{}END
",
            audiences.join(" "),
            document(&self.trust)
        );
        if let Some(permissions) = &self.permissions {
            text += &format!(
                "
aws iam put-role-policy --role-name {name} --policy-name {POLICY} --policy-document file:///dev/stdin <<'END'
{}END
",
                document(permissions)
            );
        }
        text + ")\n"
    }

    /// Returns resources of Terraform, and a variable for accounts that have the provider.
    pub fn terraform(&self) -> String {
        let mut text = format!(
            "variable \"create_provider\" {{
  description = \"false where the account has the provider already\"
  type        = bool
  default     = true
}}

resource \"aws_iam_openid_connect_provider\" \"ci\" {{
  count          = var.create_provider ? 1 : 0
  url            = {}
  client_id_list = {}
}}

resource \"aws_iam_role\" \"ci\" {{
  name = {}
  assume_role_policy = jsonencode({})
  depends_on = [aws_iam_openid_connect_provider.ci]
}}
",
            hcl(&json!(self.issuer)),
            hcl(&json!(self.audiences)),
            hcl(&json!(self.name)),
            hcl(&self.trust)
        );
        if let Some(permissions) = &self.permissions {
            text += &format!(
                "
resource \"aws_iam_role_policy\" \"ecr\" {{
  name   = \"{POLICY}\"
  role   = aws_iam_role.ci.id
  policy = jsonencode({})
}}
",
                hcl(permissions)
            );
        }
        text
    }

    /// Returns a template of CloudFormation, with a parameter for accounts that have the provider.
    pub fn cloudformation(&self) -> String {
        let mut trust = self.trust.clone();
        // The reference makes CloudFormation create the provider before the role.
        let provider = json!({"Fn::If": ["CreatesProvider", {"Ref": "Provider"}, self.provider_arn]});
        trust["Statement"][0]["Principal"]["Federated"] = provider;
        let mut role = json!({"RoleName": self.name, "AssumeRolePolicyDocument": trust});
        if let Some(permissions) = &self.permissions {
            role["Policies"] = json!([{"PolicyName": POLICY, "PolicyDocument": permissions}]);
        }
        let template = json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": {"CreateProvider": {
                "Type": "String",
                "AllowedValues": ["true", "false"],
                "Default": "true",
                "Description": "false where the account has the provider already",
            }},
            "Conditions": {"CreatesProvider": {"Fn::Equals": [{"Ref": "CreateProvider"}, "true"]}},
            "Resources": {
                "Provider": {
                    "Type": "AWS::IAM::OIDCProvider",
                    "Condition": "CreatesProvider",
                    "Properties": {"Url": self.issuer, "ClientIdList": self.audiences},
                },
                "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            },
        });
        document(&template)
    }
}

/// Returns JSON in which no CI finds a command, and every character is visible.
fn document(value: &Value) -> String {
    let escape = |c: char, text: &mut String| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    };
    escaped(&format!("{value:#}\n"), escape)
}

/// Returns JSON as an HCL expression: the start of templates is escaped, and so are characters that a CI or a reader would misread.
fn hcl(value: &Value) -> String {
    let escape = |c: char, text: &mut String| {
        text.push_str(&match u32::from(c) {
            code @ ..=0xffff => format!("\\u{code:04x}"),
            code => format!("\\U{code:08x}"),
        });
    };
    let text = format!("{value:#}").replace("${", "$${").replace("%{", "%%{");
    escaped(&text, escape).replace('\n', "\n  ")
}
